"""Recalls: a delivered file is withdrawn from every mailbox, or delivered again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from gateway.access import AccessRight
from gateway.acts.act import (
    Act,
    ActContext,
    ActDetails,
    ActDone,
    ActListing,
    Area,
    Reference,
    Why,
    argument,
    option,
)
from gateway.acts.transfers import file_in_words
from gateway.errors import GatewayError
from gateway.record import delivered
from gateway.registry import log

if TYPE_CHECKING:
    from sqlmodel import Session

    from gateway.record.dual_control import Proposal
    from gateway.registry.recalls import FileOpening

AREA = Area.FILES


class _RecallAct(Act, right=AccessRight.RECALL):
    """An act on a delivered file."""

    reference: Reference = argument("The file, as its receipt names it.", metavar="REF")
    why: Why


class WithdrawTransfer(_RecallAct, command="transfers withdraw"):
    """Withdraw a file from every mailbox at once, in your name, and see the readers.

    The provider and data protection are told. A second person then confirms the withdrawal (confirm) or
    delivers the file again (redeliver).
    """

    short: ClassVar = "Withdraw"
    of_any_file: ClassVar = True  # A withdrawal only removes access.

    def carry_out(self, context: ActContext) -> ActDetails:
        """Withdraw the file until a second person decides; return its earlier openings."""
        with context.open_registrar() as registrar:
            done = delivered.withdraw(registrar, self.reference, by=context.person, why=self.why)
        copies = (
            f"its copy is out of /out of {provider}, which may have fetched it" for provider in done.copies
        )
        return _withdrawn(
            f"{self.reference} is out of every mailbox; its provider and data protection are told",
            done.openings,
            (*copies, f"a second person decides: gateway transfers confirm {self.reference} --why …"),
        )


class RedeliverTransfer(_RecallAct, command="transfers redeliver"):
    """Put a file into mailboxes again, or into a further team's, as far as the agreement allows."""

    short: ClassVar = "Give back"

    team: tuple[str, ...] = option("Teams that get it; all that were sent it if not given.", (), names="team")
    override: bool = option(
        "Propose it to a second person, where the agreement speaks against it.", default=False
    )

    def effect(self, context: ActContext) -> str:
        """Return a sentence with the file's school and kind."""
        return file_in_words(context, self.reference)

    def carry_out(self, context: ActContext) -> ActDone:
        """Deliver the file again, or propose a delivery against the agreement to a second person."""
        with context.open_registrar() as registrar:
            done = delivered.redeliver(
                registrar, self.reference,
                by=context.person, why=self.why, teams=self.team, override=self.override,
            )  # fmt: skip
        if done.forbidden:
            confirm = f"gateway transfers confirm {self.reference} --why …"
            return ActDone(f"{self.reference} waits for a second person: {confirm}")
        teams = registrar.catalogue.wording.list_names(done.teams)
        return ActDone(f"{self.reference} is in the mailboxes of {teams}")


class ConfirmRecall(_RecallAct, command="transfers confirm"):
    """Confirm, as a second person, a final withdrawal, or a delivery against the agreement."""

    short: ClassVar = "Confirm"

    def effect(self, context: ActContext) -> str:
        """Return the file's school and kind, and the first person's proposal and reason."""
        with context.reading() as session:
            first = delivered.proposal(session, self.reference)
            events = log.events(session, self.reference, kind="withdrawn")
        if first is not None:
            teams = context.catalogue.wording.list_names(first.teams)
            said = _in_words(first, teams)
        else:
            said = f"{events[-1].actor} withdrew it: {events[-1].note}"
        return f"{file_in_words(context, self.reference)} {said}"

    def carry_out(self, context: ActContext) -> ActDetails:
        """Make the withdrawal final, or deliver the file, as proposed by the first person."""
        with context.open_registrar() as registrar:
            done = delivered.confirm(registrar, self.reference, by=context.person, why=self.why)
        if isinstance(done, delivered.Again):
            teams = registrar.catalogue.wording.list_names(done.teams)
            said = f"{self.reference} is in the mailboxes of {teams}"
            return ActDetails(said, values=None)
        said = f"{self.reference} is withdrawn for good; its provider and data protection are told"
        return _withdrawn(said, done.openings)


class DeclineRedelivery(_RecallAct, command="transfers decline"):
    """Say no to a delivery against the agreement that somebody proposed. The file stays where it is."""

    short: ClassVar = "Say no"

    def effect(self, context: ActContext) -> str:
        """Return a sentence with the proposer, reason and teams. GatewayError without a proposal."""
        with context.reading() as session:
            first = _proposed(session, self.reference)
        teams = context.catalogue.wording.list_names(first.teams)
        return f"{file_in_words(context, self.reference)} {_in_words(first, teams)}"

    def carry_out(self, context: ActContext) -> ActDone:
        """End the proposal of a new delivery."""
        with context.recording() as record:
            first = _proposed(record.session, self.reference)
            record.note("redelivery-declined", self.reference, note=self.why)
        return ActDone(f"{self.reference} goes to no further team: {first.by} proposed it in vain")


def _proposed(session: Session, reference: str) -> Proposal:
    first = delivered.proposal(session, reference)
    if first is None:
        raise GatewayError(f"nobody has proposed to give {reference} to a team against the agreement")
    return first


def _in_words(first: Proposal, teams: str) -> str:
    return f"{first.by} proposed to put it into the mailboxes of {teams}: {first.why}"


def _withdrawn(said: str, openings: Sequence[FileOpening], closing: tuple[str, ...] = ()) -> ActDetails:
    rows = [{"at": one.at, "who": one.who, "team": one.team} for one in openings]
    heading = f"{said}\nwho had opened it:" if rows else said
    table = ActListing(rows, ("at", "who", "team"), empty="nobody had opened it")
    return ActDetails(heading, values=rows, parts=(table,), closing=closing)
