"""`policy explain`: the reasons of a decision, by the policies of the day, and the persons' statements."""

import json
from typing import Any

from rich.text import Text
from sqlmodel import Session

from gateway.acts.transfers import event_objects, reason_object
from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    fails_clearly,
    out,
    print_json,
    registry,
    show,
)
from gateway.cli.options import ReferenceArgument
from gateway.errors import GatewayError, NotFoundError
from gateway.home import Home
from gateway.model import Decision, Held, Reason, Refused, Released, Transfer
from gateway.policy.catalogue import Catalogue, load_catalogue
from gateway.policy.explain import render
from gateway.registry import declarations, log, transfers


@fails_clearly
def explain(
    reference: ReferenceArgument,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Explain the decision on a transfer or declaration: each reason with its clause, as of the day."""
    with registry(home) as opened, opened.read() as session:
        decision = _decision_on(session, reference)
        digest = _decided_by(session, reference)
        said = [step for step in event_objects(session, reference) if step["reasons"] or step["why"]]
    catalogue = _catalogue_of(Home(home), digest)
    if as_json:
        print_json(decision_object(decision) | {"reference": reference, "policies": digest, "history": said})
        return
    out.print(Text(f"{reference}: {render(decision, catalogue)}"), soft_wrap=True)
    if digest is not None:
        out.print(Text(f"\nby the policies {digest}"), soft_wrap=True)
    out.print()
    # Earlier reasons and persons' notes, in any present state.
    show(said, ("at", "kind", "reasons", "by", "why"), as_json=False, empty="nothing else is on record")


def _decided_by(session: Session, reference: str) -> str | None:
    """Return the digest of the policies behind a transfer's last decision."""
    for event in reversed(log.events(session, reference)):
        fields = json.loads(event.leaf)["fields"]
        if "policies" in fields:
            return str(fields["policies"])
    return None


def _catalogue_of(place: Home, digest: str | None) -> Catalogue:
    if digest is not None and place.version(digest).is_dir():
        return load_catalogue(place.version(digest))
    return load_catalogue(place.policies_in_force)


def _decision_on(session: Session, reference: str) -> Decision:
    """Return the decision on an upload or a declaration."""
    try:
        transfer = transfers.get(session, reference)
    except NotFoundError as unknown:
        try:
            declared = declarations.get(session, reference)
        except NotFoundError:
            raise unknown from None
        return _decision(declared.state, declared.reasons, declared.flow)
    if transfer.state == "landed":
        raise GatewayError(f"{reference} has landed and is not decided yet")
    return _decision(transfer.state, transfer.reasons, transfer.flow, transfer)


def _decision(
    state: str, reasons: tuple[Reason, ...], flow: str | None, transfer: Transfer | None = None
) -> Decision:
    if state == "accepted":
        return Released(flow=flow or "none", teams=transfer.teams if transfer else (), reasons=reasons)
    if state == "held":
        return Held(reasons=reasons, flow=flow, until=transfer.held_until if transfer else None)
    return Refused(reasons=reasons, flow=flow)


def decision_object(decision: Decision) -> dict[str, Any]:
    """Return a decision as JSON values."""
    return {
        "state": decision.state,
        "flow": decision.flow,
        "teams": list(decision.teams),
        "held_until": decision.until if isinstance(decision, Held) else None,
        "reasons": [reason_object(each) for each in decision.reasons],
    }
