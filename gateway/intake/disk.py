"""Do blocking disk work in threads off the event loop, and count the bytes waiting in spool/landed."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from gateway.home import REFERENCE
from gateway.zones.failpoints import passing
from gateway.zones.spool import ASIDE

if TYPE_CHECKING:
    from _hashlib import HASH

_THREADS = ThreadPoolExecutor(max_workers=16, thread_name_prefix="intake-disk")
# Folders with thousands of names are read one by one, so that uploads do not wait.
_READER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="intake-listing")

P = ParamSpec("P")
T = TypeVar("T")


async def on_disk(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work` in a disk thread and return its result, so a slow disk never stops the event loop."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_THREADS, lambda: work(*args, **kwargs))


async def in_reader_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work` in the one thread for listing folders with many files, and return its result."""
    return await asyncio.get_running_loop().run_in_executor(_READER, lambda: work(*args, **kwargs))


def store(
    descriptor: int | None, chunks: Sequence[bytes], offset: int, hasher: HASH | None, free_bytes: int
) -> None:
    """Write all `chunks` in order at `offset`, and add them to `hasher`, if given.

    Without a descriptor, only hash. OSError ENOSPC if less than `free_bytes` would stay free on the disk.
    """
    if descriptor is not None:
        check_room(descriptor, free_bytes)
    for chunk in chunks:
        if descriptor is not None:
            view = memoryview(chunk)
            while view:
                written = os.pwrite(descriptor, view, offset)
                offset += written
                view = view[written:]
        if hasher is not None:
            hasher.update(chunk)
    passing("upload.stored")


def check_room(where: int | Path, free_bytes: int) -> None:
    """Raise OSError ENOSPC if the disk of `where` has less than `free_bytes` free."""
    status = os.statvfs(where)
    if status.f_bavail * status.f_frsize < free_bytes:
        raise OSError(errno.ENOSPC, "the disk is nearly full")


_FRESH_SECONDS = 2.0


class Landed:
    """The bytes waiting in spool/landed, by provider, counted anew at most every two seconds.

    Between two counts, each hand-over adds its bytes to `waiting`. `is_closed`: no upload may land any more.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.waiting: Counter[str] = Counter()
        self.is_closed = False
        self._counted_at = float("-inf")

    async def refresh(self) -> None:
        """Count the bytes in spool/landed again, unless counted within the last two seconds."""
        now = time.monotonic()
        if now - self._counted_at >= _FRESH_SECONDS:
            self._counted_at = now
            self.waiting = await on_disk(_count, self._folder)


def _count(folder: Path) -> Counter[str]:
    """Return the bytes of the uploads in spool/landed, by provider."""
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
    """Remove the files of hand-overs that failed longer than `keep` ago; no client was told of success.

    Files that the inside has set aside stay, with their contents, until a person looks.
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
