"""Which held files few people may look at."""

from __future__ import annotations

from gateway.model import Transfer

SENSITIVE = ("policy:sensitive", "open:malware")
"""Reasons for a hold for which few people may look at a file."""


def is_sensitive(transfer: Transfer) -> bool:
    """Whether few people may look at a file while it is held."""
    return any(why.code in SENSITIVE for why in transfer.reasons)
