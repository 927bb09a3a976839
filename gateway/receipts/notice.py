"""A notice to a provider about its own records, as text to be clearsigned.

Like a receipt it is printable text of at most 74 columns. It names no child.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.policy.discrepancies import DiscrepancyNotice
from gateway.receipts.layout import field, spoken, wrapped

_SHOWN = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeFacts:
    """What one notice states. `points` are the discrepancies by number, with what is told of each."""

    reference: str
    provider_name: str
    organisation: str
    made_at: datetime
    points: tuple[tuple[int, DiscrepancyNotice], ...]


def render_notice(facts: NoticeFacts) -> str:
    """The notice as text. Ends in a newline; tells of 500 discrepancies at most, and of how many more."""
    sections = [
        f"{_wrapped(f'Notice from {facts.organisation}')}\n{_wrapped(f'to {facts.provider_name}')}",
        "Something in your data DOES NOT FIT the data of another school.",
        "\n".join([field("Reference", facts.reference), field("At", spoken(facts.made_at))]),
        "What it means",
        _wrapped(
            f"Under {_clauses(facts)} of the agreement you and the local authority put such things right "
            "together. No child is named here: each point says where to look in a file of yours.",
            "    ",
        ),
        "What to do next",
        *(_point(number, notice) for number, notice in facts.points[:_SHOWN]),
        *_further(len(facts.points) - _SHOWN),
    ]
    return "\n\n".join(sections) + "\n"


def _clauses(facts: NoticeFacts) -> str:
    """The clauses on which the points rest, each once."""
    found = list(dict.fromkeys(notice.clause for _, notice in facts.points))
    return f"clause {found[0]}" if len(found) == 1 else f"clauses {', '.join(found[:-1])} and {found[-1]}"


def _point(number: int, notice: DiscrepancyNotice) -> str:
    lines = (f"{notice.sentence} (clause {notice.clause})", notice.next_step)
    return "\n".join([f"    Discrepancy {number}", *(_wrapped(line, "      ") for line in lines)])


def _further(more: int) -> Sequence[str]:
    if more <= 0:
        return ()
    return (_wrapped(f"There are {more} more. Ask the local authority for the list.", "    "),)


def _wrapped(text: str, indent: str = "") -> str:
    return "\n".join(wrapped(text, indent))
