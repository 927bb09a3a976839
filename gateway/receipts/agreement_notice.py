"""A notice to education providers about the agreement itself, as text to be clearsigned.

Like a receipt it is printable ASCII of at most 74 columns.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from gateway.receipts.layout import WIDTH, spoken, visible


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementNotice:
    """What is told: one headline, what has changed, and what to do."""

    headline: str
    clause: str
    points: tuple[str, ...]
    steps: tuple[str, ...]


def changed(points: tuple[str, ...]) -> AgreementNotice:
    """That the text of the agreement or its Appendix A is another one."""
    return AgreementNotice(
        headline="The data sharing agreement HAS CHANGED.",
        clause="3.3",
        points=points,
        steps=(
            "Read the text in /agreement/agreement.txt.",
            "If you have a question, ring the local authority.",
        ),
    )


def opened(year: str, begins: str) -> AgreementNotice:
    """That the agreement can be ratified for an academic year."""
    return AgreementNotice(
        headline=f"The data sharing agreement for {year} is READY to be ratified.",
        clause="1.4",
        points=(
            f"The school year {year} begins on {begins}.",
            "A ratification of the year before does not count for it.",
        ),
        steps=(
            "Read the text in /agreement/agreement.txt.",
            "Sign that text with your OpenPGP key and put the signed copy into /agreement,",
            "or tell the local authority who signed for your school, and on which day.",
        ),
    )


def render(
    notice: AgreementNotice, *, organisation: str, provider_name: str, reference: str, at: datetime
) -> str:
    """The notice as text. Ends in a newline."""
    sections = [
        "\n".join([*_wrapped(f"Notice from {organisation}"), *_wrapped(f"to {provider_name}")]),
        notice.headline,
        "\n".join(_facts(reference, at)),
        f"What it is about (clause {notice.clause})",
        "\n".join(_pointed(notice.points)),
        "What to do next",
        "\n".join(_pointed(notice.steps)),
    ]
    return "\n\n".join(sections) + "\n"


def _facts(reference: str, at: datetime) -> Iterator[str]:
    if reference:
        yield f"    Reference       {reference}"
    yield f"    At              {spoken(at)}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(visible(text), WIDTH, break_on_hyphens=False)


def _pointed(points: Iterable[str]) -> Iterator[str]:
    for point in points:
        yield from textwrap.wrap(
            visible(point),
            WIDTH,
            initial_indent="    * ",
            subsequent_indent="      ",
            break_on_hyphens=False,
        )
