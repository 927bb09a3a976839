"""Hand-ons: batches of a team's files for other systems of the authority, and what became of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import datetime
from typing import ClassVar

from sqlmodel import Session

from gateway.access import AccessRight
from gateway.acts.act import (
    Act,
    ActContext,
    ActDetails,
    ActDone,
    ActListing,
    Area,
    ReadingAct,
    Reference,
    Why,
    argument,
)
from gateway.acts.listing import DatedListing, Row
from gateway.errors import NotFoundError
from gateway.examiner.parent import Examiners
from gateway.record.hand_ons import make
from gateway.registry import hand_ons
from gateway.registry.tables import HandOnBatchRow

AREA = Area.FILES


class ListHandOns(DatedListing, command="handon list", right=AccessRight.LOOK):
    """List the batches handed on to other systems, and what became of each."""

    beside: ClassVar = ("handon acknowledge:hand_on", "handon retry:hand_on")
    columns: ClassVar = (
        "hand_on", "number", "team", "state", "files", "rows", "recalled", "target", "owed_at", "sent_at",
        "acknowledged_at", "remark",
    )  # fmt: skip
    narrow: ClassVar = ("hand_on", "number", "state", "files", "owed_at")
    empty: ClassVar = "nothing was handed on; policies/hand_ons.toml says what is"
    latest: ClassVar = True
    when: ClassVar = "owed_at"

    def rows(self, context: ActContext) -> Iterator[Row]:
        """Yield a row for each batch, oldest first."""
        with context.reading() as session:
            for batch in hand_ons.batches(session):
                yield _row(session, batch, context.clock())


def _row(session: Session, batch: HandOnBatchRow, now: datetime) -> Row:
    files = hand_ons.files(session, batch)
    left_out = [f"{one.reference} is left out: {one.why}" for one in files if one.why]
    empty = [f"{one.reference} lacks {one.empty}" for one in files if one.empty]
    state = (
        "acknowledged" if batch.acknowledged_at else "owed" if batch.made_at is None
        else "waits" if batch.sent_at is None
        else "late" if batch.due_at is not None and batch.due_at < now else "sent"
    )  # fmt: skip
    return {
        "hand_on": batch.hand_on, "number": batch.number, "batch": hand_ons.name_of(batch),
        "team": batch.team, "state": state, "files": len(files) - len(left_out),
        "rows": sum(one.rows or 0 for one in files), "recalled": len(hand_ons.recalls(session, batch)),
        "references": [one.reference for one in files], "target": batch.target,
        "owed_at": batch.owed_at, "made_at": batch.made_at, "sent_at": batch.sent_at,
        "acknowledged_at": batch.acknowledged_at, "acknowledged_by": batch.acknowledged_by,
        "remark": "; ".join([*([batch.trouble] if batch.trouble else []), *left_out, *empty]),
    }  # fmt: skip


class TryHandOn(ReadingAct, command="handon try", right=AccessRight.ENROL):
    """Show how full each column would be if a file were handed on, without sending or showing any value.

    The files are made of what the team may have, as for the system itself.
    """

    by_program: ClassVar = False

    hand_on: str = argument("The hand-on, as the policies name it.", metavar="HAND-ON")
    reference: Reference = argument("The file, as its receipt names it.", metavar="REF")

    def carry_out(self, context: ActContext) -> ActDetails:
        """Return the number of rows with a value in each column. GatewayError if no such file can be made."""
        with context.open_registrar() as registrar, ExitStack() as until:
            declared = registrar.catalogue.hand_ons.hand_on
            if (found := next((one for one in declared if one.id == self.hand_on), None)) is None:
                raise NotFoundError(f"the policies declare no {self.hand_on} that is in force")
            examiners = until.enter_context(closing(Examiners(context.home)))
            made = make(registrar, examiners.mine(), found, self.reference, until)
        rows = [
            {
                "file": file.name, "column": column.name,
                "from": column.field or column.value or " or ".join(column.headings),
                "filled": filled, "rows": file.laid.rows,
            }
            for file, declared in zip(made.files, found.file, strict=True)
            for column, filled in zip(declared.column, file.laid.filled, strict=True)
        ]  # fmt: skip
        heading = f"{self.reference} as {self.hand_on} would get it, for the team {found.team}"
        table = ActListing(rows, ("file", "column", "from", "filled", "rows"), empty="no columns")
        return ActDetails(heading, values=rows, parts=(table,))


class _BatchAct(Act, right=AccessRight.ENROL):
    """An act on one batch handed on."""

    by_program: ClassVar = True

    hand_on: str = argument("The hand-on, as handon list has it.", metavar="HAND-ON")
    number: int = argument("The number of the batch, as handon list has it.", metavar="NUMBER", ge=1)
    why: Why

    def check(self, context: ActContext) -> None:
        """Refuse a batch that is not on record."""
        with context.reading() as session:
            hand_ons.find(session, self.hand_on, self.number)


class RetryHandOn(_BatchAct, command="handon retry"):
    """Make a batch again and send it again, under the same names, such as where the system lost it."""

    def carry_out(self, context: ActContext) -> ActDone:
        """Mark the batch to be made and sent again."""
        with context.recording() as record:
            batch = hand_ons.find(record.session, self.hand_on, self.number)
            hand_ons.owe_again(record.session, batch)
            record.note("noted", self.hand_on, note=f"{hand_ons.name_of(batch)} is sent again: {self.why}")
        return ActDone(f"{hand_ons.name_of(batch)} will be made and sent again")


class AcknowledgeHandOn(_BatchAct, command="handon acknowledge"):
    """Note that a system has taken a batch in. A system can also write NAME.ack beside the batch's files."""

    asks_passkey: ClassVar = False

    def carry_out(self, context: ActContext) -> ActDone:
        """Record the acknowledgement."""
        with context.recording() as record:
            batch = hand_ons.find(record.session, self.hand_on, self.number)
            hand_ons.acknowledge(record.session, batch, by=record.by, at=record.at)
            record.note("noted", self.hand_on, note=f"{hand_ons.name_of(batch)} is acknowledged: {self.why}")
        return ActDone(f"{hand_ons.name_of(batch)} is acknowledged")
