"""Data protection: breaches and their 72 hours, one child, legal holds, what is due to go."""

from __future__ import annotations

from gateway.mailboxes.hatch.acts import reason
from gateway.mailboxes.hatch.counter import Caller, Counter
from gateway.mailboxes.hatch.documents import seen
from gateway.mailboxes.hatch.logins import check_signed
from gateway.record import children, subject_access
from gateway.record.children import Asked, digests_of
from gateway.record.deletions_due import plan_at
from gateway.registry import holds
from gateway.registry.holds import Hold
from gateway.reports.retention import Plan
from gateway.reports.subject_access import subject_access_report
from gateway.zones.hatch import evidence_questions as asked
from gateway.zones.hatch.evidence_answers import (
    DocumentSeen,
    DueSeen,
    HoldSeen,
    HoldsSeen,
)

DUE = 100


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
