"""Acts on the mailboxes of teams, for programs: list, collect, and mark files as dealt with.

People use SFTP or the pages of the console instead.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from itertools import islice
from typing import Any, ClassVar, TypeAlias

from pydantic import TypeAdapter, field_validator

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, ActDone, ActListing, ReadingAct
from gateway.acts.fields import FileReference, Reference, argument, option
from gateway.acts.listing import MOST, ListingAct, NoPageError, Row, number_in_cursor, order_of
from gateway.errors import NotFoundError
from gateway.registry.deliveries import DeliveriesWanted

_Place: TypeAlias = tuple[tuple[int, float, str], int]
"""The place of a file in a sorted list: the order of its value in the sorted column, and its sequence."""
_PLACE = TypeAdapter[_Place](_Place)


class ListMailbox(ListingAct, command="mailbox list", right=AccessRight.PERSON):
    """List the files in a team's mailbox, latest first."""

    in_console: ClassVar = False  # The console has pages of its own.
    columns: ClassVar = (
        "reference", "provider", "data_type", "period", "landed_at", "size", "new", "name",
    )  # fmt: skip
    personal_columns: ClassVar = ("name",)
    empty: ClassVar = "nothing waits"

    team: str = argument("The team.", metavar="TEAM")
    new: bool = option("Only files that nobody collected yet.", default=False)
    provider: str | None = option("Only this provider's.", None, metavar="ID")
    data_type: str | None = option("Only files that are this.", None)
    period: str | None = option("Only files about this period.", None)

    @field_validator("sort")
    @classmethod
    def _keeps_names_from_cursors(cls, given: str | None) -> str | None:
        name = (given or "").removeprefix("-")
        if name in cls.personal_columns:
            raise ValueError(f"an address takes no order by {name}: the cursor would hold it")
        return given

    def rows(self, context: ActContext) -> Iterator[Row]:
        """Yield a row for each file in the mailbox, latest first."""
        before: int | None = None
        while found := self._read(context, MOST, before):
            yield from found
            before = found[-1]["sequence"]

    def page(self, context: ActContext, limit: int, after: str = "", *, counted: bool = False) -> ActListing:
        """Return a page of at most `limit` files after the cursor `after`, latest first unless sorted.
        The cursor holds the last file's place in the order, so it stays valid if the file is dealt with.
        """
        del counted
        if self.where or self.sort or self.search:
            last = _place_in(after) if after else None
            further = (row for row in self._found(context) if last is None or self._is_beyond(row, last))
            found = [*islice(further, limit + 1)]
            place = _PLACE.dump_json(self._place_of(found[limit - 1])) if len(found) > limit else b""
            return self._listing(context, found[:limit], following=urlsafe_b64encode(place).decode())
        found = self._read(context, limit + 1, number_in_cursor(after) if after else None)
        following = str(found[limit - 1]["sequence"]) if len(found) > limit else ""
        return self._listing(context, found[:limit], following=following)

    def _place_of(self, row: Row) -> _Place:
        return order_of(row.get((self.sort or "").removeprefix("-"))), row["sequence"]

    def _is_beyond(self, row: Row, last: _Place) -> bool:
        """Return True if a row comes after the place `last` in the order. Of rows with equal values, the
        latest is first.
        """
        (key, sequence), (last_key, last_sequence) = self._place_of(row), last
        if key == last_key:
            return sequence < last_sequence
        return (key < last_key) == (self.sort or "").startswith("-")

    def _read(self, context: ActContext, limit: int, before: int | None) -> list[Row]:
        wanted = DeliveriesWanted(
            new=self.new, data_type=self.data_type, provider=self.provider, period=self.period
        )
        return [*_mailboxes(context).files(self.team, wanted, limit, before)]


class CollectFile(ReadingAct, command="mailbox collect", right=AccessRight.PERSON):
    """Collect a file: your team's view of it. The collection is recorded before the first byte is sent."""

    in_console: ClassVar = False
    streams: ClassVar = True

    team: str = argument("The team.", metavar="TEAM")
    reference: FileReference


class DealWithFiles(
    Act, command="mailbox deal-with", right=AccessRight.PERSON, asks_passkey=False, by_program=True
):
    """Acknowledge files: mark them as dealt with, for the whole team, or put them back within 30 days."""

    in_console: ClassVar = False  # The pages of mailboxes have buttons for it.

    team: str = argument("The team.", metavar="TEAM")
    references: tuple[Reference, ...] = argument(
        "The files, as their receipts name them.", metavar="REF...", min_length=1, max_length=100
    )
    undo: bool = option("Put them back.", default=False)

    def carry_out(self, context: ActContext) -> ActDone:
        """Mark each file as dealt with by the team, or put each file back; return a sentence."""
        return ActDone(_mailboxes(context).deal_with(self.team, self.references, undo=self.undo))


def _mailboxes(context: ActContext) -> Any:  # noqa: ANN401 - as in the context
    if context.mailboxes is None:
        raise NotFoundError("the mailboxes are not here")
    return context.mailboxes


def _place_in(cursor: str) -> _Place:
    """Return the place in a cursor of a filtered or sorted list. NoPageError for an invalid cursor."""
    try:
        return _PLACE.validate_json(urlsafe_b64decode(cursor))
    except ValueError:
        raise NoPageError from None
