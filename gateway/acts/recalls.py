"""Recalls: a delivered file is withdrawn from every mailbox, or delivered again."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
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
from gateway.examiner.persons import packed
from gateway.model import Held, Reason, Refused, Released, Transfer
from gateway.openpgp.sealer import clearsign
from gateway.policy.ratification import years_at
from gateway.policy.release import STAY, Release, judge_release
from gateway.publish.everything import take_back_copies
from gateway.reasons import WITHDRAWN, WITHDRAWN_BY_ONE, waits_for_second
from gateway.receipts.notices import AuthorityFacts, render_authority_notice
from gateway.receipts.text import stated
from gateway.record import outcome
from gateway.record.discrepancies import enrolled_in
from gateway.record.dual_control import Proposal, check_two, proposed
from gateway.record.outcome import put_on_record
from gateway.record.rulings import Batch, Ruling, put_in_force
from gateway.registry import copies, log, persons, providers, recalls, register, rolls, transfers
from gateway.registry.log import Entry

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel import Session

    from gateway.model import LogStep
    from gateway.policy.catalogue import Catalogue
    from gateway.publish.projection import Issued
    from gateway.record.registrar import Registrar

AREA = Area.FILES
_FOR_GOOD = "person:withdrawn-for-good"
_SETTLED = frozenset({"decided", "released", "refused", "withdrawn", "redelivered", "redelivery-declined"})
_TAKEN = "A file was TAKEN OUT of every mailbox."
_OVER = "A file is WITHDRAWN for good."
_AGAINST = "A file was given to a team AGAINST what the agreement says."
_DECIDE = (
    "Decide whether this is a breach of personal data (agreement, section 10), and record it with "
    "this reference if it is one. The file waits for a second person, who withdraws it for good or gives it "
    "back, or elsewhere."
)
_JUDGE = (
    "Whoever opened it may still have what they downloaded: ask them to delete it, and note that they have."
)
_LOOK = "Look at the reasons on its receipt (gateway receipts show), and withdraw it if you object."


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
        """Withdraw the file for the time being. GatewayError for a file never passed on."""
        reference, by = self.reference, context.person
        with context.open_registrar() as registrar:
            now = registrar.clock()
            with registrar.registry.write() as session:
                transfer = transfers.get(session, reference)
                _check_was_passed_on(transfer)
                openings = recalls.openings(session, reference)
                copied = copies.forget(session, transfer.sequence)
                _tell(
                    registrar, session, transfer, openings, copied,
                    by=by, why=self.why, headline=_TAKEN, next_step=_DECIDE,
                )  # fmt: skip
                reasons = _reasons(registrar.catalogue, transfer, WITHDRAWN_BY_ONE, openings)
                ruling = Ruling(
                    reference=reference,
                    decision=Held(reasons=reasons, flow=transfer.flow),
                    roll=_roll(registrar, session, transfer),
                    kind="withdrawn",
                    actor=by,
                    note=self.why,
                )
                head = put_in_force(registrar, Batch(session), [ruling], now)
            if registrar.brings_out:
                take_back_copies(registrar.home, registrar.registry)
            registrar.bring_out(head)
        left = (f"its copy is out of /out of {provider}, which may have fetched it" for provider in copied)
        return _withdrawn(
            f"{reference} is out of every mailbox; its provider and data protection are told",
            openings,
            (*left, f"a second person decides: gateway transfers confirm {reference} --why …"),
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
        """Deliver the file again, or propose the delivery. GatewayError for whoever withdrew the file."""
        reference, by = self.reference, context.person
        with context.open_registrar() as registrar:
            now = registrar.clock()
            with registrar.registry.write() as session:
                transfer = _known(session, reference)
                asked = _judged(registrar, session, transfer, now, self.team)
                if waits_for_second(transfer):
                    _check_second(session, transfer, by, now)
                if asked.forbidden and not self.override:
                    said = "; ".join(f"{one.sentence} ({one.clause})" for one in asked.forbidden)
                    raise GatewayError(
                        f"the agreement speaks against it: {said} "
                        "It can be proposed to a second person instead"
                    )
                if asked.forbidden:
                    fields = {
                        "teams": ",".join(asked.teams),
                        "reasons": ",".join(dict.fromkeys(each.code for each in asked.forbidden)),
                    }
                    entry = Entry(
                        kind="redelivery-proposed", subject=reference, fields=fields, actor=by, note=self.why
                    )
                    head: Issued | None = put_on_record(registrar, session, [entry], (), now)
                else:
                    named = bool(self.team)
                    head = _give(registrar, session, transfer, asked, now, by=by, why=self.why, named=named)
            registrar.bring_out(head)
        if asked.forbidden:
            confirm = f"gateway transfers confirm {reference} --why …"
            return ActDone(f"{reference} waits for a second person: {confirm}")
        teams = registrar.catalogue.wording.list_names(asked.teams)
        return ActDone(f"{reference} is in the mailboxes of {teams}")


class ConfirmRecall(_RecallAct, command="transfers confirm"):
    """Confirm, as a second person, a final withdrawal, or a delivery against the agreement."""

    short: ClassVar = "Confirm"

    def effect(self, context: ActContext) -> str:
        """Return the file's school and kind, and the first person's proposal and reason."""
        with context.reading() as session:
            first = proposal(session, self.reference)
            events = log.events(session, self.reference, kind="withdrawn")
        if first is not None:
            teams = context.catalogue.wording.list_names(first.teams)
            said = _in_words(first, teams)
        else:
            said = f"{events[-1].actor} withdrew it: {events[-1].note}"
        return f"{file_in_words(context, self.reference)} {said}"

    def carry_out(self, context: ActContext) -> ActDetails:
        """Confirm the first person's withdrawal or proposal.

        GatewayError where nothing waits, or where the first person may be the same.
        """
        with context.open_registrar() as registrar:
            with registrar.registry.write() as session:
                transfer = transfers.get(session, self.reference)
                if (first := proposal(session, self.reference)) is None:
                    answer, head = self._withdraw(registrar, session, transfer, context.person)
                else:
                    answer, head = self._give(registrar, session, first, context.person)
            registrar.bring_out(head)
        return answer

    def _withdraw(
        self, registrar: Registrar, session: Session, transfer: Transfer, by: str
    ) -> tuple[ActDetails, Issued | None]:
        """Withdraw a file for good; return the answer, and the signed head and receipts to publish."""
        now = registrar.clock()
        _check_second(session, transfer, by, now)
        openings = recalls.openings(session, self.reference)
        _tell(registrar, session, transfer, openings, by=by, why=self.why, headline=_OVER, next_step=_JUDGE)
        reasons = _reasons(registrar.catalogue, transfer, _FOR_GOOD, openings)
        decision = Refused(reasons=reasons, flow=transfer.flow)
        ruling = Ruling(
            reference=self.reference, decision=decision, kind="withdrawn", actor=by, note=self.why
        )
        said = f"{self.reference} is withdrawn for good; its provider and data protection are told"
        return _withdrawn(said, openings), put_in_force(registrar, Batch(session), [ruling], now)

    def _give(
        self, registrar: Registrar, session: Session, first: Proposal, by: str
    ) -> tuple[ActDetails, Issued | None]:
        """Deliver a file as another person proposed; return the answer, and the signed head and receipts."""
        now, transfer = registrar.clock(), _known(session, self.reference)
        said = f"{first.by} proposed this of {self.reference}: somebody else must confirm, by name"
        check_two(session, first.by, by, since=first.at, at=now, said=said)
        if waits_for_second(transfer):
            _check_second(session, transfer, by, now)
        asked = _judged(registrar, session, transfer, now, first.teams)
        note = f"{self.why} (proposed by {first.by}: {first.why})"
        if asked.forbidden:
            openings = recalls.openings(session, self.reference)
            _tell(
                registrar, session, transfer, openings,
                by=f"{first.by} and {by}", why=note, headline=_AGAINST, next_step=_LOOK,
            )  # fmt: skip
        head = _give(registrar, session, transfer, asked, now, by=by, why=note, named=True)
        teams = registrar.catalogue.wording.list_names(asked.teams)
        return ActDetails(f"{self.reference} is in the mailboxes of {teams}", values=None), head


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


def proposal(session: Session, reference: str) -> Proposal | None:
    """Return the open proposal to deliver a file against the policy; None if settled or never made."""
    return proposed(session, reference, "redelivery-proposed", _SETTLED)


def _proposed(session: Session, reference: str) -> Proposal:
    first = proposal(session, reference)
    if first is None:
        raise GatewayError(f"nobody has proposed to give {reference} to a team against the agreement")
    return first


def _in_words(first: Proposal, teams: str) -> str:
    return f"{first.by} proposed to put it into the mailboxes of {teams}: {first.why}"


def _withdrawn(said: str, openings: Sequence[LogStep], closing: tuple[str, ...] = ()) -> ActDetails:
    rows = [{"at": one.at, "who": one.by or "", "team": one.team} for one in openings]
    heading = f"{said}\nwho had opened it:" if rows else said
    table = ActListing(rows, ("at", "who", "team"), empty="nobody had opened it")
    return ActDetails(heading, values=rows, parts=(table,), closing=closing)


def _check_second(session: Session, transfer: Transfer, by: str, at: datetime) -> None:
    """Raise GatewayError unless the file is withdrawn, certainly by another person than `by`."""
    reference = transfer.upload.reference
    if not waits_for_second(transfer):
        raise GatewayError(f"{reference} is not withdrawn; it is {transfer.state}")
    first = next(one for one in reversed(log.events(session, reference)) if one.kind == "withdrawn")
    said = f"{first.actor} withdrew {reference}: somebody else must decide, by name"
    check_two(session, first.actor or "", by, since=first.at, at=at, said=said)


def _tell(
    registrar: Registrar,
    session: Session,
    transfer: Transfer,
    openings: Sequence[LogStep],
    copied: tuple[str, ...] = (),
    *,
    by: str,
    why: str,
    headline: str,
    next_step: str,
) -> None:
    """Store a signed notice to data protection on a withdrawal, or on a delivery against the agreement."""
    now = registrar.clock()
    facts = AuthorityFacts(
        headline=headline,
        organisation=registrar.settings.organisation,
        reference=transfer.upload.reference,
        provider_name=providers.provider_row(session, transfer.upload.provider).name,
        data_type=transfer.data_type or "",
        made_at=now,
        by=by,
        why=why,
        openings=tuple((one.at, one.by or "", one.team or "") for one in openings),
        copies=copied,
        next_step=next_step,
    )
    text = clearsign(registrar.signing.openpgp, render_authority_notice(facts))
    recalls.tell(session, transfer.upload.reference, headline, text, now)


def _check_was_passed_on(transfer: Transfer) -> None:
    reference = transfer.upload.reference
    if transfer.upload.folder != "in":
        raise GatewayError(f"{reference} is no file of data: it was passed to nobody")
    if transfer.state == "held":
        raise GatewayError(f"{reference} is held: refuse it with gateway held refuse, nobody was sent it")
    if transfer.state != "accepted":
        raise GatewayError(f"{reference} is in no mailbox; it is {transfer.state}")


def _reasons(
    catalogue: Catalogue, transfer: Transfer, code: str, openings: Sequence[LogStep]
) -> tuple[Reason, ...]:
    kept = (why for why in transfer.reasons if why.code in STAY)
    return (catalogue.reason(code, opened=_opened(openings)), *kept)


def _opened(openings: Sequence[LogStep]) -> str:
    """Return a sentence for the provider: how often a file was opened, and by which teams, without names."""
    if not openings:
        return "Nobody had opened it."
    times = "once" if len(openings) == 1 else f"{len(openings)} times"
    teams = sorted({one.team or "data protection" for one in openings})
    return f"It had been opened {times} by then, for: {', '.join(teams)}."


def _roll(registrar: Registrar, session: Session, transfer: Transfer) -> bytes | None:
    """Take a withdrawn file's entries off the rolls; return the entries packed, or None without any."""
    now, entries = registrar.clock(), []
    for school, found in rolls.take_out(session, transfer.sequence).items():
        provider = registrar.provider(session, school, now)
        number = provider.dfe_number or provider.urn or ""
        entries += [entry._replace(school=number) for entry in found]
    return packed(entries) if entries else None


def _known(session: Session, reference: str) -> Transfer:
    """Return a file delivered at least once. GatewayError if never delivered, or deleted."""
    transfer = transfers.get(session, reference)
    taken_back = any(why.code in WITHDRAWN for why in transfer.reasons)
    if transfer.upload.folder != "in" or not (transfer.state == "accepted" or taken_back):
        raise GatewayError(f"{reference} was never passed on; it is {transfer.state}")
    gone = persons.deleted(session, [reference]).get(reference)
    if gone is not None:
        raise GatewayError(f"{reference} was deleted on {gone:%Y-%m-%d} under the retention policy")
    return transfer


def _judged(
    registrar: Registrar, session: Session, transfer: Transfer, now: datetime, wanted: tuple[str, ...]
) -> Release:
    if transfer.content is None:
        raise GatewayError(f"{transfer.upload.reference} was never opened, so there is nothing to give")
    had = tuple(place.team for place in recalls.places(session, transfer.sequence) if not place.counts)
    asked = judge_release(
        transfer.content,
        transfer.reasons,
        registrar.catalogue,
        registrar.provider(session, transfer.upload.provider, now),
        now,
        data_type=transfer.data_type,
        teams=wanted or had,
    )
    over = tuple(why for why in transfer.reasons if why.code == _FOR_GOOD)
    return replace(asked, forbidden=(*over, *asked.forbidden))


def _give(
    registrar: Registrar, session: Session, transfer: Transfer, asked: Release, now: datetime, *,
    by: str, why: str, named: bool,
) -> Issued | None:  # fmt: skip
    """Deliver a file in a person's name; `named`: a person named the teams. Return head and receipts."""
    if transfer.state != "accepted":
        # Accept a withdrawn file again.
        decision = Released(
            data_type=asked.data_type,
            flow=asked.flow,
            teams=asked.teams,
            reasons=_release_reasons(registrar.catalogue, asked),
            on_roll=asked.on_roll,
        )
        ruling = Ruling(
            reference=transfer.upload.reference,
            decision=decision,
            kind="redelivered",
            actor=by,
            note=why,
            counted=not named,
        )
        return put_in_force(registrar, Batch(session), [ruling], now)
    had = {place.team for place in recalls.places(session, transfer.sequence)}
    against = bool(asked.forbidden)
    recalls.deliver_again(session, transfer.sequence, asked.teams, now, whole=against)
    if not had.issuperset(asked.teams):
        recalls.add_reasons(session, transfer.sequence, _release_reasons(registrar.catalogue, asked))
        # Issue a receipt to the sender about a further team.
        after = transfers.get(session, transfer.upload.reference)
        known, counting = register.of(session), years_at(now, registrar.catalogue)
        sender = known.provider(transfer.upload.provider, counting)
        enrolled = enrolled_in(known, counting, registrar.catalogue.bodies.with_own_pupils)
        facts = outcome.receipt_facts(
            after,
            sender,
            registrar.settings.organisation,
            salt=secrets.token_hex(16),
            wording=registrar.catalogue.wording,
            schools=enrolled.named(sender, after.content),
        )
        statement = stated(facts)
        told = outcome.decision_entry(
            after, statement, registrar.catalogue.digest, kind="redelivered", actor=by, note=why
        )
        entries = [told, *_delivered(transfer, asked.teams)]
        return put_on_record(registrar, session, entries, [(facts, statement, 0)], now)
    fields = {"provider": transfer.upload.provider, "state": transfer.state}
    again = Entry(
        kind="redelivered",
        subject=transfer.upload.reference,
        fields=fields,
        actor=by,
        name=transfer.upload.name,
        content=transfer.content_sha256,
        note=why,
    )
    return put_on_record(registrar, session, [again, *_delivered(transfer, asked.teams)], (), now)


def _release_reasons(catalogue: Catalogue, asked: Release) -> tuple[Reason, ...]:
    code = "person:released-against-policy" if asked.forbidden else "person:redelivered"
    return (catalogue.reason(code), *asked.forbidden)


def _delivered(transfer: Transfer, teams: Sequence[str]) -> list[Entry]:
    fields = {"provider": transfer.upload.provider, "flow": transfer.flow or "none"}
    return [
        Entry(kind="delivered", subject=transfer.upload.reference, fields={**fields, "team": team})
        for team in teams
    ]
