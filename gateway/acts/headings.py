"""Meanings of a provider's headings: signed by the provider, or said by the authority; revocable."""

from typing import ClassVar

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, ActDone, Area, OneLine, Reference, Why, argument, option
from gateway.acts.listing import ProviderListing, Row
from gateway.errors import GatewayError
from gateway.policy.items import harmless_name
from gateway.record import headings, releases
from gateway.registry import harmless

AREA = Area.FILES


class ListHeadings(ProviderListing, command="headings list", right=AccessRight.LOOK):
    """List the meanings of providers' headings, with who said so: a signing key, or a person."""

    columns: ClassVar = ("provider", "heading", "item", "said_at", "reference")
    empty: ClassVar = "nothing is said of any heading"

    def rows(self, context: ActContext) -> list[Row]:
        """Return a row for each heading explained by a provider or a person."""
        with context.reading() as session:
            return [
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


class RevokeHeading(Act, command="headings revoke", right=AccessRight.ENROL):
    """Revoke what was said of a provider's heading, for files arriving from now on."""

    heading: OneLine = argument("The heading, as headings list has it.", metavar="HEADING")
    provider: str = option("Whose heading it is.", metavar="ID", names="school")
    why: Why

    def carry_out(self, context: ActContext) -> ActDone:
        """Remove the statement; record the person and the reason."""
        with context.recording() as record:
            harmless.remove(record.session, harmless_name(self.heading), self.provider, stated=True)
            record.note("column-unlisted", self.provider, note=f"{self.heading}: {self.why}")
        return ActDone(f"what was said of {self.heading} of {self.provider} counts no more")


class SayHeading(Act, command="headings say", right=AccessRight.DECIDE):
    """Say what a heading of a held file means, for later files of its provider.

    An item needs a second person, who says the same: from then on its values go to the teams with a right to
    the item. Something else needs nobody: no team is shown what stands there.
    """

    reference: Reference = argument("The held file, as its receipt names it.", metavar="REF")
    heading: OneLine = option("A heading of the file that nobody understood.", metavar="HEADING")
    item: str = option("The key of an item (any other word lists all), or something-else.", metavar="KEY")
    why: Why

    def check(self, context: ActContext) -> None:
        """Refuse a file not waiting for a person, before the confirmation."""
        with context.reading() as session:
            releases.held(session, self.reference)

    def carry_out(self, context: ActContext) -> ActDone:
        """Store the meaning, or propose an item to a second person."""
        with context.recording() as record:
            known = headings.meanings(context.home.policies_in_force, record.registrar.catalogue)
            if self.item != headings.SOMETHING_ELSE and self.item not in known:
                raise GatewayError(f"{self.item} is none of: {headings.SOMETHING_ELSE}, {', '.join(known)}")
            transfer = releases.held(record.session, self.reference)
            done = headings.say(
                record.session, transfer, self.heading, self.item,
                by=context.person, why=self.why, at=record.at,
            )  # fmt: skip
        if done:
            return ActDone(f"{self.heading} is {self.item} in later files of {transfer.upload.provider}")
        return ActDone(f"{self.heading} waits for a second person, who says the same")
