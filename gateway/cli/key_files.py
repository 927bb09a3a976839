"""Read files named on the command line, such as keys, up to a maximum size."""

from pathlib import Path

from gateway.errors import GatewayError

_KEY_FILE_BYTES = 1024**2


def read_key_file(file: Path) -> bytes:
    """Read a key file. GatewayError if unreadable or far too large for a key."""
    return read_at_most(file, _KEY_FILE_BYTES, "a key")


def read_at_most(file: Path, most: int, what: str) -> bytes:
    """Read a file of at most `most` octets. GatewayError if unreadable or larger."""
    try:
        with file.open("rb") as opened:
            data = opened.read(most + 1)
    except OSError as error:
        raise GatewayError(f"{file} cannot be read: {error.strerror}") from None
    if len(data) > most:
        raise GatewayError(f"{file} is too large for {what}")
    return data
