"""The files that make up a folder of policies, and their digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

COVERED = frozenset({".toml", ".txt"})
"""How the names of policy files end."""


def policy_files(policies: Path) -> Iterator[Path]:
    """Every file that makes up the policies, by name: *.toml and *.txt."""
    return iter(sorted(path for path in policies.iterdir() if path.suffix in COVERED))


def policy_digest(policies: Path) -> str:
    """SHA-256 over the names and contents of all policy files."""
    digest = hashlib.sha256()
    for path in policy_files(policies):
        content = path.read_bytes()
        digest.update(f"{path.name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()
