"""Delivering a file again to its teams, or to further teams, as far as the agreement allows."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from gateway.errors import GatewayError
from gateway.model import Reason, Released, Transfer
from gateway.policy.catalogue_schema import Catalogue
from gateway.policy.release import Release, ReleaseImpossibleError, judge_release
from gateway.publish.projection import Issued
from gateway.reasons import WITHDRAWN, waits_for_second
from gateway.record import outcome, withdrawals
from gateway.record.dual_control import check_two
from gateway.record.outcome import put_on_record
from gateway.record.registrar import Registrar
from gateway.record.rulings import Batch, Ruling, put_in_force
from gateway.record.schools import Enrolled
from gateway.record.withdrawals import Withdrawal
from gateway.registry import log, recalls, register, transfers
from gateway.registry.log import Entry

_SETTLED = frozenset({"decided", "released", "refused", "withdrawn", "redelivered"})
_AGAINST = "A file was given to a team AGAINST what the agreement says."
_LOOK = "Look at the reasons on its receipt (gateway receipts show), and withdraw it if you object."


@dataclass(frozen=True, slots=True)
class By:
    """A person acting at a moment, with the reason; `named`: the person has named the teams."""

    person: str
    why: str
    at: datetime
    named: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """A requested delivery.

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
    """Put a file into mailboxes again, in one person's name: of the file's teams, or of `teams`.

    With `override` a delivery against the agreement is proposed to a second person. For a withdrawn file
    another person decides. GatewayError where impossible.
    """
    now = registrar.clock()
    with registrar.registry.write() as session:
        transfer = _known(session, reference)
        asked = _judged(registrar, session, transfer, now, teams)
        if waits_for_second(transfer):
            withdrawals.check_second(session, transfer, by, now)
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
        return withdrawals.withdraw_for_good(registrar, reference, by=by, why=why)
    with registrar.registry.write() as session:
        transfer, proposed = _known(session, reference), proposal(session, reference)
        if proposed is None:
            raise GatewayError(f"nobody proposes to give {reference} to a team any longer")
        said = f"{proposed.by} proposed this of {reference}: somebody else must confirm, by name"
        check_two(session, proposed.by, by, since=proposed.at, at=now, said=said)
        if waits_for_second(transfer):
            withdrawals.check_second(session, transfer, by, now)
        asked = _judged(registrar, session, transfer, now, proposed.teams)
        note = f"{why} (proposed by {proposed.by}: {proposed.why})"
        if asked.forbidden:
            openings = Withdrawal(openings=tuple(recalls.openings(session, reference)))
            withdrawals.tell(
                registrar, session, transfer, openings, by=f"{proposed.by} and {by}", why=note,
                headline=_AGAINST, next_step=_LOOK,
            )  # fmt: skip
        head = _give(registrar, session, transfer, asked, By(by, note, now))
        done = _told(transfer, asked)
    registrar.bring_out(head)
    return done


@dataclass(frozen=True, slots=True, kw_only=True)
class RedeliveryProposal:
    """A delivery proposed by one person, to be confirmed by a second."""

    teams: tuple[str, ...]
    by: str
    at: datetime
    why: str


def proposal(session: Session, reference: str) -> RedeliveryProposal | None:
    """Return the delivery against the policy proposed since the file was last settled, or None."""
    for event in reversed(log.events(session, reference)):
        if event.kind in _SETTLED:
            return None
        if event.kind == "redelivery-proposed":
            teams = json.loads(event.leaf)["fields"]["teams"].split(",")
            return RedeliveryProposal(
                teams=tuple(teams), by=event.actor or "", at=event.at, why=event.note or ""
            )
    return None


def _known(session: Session, reference: str) -> Transfer:
    """Return a file once passed on. GatewayError for a file never passed on, or deleted."""
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
    return Release(
        data_type=asked.data_type,
        flow=asked.flow,
        teams=asked.teams,
        forbidden=(*over, *asked.forbidden),
        on_roll=asked.on_roll,
    )


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
        return _release_again(registrar, session, transfer, asked, by)
    had = {place.team for place in recalls.places(session, transfer.sequence)}
    against = bool(asked.forbidden)
    recalls.deliver_again(session, transfer.sequence, asked.teams, by.at, whole=against)
    if not had.issuperset(asked.teams):
        recalls.add_reasons(session, transfer.sequence, _reasons(registrar.catalogue, asked))
        return _receipted(registrar, session, transfer, asked, by)
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


def _reasons(catalogue: Catalogue, asked: Release) -> tuple[Reason, ...]:
    code = "person:released-against-policy" if asked.forbidden else "person:redelivered"
    return (catalogue.reason(code), *asked.forbidden)


def _release_again(
    registrar: Registrar, session: Session, transfer: Transfer, asked: Release, by: By
) -> Issued | None:
    """Accept a withdrawn file again."""
    decision = Released(
        data_type=asked.data_type,
        flow=asked.flow,
        teams=asked.teams,
        reasons=_reasons(registrar.catalogue, asked),
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


def _receipted(
    registrar: Registrar, session: Session, transfer: Transfer, asked: Release, by: By
) -> Issued | None:
    """Issue a receipt to the sender about a further team."""
    after = transfers.get(session, transfer.upload.reference)
    known, counting = register.of(session), registrar.counting(by.at)
    sender = known.provider(transfer.upload.provider, counting)
    enrolled = Enrolled.of(known.enrolled(counting), registrar.catalogue.bodies)
    facts = outcome.receipt_facts(
        after,
        sender,
        registrar.settings.organisation,
        salt=outcome.fresh_salt(),
        wording=registrar.catalogue.wording,
        schools=enrolled.named(sender, after.content),
    )
    told = outcome.decision_entry(
        after, facts, registrar.catalogue.digest, kind="redelivered", actor=by.person, note=by.why
    )
    entries = [told, *_delivered(transfer, asked.teams)]
    return put_on_record(registrar, session, entries, [(facts, 0)], by.at)


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
