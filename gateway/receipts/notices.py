"""Notices as text to be clearsigned: to providers, and to the authority's data protection officers.

Printable text of at most 74 columns, as for receipts.

A notice names staff, but neither a child nor a file name, which may be a child's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.model import Reason
from gateway.policy.catalogue_schema import UNNAMED, Wording
from gateway.reasons.languages import Language, told
from gateway.receipts.facts import in_language
from gateway.receipts.text import bullets, field, filled, notice_heading, paragraph, spoken


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementNotice:
    """The contents of a notice about the agreement.

    A headline, the changes, the steps to take, and the clause requiring notice.
    """

    headline: str
    clause: str | None
    points: tuple[str, ...]
    steps: tuple[str, ...]


def changed(points: tuple[str, ...], clause: str | None) -> AgreementNotice:
    """Return the notice on changes of the agreement or of Appendix A."""
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
    """Return the notice that an agreement can be ratified for an academic year."""
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
    """Format the notice as text, once in each language. Ends in a newline."""
    about = "What it is about" if notice.clause is None else f"What it is about (clause {notice.clause})"
    sections = [
        section
        for language in languages
        for section in (
            notice_heading(organisation, provider_name, language),
            filled(told(notice.headline, language)),
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


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityFacts:
    """The facts of a notice to data protection. `openings`: moment, person, team ("" if in no mailbox).

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
    """Format the notice to data protection as text. Ends in a newline."""
    sections = [
        filled(f"Notice of {facts.organisation} to its data protection officers"),
        filled(facts.headline),
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


_SHOWN = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeFacts:
    """The facts of a notice about discrepancies. `points`: the number and the statement of each."""

    reference: str
    provider_name: str
    organisation: str
    made_at: datetime
    points: tuple[tuple[int, Reason], ...]
    wording: Wording = UNNAMED


def render_notice(facts: NoticeFacts) -> str:
    """Format the notice about discrepancies as text, once in each language. Ends in a newline.

    Lists at most 500 discrepancies, and the number of further ones.
    """
    sections = [part for language in facts.wording.languages for part in _sections(facts, language)]
    return "\n\n".join(sections) + "\n"


def _sections(facts: NoticeFacts, language: Language) -> Iterator[str]:
    heading = (f"Notice from {facts.organisation}", f"to {facts.provider_name}")
    yield "\n".join(filled(told(line, language)) for line in heading)
    yield filled(told("Something in your data DOES NOT FIT the data of another school.", language))
    yield "\n".join(
        [
            field(told("Reference", language), facts.reference),
            field(told("At", language), told(spoken(facts.made_at), language)),
        ]
    )
    yield told("What it means", language)
    meaning = (
        f"Under {_clauses(facts)} of the agreement you and the local authority put such things right "
        "together. No child is named here: each point says where to look in a file of yours."
    )
    yield paragraph(told(meaning, language))
    yield told("What to do next", language)
    for number, notice in facts.points[:_SHOWN]:
        yield _point(number, notice, language, facts.wording)
    more = len(facts.points) - _SHOWN
    if more > 0:
        yield paragraph(told(f"There are {more} more. Ask the local authority for the list.", language))


def _clauses(facts: NoticeFacts) -> str:
    """Return the clauses cited by the points of a notice, each once."""
    found = list(dict.fromkeys(notice.clause for _, notice in facts.points))
    return f"clause {found[0]}" if len(found) == 1 else f"clauses {', '.join(found[:-1])} and {found[-1]}"


def _point(number: int, notice: Reason, language: Language, wording: Wording) -> str:
    said = in_language(notice, language, wording)
    lines = (f"{said.sentence} ({told('clause', language)} {notice.clause})", said.next_step)
    title = f"    {told(f'Discrepancy {number}', language)}"
    return "\n".join([title, *(filled(line, "      ", "      ") for line in lines)])
