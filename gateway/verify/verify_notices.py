"""Verify signed texts of the gateway other than receipts: notices, deletion certificates, statements on its
keys.

These texts carry no proof from the log: only the signature of the gateway's key is proved.
"""

from __future__ import annotations

import re

from gateway.log.leaf import rfc3339
from gateway.model import Signature

_NOTICE = "(?:Notice from|Hysbysiad gan)"
# Recognised by the beginning of the text, where nothing is chosen by a sender.
_KINDS = (
    (
        rf"{_NOTICE} [^\n]*(?:\n[^\n]+)*\n\n(?:Something in your data DOES NOT FIT|NID YW rhywbeth yn eich)",
        "a notice about pupils' records",
    ),
    (rf"{_NOTICE} [^\n]*\n", "a notice about a key"),
    (r"Certificate of deletion, ", "a certificate of deletion"),
    (r"The gateway of [^\n]* has a new OpenPGP key since ", "the old key's word on the gateway's new key"),
    (r"The gateway of [^\n]* shows these SSH host keys, as of ", "the list of the gateway's SSH host keys"),
)
_REFERENCE = re.compile(r"^    Reference +(\S+)$", re.MULTILINE)


def kind_of(text: str) -> str | None:
    """Return the kind of a signed text in words; None for a receipt and for unknown texts."""
    return next((kind for pattern, kind in _KINDS if re.match(pattern, text)), None)


def report_notice(kind: str, text: str, signature: Signature) -> list[str]:
    """Return lines on what such a text with a good signature proves, and what not."""
    found = _REFERENCE.search(text)
    return [
        f"genuine: {kind}{f', {found[1]}' if found else ''}",
        signed_line(signature),
        "  not proved: that it was the gateway's last word on the matter, or stands in the log (only",
        "    receipts carry a proof of that); that the clock was right",
    ]


def signed_line(signature: Signature) -> str:
    """Return a line stating the gateway's key behind `signature`."""
    at = rfc3339(signature.created_at)
    return f"  proved: the gateway's OpenPGP key {signature.signing_key} signed this text (dated {at})"
