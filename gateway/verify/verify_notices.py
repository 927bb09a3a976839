"""Texts that the gateway signs and that are no receipts: notices, certificates of deletion, word on its keys.

They carry no proof from the log: that the gateway's key signed them is all that they show.
"""

from __future__ import annotations

import re

from gateway.log.leaf import rfc3339
from gateway.model import Signature

_NOTICE = "(?:Notice from|Hysbysiad gan)"
# By how the text begins: nothing that a sender chose stands there.
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
    """What a text is that the gateway signed, in words; None for a receipt, and for what is not known."""
    return next((kind for pattern, kind in _KINDS if re.match(pattern, text)), None)


def report_notice(kind: str, text: str, signature: Signature) -> list[str]:
    """What is proved by such a text whose signature is good, and what is not."""
    found = _REFERENCE.search(text)
    return [
        f"genuine: {kind}{f', {found[1]}' if found else ''}",
        signed_line(signature),
        "  not proved: that it was the gateway's last word on the matter, or stands in the log (only",
        "    receipts carry a proof of that); that the clock was right",
    ]


def signed_line(signature: Signature) -> str:
    """That the gateway's key made `signature`, in words."""
    at = rfc3339(signature.created_at)
    return f"  proved: the gateway's OpenPGP key {signature.signing_key} signed this text (dated {at})"
