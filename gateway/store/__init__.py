"""The store of sealed files, each as its sender sealed it.

The gateway seals the session keys of some files anew, to a newer key of its own; the store keeps them beside
the files.
"""

from typing import NamedTuple


class Kept(NamedTuple):
    """The size and SHA-256 (hex) of a file as stored."""

    size: int
    sha256: str
