"""A key file that somebody names on the command line."""

from __future__ import annotations

from pathlib import Path

from gateway.errors import GatewayError

_KEY_FILE_BYTES = 1024**2


def read_key_file(file: Path) -> bytes:
    """The content of a key file. GatewayError where it cannot be read or is far too large for a key."""
    try:
        with file.open("rb") as opened:
            data = opened.read(_KEY_FILE_BYTES + 1)
    except OSError as error:
        raise GatewayError(f"{file} cannot be read: {error.strerror}") from None
    if len(data) > _KEY_FILE_BYTES:
        raise GatewayError(f"{file} is too large for a key")
    return data
