"""Receipts in two forms: text for people, to be clearsigned, and signed JSON for machines.

The JSON is an envelope around the receipt: the leaf of the log, the leaf's index and inclusion proof, the
signed checkpoint, an Ed25519 signature by the log's key over the receipt's canonical form, the log's key, and
the gateway's OpenPGP statement about the log's key. `verify_receipts.py` reads the JSON without the rest of
the package.
"""

import base64
import json
from collections.abc import Callable

from gateway.log.canonical import canonical
from gateway.receipts.facts import (
    Proof,
    ReceiptFacts,
    canonical_receipt,
    receipt_digest,
    receipt_object,
)
from gateway.receipts.text import render_text, statement_in, text_digest

__all__ = [
    "FORMAT",
    "Proof",
    "ReceiptFacts",
    "canonical_receipt",
    "envelope",
    "log_key_statement",
    "receipt_digest",
    "receipt_object",
    "render_json",
    "render_text",
    "stated_in",
    "text_digest",
]

FORMAT = "gateway-receipt/1"


def render_json(facts: ReceiptFacts, proof: Proof, sign: Callable[[bytes], bytes]) -> str:
    """Return the receipt for machines: receipt, proof, and the log key's signature.

    `sign` makes an Ed25519 signature (64 bytes) with the log key over the given bytes.
    """
    return envelope(canonical_receipt(facts), proof, sign)


def envelope(canonical: bytes, proof: Proof, sign: Callable[[bytes], bytes]) -> str:
    """Return the JSON around the `canonical` form of a receipt, one part on each line."""
    proof_parts = {
        "leaf": proof.leaf.decode(),
        "index": proof.index,
        "proof": [base64.b64encode(node).decode() for node in proof.hashes],
        "checkpoint": proof.checkpoint,
        "signature": base64.b64encode(sign(canonical)).decode(),
        "log_key": proof.log_key,
        "log_key_certificate": proof.log_key_certificate,
    }
    lines = [
        f'"format": "{FORMAT}"',
        f'"receipt": {canonical.decode()}',
        *(f'"{name}": {json.dumps(part, ensure_ascii=False)}' for name, part in proof_parts.items()),
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def stated_in(text: str, json_text: str) -> tuple[str, str]:
    """Return the statements of a receipt in both forms: the text above the proof, and canonical JSON.

    ValueError where either is not a receipt's.
    """
    read = json.loads(json_text)
    receipt = read.get("receipt") if isinstance(read, dict) else None
    if not isinstance(receipt, dict):
        raise ValueError("no receipt for machines")  # noqa: TRY004 - one error for one fault
    return statement_in(text), canonical(receipt).decode()


def log_key_statement(organisation: str, vkey: str) -> str:
    """Return the statement about the log's key, signed once by the gateway's OpenPGP key."""
    return f"The gateway of {organisation} signs its log and its receipts with this key:\n\nlog-key: {vkey}\n"
