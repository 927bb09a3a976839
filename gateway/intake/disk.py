"""Blocking disk work, and the threads doing it off the event loop."""

import asyncio
import errno
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

from gateway.zones.failpoints import passing

_THREADS = ThreadPoolExecutor(max_workers=16, thread_name_prefix="intake-disk")
# Folders with thousands of names are read one by one, so that uploads do not wait.
_READER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="intake-listing")
_READ = 1024 * 1024

P = ParamSpec("P")
T = TypeVar("T")


class Hasher(Protocol):
    """The part of hashlib's interface in use."""

    def update(self, data: bytes, /) -> None:
        """Take in `data`."""

    def hexdigest(self) -> str:
        """Return the digest of all input, as lower-case hexadecimal."""
        ...


async def on_disk(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work` in a disk thread, so that a slow disk never stops the event loop."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_THREADS, lambda: work(*args, **kwargs))


async def in_turn(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work` in the single thread for long, less urgent work."""
    return await asyncio.get_running_loop().run_in_executor(_READER, lambda: work(*args, **kwargs))


def store(
    descriptor: int | None, chunks: Sequence[bytes], offset: int, hasher: Hasher | None, free_bytes: int
) -> None:
    """Write all `chunks` in order at `offset`; or hash them.

    Without a descriptor, only hash. OSError ENOSPC if less than `free_bytes` would stay free on the disk.
    """
    if descriptor is not None:
        check_room(descriptor, free_bytes)
    for chunk in chunks:
        if descriptor is not None:
            _write_all(descriptor, chunk, offset)
            offset += len(chunk)
        if hasher is not None:
            hasher.update(chunk)
    passing("upload.stored")


def _write_all(descriptor: int, chunk: bytes, offset: int) -> None:
    view = memoryview(chunk)
    while view:
        written = os.pwrite(descriptor, view, offset)
        offset += written
        view = view[written:]


def check_room(where: int | Path, free_bytes: int) -> None:
    """Raise OSError ENOSPC if the disk of `where` has less than `free_bytes` free."""
    status = os.statvfs(where)
    if status.f_bavail * status.f_frsize < free_bytes:
        raise OSError(errno.ENOSPC, "the disk is nearly full")


def end_writing(descriptor: int, size: int, *, durable: bool) -> None:
    """Cut a file to `size` and close it; with `durable`, sync the content before."""
    try:
        if os.fstat(descriptor).st_size != size:
            os.ftruncate(descriptor, size)
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
