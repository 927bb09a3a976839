"""Combine the decisions on the parts of one file."""

from gateway.model import Accepted, Decision, Held, Reason, Refused
from gateway.policy.catalogue import Catalogue


def of_parts(decisions: tuple[Decision, ...], about: tuple[Reason, ...], catalogue: Catalogue) -> Decision:
    """Combine decisions; a file goes nowhere unless all parts may go the same way.

    The file waits for a person, with the reasons `about` the whole and each part's reasons to wait or be
    refused; the file is refused if every part is.
    """
    why = (r for each in decisions if not isinstance(each, Accepted) for r in each.reasons)
    reasons = tuple(dict.fromkeys((*about, *why)))
    if all(isinstance(each, Refused) for each in decisions):
        return Refused(reasons=reasons)
    several = catalogue.reason("classify:several-kinds", count=len(decisions))
    return Held(reasons=(several, *reasons))
