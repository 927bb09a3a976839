"""spool/landed seen from intake: waiting bytes by provider, and incomplete hand-overs."""

import contextlib
import os
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.home import REFERENCE
from gateway.intake.disk import on_disk
from gateway.zones.landed import ASIDE

_FRESH_SECONDS = 2.0


class Landed:
    """A count of spool/landed, at most a few seconds old."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bytes: Counter[str] = Counter()
        self._counted_at = float("-inf")

    def waiting(self, provider: str) -> int:
        """Return the waiting bytes of one provider, by the last count."""
        return self._bytes[provider]

    def add(self, provider: str, size: int) -> None:
        """Count an upload just handed over."""
        self._bytes[provider] += size

    async def refresh(self) -> None:
        """Count again if the last count is old."""
        now = time.monotonic()
        if now - self._counted_at >= _FRESH_SECONDS:
            self._counted_at = now
            self._bytes = await on_disk(_count, self._folder)


def _count(folder: Path) -> Counter[str]:
    found: Counter[str] = Counter()
    with os.scandir(folder) as entries:
        for entry in entries:
            reference, _, extension = entry.name.rpartition(".")
            if extension in {"landed", "part", "sealed"} and REFERENCE.fullmatch(reference):
                try:
                    found[reference[7:-6]] += entry.stat(follow_symlinks=False).st_size
                except FileNotFoundError:
                    continue  # Taken away by the processor meanwhile.
    return found


def sweep_landed(folder: Path, now: datetime, keep: timedelta) -> None:
    """Remove incomplete hand-overs after a while: they were never acknowledged to a client.

    Files set aside by the inside wait for a person, together with their contents.
    """
    names = {path.name for path in folder.iterdir()}
    aside = {name.split(".")[0] for name in names if name.endswith(ASIDE)}
    for name in names:
        reference, _, extension = name.rpartition(".")
        whole = extension in {"landed", "json"} or f"{reference}.json" in names
        if name.endswith(ASIDE) or reference in aside or (whole and not name.startswith(".")):
            continue
        path = folder / name
        with contextlib.suppress(FileNotFoundError):
            # The time of the last rename: an old upload may be handed over just now.
            if now - datetime.fromtimestamp(path.lstat().st_ctime, UTC) > keep:
                path.unlink()
