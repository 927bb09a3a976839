"""Receipts of declared transfers by another method, past or future.

The receipt has two forms, text and JSON, and a proof in the log, like any receipt (see `text`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gateway.log.leaf import rfc3339
from gateway.model import Reason
from gateway.policy.catalogue_schema import UNNAMED, Wording
from gateway.reasons.languages import Language, phrases_of_receipts, told
from gateway.receipts.facts import in_language
from gateway.receipts.text import (
    Statement,
    bullets,
    field,
    filled,
    paragraph,
    reasons_told,
    spoken,
)

_HEADLINES = {
    "accepted": "This transfer is ALLOWED.",
    "held": "This transfer must WAIT.",
    "refused": "This transfer is NOT ALLOWED.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclarationFacts:
    """The facts of a declaration's receipt, in the gateway's own words.

    `data` is a data type, a flow or a material, `method` a method of the agreement. `goes_at` is the time of
    the transfer; `safeguards` and `circumstances` are the confirmed ones, in words.
    """

    reference: str
    provider: str
    provider_name: str
    organisation: str
    state: Literal["accepted", "held", "refused"]
    declared_at: datetime
    goes_at: datetime
    method: str
    method_name: str
    data: str
    data_title: str
    flow: str | None
    safeguards: tuple[str, ...]
    circumstances: tuple[str, ...]
    reasons: tuple[Reason, ...]
    wording: Wording = UNNAMED


def stated_declaration(facts: DeclarationFacts) -> Statement:
    """Return the statement of a declaration's receipt."""
    languages = facts.wording.languages
    sections = (part for language in languages for part in _told_in(language, facts))
    values = {
        "reference": facts.reference,
        "provider": facts.provider,
        "provider_name": facts.provider_name,
        "organisation": facts.organisation,
        "stage": "declared",
        "state": facts.state,
        "declared_at": rfc3339(facts.declared_at),
        "goes_at": rfc3339(facts.goes_at),
        "method": facts.method,
        "data": facts.data,
        "flow": facts.flow,
        "safeguards": list(facts.safeguards),
        "circumstances": list(facts.circumstances),
        "reasons": [
            {"code": r.code, "clause": r.clause, "sentence": r.sentence, "next_step": r.next_step}
            for r in facts.reasons
        ],
    }
    return Statement.of(values, sections, languages)


def _told_in(language: Language, facts: DeclarationFacts) -> Iterator[tuple[str, str]]:
    """Yield title and text of each section of the receipt, in one language."""
    said = phrases_of_receipts(language)
    reasons = [in_language(one, language, facts.wording) for one in facts.reasons]
    heading = (
        said["heading"].format(organisation=facts.organisation),
        said["to"].format(provider=facts.provider_name),
    )
    yield "", "\n".join(map(filled, heading))
    yield "", told(_HEADLINES[facts.state], language)
    lines = (field(told(label, language), told(value, language)) for label, value in _details(facts))
    yield "", "\n".join(lines)
    yield told("What it means", language), paragraph(told(_meaning(facts), language))
    yield from reasons_told(reasons, said)
    said_of_it = bullets(told(each, language) for each in facts.circumstances)
    yield told("What was said of the data", language), said_of_it
    yield told("What was confirmed", language), bullets(facts.safeguards)


def _details(facts: DeclarationFacts) -> list[tuple[str, str]]:
    return [
        ("Reference", facts.reference),
        ("Declared", spoken(facts.declared_at)),
        ("Declared for", f"{facts.provider_name} ({facts.provider})"),
        ("Data", f"{facts.data_title} ({facts.data})"),
        ("Method", f"{facts.method_name} ({facts.method})"),
        ("Goes", spoken(facts.goes_at)),
    ]


def _meaning(facts: DeclarationFacts) -> str:
    recorded = "It is recorded under the reference above."
    if facts.state == "accepted":
        return f"The agreement allows this data to go this way, with what was confirmed below. {recorded}"
    if facts.state == "held":
        return f"It may not go yet, for the reason below. {recorded}"
    return (
        "The agreement does not allow it, for the reason below. If it has gone all the same, tell your data "
        f"protection lead. {recorded}"
    )
