"""Write notices as text to be clearsigned: to providers, and to the authority's data protection officers.

Printable text of at most 74 columns, as for receipts.

A notice names staff, but neither a child nor a file name, which may be a child's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from gateway.model import LogStep, Reason
from gateway.policy.catalogue_schema import UNNAMED, Wording
from gateway.reasons.languages import Language, translate
from gateway.receipts.facts import in_language
from gateway.receipts.text import bullets, field, filled, notice_top, paragraph, spoken


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """The contents of a notice to a provider, in English.
    `told`, under the heading `about`: the news, as one paragraph, or as several points. `steps`: what to do
    next.
    """

    headline: str
    about: str = "What it means"
    told: str | tuple[str, ...]
    steps: tuple[str, ...]


def changed(points: tuple[str, ...], clause: str | None) -> Notice:
    """Return the notice that the agreement or Appendix A has changed; `points`: the changes, in words.
    `clause`: the clause that requires the notice, if any.
    """
    return Notice(
        headline="The data sharing agreement HAS CHANGED.",
        about=_about(clause),
        told=points,
        steps=(
            "Read the text in /agreement/agreement.txt.",
            "If you have a question, ring the local authority.",
        ),
    )


def opened(year: str, begins: str, clause: str | None) -> Notice:
    """Return the notice that the agreement for a school year, from the day `begins`, can be ratified."""
    return Notice(
        headline=f"The data sharing agreement for {year} is READY to be ratified.",
        about=_about(clause),
        told=(
            f"The school year {year} begins on {begins}.",
            "A ratification of the year before does not count for it.",
        ),
        steps=(
            "Read the text in /agreement/agreement.txt.",
            "Sign that text with your OpenPGP key and put the signed copy into /agreement,",
            "or tell the local authority who signed for your school, and on which day.",
        ),
    )


def _about(clause: str | None) -> str:
    return "What it is about" if clause is None else f"What it is about (clause {clause})"


def render(
    notice: Notice,
    *,
    organisation: str,
    provider_name: str,
    reference: str,
    at: datetime,
    languages: Sequence[Language] = ("en",),
    details: Sequence[tuple[str, Sequence[str]]] = (),
) -> str:
    """Format the notice as text, once in each language. Ends in a newline.
    `details`: further labels, each with the parts of a value, which are translated one by one.
    """
    sections: list[str] = []
    for language in languages:
        tell = partial(translate, language=language)
        facts = [*([("Reference", reference)] if reference else []), ("At", tell(spoken(at)))]
        facts += [(label, ", ".join(map(tell, parts))) for label, parts in details]
        told = notice.told
        sections += [
            *notice_top(notice.headline, organisation, provider_name, facts, language),
            tell(notice.about),
            paragraph(tell(told)) if isinstance(told, str) else bullets(map(tell, told)),
            tell("What to do next"),
            bullets(map(tell, notice.steps)),
        ]
    return "\n\n".join(sections) + "\n"


def render_authority_notice(
    *,
    headline: str,
    organisation: str,
    reference: str,
    provider_name: str,
    data_type: str,
    made_at: datetime,
    by: str,
    why: str,
    openings: Sequence[LogStep] = (),
    copies: Sequence[str] = (),
    next_step: str = "",
) -> str:
    """Format the notice to data protection about one file as text. Ends in a newline.
    `by` and `why`: the person whose act the notice is about, and the person's reason. `openings`: the log's
    steps by which the file was opened. `copies`: the providers with a copy in /out.
    """
    opened_by = [
        paragraph(f"{spoken(one.at)}: {one.by or ''}" + (f", for {one.team}" if one.team else ""))
        for one in openings
    ] or [paragraph("Nobody.")]
    if copies:
        opened_by.append(paragraph(f"A copy lay in the /out of: {', '.join(copies)}."))
    details = {
        "Reference": reference,
        "Sent by": provider_name,
        "Kind of data": data_type or "not recognised",
        "At": spoken(made_at),
        "By": by,
        "Why": why,
    }
    sections = [
        filled(f"Notice of {organisation} to its data protection officers"),
        filled(headline),
        "\n".join(field(label, value) for label, value in details.items()),
        "Who had opened it",
        "\n".join(opened_by),
        "What to do next",
        paragraph(next_step),
    ]
    return "\n\n".join(sections) + "\n"


_SHOWN = 500


def render_notice(
    *,
    reference: str,
    provider_name: str,
    organisation: str,
    made_at: datetime,
    points: Sequence[tuple[int, Reason]],
    wording: Wording = UNNAMED,
) -> str:
    """Format a notice about discrepancies as text, once in each language. Ends in a newline.
    `points`: the number of each discrepancy, and the sentence about the discrepancy. At most 500
    discrepancies are listed; of further discrepancies, the notice only says how many there are.
    """
    cited = list(dict.fromkeys(notice.clause for _, notice in points))
    clauses = f"clause {cited[0]}" if len(cited) == 1 else f"clauses {', '.join(cited[:-1])} and {cited[-1]}"
    meaning = (
        f"Under {clauses} of the agreement you and the local authority put such things right together. No "
        "child is named here: each point says where to look in a file of yours."
    )
    headline = "Something in your data DOES NOT FIT the data of another school."
    more = len(points) - _SHOWN
    sections: list[str] = []
    for language in wording.languages:
        tell = partial(translate, language=language)
        details = (("Reference", reference), ("At", tell(spoken(made_at))))
        sections += notice_top(headline, organisation, provider_name, details, language)
        sections += [tell("What it means"), paragraph(tell(meaning)), tell("What to do next")]
        for number, notice in points[:_SHOWN]:
            said = in_language(notice, language, wording)
            lines = (f"{said.sentence} ({tell('clause')} {notice.clause})", said.next_step)
            title = f"    {tell(f'Discrepancy {number}')}"
            sections.append("\n".join([title, *(filled(line, "      ", "      ") for line in lines)]))
        if more > 0:
            sections.append(paragraph(tell(f"There are {more} more. Ask the local authority for the list.")))
    return "\n\n".join(sections) + "\n"
