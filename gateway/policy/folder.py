"""Policy files as plain values, each read once."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache

_KEPT = 128
"""How many texts are remembered: those of a few folders. Versions share most of their files."""


@lru_cache(_KEPT)
def document(text: str) -> Mapping[str, object]:
    """A policy file as plain values, which nobody may change; tomllib.TOMLDecodeError where it is none."""
    return tomllib.loads(text)
