"""Acts on columns unknown to the agreement that a person found harmless: list, add, remove."""

from typing import ClassVar

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, ActDone
from gateway.acts.fields import OneLine, Why, argument, option
from gateway.acts.listing import ListingAct, Row
from gateway.errors import GatewayError
from gateway.model import counted
from gateway.policy.items import harmless_name
from gateway.record.reconsider import reconsider_held_for
from gateway.registry import providers
from gateway.registry.providers import EVERY
from gateway.registry.tables import HarmlessRow


class _HarmlessColumn(Act, right=AccessRight.ENROL):
    """An act on the listing of one column as harmless."""

    column: OneLine = argument(
        "Its header, or PARENT/NAME of an element; see transfers show.", metavar="COLUMN"
    )
    why: Why
    provider: str | None = option(
        "For this provider only; for every one if not given.", None, metavar="ID", names="school"
    )

    def _name(self) -> str:
        if name := harmless_name(self.column):
            return name
        raise GatewayError("a column without a name cannot be listed: it may hold anything")

    def _whose(self) -> str:
        return f"for {self.provider}" if self.provider else "for every provider"


class AddHarmless(_HarmlessColumn, command="policy harmless add"):
    """List a column as harmless, in your name. Files held for no other reason go on at once.

    No sensitive column becomes harmless by a listing.
    """

    def carry_out(self, context: ActContext) -> ActDone:
        """Add the column to the list of harmless ones; decide files held because of the column once more."""
        name = self._name()
        with context.recording() as record:
            if self.provider is not None:
                providers.get_provider(record.session, self.provider)
            listing = HarmlessRow(
                name=name, header=self.column, provider=self.provider or EVERY,
                listed_at=record.at, listed_by=record.by, why=self.why,
            )  # fmt: skip
            providers.list_column(record.session, listing)
            record.note("column-listed", self.provider or "every-provider", note=f"{self.column}: {self.why}")
        with context.open_registrar() as registrar:
            gone_on = reconsider_held_for(registrar, "policy:unlisted-items")
        return ActDone(f"listed as harmless {self._whose()}; {counted(gone_on, 'file')} decided anew")


class RemoveHarmless(_HarmlessColumn, command="policy harmless remove"):
    """Take a column off the list, in your name. Files accepted before stay accepted."""

    def carry_out(self, context: ActContext) -> ActDone:
        """Take the column off the list of harmless columns."""
        with context.recording() as record:
            providers.unlist_column(record.session, self._name(), self.provider or EVERY)
            record.note(
                "column-unlisted", self.provider or "every-provider", note=f"{self.column}: {self.why}"
            )
        return ActDone(f"no longer listed as harmless {self._whose()}")


class ListHarmless(ListingAct, command="policy harmless list", right=AccessRight.LOOK):
    """List every column listed as harmless, by whom and why."""

    beside: ClassVar = ("policy harmless remove:column",)
    named_by: ClassVar = "header"
    columns: ClassVar = ("header", "provider", "listed_by", "listed_at", "why")
    personal_columns: ClassVar = ("header", "listed_by", "why")
    empty: ClassVar = "no column is listed as harmless"

    def rows(self, context: ActContext) -> list[Row]:
        """Return a row for each column listed as harmless."""
        with context.reading() as session:
            return [
                each.model_dump() | {"provider": each.provider or None}
                for each in providers.listed_columns(session)
            ]
