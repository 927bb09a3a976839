"""Held files: the files waiting for a person, and the person's decisions."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, ClassVar

from gateway.access import AccessRight
from gateway.acts.act import (
    Act,
    ActContext,
    ActDone,
    Reference,
    Why,
    argument,
    option,
)
from gateway.acts.transfers import TransferListing
from gateway.model import counted
from gateway.registry import transfer_lists
from gateway.registry.transfer_lists import TransfersWanted

if TYPE_CHECKING:
    from gateway.policy.catalogue import Catalogue


class ListHeldFiles(TransferListing):
    """List every held file with the reasons; sensitive files only for those allowed to look at them."""

    command: ClassVar = "held list"
    in_console: ClassVar = False  # The console has a separate page, also for triage teams.
    columns: ClassVar = ("reference", "provider", "name", "data_type", "reasons", "held_until", "landed_at")
    narrow: ClassVar = ("reference", "reasons", "held_until", "landed_at")
    empty: ClassVar = "nothing is held"

    def wanted(self, context: ActContext) -> TransfersWanted:
        """Return the criteria of the held files asked for."""
        return replace(super().wanted(context), state="held")

    def closing(self, context: ActContext) -> str:
        """Count the sensitive files outside the person's sight."""
        wanted = self.wanted(context)
        with context.open_registry() as registry, registry.read() as session:
            seen = replace(wanted, sight=context.sight(session))
            every = replace(wanted, sight=replace(seen.sight, few=True))
            more = transfer_lists.count(session, every) - transfer_lists.count(session, seen)
        if not more:
            return ""
        from gateway.policy.catalogue import load_catalogue  # noqa: PLC0415 - most see everything

        teams = names_of_lookers(load_catalogue(context.home.policies_in_force))
        return f"{counted(more, 'more file')} for {teams} alone"


class _HeldFileAct(Act):
    """An act on one held file, for people with the right to decide."""

    right: ClassVar = AccessRight.DECIDE

    reference: Reference = argument("The file, as its receipt names it.", metavar="REF")

    def check(self, context: ActContext) -> None:
        """Refuse a file not waiting for a person before the confirmation."""
        from gateway.record import releases  # noqa: PLC0415 - loads what decides

        with context.reading() as session:
            releases.held(session, self.reference)


class ReleaseHeldFile(_HeldFileAct):
    """Release a held file, in your name, as far as the agreement allows.

    A file held because of a key cannot be released by the person who enrolled the key. Where several people
    share one account, each sets GATEWAY_ADMIN to a name.
    """

    command: ClassVar = "held release"

    why: Why
    as_: str | None = option("What the file is, where nobody knew.", None, metavar="DATA_TYPE")
    team: tuple[str, ...] = option("Teams that get it; else those of its flow that may have it.", ())
    on: date | None = option("A day of the period that it is about, where it says none.", None)
    override: bool = option(
        "Propose it to a second person, where the agreement speaks against it.", default=False
    )

    def carry_out(self, context: ActContext) -> ActDone:
        """Release the file, or propose to."""
        from gateway.record import releases  # noqa: PLC0415 - loads what decides

        with context.open_registrar() as registrar:
            asked = releases.release(
                registrar, self.reference,
                by=context.person, why=self.why, data_type=self.as_, teams=self.team,
                override=self.override, about=self.on,
            )  # fmt: skip
        if asked.forbidden:
            return ActDone(
                f"{self.reference} waits for a second person: gateway held confirm {self.reference} --why …"
            )
        return ActDone(f"{self.reference} is released to {', '.join(asked.teams)}")


class ConfirmRelease(_HeldFileAct):
    """Confirm, as a second person, a release against the agreement."""

    command: ClassVar = "held confirm"

    why: Why

    def carry_out(self, context: ActContext) -> ActDone:
        """Release the file as proposed."""
        from gateway.record import releases  # noqa: PLC0415 - as above

        with context.open_registrar() as registrar:
            asked = releases.confirm(registrar, self.reference, by=context.person, why=self.why)
        return ActDone(f"{self.reference} is released to {', '.join(asked.teams)}")


class ReturnHeldFile(_HeldFileAct):
    """Return a held file to the sender, in your name, with advice on the receipt."""

    command: ClassVar = "held return"

    advice: str = option("What the sender should do instead; the receipt says it; name no child.")

    def carry_out(self, context: ActContext) -> ActDone:
        """Refuse the file with the advice."""
        from gateway.record import releases  # noqa: PLC0415 - as above

        with context.open_registrar() as registrar:
            releases.send_back(registrar, self.reference, by=context.person, advice=self.advice)
        return ActDone(f"{self.reference} is returned")


class RefuseHeldFile(_HeldFileAct):
    """Refuse a held file for good, in your name."""

    command: ClassVar = "held refuse"

    why: Why

    def carry_out(self, context: ActContext) -> ActDone:
        """Refuse the file."""
        from gateway.record import releases  # noqa: PLC0415 - as above

        with context.open_registrar() as registrar:
            releases.refuse(registrar, self.reference, by=context.person, why=self.why)
        return ActDone(f"{self.reference} is refused")


class NoteHeldFile(_HeldFileAct):
    """Put a note on a held file, for the next person to decide. No sender reads the note."""

    command: ClassVar = "held note"
    by_program: ClassVar = True

    text: Why = argument("What to know of the file; name no child.", metavar="TEXT")

    def carry_out(self, context: ActContext) -> ActDone:
        """Add the note to the events of the file."""
        from gateway.record import releases  # noqa: PLC0415 - as above

        with context.recording() as record:
            releases.held(record.session, self.reference)
            record.note("noted", self.reference, note=self.text)
        return ActDone(f"noted on {self.reference}")


def names_of_lookers(catalogue: Catalogue) -> str:
    """Name the teams with sight of sensitive files."""
    found = (catalogue.team(team) for team in catalogue.sensitive_teams())
    return " and ".join(team.name for team in found if team is not None)
