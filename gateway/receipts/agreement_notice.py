"""A notice to education providers about the agreement, as text to be clearsigned.

Printable text of at most 74 columns, as for receipts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.reasons.languages import Language, told
from gateway.receipts.layout import bullets, field, spoken, wrapped


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementNotice:
    """The contents of a notice:

    a headline, the changes, the steps to take, and the clause requiring notice.
    """

    headline: str
    clause: str | None
    points: tuple[str, ...]
    steps: tuple[str, ...]


def changed(points: tuple[str, ...], clause: str | None) -> AgreementNotice:
    """Return the notice of a changed agreement or Appendix A."""
    return AgreementNotice(
        headline="The data sharing agreement HAS CHANGED.",
        clause=clause,
        points=points,
        steps=(
            "Read the text in /agreement/agreement.txt.",
            "If you have a question, ring the local authority.",
        ),
    )


def opened(year: str, begins: str, clause: str | None) -> AgreementNotice:
    """Return the notice of an agreement ready to be ratified for an academic year."""
    return AgreementNotice(
        headline=f"The data sharing agreement for {year} is READY to be ratified.",
        clause=clause,
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
    notice: AgreementNotice,
    *,
    organisation: str,
    provider_name: str,
    reference: str,
    at: datetime,
    languages: Sequence[Language] = ("en",),
) -> str:
    """Return the notice as text, once in each language. Ends in a newline."""
    about = "What it is about" if notice.clause is None else f"What it is about (clause {notice.clause})"
    sections = [
        section
        for language in languages
        for section in (
            "\n".join(
                [
                    *wrapped(told(f"Notice from {organisation}", language)),
                    *wrapped(told(f"to {provider_name}", language)),
                ]
            ),
            "\n".join(wrapped(told(notice.headline, language))),
            "\n".join(_facts(reference, at, language)),
            told(about, language),
            bullets(told(point, language) for point in notice.points),
            told("What to do next", language),
            bullets(told(step, language) for step in notice.steps),
        )
    ]
    return "\n\n".join(sections) + "\n"


def _facts(reference: str, at: datetime, language: Language) -> Iterator[str]:
    if reference:
        yield field(told("Reference", language), reference)
    yield field(told("At", language), told(spoken(at), language))
