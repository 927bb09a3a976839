"""Compute one digest over the static files of the page on which schools send by browser."""

import hashlib
from pathlib import Path

STATIC = Path(__file__).parent / "static"


def digest() -> str:
    """Return the SHA-256 over the names and contents of all static files, in lower-case hexadecimal."""
    told = hashlib.sha256()
    for path in sorted(STATIC.iterdir()):
        told.update(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return told.hexdigest()
