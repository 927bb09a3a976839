"""What becomes of one file whose parts were decided one by one."""

from __future__ import annotations

from gateway.model import Accepted, Decision, Held, Reason, Refused
from gateway.policy.catalogue import Catalogue


def of_parts(decisions: tuple[Decision, ...], about: tuple[Reason, ...], catalogue: Catalogue) -> Decision:
    """A file is one thing: it goes nowhere as long as its parts would not all go the same way.

    It waits for a person, with the reasons `about` the whole and those for which each part would wait or be
    refused; it is refused where each of them is.
    """
    why = (r for each in decisions if not isinstance(each, Accepted) for r in each.reasons)
    reasons = tuple(dict.fromkeys((*about, *why)))
    if all(isinstance(each, Refused) for each in decisions):
        return Refused(reasons=reasons)
    several = catalogue.reason("classify:several-kinds", count=len(decisions))
    return Held(reasons=(several, *reasons))
