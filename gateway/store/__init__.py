"""The store of sealed files, each as sealed by its sender, and of the resealed session keys of some."""

from typing import NamedTuple


class Kept(NamedTuple):
    """The size and SHA-256 (hex) of a file as stored."""

    size: int
    sha256: str
