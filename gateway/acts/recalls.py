"""Acts on delivered files: withdraw a file from every mailbox, or deliver the file again."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from sqlmodel import Session

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, ActDetails, ActDone, ActListing, Recording
from gateway.acts.fields import FileReference, Why, option
from gateway.acts.held_decisions import check_allowed, proposal, propose, release_in_words, released, rule
from gateway.acts.notices import tell_dpo
from gateway.acts.transfers import file_in_words, proposal_in_words
from gateway.errors import GatewayError, NotFoundError
from gateway.examiner.persons import packed
from gateway.log.leaf import Kind
from gateway.model import Held, LogStep, Reason, Refused, Transfer
from gateway.policy.catalogue import Catalogue
from gateway.policy.decide import STAY, Release, judge_release
from gateway.policy.items import counts_period
from gateway.policy.ratification import years_at
from gateway.reasons import WITHDRAWN, WITHDRAWN_BY_ONE, waits_for_second
from gateway.receipts.facts import ReceiptFacts
from gateway.receipts.text import receipt_statement
from gateway.record.conclude import distrust
from gateway.record.consequences import Ruling, enrolled_in, read_rolls_again, restore_full_roll
from gateway.record.dual_control import Proposal, check_second, check_two, proposed
from gateway.record.registrar import Rulebook
from gateway.record.rulings import decision_entry, put_on_record
from gateway.registry import copies, log, persons, recalls, register, rolls, transfers
from gateway.registry.log import Entry
from gateway.registry.sight import sees
from gateway.registry.tables import SchoolOfTransferRow, StagedRollRow
from gateway.registry.tables.row import values

_FOR_GOOD = "person:withdrawn-for-good"
_PROPOSED: Kind = "redelivery-proposed"
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

    reference: FileReference
    why: Why


class WithdrawTransfer(_RecallAct, command="transfers withdraw", short="Withdraw"):
    """Withdraw a file from every mailbox at once, in your name, and see who had opened the file.

    The provider and data protection are told. A second person then confirms the withdrawal (confirm) or
    delivers the file again (redeliver).
    """

    of_any_file: ClassVar = True  # A withdrawal only removes access.

    def carry_out(self, context: ActContext) -> ActDetails:
        """Withdraw the file until a second person decides; return who had opened the file, and when.
        If the person may not know of the file, the answer only says that it is withdrawn. GatewayError if the
        file is in no mailbox.
        """
        reference = self.reference
        with context.recording(copies=True) as record:
            session = record.session
            transfer = transfers.get(session, reference)
            known = sees(session, context.sight(session), reference)
            if not known and (transfer.upload.folder, transfer.state) != ("in", "accepted"):
                raise NotFoundError(f"there is no transfer {reference}")
            if transfer.upload.folder != "in":
                raise GatewayError(f"{reference} is no file of data: it was passed to nobody")
            if transfer.state == "held":
                raise GatewayError(
                    f"{reference} is held: refuse it with gateway held refuse, nobody was sent it"
                )
            if transfer.state != "accepted":
                raise GatewayError(f"{reference} is in no mailbox; it is {transfer.state}")
            openings = recalls.openings(session, reference)
            copied = copies.take_back(session, transfer.sequence)
            tell_dpo(record, transfer, openings, self.why, copied, headline=_TAKEN, next_step=_DECIDE)
            reasons = _reasons(record.registrar.catalogue, transfer, WITHDRAWN_BY_ONE, openings)
            decision = Held(reasons=reasons, flow=transfer.flow)
            _give_back_counts(record, transfer)
            rule(record, reference, decision, "withdrawn", self.why, roll=_roll(record, transfer))
        said = f"{reference} is out of every mailbox; its provider and data protection are told"
        second = f"a second person decides: gateway transfers confirm {reference} --why …"
        if not known:
            return ActDetails(said, values=[], closing=(second,))
        left = (f"its copy is out of /out of {provider}, which may have fetched it" for provider in copied)
        return _withdrawn(said, openings, (*left, second))


class RedeliverTransfer(_RecallAct, command="transfers redeliver", short="Give again"):
    """Put a file into mailboxes again, or into a further team's, as far as the agreement allows."""

    team: tuple[str, ...] = option("Teams that get it; all that were sent it if not given.", (), names="team")
    override: bool = option(
        "Propose it to a second person, where the agreement speaks against it.", default=False
    )

    def effect(self, context: ActContext) -> str:
        """Return sentences with the file's school, kind of data and teams, and the agreement's objections."""
        rules, now = Rulebook(context.home, context.catalogue), context.clock()
        with context.reading() as session:
            transfer = _known(session, self.reference)
            asked = _judged(rules, session, transfer, self.team, now)
            counted = transfer.state != "accepted" and not self.team
            said = release_in_words(rules, session, transfer, asked, now, counted=counted)
        return f"{file_in_words(context, self.reference)} {said}"

    def carry_out(self, context: ActContext) -> ActDone:
        """Deliver the file again. If the agreement forbids the delivery, and `override` is set, propose it to
        a second person. GatewayError if the agreement forbids the delivery and `override` is not set, or if
        the person may be the one who withdrew the file.
        """
        reference = self.reference
        with context.recording() as record:
            transfer = _known(record.session, reference)
            asked = _judged(record.registrar, record.session, transfer, self.team, record.at)
            if waits_for_second(transfer):
                _check_second(record, transfer)
            check_allowed(reference, asked, "delivery", override=self.override)
            if asked.forbidden:
                propose(record, _PROPOSED, reference, asked, self.why)
            else:
                _give(record, transfer, asked, self.why, named=bool(self.team))
                given = transfers.get(record.session, reference).teams
        if asked.forbidden:
            confirm = f"gateway transfers confirm {reference} --delivery --why …"
            return ActDone(f"{reference} waits for a second person: {confirm}")
        teams = record.registrar.catalogue.wording.list_names(given)
        return ActDone(f"{reference} is in the mailboxes of {teams}")


class ConfirmRecall(_RecallAct, command="transfers confirm", short="Confirm"):
    """Confirm, as a second person, a final withdrawal, or a delivery against the agreement."""

    delivery: bool = option("Confirm the delivery that somebody proposed.", default=False)

    def effect(self, context: ActContext) -> str:
        """Return sentences with the file's school and kind of data, and the proposal with the reason.
        GatewayError if nothing is proposed any more, as when somebody declined meanwhile.
        """
        with context.reading() as session:
            events = log.events(session, self.reference, kind="withdrawn")
            find = proposed if events and not self.delivery else proposal
            first = find(session, self.reference, _PROPOSED)
        said = (
            proposal_in_words(first, context.catalogue.wording)
            if first
            else f"{events[-1].actor} withdrew it: {events[-1].note}"
        )
        return f"{file_in_words(context, self.reference)} {said}"

    def carry_out(self, context: ActContext) -> ActDetails:
        """Carry out the withdrawal or delivery that a first person proposed.
        GatewayError if nothing waits for a second person, or if both persons may be the same. GatewayError
        also if a withdrawn file is proposed for delivery and `delivery` is not set: it is then unclear what
        is confirmed.
        """
        reference, find = self.reference, proposal if self.delivery else proposed
        with context.recording() as record:
            session, first = record.session, find(record.session, reference, _PROPOSED)
            transfer = transfers.get(session, reference)
            if first is not None and (self.delivery or not waits_for_second(transfer)):
                return self._give(record, first)
            if first is not None:
                raise GatewayError(
                    f"{reference} is withdrawn, and {first.by} proposed to deliver it: --delivery confirms "
                    "that; to withdraw it for good, gateway transfers decline comes first"
                )
            _check_second(record, transfer)
            openings = recalls.openings(session, reference)
            tell_dpo(record, transfer, openings, self.why, headline=_OVER, next_step=_JUDGE)
            reasons = _reasons(record.registrar.catalogue, transfer, _FOR_GOOD, openings)
            rule(record, reference, Refused(reasons=reasons, flow=transfer.flow), "withdrawn", self.why)
        said = f"{reference} is withdrawn for good; its provider and data protection are told"
        return _withdrawn(said, openings)

    def _give(self, record: Recording, first: Proposal) -> ActDetails:
        """Deliver a file as another person proposed; notify data protection if the agreement forbids it."""
        transfer = _known(record.session, self.reference)
        said = f"{first.by} proposed this of {self.reference}: somebody else must confirm, by name"
        asked = _judged(record.registrar, record.session, transfer, first.teams, record.at)
        by, against = record.by, asked.forbidden
        # Whoever withdrew the file may confirm: the proposal is another person's, so two are for it.
        check_second(record.session, first, by, against, self.right, at=record.at, said=said)
        why = f"{self.why} (proposed by {first.by}: {first.why})"
        if asked.forbidden:
            openings, both = recalls.openings(record.session, self.reference), f"{first.by} and {record.by}"
            tell_dpo(record, transfer, openings, why, by=both, headline=_AGAINST, next_step=_LOOK)
        _give(record, transfer, asked, why, named=True)
        teams = record.registrar.catalogue.wording.list_names(asked.teams)
        return ActDetails(f"{self.reference} is in the mailboxes of {teams}", values=None)


class DeclineRedelivery(_RecallAct, command="transfers decline", short="Say no"):
    """Say no to a delivery against the agreement that somebody proposed. The file stays where it is."""

    def effect(self, context: ActContext) -> str:
        """Return sentences with file, proposer, teams and reason. GatewayError if no delivery is proposed."""
        with context.reading() as session:
            first = proposal(session, self.reference, _PROPOSED)
        said = proposal_in_words(first, context.catalogue.wording)
        return f"{file_in_words(context, self.reference)} {said}"

    def carry_out(self, context: ActContext) -> ActDone:
        """Record that the proposed delivery is declined."""
        with context.recording() as record:
            first = proposal(record.session, self.reference, _PROPOSED)
            record.note("redelivery-declined", self.reference, note=self.why)
        return ActDone(f"{self.reference} goes to no further team: {first.by} proposed it in vain")


def _withdrawn(said: str, openings: Sequence[LogStep], closing: tuple[str, ...] = ()) -> ActDetails:
    rows = [{"at": one.at, "who": one.by or "", "team": one.team} for one in openings]
    heading = f"{said}\nwho had opened it:" if rows else said
    table = ActListing(rows, ("at", "who", "team"), empty="nobody had opened it")
    return ActDetails(heading, values=rows, parts=(table,), closing=closing)


def _check_second(record: Recording, transfer: Transfer) -> None:
    """Raise GatewayError if the acting person may be the one who withdrew the file, or if nobody did."""
    session, reference = record.session, transfer.upload.reference
    if not waits_for_second(transfer):
        raise GatewayError(f"{reference} is not withdrawn; it is {transfer.state}")
    first = log.events(session, reference, kind="withdrawn")[-1]
    said = f"{first.actor} withdrew {reference}: somebody else must decide, by name"
    check_two(session, first.actor or "", record.by, since=first.at, at=record.at, said=said)


def _reasons(
    catalogue: Catalogue, transfer: Transfer, code: str, openings: Sequence[LogStep]
) -> tuple[Reason, ...]:
    """Return the reasons for a withdrawn file: first one with `code`, then those former reasons that still
    count (codes in `STAY`). The first reason says how often the file was opened and for which teams, without
    naming a person.
    """
    opened = "Nobody had opened it."
    if openings:
        times = "once" if len(openings) == 1 else f"{len(openings)} times"
        teams = sorted({one.team or "data protection" for one in openings})
        opened = f"It had been opened {times} by then, for: {', '.join(teams)}."
    return (catalogue.reason(code, opened=opened), *(why for why in transfer.reasons if why.code in STAY))


def _roll(record: Recording, transfer: Transfer) -> bytes | None:
    """Remove a withdrawn file's entries from the rolls; return the entries as a packed roll, or None if there
    are none.
    """
    entries, taken_out = [], rolls.take_out(record.session, transfer.sequence)
    _restore_full_rolls(record, transfer, *taken_out, but=transfer.sequence)
    for school, found in taken_out.items():
        read_rolls_again(record.registrar, record.session, school, record.at, but=transfer.sequence)
        provider = record.registrar.provider(record.session, school, record.at)
        number = provider.dfe_number or provider.urn or ""
        entries += [entry._replace(school=number) for entry in found]
    return packed(entries) if entries else None


def _give_back_counts(record: Recording, transfer: Transfer) -> None:
    """Deliver again counts replaced by a file to be withdrawn, to teams without an opening of newer ones."""
    session, catalogue = record.session, record.registrar.catalogue
    provider, data_type = transfer.upload.provider, transfer.data_type or ""
    places = recalls.deliveries_of(session, transfer.sequence)
    left = {one.team for one in places if one.counts and one.collected_at is None}
    wanted = counts_period(data_type, transfer.period, transfer.upload.landed_at, catalogue)
    for row in rolls.accepted_rolls(session, provider, {data_type}, but=transfer.sequence) if left else ():
        number, reference = transfers.sequence_of(row), row.reference
        if row.provider != provider or number > transfer.sequence or persons.deleted(session, [reference]):
            continue
        if counts_period(data_type, row.period, row.landed_at, catalogue) != wanted:
            continue
        events = log.events(session, reference)
        last = max((one.number for one in events if one.kind == "withdrawn"), default=0)
        steps = log.steps(one for one in events if one.number > last)
        left -= {one.team for one in recalls.deliveries_of(session, number)}  # They have it still.
        had = sorted(left.intersection(step.team or "" for step in steps if step.kind == "delivered"))
        rolls.deliver_counts(session, [(number, team) for team in had], record.at)
        fields = {"provider": provider, "flow": row.flow or "none"}
        told = [Entry(kind="delivered", subject=reference, fields={**fields, "team": team}) for team in had]
        log.append(session, told, record.at)
        left.difference_update(had)


def _restore_full_rolls(record: Recording, transfer: Transfer, *schools: str, but: int | None = None) -> None:
    """Restore the time of the last complete roll for the schools in a file, as if the file `but` were not on
    record. `schools`: further schools to restore.
    """
    registrar, session = record.registrar, record.session
    if transfer.data_type in registrar.catalogue.agreement.discrepancies.whole_rolls:
        named = values(session, SchoolOfTransferRow.provider, transfer=transfer.sequence)
        for school in sorted({*(named or [transfer.upload.provider]), *schools}):
            if registrar.provider(session, school, record.at).closed_on is None:
                restore_full_roll(registrar, session, school, record.at, but=but)


def _known(session: Session, reference: str) -> Transfer:
    """Return a file that was delivered at some time. GatewayError if never delivered, or if deleted."""
    transfer = transfers.get(session, reference)
    taken_back = any(why.code in WITHDRAWN for why in transfer.reasons)
    if transfer.upload.folder != "in" or not (transfer.state == "accepted" or taken_back):
        raise GatewayError(f"{reference} was never passed on; it is {transfer.state}")
    gone = persons.deleted(session, [reference]).get(reference)
    if gone is not None:
        raise GatewayError(f"{reference} was deleted on {gone:%Y-%m-%d} under the retention policy")
    return transfer


def _sent_to(session: Session, transfer: Transfer) -> Sequence[str]:
    """Return the teams a file was sent to; for a withdrawn file, the teams before the withdrawal."""
    if transfer.state == "accepted":
        return [one.team for one in recalls.deliveries_of(session, transfer.sequence)]
    had: dict[str, None] = {}
    ended = True  # A withdrawal dropped the deliveries: the log alone has them.
    for step in log.steps(log.events(session, transfer.upload.reference)):
        if step.kind == "delivered" and step.team:
            had, ended = {**({} if ended else had), step.team: None}, False
        ended = ended or step.kind == "withdrawn"
    return [*had]


def _judged(
    rulebook: Rulebook, session: Session, transfer: Transfer, wanted: tuple[str, ...], now: datetime
) -> Release:
    if transfer.content is None:
        raise GatewayError(f"{transfer.upload.reference} was never opened, so there is nothing to give")
    catalogue, data_type = rulebook.catalogue, transfer.data_type
    had = tuple(one for one in _sent_to(session, transfer) if not catalogue.has_counts_alone(one, data_type))
    sender = rulebook.provider(session, transfer.upload.provider, now)
    asked = judge_release(
        transfer.content, transfer.reasons, catalogue, sender, now, data_type=data_type, teams=wanted or had
    )
    against = (why for why in transfer.reasons if why.code == _FOR_GOOD)
    of_keys = distrust(session, transfer, catalogue, now)
    return replace(asked, forbidden=tuple(dict.fromkeys((*against, *of_keys, *asked.forbidden))))


def _give(record: Recording, transfer: Transfer, asked: Release, why: str, *, named: bool) -> None:
    """Deliver a file again, to the teams in the judged delivery `asked`.
    `named`: True if a person named the teams; False if the teams are those of the earlier delivery.
    """
    session, registrar, upload, now = record.session, record.registrar, transfer.upload, record.at
    catalogue, decision = registrar.catalogue, released(registrar.catalogue, asked, "person:redelivered")
    if transfer.state != "accepted":  # A withdrawn file is accepted again.
        former = copies.forget(session, transfer.sequence)
        rule(record, upload.reference, decision, "redelivered", why, counted=not named)
        opened = {one.team: one.at for one in reversed(recalls.openings(session, upload.reference))}
        for place in recalls.deliveries_of(session, transfer.sequence):
            place.collected_at = opened.get(place.team) if place.counts else None
        copies.owe_again(session, former, now)
        _restore_full_rolls(record, transfer)
        # Statements that a later file had replaced before the withdrawal are in the sealed file alone.
        if decision.on_roll and transfer.data_type in catalogue.agreement.discrepancies.rolls:
            session.merge(StagedRollRow(transfer=transfer.sequence, roll=b""))
        return
    had = {place.team for place in recalls.deliveries_of(session, transfer.sequence)}
    whole = bool(transfers.is_whole(transfer.content, decision))
    recalls.deliver_again(session, transfer.sequence, asked.teams, now, whole=whole)
    fields = {"provider": upload.provider, "flow": transfer.flow or "none"}
    delivered = [
        Entry(kind="delivered", subject=upload.reference, fields={**fields, "team": team})
        for team in asked.teams
    ]
    if had.issuperset(asked.teams) and not asked.forbidden:
        again = Entry(
            kind="redelivered", subject=upload.reference, actor=record.by, name=upload.name, note=why,
            fields={"provider": upload.provider, "state": transfer.state}, content=transfer.content_sha256,
        )  # fmt: skip
        record.issued = put_on_record(registrar, session, [again, *delivered], (), now)
        return
    recalls.add_reasons(session, transfer.sequence, decision.reasons)
    # Issue a receipt to the sender about a further team, or about what spoke against the delivery.
    after = transfers.get(session, upload.reference)
    known, counting = register.of(session), years_at(now, catalogue)
    sender = known.provider(upload.provider, counting)
    enrolled = enrolled_in(known, counting, catalogue.bodies.with_own_pupils)
    facts = ReceiptFacts(
        transfer=after, provider=sender, organisation=registrar.settings.organisation,
        salt=secrets.token_hex(16), wording=catalogue.wording, schools=enrolled.named(sender, after.content),
    )  # fmt: skip
    statement = receipt_statement(facts)
    by, reference = record.by, upload.reference
    ruling = Ruling(reference=reference, decision=decision, kind="redelivered", actor=by, note=why)
    told = decision_entry(after, statement, catalogue.digest, ruling)
    record.issued = put_on_record(registrar, session, [told, *delivered], [(facts, statement, 0)], now)
