"""The store of sealed files: one copy of each, as sealed by its sender, and session keys beside a few."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kept:
    """The size and SHA-256 (hex) of a file as stored."""

    size: int
    sha256: str
