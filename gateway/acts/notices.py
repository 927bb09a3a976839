"""Acts to list and read notices: signed messages to the authority's data protection officers."""

from typing import ClassVar

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, ActDone
from gateway.acts.fields import argument
from gateway.acts.listing import DatedListing, Row
from gateway.registry import recalls


class ListNotices(DatedListing, command="notices list", right=AccessRight.LOOK):
    """List every notice, latest first, with the first reader."""

    beside: ClassVar = ("notices show:number",)
    columns: ClassVar = ("number", "created_at", "reference", "subject", "read_at", "read_by")
    empty: ClassVar = "no notices"
    when: ClassVar = "created_at"

    def rows(self, context: ActContext) -> list[Row]:
        """Return a row for each notice, without the text: it names persons, and each reading is recorded."""
        with context.reading() as session:
            rows = [one.model_dump() for one in recalls.notices(session)]
        for row in rows:
            del row["text"]
        return list(rows)


class ShowNotice(Act, command="notices show", right=AccessRight.PROTECT, asks_passkey=False):
    """Print a signed notice. Reading is recorded in your name."""

    number: int = argument("The number of the notice.", metavar="N")

    def carry_out(self, context: ActContext) -> ActDone:
        """Return the text of one notice, after recording the reader."""
        with context.recording() as record:
            notice = recalls.read_notice(record.session, self.number, by=record.by, at=record.at)
            record.note("notice-read", notice.reference, {"number": self.number})
        return ActDone(document=notice.text)
