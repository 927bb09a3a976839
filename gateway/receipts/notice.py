"""A notice to a provider about the provider's own records, as text to be clearsigned.

Printable text of at most 74 columns, as for receipts, naming no child.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from gateway.model import Reason
from gateway.policy.catalogue_schema import UNNAMED, Wording
from gateway.policy.discrepancies import DiscrepancyNotice
from gateway.reasons.languages import Language, told
from gateway.receipts.facts import in_language
from gateway.receipts.layout import field, spoken, wrapped

_SHOWN = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeFacts:
    """The facts of one notice. `points` are the discrepancies by number, with the statement on each."""

    reference: str
    provider_name: str
    organisation: str
    made_at: datetime
    points: tuple[tuple[int, DiscrepancyNotice], ...]
    wording: Wording = UNNAMED


def render_notice(facts: NoticeFacts) -> str:
    """Return the notice as text, once in each language. Ends in a newline.

    Lists at most 500 discrepancies, and the number of further ones.
    """
    sections = [part for language in facts.wording.languages for part in _sections(facts, language)]
    return "\n\n".join(sections) + "\n"


def _sections(facts: NoticeFacts, language: Language) -> Iterator[str]:
    heading = (f"Notice from {facts.organisation}", f"to {facts.provider_name}")
    yield "\n".join(_wrapped(told(line, language)) for line in heading)
    yield _wrapped(told("Something in your data DOES NOT FIT the data of another school.", language))
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
    yield _wrapped(told(meaning, language), "    ")
    yield told("What to do next", language)
    for number, notice in facts.points[:_SHOWN]:
        yield _point(number, notice, language, facts.wording)
    more = len(facts.points) - _SHOWN
    if more > 0:
        yield _wrapped(
            told(f"There are {more} more. Ask the local authority for the list.", language), "    "
        )


def _clauses(facts: NoticeFacts) -> str:
    """Return the clauses behind the points, each once."""
    found = list(dict.fromkeys(notice.clause for _, notice in facts.points))
    return f"clause {found[0]}" if len(found) == 1 else f"clauses {', '.join(found[:-1])} and {found[-1]}"


def _point(number: int, notice: DiscrepancyNotice, language: Language, wording: Wording) -> str:
    plain = Reason(
        code=notice.code, clause=notice.clause, sentence=notice.sentence, next_step=notice.next_step
    )
    said = in_language(plain, language, wording)
    lines = (f"{said.sentence} ({told('clause', language)} {notice.clause})", said.next_step)
    title = f"    {told(f'Discrepancy {number}', language)}"
    return "\n".join([title, *(_wrapped(line, "      ") for line in lines)])


def _wrapped(text: str, indent: str = "") -> str:
    return "\n".join(wrapped(text, indent))
