"""A provider's latest hand-overs, in intake's own memory, for listings and for the day's count.

A journal in spool/recent/PROVIDER.jsonl restores this memory after a restart; its loss loses no upload.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from gateway.errors import trace_of
from gateway.home.settings_file import File
from gateway.model import Folder

_log = logging.getLogger(__name__)

_SHOWN = 2_000  # The latest entries of one provider shown in a listing.


class HandedOver(File):
    """An upload handed over: a line in the provider's file of recent uploads.

    `modified`: time set by the client, in epoch seconds.
    """

    reference: str
    folder: Folder
    name: str
    size: int
    landed_at: datetime
    modified: int | None = None


class Day(NamedTuple):
    """The number of uploads on one day (UTC), and their total bytes."""

    day: date | None = None
    uploads: int = 0
    size: int = 0


class Recent:
    """The latest upload under each name of one provider, and today's total; also stored in a file."""

    def __init__(self, path: Path, keep: timedelta) -> None:
        self._path = path
        self._keep = keep
        self._latest: dict[tuple[Folder, str], HandedOver] = {}
        self._above: Counter[tuple[Folder, str]] = Counter()  # The number of entries below each folder made.
        self._today = Day()

    def load(self, now: datetime) -> None:
        """Read the file, skipping old or unreadable lines. Call in a worker thread, before any use."""
        entries = kept = 0
        for entry in self._read():
            entries += 1
            if entry is not None and self._is_kept(entry, now):
                kept += 1
                self.remember(entry)
        if 2 * kept < entries:
            self._rewrite(now)

    def expire(self, now: datetime) -> None:
        """Drop old entries from memory and from the file. Call in a worker thread."""
        old = [key for key, entry in self._latest.items() if not self._is_kept(entry, now)]
        for key in old:
            self._forget(key)
        if old:
            self._rewrite(now)

    def _is_kept(self, entry: HandedOver, now: datetime) -> bool:
        return entry.landed_at >= now - self._keep

    def _read(self) -> Iterator[HandedOver | None]:
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return
        with file:
            for line in file:
                try:
                    yield HandedOver.model_validate_json(line)
                except ValidationError:
                    yield None  # A line cut off by a crash.

    def remember(self, entry: HandedOver) -> None:
        """Store `entry` as the latest upload of its name."""
        key = (entry.folder, entry.name)
        known = self._forget(key)
        self._latest[key] = entry
        self._above.update(_folders_of(key))
        if len(self._latest) > _SHOWN:
            self._forget(next(iter(self._latest)))
        if known is None or known.reference != entry.reference:
            day, today = entry.landed_at.astimezone(UTC).date(), self._today
            if day == today.day:
                self._today = Day(day, today.uploads + 1, today.size + entry.size)
            elif today.day is None or day > today.day:
                self._today = Day(day, 1, entry.size)

    def _forget(self, key: tuple[Folder, str]) -> HandedOver | None:
        known = self._latest.pop(key, None)
        if known is not None:
            self._above.subtract(_folders_of(key))
        return known

    def today(self, now: datetime) -> Day:
        """Return the hand-overs of the day (UTC) of `now`."""
        day = now.astimezone(UTC).date()
        return self._today if day == self._today.day else Day(day)

    def write(self, entry: HandedOver) -> None:
        """Append `entry` to the file. A disk error is only logged: the upload is safe elsewhere."""
        try:
            with self._path.open("ab") as file:
                file.write(_line(entry))
        except OSError as error:
            _log.warning("journal-not-written %s", trace_of(error))

    def find(self, folder: Folder, name: str) -> HandedOver | None:
        """Return the latest hand-over under a name; None without a recent one."""
        return self._latest.get((folder, name))

    def has_below(self, folder: Folder, name: str) -> bool:
        """Return True if a recent hand-over lies in the folder `name` made by a client, or deeper."""
        return self._above[folder, name] > 0

    def within(self, folder: Folder) -> list[HandedOver]:
        """Return the latest upload under each name in `folder`."""
        return [entry for entry in self._latest.values() if entry.folder == folder]

    def _rewrite(self, now: datetime) -> None:
        """Rewrite the file without outdated lines."""
        aside = self._path.with_suffix(".new")
        try:
            with aside.open("wb") as file:
                file.writelines(_line(e) for e in self._read() if e is not None and self._is_kept(e, now))
            aside.replace(self._path)
        except OSError as error:
            _log.warning("journal-not-written %s", trace_of(error))


def _folders_of(key: tuple[Folder, str]) -> list[tuple[Folder, str]]:
    """Return the client-made folders around a name: of `a/b/c`, `a` and `a/b`."""
    folder, name = key
    return [(folder, name[:at]) for at, character in enumerate(name) if character == "/"]


def sweep_journals(folder: Path, now: datetime, keep: timedelta, in_use: Collection[str]) -> None:
    """Delete files of recent uploads unchanged for `keep`, except for the providers in `in_use`."""
    for path in folder.glob("*.jsonl"):
        age = now - datetime.fromtimestamp(path.stat().st_mtime, UTC)
        if path.stem not in in_use and age > keep:
            path.unlink(missing_ok=True)


def _line(entry: HandedOver) -> bytes:
    return entry.model_dump_json(exclude_none=True).encode() + b"\n"
