"""The state of a home's policies, for `status` and `policy status`."""

from typing import Any

from sqlmodel import Session

from gateway.cli.console import rfc3339
from gateway.home import Home
from gateway.home.versions import policy_digest
from gateway.record import policy_proposals as proposals


def standing(session: Session, place: Home) -> dict[str, Any]:
    """Return the state of the policies: in force, proposed, and if the draft differs."""
    past, found = proposals.loaded(session), proposals.proposal(session)
    draft = policy_digest(place.policies) if place.policies.is_dir() else None
    known = {*past[-1:], *([found.digest] if found else [])}
    return {
        "in_force": past[-1] if past else None,
        "proposed": None if found is None else found.digest,
        "proposed_by": None if found is None else found.by,
        "approved_by": None if found is None else found.approved_by,
        "begins": None if found is None else rfc3339(found.begins),
        "edited": bool(past) and draft not in known,
    }


def told(found: dict[str, Any]) -> list[str]:
    """Return the state of the policies (from `standing`) as lines of text."""
    lines = [f"in force    {found['in_force'] or 'policies/ as it is when the gateway first starts'}"]
    if found["proposed"] is not None:
        state = f"approved by {found['approved_by']}" if found["approved_by"] else "waits for a second person"
        lines.append(
            f"proposed    {found['proposed']} by {found['proposed_by']}: {state}, from {found['begins']}"
        )
    if found["edited"]:
        lines.append("edited      policies/ differs from these and decides nothing: gateway policy propose")
    return lines
