"""The receipt of a declared transfer: one that went, or will go, another way than through the gateway.

It has the two forms of any receipt, and hangs on the log in the same way (see `receipt`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gateway.log.canonical import canonical
from gateway.log.leaf import rfc3339
from gateway.model import Reason
from gateway.receipts.facts import Proof
from gateway.receipts.layout import bullets, field, paragraph, proof_lines, section, spoken, wrapped
from gateway.receipts.phrases import PHRASES
from gateway.receipts.receipt import envelope
from gateway.receipts.text import next_steps, reasons_told

_HEADLINES = {
    "accepted": "This transfer is ALLOWED.",
    "held": "This transfer must WAIT.",
    "refused": "This transfer is NOT ALLOWED.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclarationFacts:
    """What the receipt of a declaration states, in words of ours alone.

    `data` is a data type, a flow or a material, `method` one of the agreement's ways.
    `goes_at` is when it went or will go; `safeguards` and `circumstances` are what was confirmed, in words.
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


def declaration_object(facts: DeclarationFacts) -> dict[str, object]:
    """The declaration as JSON values."""
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
    """The declaration in the canonical form (RFC 8785) that is signed and hashed."""
    return canonical(declaration_object(facts))


def declaration_digest(facts: DeclarationFacts) -> str:
    """The SHA-256 that the log's leaf holds in its field `receipt`."""
    return hashlib.sha256(canonical_declaration(facts)).hexdigest()


def declaration_text_digest(facts: DeclarationFacts) -> str:
    """The SHA-256 of the wording, which the leaf holds in its field `text`."""
    return hashlib.sha256(_statement(facts).encode()).hexdigest()


def render_declaration_json(facts: DeclarationFacts, proof: Proof, sign: Callable[[bytes], bytes]) -> str:
    """The receipt for machines; `sign` makes an Ed25519 signature with the log key."""
    return envelope(canonical_declaration(facts), proof, sign)


def render_declaration_text(facts: DeclarationFacts, proof: Proof) -> str:
    """The receipt for people, to be clearsigned. Ends in a newline."""
    return f"{_statement(facts)}\n\n{section('Proof', proof_lines(declaration_digest(facts), proof))}\n"


def _statement(facts: DeclarationFacts) -> str:
    sections = [
        "\n".join([*wrapped(f"Receipt from {facts.organisation}"), *wrapped(f"to {facts.provider_name}")]),
        _HEADLINES[facts.state],
        "\n".join(_details(facts)),
        section("What it means", paragraph(_meaning(facts))),
        section("Why", reasons_told(facts.reasons, PHRASES["en"])),
        section("What to do next", next_steps(facts.reasons, PHRASES["en"])),
        section("What was said of the data", bullets(facts.circumstances)),
        section("What was confirmed", bullets(facts.safeguards)),
    ]
    text = "\n\n".join(each for each in sections if each)
    return "\n".join(line.rstrip() for line in text.split("\n"))


def _details(facts: DeclarationFacts) -> list[str]:
    return [
        field("Reference", facts.reference),
        field("Declared", spoken(facts.declared_at)),
        field("Declared for", f"{facts.provider_name} ({facts.provider})"),
        field("Data", f"{facts.data_title} ({facts.data})"),
        field("Method", f"{facts.method_name} ({facts.method})"),
        field("Goes", spoken(facts.goes_at)),
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
