"""Compute the deletions due from the current record."""

from datetime import datetime

from sqlmodel import Session

from gateway.home import Home
from gateway.registry import notices, retention
from gateway.reports.retention import Plan, load_retention, plan


def plan_at(session: Session, home: Home, moment: datetime) -> Plan:
    """Return the plan of all deletions due at `moment`, with references on hold and undecided ones."""
    rules = load_retention(home)
    made = notices.made_before(session, moment - rules.shortest_of_notices())
    accepted, refused = (moment - rules.shortest(state) for state in ("accepted", "refused"))
    rows = retention.decided_before(session, accepted=accepted, refused=refused)
    found = plan(rules, rows, moment, made)
    return Plan(due=found.due, on_hold=found.on_hold, undecided=tuple(retention.undecided(session)))
