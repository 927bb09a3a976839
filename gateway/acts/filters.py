"""Acts on saved filters: a list's conditions, order and grouping, saved under a name for one person."""

from __future__ import annotations

from typing import Annotated, ClassVar
from urllib.parse import parse_qs

from pydantic import ValidationError

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, ActDone
from gateway.acts.fields import OneLine, argument, every_act, fields_of, personal_given
from gateway.acts.listing import ListingAct, Row
from gateway.errors import GatewayError
from gateway.record.dual_control import name_of
from gateway.registry import staff
from gateway.registry.tables import SavedFilterRow
from gateway.registry.tables.row import drop, existing

_List = Annotated[
    str, argument("The list of the filter, by the words of its command, such as: held list.", metavar="LIST")
]


class ListFilters(ListingAct, command="filters list", right=AccessRight.PERSON):
    """List your saved filters."""

    columns: ClassVar = ("of", "name", "filter")
    personal_columns: ClassVar = ("name", "filter")
    empty: ClassVar = "you saved no filter"

    def rows(self, context: ActContext) -> list[Row]:
        """Return the person's own saved filters, of all lists."""
        with context.reading() as session:
            found = staff.saved_filters(session, name_of(context.person))
            return [{"of": one.listing, "name": one.name, "filter": one.query} for one in found]


class SaveFilter(Act, command="filters save", right=AccessRight.PERSON, asks_passkey=False, by_program=True):
    """Save a filter of a list under a name, for yourself alone. A filter of the same name is replaced."""

    of: _List
    name: OneLine = argument("The name of the filter; name no child.", metavar="NAME", max_length=60)
    filter: str = argument(
        "What narrows, sorts or groups the list, as the address of its page holds it.",
        metavar="FILTER", min_length=1, max_length=1000,
    )  # fmt: skip

    def check(self, context: ActContext) -> None:
        """Raise GatewayError for an unknown list or field, a wrong value, or a field of personal data."""
        del context
        act = every_act().get(self.of)
        if act is None or not issubclass(act, ListingAct):
            raise GatewayError(f"there is no list {self.of}")
        fields = {one.name: one for one in fields_of(act)}
        given = parse_qs(self.filter)
        if unknown := sorted(given.keys() - fields):
            raise GatewayError(f"a saved filter of {self.of} has no {unknown[0]}")
        if personal := personal_given(act, given):
            raise GatewayError(f"a saved filter of {self.of} has no {personal[0]} that may be personal")
        try:
            kept = act.model_validate({
                name: tuple(values) if fields[name].several else values[0] for name, values in given.items()
            })  # fmt: skip
        except ValidationError as error:
            raise GatewayError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None
        if not kept.model_dump(exclude_defaults=True):
            raise GatewayError("that narrows, sorts and groups nothing: write it as FIELD=VALUE&FIELD=VALUE")

    def carry_out(self, context: ActContext) -> ActDone:
        """Store the filter under its name, for the person."""
        self.check(context)
        key = {"staff": name_of(context.person), "listing": self.of, "name": self.name}
        with context.open_registry() as registry, registry.write() as session:
            session.merge(SavedFilterRow(**key, query=self.filter))
        return ActDone(f"the filter {self.name} is saved")


class RemoveFilter(
    Act, command="filters remove", right=AccessRight.PERSON, asks_passkey=False, by_program=True
):
    """Remove a saved filter of yours. The list stays unchanged."""

    of: _List
    name: OneLine = argument("The name of the filter; name no child.", metavar="NAME", max_length=60)

    def carry_out(self, context: ActContext) -> ActDone:
        """Delete the person's saved filter of this name."""
        with context.open_registry() as registry, registry.write() as session:
            row = session.get(SavedFilterRow, (name_of(context.person), self.of, self.name))
            drop(session, existing(row, f"you saved no filter {self.name} of {self.of}"))
        return ActDone(f"the filter {self.name} is removed")
