"""Data protection: breaches and their 72 hours, one child, legal holds, what is due to go."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.errors import GatewayError
from gateway.mailboxes.hatch.acts import reason
from gateway.mailboxes.hatch.counter import Caller, Counter
from gateway.mailboxes.hatch.documents import seen
from gateway.mailboxes.hatch.logins import check_signed
from gateway.record import breach_records, children, subject_access
from gateway.record.children import Asked, digests_of
from gateway.record.deletions_due import plan_at
from gateway.registry import holds
from gateway.registry.holds import Hold
from gateway.reports.breach import NOTIFY_WITHIN
from gateway.reports.retention import Plan
from gateway.reports.subject_access import subject_access_report
from gateway.zones.hatch import evidence_questions as asked
from gateway.zones.hatch.answers import Done
from gateway.zones.hatch.evidence_answers import (
    BreachesSeen,
    BreachSeen,
    DocumentSeen,
    DueSeen,
    HoldSeen,
    HoldsSeen,
)

DUE = 100
_MOMENTS = ("aware_at", "since", "until", "notified_at")
_SAID = (*_MOMENTS, "transfers", "staff", "keys", "natures", "what", "measures", "contact", "governance")


def ask_breaches(counter: Counter, _caller: Caller, _: asked.AskBreaches) -> BreachesSeen:
    """Every record of a breach."""
    with counter.desk.registry.read() as session:
        found = breach_records.records(session)
    return BreachesSeen(now=counter.clock(), breaches=tuple(map(_breach, found)))


def ask_breach(counter: Counter, _caller: Caller, question: asked.AskBreach) -> DocumentSeen:
    """One record, as it stands."""
    with counter.desk.registry.read() as session:
        return seen(breach_records.record(session, question.number).document)


def record_breach(counter: Counter, caller: Caller, act: asked.RecordBreach) -> Done:
    """Put a breach on record, completed from the registry, or a further version of one."""
    zone = ZoneInfo(counter.catalogue().calendar.timezone)
    given = {name: _placed(value, zone) for name in _SAID if (value := getattr(act, name))}
    if act.amend is None and "aware_at" not in given:
        raise GatewayError("Say when you became aware of it: the 72 hours begin then.")
    check_signed(counter, caller, act)
    now = counter.clock()
    with counter.registrar() as registrar, registrar.registry.write() as session:
        if act.amend is None:
            number, told = breach_records.next_number(session), breach_records.Told(**given)
        else:
            number = act.amend
            told = breach_records.amended(breach_records.record(session, number), given)
        document = breach_records.drafted(
            session, told, registrar.catalogue,
            number=number, organisation=registrar.settings.organisation, now=now,
        )  # fmt: skip
        breach_records.keep(session, number, told, document, by=caller.name, at=now)
        registrar.sign_head(session, now)
    return Done(sentence=f"Breach {number} is on record.")


def ask_child(counter: Counter, caller: Caller, act: asked.AskChild) -> DocumentSeen:
    """All that is known of a child. That it was asked for, by whom and why, is logged."""
    why, child = reason(act.why), _child(act)
    digests_of(counter.home, child)  # Says what is wrong with it before the passkey is asked.
    check_signed(counter, caller, act)
    with counter.registrar() as registrar:
        found = children.find(registrar, child, by=caller.name, why=why, what="report")
        account = subject_access.account(registrar, found, names=act.names)
    return seen(subject_access_report(account, counter.clock()))


def ask_holds(counter: Counter, _caller: Caller, question: asked.AskHolds) -> HoldsSeen:
    """The legal holds, and what is due for deletion where it is asked for."""
    with counter.desk.registry.read() as session:
        on = tuple(map(_hold, holds.list_holds(session)))
    if not question.plan:
        return HoldsSeen(holds=on, planned=False)

    def planned() -> Plan:
        with counter.registrar() as registrar:
            return plan_at(registrar, counter.clock())

    held = ",".join(f"{each.number}" for each in on)
    return _planned(on, counter.judged.plans.of(f"{counter.catalogue().digest} {held}", planned))


def _child(act: asked.AskChild) -> Asked:
    return Asked(
        upn=act.upn or None, surname=act.surname or None, forename=act.forename or None, born=act.born
    )


def _placed(value: object, zone: ZoneInfo) -> object:
    """A moment that was given without a zone, in the authority's."""
    return value.replace(tzinfo=zone) if isinstance(value, datetime) and value.tzinfo is None else value


def _breach(one: breach_records.BreachRecord) -> BreachSeen:
    told = one.told
    return BreachSeen(
        number=one.number,
        versions=one.versions,
        recorded_at=one.at,
        by=one.by,
        aware_at=told.aware_at if told else None,
        notify_by=told.aware_at + NOTIFY_WITHIN if told else None,
        notified_at=told.notified_at if told else None,
        natures=told.natures if told else (),
    )


def _hold(one: Hold) -> HoldSeen:
    return HoldSeen(
        number=one.number,
        on="a child" if one.child else one.reference or one.provider or "",
        child=one.child,
        placed_at=one.placed_at,
        placed_by=one.placed_by,
        why=one.why,
    )


def _planned(on: tuple[HoldSeen, ...], plan: Plan) -> HoldsSeen:
    return HoldsSeen(
        holds=on,
        planned=True,
        due=tuple(
            DueSeen(reference=one.reference, what=one.what, rule=one.rule, since=one.since)
            for one in plan.due[:DUE]
        ),
        due_count=len(plan.due),
        on_hold=len(plan.on_hold),
        undecided=len(plan.undecided),
    )
