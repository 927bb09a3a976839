"""Closed sets of words: states, levels, kinds of finding. Data types are data: policies/data_types.toml."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

Folder = Literal["in", "keys", "agreement"]
ProviderKind = str
"""The id of a kind of provider: which there are, and what each may, bodies.toml says."""
LooksLike = Literal["", "public", "secret-key", "other-encryption", "unknown"]
Level = Literal["certain", "strong", "moderate"]
Late = Literal["renewed", "vouched"]
Severity = Literal["error", "query"]
ValueKind = Literal[
    "nothing",
    "flags",
    "dates",
    "times",
    "numbers",
    "grades",
    "codes",
    "identifiers",
    "contact details",
    "names",
    "words",
    "free text",
    "mixed",
]
FileKeyKind = Literal["ssh", "openpgp"]
"""Keys that come as a file, from their owner."""
KeyKind = FileKeyKind | Literal["passkey", "openid"]
Outcome = Literal["accepted", "held", "refused"]
State = Literal["landed"] | Outcome
WaitsFor = Literal["date", "ratification", "key", "approval", "person"]
"""What ends a hold: a key is renewed or approved; `approval` is that of a key which was dropped."""


class GatewayKeyKind(StrEnum):
    """What a key of the gateway is made of: RSA is for senders whose program knows no Curve25519."""

    CURVE25519 = "curve25519"
    RSA4096 = "rsa4096"
