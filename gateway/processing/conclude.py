"""From what was examined to what is decided: pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gateway.model import Decision, Held, Late, Provider, Refused
from gateway.policy.catalogue import Catalogue
from gateway.policy.decide import decide
from gateway.processing.examination import Examined, OpenRefused
from gateway.processing.signer import Signers, objection
from gateway.reasons import reason

_SIGNED_LATE: dict[Late, str] = {"renewed": "open:renewed-since", "vouched": "open:vouched-since"}
SIGNED_LATE = frozenset(_SIGNED_LATE.values())


def conclude(
    examined: Examined,
    catalogue: Catalogue,
    provider: Provider,
    now: datetime,
    *,
    earlier: str | None,
    signers: Signers,
) -> Decision:
    """The decision on an examined file. `earlier` is the reference of the transfer it replays, if any."""
    if examined.lost:
        return Held(reasons=(reason("internal:held"),))
    if examined.opened is None:
        return _unopened(examined.refused, signers, now)
    made = examined.opened.signature.created_at
    objected = objection(signers.find(examined.opened.signature.certificate), made, now)
    if earlier is not None and not isinstance(objected, Refused):
        return Refused(reasons=(reason("open:replayed", earlier=earlier),))
    if objected is not None:
        return objected
    if examined.refused is not None:
        return Held(reasons=(reason(examined.refused.code, **examined.refused.detail),))
    if examined.content is None:
        raise AssertionError("an opened file was not classified")
    decision = decide(examined.content, catalogue, provider, now)
    late = examined.opened.late
    return decision if late is None else told_late(decision, _SIGNED_LATE[late])


def told_late(decision: Decision, code: str) -> Decision:
    """The same decision, which also says how the key of the file came to count after it had signed."""
    return replace(decision, reasons=(*decision.reasons, reason(code)))


def _unopened(refused: OpenRefused | None, signers: Signers, now: datetime) -> Decision:
    """A file that did not open. One too large to be looked into waits too: it may be a key that expired."""
    if refused is None:
        raise AssertionError("a file was neither opened nor refused")
    why = reason(refused.code, **refused.detail)
    if refused.code == "open:key-expired" and signers.awaits_renewal(now):
        return Held(reasons=(why,))
    return Refused(reasons=(why,))
