"""Receipts of declared transfers by another method, past or future.

The receipt has two forms, text and JSON, and a proof in the log, like any receipt (see `text`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
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

_RECORDED = "It is recorded under the reference above."
_SAID = {
    "accepted": (
        "This transfer is ALLOWED.",
        "The agreement allows this data to go this way, with what was confirmed below.",
    ),
    "held": ("This transfer must WAIT.", "It may not go yet, for the reason below."),
    "refused": (
        "This transfer is NOT ALLOWED.",
        (
            "The agreement does not allow it, for the reason below. If it has gone all the same, tell your "
            "data protection lead."
        ),
    ),
}
"""Headline and meaning of each decision."""


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
    tell = partial(told, language=language)
    headline, meaning = _SAID[facts.state]
    details = {
        "Reference": facts.reference,
        "Declared": spoken(facts.declared_at),
        "Declared for": f"{facts.provider_name} ({facts.provider})",
        "Data": f"{facts.data_title} ({facts.data})",
        "Method": f"{facts.method_name} ({facts.method})",
        "Goes": spoken(facts.goes_at),
    }
    heading = filled(said["heading"].format(organisation=facts.organisation))
    yield "", f"{heading}\n{filled(said['to'].format(provider=facts.provider_name))}"
    yield "", tell(headline)
    yield "", "\n".join(field(tell(label), tell(value)) for label, value in details.items())
    yield tell("What it means"), paragraph(tell(f"{meaning} {_RECORDED}"))
    yield from reasons_told(reasons, said)
    yield tell("What was said of the data"), bullets(map(tell, facts.circumstances))
    yield tell("What was confirmed"), bullets(facts.safeguards)
