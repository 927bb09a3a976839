"""Notices to the authority's data protection officers."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, ActDone, ActListing, Confirmation, ReadingAct, argument
from gateway.registry import recalls


class ListNotices(ReadingAct):
    """List every notice, latest first, and who has read it."""

    command: ClassVar = "notices list"
    right: ClassVar = AccessRight.LOOK

    def carry_out(self, context: ActContext) -> ActListing:
        """Read the notices without their texts, which name persons: whoever reads one is on record."""
        with context.reading() as session:
            rows = [dataclasses.asdict(one) for one in recalls.notices(session)]
        for row in rows:
            del row["text"]
        columns = ("number", "created_at", "reference", "subject", "read_at", "read_by")
        return ActListing(rows, columns, empty="no notices")


class ShowNotice(Act):
    """Print a signed notice. That you have read it is on record."""

    command: ClassVar = "notices show"
    right: ClassVar = AccessRight.PROTECT
    confirmation: ClassVar = Confirmation.NOTHING

    number: int = argument("The number of the notice.", metavar="N")

    def carry_out(self, context: ActContext) -> ActDone:
        """Read one notice, and note who read it."""
        with context.recording() as record:
            notice = recalls.read_notice(record.session, self.number, by=record.by, at=record.at)
            record.note("notice-read", notice.reference, {"number": self.number})
        return ActDone(document=notice.text)
