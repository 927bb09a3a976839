"""Acts needing two people while roles are in force: one proposes, a second does the same and so confirms.

A proposal is in the log and counts for a week.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from gateway.access import POWERFUL, LookingTeams
from gateway.errors import GatewayError
from gateway.log.leaf import Kind
from gateway.record.dual_control import REMEDY, check_two, who_could_be
from gateway.registry import givings, invitations, log, roles
from gateway.registry.givings import What
from gateway.registry.log import Entry
from gateway.registry.tables import EventRow

COUNTS = timedelta(days=7)
_PROPOSAL, _ENDS = "act-proposed", ("act-confirmed", "act-rejected")
_MARK = ": "


@dataclass(frozen=True, slots=True)
class TwoPersonAct:
    """An act needing two people: a word, its subject, and the person concerned, who is in no leaf."""

    what: str
    subject: str
    about: str = ""


def agreed(
    session: Session, act: TwoPersonAct, *, by: str, why: str | None, at: datetime, always: bool = False
) -> bool:
    """May an act be done now: with roles not in force (unless `always`), or proposed by another before?

    Otherwise a proposal by `by` is recorded. GatewayError where `by` does not count as a second person beside
    the proposer.
    """
    if not always and not roles.in_force(session):
        return True
    first = proposal(session, act, at)
    if first is None:
        _note(session, "act-proposed", act, by, why, at)
        return False
    if first.actor == by:
        return False
    _check_two(session, act, first, by, at)
    _note(session, "act-confirmed", act, by, why, at)
    return True


def agreed_to_give(
    session: Session,
    act: TwoPersonAct,
    name: str,
    role: str | None = None,
    *,
    looking: LookingTeams,
    by: str,
    why: str | None,
    at: datetime,
) -> bool:
    """May a person be given a credential or a role now?

    With two administrators, two people decide for a member of a team with sight of held files, and for a
    holder or recipient of a powerful role.
    """
    sees = not looking.held.isdisjoint(roles.viewer(session, name).teams)
    asked = sees or role in POWERFUL or roles.is_powerful(session, name)
    if not asked or len(roles.administrators(session)) < 2:  # noqa: PLR2004 - there is nobody to ask
        return True
    return agreed(session, act, by=by, why=why, at=at)


def agreed_to_show(
    session: Session, act: TwoPersonAct, name: str, *, by: str, why: str | None, at: datetime
) -> bool:
    """May a person join a team with sight of held files now? Two people decide, and neither gave credentials.

    Applies with two administrators or more. GatewayError where one person alone gave the credentials. An
    unused link to the console ends: whoever printed the link could use it.
    """
    if len(roles.administrators(session)) < 2:  # noqa: PLR2004 - there is nobody to ask
        return True
    if behind := sorted(who_could_be(session, at).get(name, ())):
        raise GatewayError(f"{name} may be {' or '.join(behind)}: {REMEDY.format(name)}")
    if not agreed(session, act, by=by, why=why, at=at):
        return False
    invitations.take_back(session, name)
    return True


def note_proposer(
    session: Session, act: TwoPersonAct, name: str, what: What, mark: str, *, at: datetime
) -> None:
    """Record the proposer, beside the confirmer, as a giver of a credential."""
    of_it = [event for event in log.events(session, act.subject) if _is_of(event, act)]
    if len(of_it) > 1 and of_it[-1].kind == "act-confirmed" and of_it[-1].at == at:
        givings.note(session, name, what, mark, by=of_it[-2].actor or "", at=at)


def reject(session: Session, act: TwoPersonAct, *, by: str, at: datetime) -> None:
    """End a proposal as a second person. GatewayError where the proposer may be the same person."""
    first = proposal(session, act, at)
    if first is None:
        return
    _check_two(session, act, first, by, at)
    _note(session, "act-rejected", act, by, None, at)


def proposal(session: Session, act: TwoPersonAct, at: datetime) -> EventRow | None:
    """Return the current proposal of an act, neither confirmed nor rejected, or None."""
    for event in reversed(log.events(session, act.subject)):
        if _is_of(event, act):
            return event if event.kind == _PROPOSAL and event.at >= at - COUNTS else None
    return None


def _check_two(session: Session, act: TwoPersonAct, first: EventRow, by: str, at: datetime) -> None:
    said = f"{first.actor} proposed to {act.what} {act.subject}: somebody else must decide"
    check_two(session, first.actor or "", by, since=first.at, at=at, said=said)


def _is_of(event: EventRow, act: TwoPersonAct) -> bool:
    if event.kind not in {_PROPOSAL, *_ENDS}:
        return False
    about = not act.about or (event.note or "").startswith(f"{act.about}{_MARK}")
    return about and json.loads(event.leaf)["fields"]["what"] == act.what


def _note(session: Session, kind: Kind, act: TwoPersonAct, by: str, why: str | None, at: datetime) -> None:  # noqa: PLR0917
    note = f"{act.about}{_MARK}{why or ''}" if act.about else why
    entry = Entry(kind=kind, subject=act.subject, fields={"what": act.what}, actor=by, note=note)
    log.append(session, [entry], at)
