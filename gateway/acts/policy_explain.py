"""The act that explains a decision, by the policies of the day of decision and by persons' notes."""

from dataclasses import asdict
from typing import Any

from sqlmodel import Session

from gateway.access import AccessRight
from gateway.acts.act import ActContext, ActDetails, ActListing, ReadingAct
from gateway.acts.fields import FileReference
from gateway.errors import GatewayError, NotFoundError
from gateway.model import Decision, Held, Refused, Released
from gateway.policy.catalogue import load_catalogue
from gateway.policy.explain import render
from gateway.registry import agreements, log, transfers


class ExplainDecision(ReadingAct, command="policy explain", right=AccessRight.LOOK, short="Explain"):
    """Explain the decision on a transfer or declaration: reasons and clauses, as of the day of decision."""

    reference: FileReference

    def carry_out(self, context: ActContext) -> ActDetails:
        """Return the decision in the words of the policies then in force, and the log's reasons and notes."""
        with context.reading() as session:
            decision = _decision_on(session, self.reference)
            events = log.events(session, self.reference)
            fields = [event.fields for event in events]
            digest = next((str(one["policies"]) for one in reversed(fields) if "policies" in one), None)
            said = [step._asdict() for step in log.steps(events) if step.reasons or step.why]
        version = context.home.policies_in_force if digest is None else context.home.version(digest)
        is_kept = version.is_dir()
        catalogue = load_catalogue(version if is_kept else context.home.policies_in_force)
        told = {"reference": self.reference, "policies": digest, "history": said}
        words = "" if is_kept else ", which are not kept here: the words are those of the policies in force"
        by = () if digest is None else (f"by the policies {digest}{words}",)
        return ActDetails(
            heading=f"{self.reference}: {render(decision, catalogue)}",
            values=decision_object(decision) | told,
            paragraphs=by,
            parts=(
                ActListing(said, ("at", "kind", "reasons", "by", "why"), empty="nothing else is on record"),
            ),
        )


def _decision_on(session: Session, reference: str) -> Decision:
    """Return the recorded decision on an upload or declaration, by reference.
    NotFoundError for an unknown reference, GatewayError for a file not decided yet.
    """
    state: str
    teams, until = tuple[str, ...](), None
    try:
        one = transfers.get(session, reference)
        state, reasons, flow, teams, until = one.state, one.reasons, one.flow, one.teams, one.held_until
    except NotFoundError as unknown:
        try:
            declared = agreements.declaration(session, reference)
        except NotFoundError:
            raise unknown from None
        state, reasons, flow = declared.state, agreements.reasons_of(declared), declared.flow
    if state == "landed":
        raise GatewayError(f"{reference} has landed and is not decided yet")
    if state == "accepted":
        return Released(flow=flow or "none", teams=teams, reasons=reasons)
    if state == "held":
        return Held(reasons=reasons, flow=flow, until=until)
    return Refused(reasons=reasons, flow=flow)


def decision_object(decision: Decision) -> dict[str, Any]:
    """Return a decision as JSON values: state, flow, teams, end of the hold (or None) and reasons."""
    return {
        "state": decision.state,
        "flow": decision.flow,
        "teams": list(decision.teams),
        "held_until": decision.until if isinstance(decision, Held) else None,
        "reasons": [asdict(each) for each in decision.reasons],
    }
