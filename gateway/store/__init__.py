"""The store of sealed files, each as sealed by its sender.

Some files have a session key beside, sealed anew to a newer key of the gateway.
"""

from typing import NamedTuple


class Kept(NamedTuple):
    """The size and SHA-256 (hex) of a file as stored."""

    size: int
    sha256: str
