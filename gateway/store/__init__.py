"""The store of sealed files, each as sealed by its sender, and of the resealed session keys of some.

A session key opens one file. If the gateway has a newer OpenPGP key, it can seal the session key anew to that
key.
"""

from typing import NamedTuple


class Kept(NamedTuple):
    """The size and SHA-256 (hex) of a file as stored."""

    size: int
    sha256: str
