"""The files that make up a folder of policies, and their digest."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

_KEPT = 128
"""How many texts are remembered: those of a few folders. Versions share most of their files."""


@lru_cache(_KEPT)
def document(text: str) -> Mapping[str, object]:
    """A policy file as plain values, which nobody may change; tomllib.TOMLDecodeError where it is none."""
    return tomllib.loads(text)


def policy_files(policies: Path) -> Iterator[Path]:
    """Every file that makes up the policies, by name: *.toml and *.txt."""
    return iter(sorted(path for path in policies.iterdir() if path.suffix in {".toml", ".txt"}))


def policy_digest(policies: Path) -> str:
    """SHA-256 over the names and contents of all policy files."""
    digest = hashlib.sha256()
    for path in policy_files(policies):
        content = path.read_bytes()
        digest.update(f"{path.name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()
