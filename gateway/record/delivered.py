"""Deliver a file again, withdraw a delivered file, or open the original for one person."""

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session

from gateway.errors import Fault, GatewayError
from gateway.examiner.parent import Examiner
from gateway.examiner.persons import packed
from gateway.examiner.protocol import Reopen
from gateway.model import Held, Reason, Refused, Released, Transfer
from gateway.openpgp.sealer import clearsign
from gateway.policy.catalogue_schema import Catalogue
from gateway.policy.ratification import years_at
from gateway.policy.release import STAY, Release, ReleaseImpossibleError, judge_release
from gateway.publish.everything import take_back_copies
from gateway.publish.projection import Issued
from gateway.reasons import WITHDRAWN, WITHDRAWN_BY_ONE, waits_for_second
from gateway.receipts.notices import AuthorityFacts, render_authority_notice
from gateway.receipts.text import stated
from gateway.record import outcome
from gateway.record.discrepancies import enrolled_in
from gateway.record.dual_control import Proposal, check_two, name_of, proposed
from gateway.record.outcome import put_on_record
from gateway.record.registrar import Registrar
from gateway.record.rulings import Batch, Ruling, put_in_force
from gateway.registry import copies, log, markers, providers, recalls, register, rolls, transfers
from gateway.registry.log import Entry
from gateway.registry.recalls import FileOpening

_FOR_GOOD = "person:withdrawn-for-good"


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """Result of a withdrawal: earlier openings of the file, and the providers with a copy."""

    openings: tuple[FileOpening, ...]
    copies: tuple[str, ...] = ()


def withdraw(registrar: Registrar, reference: str, *, by: str, why: str) -> Withdrawal:
    """Withdraw a file from every mailbox and every /out folder, at once and in one person's name.

    The provider and data protection are told. The file waits until a second person withdraws the file for
    good or delivers the file again. GatewayError for a file never passed on.
    """
    now = registrar.clock()
    with registrar.registry.write() as session:
        transfer = transfers.get(session, reference)
        _check_was_passed_on(transfer)
        done = Withdrawal(
            openings=tuple(recalls.openings(session, reference)),
            copies=copies.forget(session, transfer.sequence),
        )
        tell(registrar, session, transfer, done, by=by, why=why, headline=_TAKEN, next_step=_DECIDE)
        reasons = _reasons(registrar.catalogue, transfer, WITHDRAWN_BY_ONE, done.openings)
        decision = Held(reasons=reasons, flow=transfer.flow)
        ruling = Ruling(
            reference=reference,
            decision=decision,
            roll=_roll(registrar, session, transfer),
            kind="withdrawn",
            actor=by,
            note=why,
        )
        head = put_in_force(registrar, Batch(session), [ruling], now)
    if registrar.brings_out:
        take_back_copies(registrar.home, registrar.registry)
    registrar.bring_out(head)
    return done


def withdraw_for_good(registrar: Registrar, reference: str, *, by: str, why: str) -> Withdrawal:
    """Confirm a withdrawal as a second person. GatewayError where both may be the same person."""
    now = registrar.clock()
    with registrar.registry.write() as session:
        transfer = transfers.get(session, reference)
        check_second(session, transfer, by, now)
        done = Withdrawal(openings=tuple(recalls.openings(session, reference)))
        tell(registrar, session, transfer, done, by=by, why=why, headline=_OVER, next_step=_JUDGE)
        reasons = _reasons(registrar.catalogue, transfer, _FOR_GOOD, done.openings)
        decision = Refused(reasons=reasons, flow=transfer.flow)
        ruling = Ruling(reference=reference, decision=decision, kind="withdrawn", actor=by, note=why)
        head = put_in_force(registrar, Batch(session), [ruling], now)
    registrar.bring_out(head)
    return done


def check_second(session: Session, transfer: Transfer, by: str, at: datetime) -> None:
    """Raise GatewayError unless the file is withdrawn, certainly by another person than `by`."""
    reference = transfer.upload.reference
    if not waits_for_second(transfer):
        raise GatewayError(f"{reference} is not withdrawn; it is {transfer.state}")
    first = next(one for one in reversed(log.events(session, reference)) if one.kind == "withdrawn")
    said = f"{first.actor} withdrew {reference}: somebody else must decide, by name"
    check_two(session, first.actor or "", by, since=first.at, at=at, said=said)


_TAKEN = "A file was TAKEN OUT of every mailbox."
_OVER = "A file is WITHDRAWN for good."
_DECIDE = (
    "Decide whether this is a breach of personal data (agreement, section 10), and record it with "
    "this reference if it is one. The file waits for a second person, who withdraws it for good or gives it "
    "back, or elsewhere."
)
_JUDGE = (
    "Whoever opened it may still have what they downloaded: ask them to delete it, and note that they have."
)


def tell(
    registrar: Registrar,
    session: Session,
    transfer: Transfer,
    done: Withdrawal,
    *,
    by: str,
    why: str,
    headline: str,
    next_step: str,
) -> None:
    """Store a signed notice on a withdrawal for data protection officers, in the caller's transaction."""
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
        openings=tuple((one.at, one.who, one.team or "") for one in done.openings),
        copies=done.copies,
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
    catalogue: Catalogue, transfer: Transfer, code: str, openings: tuple[FileOpening, ...]
) -> tuple[Reason, ...]:
    kept = (why for why in transfer.reasons if why.code in STAY)
    return (catalogue.reason(code, opened=_opened(openings)), *kept)


def _opened(openings: tuple[FileOpening, ...]) -> str:
    """Return a sentence for the provider: how often a file was opened, and by which teams, without names."""
    if not openings:
        return "Nobody had opened it."
    times = "once" if len(openings) == 1 else f"{len(openings)} times"
    teams = sorted({one.team or "data protection" for one in openings})
    return f"It had been opened {times} by then, for: {', '.join(teams)}."


def _roll(registrar: Registrar, session: Session, transfer: Transfer) -> bytes | None:
    """Take a withdrawn file's statements on pupils off the rolls; return them packed, or None without any."""
    now, entries = registrar.clock(), []
    for school, found in rolls.take_out(session, transfer.sequence).items():
        provider = registrar.provider(session, school, now)
        number = provider.dfe_number or provider.urn or ""
        entries += [entry._replace(school=number) for entry in found]
    return packed(entries) if entries else None


_SETTLED = frozenset({"decided", "released", "refused", "withdrawn", "redelivered", "redelivery-declined"})
_AGAINST = "A file was given to a team AGAINST what the agreement says."
_LOOK = "Look at the reasons on its receipt (gateway receipts show), and withdraw it if you object."


@dataclass(frozen=True, slots=True)
class By:
    """A person acting, why and when; `named`: the teams, too, are the person's choice."""

    person: str
    why: str
    at: datetime
    named: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """A new delivery of a file, as asked for by a person.

    With anything `forbidden` only a proposal; `further` teams had no delivery before.
    """

    teams: tuple[str, ...]
    further: tuple[str, ...]
    forbidden: tuple[str, ...] = ()


def redeliver(
    registrar: Registrar,
    reference: str,
    *,
    by: str,
    why: str,
    teams: tuple[str, ...] = (),
    override: bool = False,
) -> Again:
    """Deliver a file again, in one person's name: to the file's teams, or to `teams`.

    With `override` a delivery against the agreement is proposed to a second person. For a withdrawn file
    another person decides. GatewayError where impossible.
    """
    now = registrar.clock()
    with registrar.registry.write() as session:
        transfer = _known(session, reference)
        asked = _judged(registrar, session, transfer, now, teams)
        if waits_for_second(transfer):
            check_second(session, transfer, by, now)
        if asked.forbidden and not override:
            said = "; ".join(f"{one.sentence} ({one.clause})" for one in asked.forbidden)
            raise GatewayError(
                f"the agreement speaks against it: {said} It can be proposed to a second person instead"
            )
        if asked.forbidden:
            head: Issued | None = _propose(registrar, session, reference, asked, By(by, why, now))
        else:
            head = _give(registrar, session, transfer, asked, By(by, why, now, named=bool(teams)))
        done = _told(transfer, asked)
    registrar.bring_out(head)
    return done


def confirm(registrar: Registrar, reference: str, *, by: str, why: str) -> Again | Withdrawal:
    """Confirm, as a second person, a proposed delivery against the policy, or a withdrawal.

    GatewayError where nothing is proposed, or where the proposer may be the same person.
    """
    now = registrar.clock()
    with registrar.registry.read() as session:
        waits = proposal(session, reference) is not None
        transfers.get(session, reference)
    if not waits:
        return withdraw_for_good(registrar, reference, by=by, why=why)
    with registrar.registry.write() as session:
        transfer, first = _known(session, reference), proposal(session, reference)
        if first is None:
            raise GatewayError(f"nobody proposes to give {reference} to a team any longer")
        said = f"{first.by} proposed this of {reference}: somebody else must confirm, by name"
        check_two(session, first.by, by, since=first.at, at=now, said=said)
        if waits_for_second(transfer):
            check_second(session, transfer, by, now)
        asked = _judged(registrar, session, transfer, now, first.teams)
        note = f"{why} (proposed by {first.by}: {first.why})"
        if asked.forbidden:
            openings = Withdrawal(openings=tuple(recalls.openings(session, reference)))
            tell(
                registrar, session, transfer, openings, by=f"{first.by} and {by}", why=note,
                headline=_AGAINST, next_step=_LOOK,
            )  # fmt: skip
        head = _give(registrar, session, transfer, asked, By(by, note, now))
        done = _told(transfer, asked)
    registrar.bring_out(head)
    return done


def proposal(session: Session, reference: str) -> Proposal | None:
    """Return the open proposal to deliver a file against the policy; None if settled or never made."""
    return proposed(session, reference, "redelivery-proposed", _SETTLED)


def _known(session: Session, reference: str) -> Transfer:
    """Return a file delivered at least once. GatewayError if never delivered, or deleted."""
    transfer = transfers.get(session, reference)
    taken_back = any(why.code in WITHDRAWN for why in transfer.reasons)
    if transfer.upload.folder != "in" or not (transfer.state == "accepted" or taken_back):
        raise GatewayError(f"{reference} was never passed on; it is {transfer.state}")
    gone = recalls.deleted_on(session, reference)
    if gone is not None:
        raise GatewayError(f"{reference} was deleted on {gone:%Y-%m-%d} under the retention policy")
    return transfer


def _judged(
    registrar: Registrar, session: Session, transfer: Transfer, now: datetime, wanted: tuple[str, ...]
) -> Release:
    if transfer.content is None:
        raise GatewayError(f"{transfer.upload.reference} was never opened, so there is nothing to give")
    had = tuple(place.team for place in recalls.places(session, transfer.sequence) if not place.counts)
    try:
        asked = judge_release(
            transfer.content,
            transfer.reasons,
            registrar.catalogue,
            registrar.provider(session, transfer.upload.provider, now),
            now,
            data_type=transfer.data_type,
            teams=wanted or had,
        )
    except ReleaseImpossibleError as error:
        raise GatewayError(str(error)) from None
    over = tuple(why for why in transfer.reasons if why.code == "person:withdrawn-for-good")
    return replace(asked, forbidden=(*over, *asked.forbidden))


def _propose(registrar: Registrar, session: Session, reference: str, asked: Release, by: By) -> Issued:
    fields = {
        "teams": ",".join(asked.teams),
        "reasons": ",".join(dict.fromkeys(each.code for each in asked.forbidden)),
    }
    entry = Entry(kind="redelivery-proposed", subject=reference, fields=fields, actor=by.person, note=by.why)
    log.append(session, [entry], by.at)
    return put_on_record(registrar, session, (), (), by.at)


def _give(
    registrar: Registrar, session: Session, transfer: Transfer, asked: Release, by: By
) -> Issued | None:
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
            actor=by.person,
            note=by.why,
            counted=not by.named,
        )
        return put_in_force(registrar, Batch(session), [ruling], by.at)
    had = {place.team for place in recalls.places(session, transfer.sequence)}
    against = bool(asked.forbidden)
    recalls.deliver_again(session, transfer.sequence, asked.teams, by.at, whole=against)
    if not had.issuperset(asked.teams):
        recalls.add_reasons(session, transfer.sequence, _release_reasons(registrar.catalogue, asked))
        # Issue a receipt to the sender about a further team.
        after = transfers.get(session, transfer.upload.reference)
        known, counting = register.of(session), years_at(by.at, registrar.catalogue)
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
            after, statement, registrar.catalogue.digest, kind="redelivered", actor=by.person, note=by.why
        )
        entries = [told, *_delivered(transfer, asked.teams)]
        return put_on_record(registrar, session, entries, [(facts, statement, 0)], by.at)
    fields = {"provider": transfer.upload.provider, "state": transfer.state}
    again = Entry(
        kind="redelivered",
        subject=transfer.upload.reference,
        fields=fields,
        actor=by.person,
        name=transfer.upload.name,
        content=transfer.content_sha256,
        note=by.why,
    )
    log.append(session, [again, *_delivered(transfer, asked.teams)], by.at)
    return put_on_record(registrar, session, (), (), by.at)


def _release_reasons(catalogue: Catalogue, asked: Release) -> tuple[Reason, ...]:
    code = "person:released-against-policy" if asked.forbidden else "person:redelivered"
    return (catalogue.reason(code), *asked.forbidden)


def _delivered(transfer: Transfer, teams: Sequence[str]) -> list[Entry]:
    fields = {"provider": transfer.upload.provider, "flow": transfer.flow or "none"}
    return [
        Entry(kind="delivered", subject=transfer.upload.reference, fields={**fields, "team": team})
        for team in teams
    ]


def _told(transfer: Transfer, asked: Release) -> Again:
    return Again(
        teams=asked.teams,
        further=tuple(team for team in asked.teams if team not in transfer.teams),
        forbidden=tuple(why.code for why in asked.forbidden),
    )


@dataclass(frozen=True, slots=True)
class Whole:
    """The whole content of a file in anonymous memory, by descriptor; `extension` for its name."""

    content: int
    size: int
    extension: str


@contextmanager
def opened_whole(registrar: Registrar, reference: str, *, by: str, why: str) -> Iterator[Whole]:
    """Yield a whole file as sent, opened for data protection or a legal hold, until the block ends.

    Person and reason are recorded before anything is given out. GatewayError where there is nothing to open,
    Fault where opening or recording fails for now.
    """
    with registrar.registry.read() as session:
        transfer = transfers.get(session, reference)
        gone = recalls.deleted_on(session, reference)
        # GatewayError where a child in the file is marked for other named people. Restriction (Article 18)
        # leaves data protection the use for legal claims, and is no bar here.
        on = markers.on_transfer(session, transfer.sequence)
        if any(marker.kind == "named" and name_of(by) not in marker.people for marker in on):
            raise GatewayError(
                f"only named people may see {transfer.upload.reference}: gateway pupils markers"
            )
    if gone is not None:
        raise GatewayError(f"{reference} was deleted on {gone:%Y-%m-%d} under the retention policy")
    if transfer.content_sha256 is None:
        raise GatewayError(f"{reference} was never opened: there is nothing in it that could be shown")
    content, size = _reopened(registrar, transfer, transfer.content_sha256)
    try:
        _record(registrar, transfer, by=by, why=why)
        yield Whole(content, size, transfer.extension)
    finally:
        os.close(content)


def _reopened(registrar: Registrar, transfer: Transfer, sha256: str) -> tuple[int, int]:
    examiner = Examiner(registrar.home)
    try:
        return examiner.reopen(Reopen(reference=transfer.upload.reference, sha256=sha256))
    except Fault as fault:
        raise Fault(f"{transfer.upload.reference} cannot be opened now: {fault}") from None
    finally:
        examiner.close()


def _record(registrar: Registrar, transfer: Transfer, *, by: str, why: str) -> None:
    now = registrar.clock()
    entry = Entry(
        kind="opened",
        subject=transfer.upload.reference,
        fields={"provider": transfer.upload.provider},
        actor=by,
        content=transfer.content_sha256,
        note=why,
    )
    with registrar.registry.write() as session:
        log.append(session, [entry], now)
        registrar.sign_head(session, now)
