"""Headings with a meaning stated and signed by a provider; the authority may revoke a statement."""

from __future__ import annotations

from typing import ClassVar

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, ActDone, ActListing, OneLine, ReadingAct, Why, argument, option


class ListHeadings(ReadingAct):
    """List providers' statements about their headings, with the signing keys."""

    command: ClassVar = "headings list"
    right: ClassVar = AccessRight.LOOK

    provider: str | None = option("Only those of this provider.", None, metavar="ID")

    def carry_out(self, context: ActContext) -> ActListing:
        """Read the statements in force, by heading."""
        from gateway.registry import harmless  # noqa: PLC0415 - loads the tables, which a declaration does not need

        with context.reading() as session:
            rows = [
                {
                    "provider": each.provider,
                    "heading": each.header,
                    "item": each.field or "something else",
                    "said_at": each.listed_at,
                    "said_by": each.listed_by,
                    "reference": each.why,
                }
                for each in harmless.listed(session, stated=True)
                if self.provider in (None, each.provider)
            ]
        columns = ("provider", "heading", "item", "said_at", "reference")
        return ActListing(rows, columns, empty="no provider has said anything of its headings")


class RevokeHeading(Act):
    """Revoke a provider's statement about a heading, for files arriving from now on."""

    command: ClassVar = "headings revoke"
    right: ClassVar = AccessRight.ENROL

    heading: OneLine = argument("As headings list has it.", metavar="HEADING")
    provider: str = option("Whose heading it is.", metavar="ID")
    why: Why

    def carry_out(self, context: ActContext) -> ActDone:
        """Take the statement away, with the person and the reason on record."""
        from gateway.policy.unlisted import harmless_name  # noqa: PLC0415 - as below
        from gateway.registry import harmless  # noqa: PLC0415 - loads the tables, as above

        with context.recording() as record:
            harmless.remove(record.session, harmless_name(self.heading), self.provider, stated=True)
            record.note("column-unlisted", self.provider, note=f"{self.heading}: {self.why}")
        return ActDone(f"what {self.provider} said of {self.heading} counts no more")
