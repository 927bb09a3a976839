"""The store of sealed files: one copy of each, as sealed by its sender, and session keys beside a few."""

from typing import NamedTuple


class Kept(NamedTuple):
    """The size and SHA-256 (hex) of a file as stored."""

    size: int
    sha256: str
