"""Policy files as plain values, each read once."""

import tomllib
from collections.abc import Mapping
from functools import lru_cache

_KEPT = 128
"""The number of cached texts, enough for a few folders. Versions share most of their files."""


@lru_cache(_KEPT)
def document(text: str) -> Mapping[str, object]:
    """Return a policy file as plain read-only values; raise tomllib.TOMLDecodeError if invalid."""
    return tomllib.loads(text)
