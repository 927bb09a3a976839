"""How many bytes wait in spool/landed for the processor, by provider."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path

from gateway.home import REFERENCE
from gateway.intake.disk import on_disk

_FRESH_SECONDS = 2.0


class Landed:
    """A count of spool/landed that is at most a few seconds old."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bytes: Counter[str] = Counter()
        self._counted_at = float("-inf")

    def waiting(self, provider: str) -> int:
        """The bytes of one provider, as far as is known."""
        return self._bytes[provider]

    def add(self, provider: str, size: int) -> None:
        """Count an upload that was just handed over."""
        self._bytes[provider] += size

    async def refresh(self) -> None:
        """Count again where the last count is old."""
        now = time.monotonic()
        if now - self._counted_at >= _FRESH_SECONDS:
            self._counted_at = now
            self._bytes = await on_disk(_count, self._folder)


def _count(folder: Path) -> Counter[str]:
    found: Counter[str] = Counter()
    with os.scandir(folder) as entries:
        for entry in entries:
            reference, _, extension = entry.name.rpartition(".")
            if extension == "sealed" and REFERENCE.fullmatch(reference):
                try:
                    found[reference[7:-6]] += entry.stat(follow_symlinks=False).st_size
                except FileNotFoundError:
                    continue  # The processor took it away in the meantime.
    return found
