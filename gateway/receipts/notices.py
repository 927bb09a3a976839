"""Notices as text to be clearsigned: to providers, and to the authority's data protection officers.

Printable text of at most 74 columns, as for receipts.

A notice names staff, but neither a child nor a file name, which may be a child's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from gateway.model import Reason
from gateway.policy.catalogue_schema import UNNAMED, Wording
from gateway.reasons.languages import Language, told
from gateway.receipts.facts import in_language
from gateway.receipts.text import bullets, field, filled, notice_top, paragraph, spoken


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementNotice:
    """The contents of a notice about the agreement.

    `points` are the changes, `steps` what to do next, `clause` the clause that requires the notice.
    """

    headline: str
    clause: str | None
    points: tuple[str, ...]
    steps: tuple[str, ...]


def changed(points: tuple[str, ...], clause: str | None) -> AgreementNotice:
    """Return the notice that the agreement or Appendix A has changed; `points` say each change."""
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
    """Return the notice that the agreement for a school year, from the day `begins`, can be ratified."""
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
    sections: list[str] = []
    for language in languages:
        tell = partial(told, language=language)
        facts = [*([("Reference", reference)] if reference else []), ("At", tell(spoken(at)))]
        sections += notice_top(notice.headline, organisation, provider_name, facts, language)
        sections += [tell(about), bullets(map(tell, notice.points))]
        sections += [tell("What to do next"), bullets(map(tell, notice.steps))]
    return "\n\n".join(sections) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityFacts:
    """The facts of a notice to data protection about one file.

    `openings` says when, who and for which team ("" outside a mailbox) the file was opened. `copies` are the
    providers with a copy of the file in /out.
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
    openings = [
        paragraph(f"{spoken(at)}: {who}" + (f", for {team}" if team else ""))
        for at, who, team in facts.openings
    ] or [paragraph("Nobody.")]
    if facts.copies:
        openings.append(paragraph(f"A copy lay in the /out of: {', '.join(facts.copies)}."))
    details = {
        "Reference": facts.reference,
        "Sent by": facts.provider_name,
        "Kind of data": facts.data_type or "not recognised",
        "At": spoken(facts.made_at),
        "By": facts.by,
        "Why": facts.why,
    }
    sections = [
        filled(f"Notice of {facts.organisation} to its data protection officers"),
        filled(facts.headline),
        "\n".join(field(label, value) for label, value in details.items()),
        "Who had opened it",
        "\n".join(openings),
        "What to do next",
        paragraph(facts.next_step),
    ]
    return "\n\n".join(sections) + "\n"


_SHOWN = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeFacts:
    """The facts of a notice about discrepancies. `points` holds each one's number, and its statement."""

    reference: str
    provider_name: str
    organisation: str
    made_at: datetime
    points: tuple[tuple[int, Reason], ...]
    wording: Wording = UNNAMED


def render_notice(facts: NoticeFacts) -> str:
    """Format the notice about discrepancies as text, once in each language. Ends in a newline.

    Lists at most 500 discrepancies and says how many more there are.
    """
    cited = list(dict.fromkeys(notice.clause for _, notice in facts.points))
    clauses = f"clause {cited[0]}" if len(cited) == 1 else f"clauses {', '.join(cited[:-1])} and {cited[-1]}"
    meaning = (
        f"Under {clauses} of the agreement you and the local authority put such things right together. No "
        "child is named here: each point says where to look in a file of yours."
    )
    headline = "Something in your data DOES NOT FIT the data of another school."
    more = len(facts.points) - _SHOWN
    sections: list[str] = []
    for language in facts.wording.languages:
        tell = partial(told, language=language)
        details = (("Reference", facts.reference), ("At", tell(spoken(facts.made_at))))
        sections += notice_top(headline, facts.organisation, facts.provider_name, details, language)
        sections += [tell("What it means"), paragraph(tell(meaning)), tell("What to do next")]
        for number, notice in facts.points[:_SHOWN]:
            said = in_language(notice, language, facts.wording)
            lines = (f"{said.sentence} ({tell('clause')} {notice.clause})", said.next_step)
            title = f"    {tell(f'Discrepancy {number}')}"
            sections.append("\n".join([title, *(filled(line, "      ", "      ") for line in lines)]))
        if more > 0:
            sections.append(paragraph(tell(f"There are {more} more. Ask the local authority for the list.")))
    return "\n\n".join(sections) + "\n"
