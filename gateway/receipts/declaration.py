"""The receipt of a declared transfer by another method, past or future.

The receipt has the two forms of any receipt, and the same proof in the log (see `receipt`).
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gateway.log.leaf import canonical, rfc3339
from gateway.model import Reason
from gateway.policy.catalogue_schema import UNNAMED, Wording
from gateway.reasons.languages import Language, told
from gateway.receipts.facts import Proof, envelope, in_language
from gateway.receipts.text import (
    bullets,
    field,
    next_steps,
    paragraph,
    phrases_in,
    proof_lines,
    reasons_told,
    section,
    spoken,
    wrapped,
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


def declaration_object(facts: DeclarationFacts) -> dict[str, object]:
    """Return the declaration as JSON values."""
    return {
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


def canonical_declaration(facts: DeclarationFacts) -> bytes:
    """Return the canonical form (RFC 8785) of a declaration, signed and hashed."""
    return canonical(declaration_object(facts))


def declaration_digest(facts: DeclarationFacts) -> str:
    """Return the SHA-256 in the field `receipt` of the log's leaf."""
    return hashlib.sha256(canonical_declaration(facts)).hexdigest()


def declaration_text_digest(facts: DeclarationFacts) -> str:
    """Return the SHA-256 of the wording, in the field `text` of the log's leaf."""
    return hashlib.sha256(_statement(facts).encode()).hexdigest()


def render_declaration_json(facts: DeclarationFacts, proof: Proof, sign: Callable[[bytes], bytes]) -> str:
    """Return the receipt for machines; `sign` makes an Ed25519 signature with the log key."""
    return envelope(canonical_declaration(facts), proof, sign)


def render_declaration_text(facts: DeclarationFacts, proof: Proof) -> str:
    """Return the receipt for people, to be clearsigned. Ends in a newline."""
    proved = proof_lines(declaration_digest(facts), proof, facts.wording.languages)
    return f"{_statement(facts)}\n\n{section('Proof', proved)}\n"


def _statement(facts: DeclarationFacts) -> str:
    sections = [part for language in facts.wording.languages for part in _told_in(language, facts)]
    text = "\n\n".join(each for each in sections if each)
    return "\n".join(line.rstrip() for line in text.split("\n"))


def _told_in(language: Language, facts: DeclarationFacts) -> Iterator[str]:
    """Yield the receipt in one language, section by section, with the policies' own names."""
    said = phrases_in(language)
    reasons = [in_language(one, language, facts.wording) for one in facts.reasons]
    heading = (
        said.heading.format(organisation=facts.organisation),
        said.to.format(provider=facts.provider_name),
    )
    yield "\n".join(line for text in heading for line in wrapped(text))
    yield told(_HEADLINES[facts.state], language)
    yield "\n".join(field(told(label, language), told(value, language)) for label, value in _details(facts))
    yield section(told("What it means", language), paragraph(told(_meaning(facts), language)))
    yield section(said.why, reasons_told(reasons, said))
    yield section(said.next, next_steps(reasons, said))
    yield section(
        told("What was said of the data", language),
        bullets(told(each, language) for each in facts.circumstances),
    )
    yield section(told("What was confirmed", language), bullets(facts.safeguards))


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
