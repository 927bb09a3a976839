"""From what was examined to what is decided: pure."""

from __future__ import annotations

from datetime import datetime

from gateway.model import Decision, Held, Provider, Refused
from gateway.policy.catalogue import Catalogue
from gateway.policy.decide import decide
from gateway.processing.examination import Examined
from gateway.reasons import reason


def conclude(
    examined: Examined, catalogue: Catalogue, provider: Provider, now: datetime, *, earlier: str | None
) -> Decision:
    """The decision on an examined file. `earlier` is the reference of the transfer it replays, if any."""
    if examined.lost:
        return Held(reasons=(reason("internal:held"),))
    if examined.refused is not None:
        return Refused(reasons=(reason(examined.refused.code, **examined.refused.detail),))
    if earlier is not None:
        return Refused(reasons=(reason("open:replayed", earlier=earlier),))
    if examined.content is None:
        raise AssertionError("an opened file was not classified")
    return decide(examined.content, catalogue, provider, now)
