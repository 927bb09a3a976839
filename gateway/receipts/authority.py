"""Notices to the authority's data protection officers about a file, as text to be clearsigned.

A notice names staff, but neither a child nor a file name, which may be a child's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.receipts.layout import field, paragraph, spoken, wrapped


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityFacts:
    """The facts of one notice. `openings` are moment, person and team ("" outside a mailbox).

    `copies` are the providers with a copy of the file in /out.
    """

    headline: str
    organisation: str
    reference: str
    provider_name: str
    data_type: str
    made_at: datetime
    by: str
    why: str
    openings: tuple[tuple[datetime, str, str], ...] = ()
    copies: tuple[str, ...] = ()
    next_step: str = ""


def render_authority_notice(facts: AuthorityFacts) -> str:
    """Return the notice as text. Ends in a newline."""
    sections = [
        "\n".join(wrapped(f"Notice of {facts.organisation} to its data protection officers")),
        "\n".join(wrapped(facts.headline)),
        "\n".join(
            [
                field("Reference", facts.reference),
                field("Sent by", facts.provider_name),
                field("Kind of data", facts.data_type or "not recognised"),
                field("At", spoken(facts.made_at)),
                field("By", facts.by),
                field("Why", facts.why),
            ]
        ),
        "Who had opened it",
        "\n".join(_openings(facts)),
        "What to do next",
        paragraph(facts.next_step),
    ]
    return "\n\n".join(sections) + "\n"


def _openings(facts: AuthorityFacts) -> Sequence[str]:
    lines = [
        paragraph(f"{spoken(at)}: {who}" + (f", for {team}" if team else ""))
        for at, who, team in facts.openings
    ] or [paragraph("Nobody.")]
    if facts.copies:
        lines.append(paragraph(f"A copy lay in the /out of: {', '.join(facts.copies)}."))
    return lines
