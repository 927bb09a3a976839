"""Closed sets of words: states, levels, kinds of finding. Data types are data: policies/data_types.toml."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

Folder = Literal["in", "keys", "agreement"]
ProviderKind = str
"""Id of a kind of provider, as listed with its rights in bodies.toml."""
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
"""Keys sent as a file by their owner."""
KeyKind = FileKeyKind | Literal["passkey", "openid"]
Outcome = Literal["accepted", "held", "refused"]
State = Literal["landed"] | Outcome
WaitsFor = Literal["date", "ratification", "key", "approval", "person"]
"""Event ending a hold: a key renewed or approved; `approval` is of a dropped key."""


class GatewayKeyKind(StrEnum):
    """Algorithm of a gateway key: RSA is for senders whose program lacks Curve25519."""

    CURVE25519 = "curve25519"
    RSA4096 = "rsa4096"
