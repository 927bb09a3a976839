"""What of an upload is in memory when its client closes it: it is written down where it lands."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.intake.disk import Hasher, store


@dataclass(frozen=True, slots=True)
class InMemory:
    """What is still to be written down of a file, or only to be hashed by `hasher` where it is withheld."""

    chunks: Sequence[bytes]
    hasher: Hasher | None
    free_bytes: int

    def write_to(self, place: Path) -> str | None:
        """Write it to a file that is there; the SHA-256 of what is withheld. For a worker thread."""
        descriptor = os.open(place, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            store(None if self.hasher else descriptor, self.chunks, 0, self.hasher, self.free_bytes)
        finally:
            os.close(descriptor)
        return None if self.hasher is None else self.hasher.hexdigest()
