"""Acts on headings in providers' files: meanings, as stated by the provider or the authority, and unknown
headings that a person found harmless.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

from sqlmodel import Session

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, ActDone
from gateway.acts.fields import OneLine, Reference, Why, argument, option
from gateway.acts.held_decisions import held
from gateway.acts.listing import ListingAct, ProviderListing, Row
from gateway.classify.rules import Items, statable
from gateway.errors import GatewayError
from gateway.home.settings import read_toml
from gateway.model import Transfer, counted
from gateway.policy.items import harmless_name, not_understood
from gateway.record.dual_control import TwoPersonAct, agreed, proposals
from gateway.record.reconsider import reconsider_held_for
from gateway.registry import providers
from gateway.registry.providers import EVERY
from gateway.registry.sight import sees_all
from gateway.registry.tables import HarmlessRow

_SOMETHING_ELSE = "something-else"
SAY = "say-heading"
"""The code of the act by which two persons say what a heading means."""


class ListHeadings(ProviderListing, command="headings list", right=AccessRight.LOOK):
    """List the meanings of providers' headings, with who said so: a signing key, or a person."""

    columns: ClassVar = ("provider", "heading", "item", "said_at", "reference")
    personal_columns: ClassVar = ("heading",)
    empty: ClassVar = "nothing is said of any heading"

    def rows(self, context: ActContext) -> list[Row]:
        """Return a row for each heading whose meaning a provider or a member of staff has stated.
        A file that the person may not know of is not named.
        """
        with context.reading() as session:
            sight = context.sight(session)
            self.check_provider(session)
            return [
                {
                    "provider": each.provider,
                    "heading": each.header,
                    "item": each.field or "something else",
                    "said_at": each.listed_at,
                    "said_by": each.listed_by,
                    "reference": each.why if sees_all(session, sight, each.why) else None,
                }
                for each in providers.listed_columns(session, stated=True)
                if self.provider in (None, each.provider)
            ]


class RevokeHeading(Act, command="headings revoke", right=AccessRight.ENROL):
    """Revoke the meaning stated for a provider's heading, for files arriving from now on."""

    heading: OneLine = argument("The heading, as headings list has it.", metavar="HEADING")
    provider: str = option("Whose heading it is.", metavar="ID", names="school")
    why: Why

    def carry_out(self, context: ActContext) -> ActDone:
        """Remove the meaning given to the heading; record the person and the reason."""
        with context.recording() as record:
            providers.unlist_column(record.session, harmless_name(self.heading), self.provider, stated=True)
            record.note("column-unlisted", self.provider, note=f"{self.heading}: {self.why}")
        return ActDone(f"what was said of {self.heading} of {self.provider} counts no more")


class SayHeading(Act, command="headings say", right=AccessRight.DECIDE):
    """Say what a heading of a held file means, for later files of its provider.

    If the heading means an item, a second person has to say the same; from then on, values under the heading
    go to the teams with a right to the item. For something-else one person is enough: no team is shown the
    values.
    """

    reference: Reference = argument("The held file, as its receipt names it.", metavar="REF")
    heading: OneLine = option("A heading of the file that nobody understood.", metavar="HEADING")
    item: str = option("The key of an item (any other word lists all), or something-else.", metavar="KEY")
    why: Why

    def carry_out(self, context: ActContext) -> ActDone:
        """Store the meaning of the heading. An item is only proposed by the first of two people."""
        with context.recording() as record:
            known = meanings(context.home.policies_in_force, frozenset(record.registrar.catalogue.appendix_a))
            if self.item != _SOMETHING_ELSE and self.item not in known:
                raise GatewayError(f"{self.item} is none of: {_SOMETHING_ELSE}, {', '.join(known)}")
            transfer = held(record.session, self.reference)
            provider, name = transfer.upload.provider, harmless_name(self.heading)
            headings = unexplained(record.session, transfer)
            header = next((one for one in headings if harmless_name(one) == name), None)
            if header is None:
                raise GatewayError(
                    f"nothing is asked about {self.heading}: it is understood, sensitive or answered"
                )
            key = "" if self.item == _SOMETHING_ELSE else self.item
            act = TwoPersonAct(SAY, provider, f"{header} = {key}", self.right)
            if key and not agreed(record.session, act, by=record.by, why=self.why, at=record.at, always=True):
                return ActDone(f"{self.heading} waits for a second person, who says the same")
            meaning = HarmlessRow(
                name=name, header=header, provider=provider, listed_at=record.at, listed_by=record.by,
                why=f"{self.reference}: {self.why}", field=key,
            )  # fmt: skip
            providers.state_heading(record.session, meaning)
            record.note("column-listed", provider, note=f"{header} = {key}")
        return ActDone(f"{self.heading} is {self.item} in later files of {provider}")


@lru_cache(maxsize=2)
def meanings(policies: Path, labels: frozenset[str]) -> Mapping[str, str]:
    """Return the policies' items that have one of the `labels`: by key, each as "Label (key)"."""
    return statable(read_toml(policies / "items.toml", Items).items, labels)


def unexplained(session: Session, transfer: Transfer) -> tuple[str, ...]:
    """Return the headings of a file that the policies do not know and that nobody has explained."""
    provider = providers.get_provider(session, transfer.upload.provider)
    return tuple(dict.fromkeys(not_understood(transfer.content, provider)))


def waiting(session: Session, provider: str, at: datetime) -> list[Row]:
    """Return the meanings proposed for a provider's headings that, as of `at`, await a second person."""
    return [
        dict(zip(("heading", "item"), act.about.rsplit(" = ", 1), strict=True)) | {"by": first.actor or ""}
        for act, first in proposals(session, {SAY: AccessRight.DECIDE}, at)
        if act.subject == provider
    ]


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
