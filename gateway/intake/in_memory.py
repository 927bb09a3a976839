"""The part of an upload still in memory at its close, written directly to its landing place."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.intake.disk import Hasher, store


@dataclass(frozen=True, slots=True)
class InMemory:
    """The unwritten part of a file, or data for `hasher` alone if withheld."""

    chunks: Sequence[bytes]
    hasher: Hasher | None
    free_bytes: int

    def write_to(self, place: Path) -> str | None:
        """Write to an existing file; return the SHA-256 of withheld data. For a worker thread."""
        descriptor = os.open(place, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            store(None if self.hasher else descriptor, self.chunks, 0, self.hasher, self.free_bytes)
        finally:
            os.close(descriptor)
        return None if self.hasher is None else self.hasher.hexdigest()
