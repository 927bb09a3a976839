"""Unfinished uploads of one provider: on disk under names made by the server, resumable for a while.

spool/partial/PROVIDER/ID.data   a prefix of the file as sent by the client, never with a hole
spool/partial/PROVIDER/ID.json   the client's name for it

A small upload stays in memory until closed, without files unless its client leaves it unfinished.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from gateway.errors import trace_of
from gateway.intake.disk import on_disk
from gateway.model import Folder, LooksLike

_log = logging.getLogger(__name__)


class Writer(Protocol):
    """A client's handle for writing an upload."""

    upload: Unfinished

    async def release(self, *, whole: bool) -> None:
        """Release the upload. `whole`: closed by its client, and durable after return."""


class Label(BaseModel):
    """ID.json. `whole`: properly closed by its client, ready to be completed by a rename.

    `withheld`: sent in the clear, so the data is empty; `size`, `sha256` and `looks_like` describe the
    discarded content. `length`: the size that the web door was told beforehand, in bytes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Folder
    name: str
    started_at: datetime
    whole: bool = False
    modified: int | None = None
    withheld: bool = False
    looks_like: LooksLike = ""
    size: int | None = None
    sha256: str | None = None
    length: int | None = None


@dataclass(slots=True, eq=False)
class Unfinished:
    """One unfinished upload. `size` counts the bytes received; `receiving` is the writing handle.

    `sha256` belongs to withheld content; `kept` writes a closed upload that lies in memory to a file;
    `completing` is set during the hand-over; `worthless` after a failed fsync, with the disk content unknown,
    and for a withheld upload cut off.
    """

    data: Path
    label: Label
    size: int = 0
    touched_at: datetime = field(kw_only=True)
    sha256: str | None = None
    kept: Callable[[Path], str | None] | None = None
    receiving: Writer | None = None
    completing: bool = False
    worthless: bool = False

    @property
    def busy(self) -> bool:
        """True while being written or handed over."""
        return self.completing or self.receiving is not None

    @property
    def label_file(self) -> Path:
        """ID.json."""
        return self.data.with_suffix(".json")

    def mark(self, *, whole: bool, withheld: bool, looks_like: LooksLike = "") -> None:
        """Note the state left by the handle."""
        passed = {"size": self.size, "sha256": self.sha256, "looks_like": looks_like}
        kept = passed if whole and withheld else {}
        self.label = self.label.model_copy(update={"whole": whole, "withheld": withheld, **kept})

    def shorten(self) -> None:
        """Give the last byte back; an empty or withheld upload becomes worthless instead."""
        if self.size == 0 or self.label.withheld:
            self.worthless = True
            return
        os.truncate(self.data, self.size - 1)
        self.size -= 1
        self.label = self.label.model_copy(update={"whole": False})

    def write_label(self) -> None:
        """Write the label beside the data, without syncing: after a power loss the client starts anew."""
        aside = self.data.with_suffix(".new")
        aside.write_bytes(self.label.model_dump_json().encode())
        aside.replace(self.label_file)

    def erase(self) -> None:
        """Remove the files of this upload; harmless when repeated."""
        self.data.unlink(missing_ok=True)
        self.label_file.unlink(missing_ok=True)


def new_unfinished(folder: Path, label: Label) -> Unfinished:
    """Return a new upload for `folder`, without files so far."""
    return Unfinished(folder / f"{secrets.token_hex(16)}.data", label, touched_at=label.started_at)


def make_files(upload: Unfinished) -> int:
    """Make the files of a new upload; return its data file open for writing."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(upload.data, flags, 0o640)
    try:
        upload.write_label()
    except BaseException:
        os.close(descriptor)
        upload.erase()
        raise
    return descriptor


def open_again(upload: Unfinished) -> int:
    """Return the data of an unfinished upload, open for writing."""
    return os.open(upload.data, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)


def load_unfinished(folder: Path) -> list[Unfinished]:
    """Return the unfinished uploads in `folder`, oldest first; make a missing folder."""
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    found = [upload for path in folder.glob("*.data") if (upload := _load(path)) is not None]
    return sorted(found, key=lambda upload: upload.touched_at)


def _load(data: Path) -> Unfinished | None:
    try:
        label = Label.model_validate_json(data.with_suffix(".json").read_bytes())
        status = data.stat()
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        _log.warning("unfinished-not-readable %s", trace_of(error))
        return None
    touched_at = datetime.fromtimestamp(status.st_mtime, UTC)
    size = label.size if label.size is not None else status.st_size
    return Unfinished(data, label, size, touched_at=touched_at, sha256=label.sha256)


def sweep_unfinished(folder: Path, now: datetime, keep: timedelta, in_use: frozenset[Path]) -> int:
    """Erase uploads in `folder` idle for longer than `keep`; return their number."""
    stale = {path for path in folder.iterdir() if path not in in_use and _age(path, now) > keep}
    for path in stale:
        data = path.with_suffix(".data")
        if data in stale or not data.exists():  # A label is as fresh as its data.
            path.unlink(missing_ok=True)
    return sum(path.suffix == ".data" for path in stale)


def _age(path: Path, now: datetime) -> timedelta:
    try:
        return now - datetime.fromtimestamp(path.lstat().st_mtime, UTC)
    except FileNotFoundError:
        return timedelta(0)


# Unfinished uploads of one provider, by client-given names. The list changes only on the event loop;
# threads do the disk work, on uploads marked busy meanwhile.


class UnfinishedUploads:
    """The unfinished uploads in the folder `place`."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._named: dict[tuple[Folder, str], Unfinished] = {}
        self._open: set[Unfinished] = set()  # Including those replaced under their name.

    async def load(self) -> None:
        """Load the uploads left by an earlier run of the service."""
        found = await on_disk(load_unfinished, self.place)
        self._named = {_key(upload): upload for upload in found}

    def __iter__(self) -> Iterator[Unfinished]:
        """Iterate over every unfinished upload, including open ones replaced under their name."""
        return iter({*self._named.values(), *self._open})

    @property
    def in_use(self) -> frozenset[Path]:
        """The files of uploads now being written or handed over."""
        busy = [upload for upload in self if upload.busy]
        return frozenset(path for upload in busy for path in (upload.data, upload.label_file))

    def within(self, folder: Folder) -> list[Unfinished]:
        """Return the unfinished uploads in `folder`."""
        return [upload for upload in self._named.values() if upload.label.folder == folder]

    def find(self, folder: Folder, name: str) -> Unfinished | None:
        """Return the unfinished upload with a name."""
        return self._named.get((folder, name))

    def put(self, upload: Unfinished) -> Unfinished | None:
        """Register `upload` under its name; return the one replaced."""
        earlier = self._named.get(_key(upload))
        self._named[_key(upload)] = upload
        return earlier

    def opened(self, upload: Unfinished) -> None:
        """Note the opening of a handle on `upload`."""
        self._open.add(upload)

    async def keep(self, upload: Unfinished, now: datetime) -> None:
        """Keep `upload` after its handle is gone, unless worthless, or replaced under its name."""
        if upload.receiving is None:
            self._open.discard(upload)
        upload.touched_at = now
        if upload.worthless:
            await self.drop(upload)
        elif self._named.setdefault(_key(upload), upload) is not upload and not upload.busy:
            await on_disk(upload.erase)

    def take_down(self, upload: Unfinished) -> None:
        """Remove a completed or dropped `upload` from the list."""
        self._open.discard(upload)
        if self._named.get(_key(upload)) is upload:
            del self._named[_key(upload)]

    async def drop(self, upload: Unfinished | None) -> None:
        """Forget an unfinished upload and erase it, unless busy."""
        if upload is not None and not upload.busy:
            self.take_down(upload)
            await on_disk(upload.erase)

    async def expire(self, now: datetime, keep: timedelta) -> None:
        """Drop unfinished uploads idle for longer than `keep`."""
        for upload in [u for u in self._named.values() if now - u.touched_at > keep]:
            await self.drop(upload)


def _key(upload: Unfinished) -> tuple[Folder, str]:
    return (upload.label.folder, upload.label.name)
