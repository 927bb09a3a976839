"""What takes two people where roles are in force: one proposes it, a second does the same and so confirms it.

The proposal is in the log, and counts for a week. Nothing is done by it but what takes something away.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from gateway.errors import GatewayError
from gateway.log.leaf import Kind
from gateway.record.dual_control import are_two
from gateway.registry import log, roles
from gateway.registry.log import Entry
from gateway.registry.tables import EventRow

COUNTS = timedelta(days=7)
_PROPOSAL, _ENDS = "act-proposed", ("act-confirmed", "act-rejected")
_MARK = ": "


@dataclass(frozen=True, slots=True)
class TwoPersonAct:
    """Something that takes two: a word, what it is done to, and whom it is about, which no leaf holds."""

    what: str
    subject: str
    about: str = ""


def agreed(session: Session, act: TwoPersonAct, *, by: str, why: str | None, at: datetime) -> bool:
    """Whether an act may be done now: roles are not in force, or another person has proposed the same.

    Otherwise it is put on record as proposed by `by`.
    """
    if not roles.in_force(session):
        return True
    first = proposal(session, act, at)
    if first is not None and are_two(first.actor or "", by):
        _note(session, "act-confirmed", act, by, why, at)
        return True
    if first is None:
        _note(session, "act-proposed", act, by, why, at)
    return False


def reject(session: Session, act: TwoPersonAct, *, by: str, at: datetime) -> None:
    """End a proposal, if there is one, as a second person. GatewayError where it may be the same one."""
    first = proposal(session, act, at)
    if first is None:
        return
    if not are_two(first.actor or "", by):
        raise GatewayError(f"{first.actor} proposed to {act.what} {act.subject}: somebody else must decide")
    _note(session, "act-rejected", act, by, None, at)


def proposal(session: Session, act: TwoPersonAct, at: datetime) -> EventRow | None:
    """The proposal of an act that still counts, and that nobody has confirmed or rejected yet."""
    for event in reversed(log.events(session, act.subject)):
        if event.kind in {_PROPOSAL, *_ENDS} and _is_of(event, act):
            return event if event.kind == _PROPOSAL and event.at >= at - COUNTS else None
    return None


def _is_of(event: EventRow, act: TwoPersonAct) -> bool:
    about = not act.about or (event.note or "").startswith(f"{act.about}{_MARK}")
    return about and json.loads(event.leaf)["fields"]["what"] == act.what


def _note(session: Session, kind: Kind, act: TwoPersonAct, by: str, why: str | None, at: datetime) -> None:  # noqa: PLR0917
    note = f"{act.about}{_MARK}{why or ''}" if act.about else why
    entry = Entry(kind=kind, subject=act.subject, fields={"what": act.what}, actor=by, note=note)
    log.append(session, [entry], at)
