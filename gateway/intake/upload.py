"""Unfinished uploads of one provider, and a client's open handle for writing one.

spool/partial/PROVIDER/ID.data   a prefix of the file as sent by the client, never with a hole
spool/partial/PROVIDER/ID.json   the client's name for it

Names on disk are made by the server, and an upload is resumable for a while. A small one stays in memory
until closed, without files unless its client leaves it unfinished.

The disk always holds a prefix of the client's file: blocks arriving ahead of their turn wait in memory. So an
interrupted upload can be resumed at the size on disk. Nothing is written before the first bytes prove the
file sealed; of an unsealed one nothing is written at all, and only its SHA-256 is kept. Written data is not
hashed here: the processor hashes the stored copy.

Blocks are written behind: a write is acknowledged in memory, and a failure reported by a later write or by
the close. Only the close of a whole file (or its rename) promises durability.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from gateway.errors import trace_of
from gateway.home.settings import IntakeLimits
from gateway.home.settings_file import File
from gateway.intake.answers import GAP, NOT_KEPT, TAKEN_OVER, TOO_LARGE
from gateway.intake.disk import on_disk, store
from gateway.model import Folder, LooksLike
from gateway.ssh.answers import Declined
from gateway.zones.sealing import ENOUGH_BYTES, LOOK_BYTES, judge_for, looks_like

if TYPE_CHECKING:
    from _hashlib import HASH

_log = logging.getLogger(__name__)


class Label(File):
    """The file ID.json beside the data of an unfinished upload.

    `whole`: the client closed the file properly, so a rename may complete the upload. `withheld`: the file
    came unencrypted: its data is empty; `size`, `sha256` and `looks_like` describe the discarded content.
    `modified`: the time set by the client, in epoch seconds. `length`: bytes announced by a browser.
    """

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
    """One unfinished upload, with the `data` file and `label`. `size`: the bytes received.

    `sha256`: the digest of a withheld content. `kept`: for a closed upload that is still in memory, a
    function that writes it to a file. `receiving`: the handle now writing it. `completing`: its hand-over is
    under way. `worthless`: to be erased, because a failed fsync left its content unknown, or because it was
    withheld and cut off.
    """

    data: Path
    label: Label
    size: int = 0
    touched_at: datetime = field(kw_only=True)
    sha256: str | None = None
    kept: Callable[[Path], str | None] | None = None
    receiving: Receiving | None = None
    completing: bool = False
    worthless: bool = False

    @property
    def busy(self) -> bool:
        """True while the upload is being written or handed over."""
        return self.completing or self.receiving is not None

    @property
    def label_file(self) -> Path:
        """The path of the label, ID.json."""
        return self.data.with_suffix(".json")

    def shorten(self) -> None:
        """Cut off the last byte: a client comparing sizes then resumes the upload.

        An empty or withheld upload is marked as worthless instead.
        """
        if self.size == 0 or self.label.withheld:
            self.worthless = True
            return
        os.truncate(self.data, self.size - 1)
        self.size -= 1
        self.label = self.label.model_copy(update={"whole": False})

    def write_label(self) -> None:
        """Write ID.json, without syncing: after a power loss the client has to start anew."""
        aside = self.data.with_suffix(".new")
        aside.write_bytes(self.label.model_dump_json().encode())
        aside.replace(self.label_file)

    def erase(self) -> None:
        """Remove the files of this upload; harmless when repeated."""
        self.data.unlink(missing_ok=True)
        self.label_file.unlink(missing_ok=True)


def new_unfinished(folder: Path, label: Label) -> Unfinished:
    """Return a new upload whose files will be in `folder`; no file is made yet."""
    return Unfinished(folder / f"{secrets.token_hex(16)}.data", label, touched_at=label.started_at)


def open_again(upload: Unfinished) -> int:
    """Return a descriptor of an unfinished upload's data, open for writing."""
    return os.open(upload.data, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)


def load_unfinished(folder: Path) -> list[Unfinished]:
    """Return the unfinished uploads in `folder`, oldest first; make a missing folder."""
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    found = []
    for data in folder.glob("*.data"):
        try:
            label = Label.model_validate_json(data.with_suffix(".json").read_bytes())
            status = data.stat()
        except FileNotFoundError:
            continue
        except (OSError, ValidationError) as error:
            _log.warning("unfinished-not-readable %s", trace_of(error))
            continue
        touched_at = datetime.fromtimestamp(status.st_mtime, UTC)
        size = label.size if label.size is not None else status.st_size
        found.append(Unfinished(data, label, size, touched_at=touched_at, sha256=label.sha256))
    return sorted(found, key=lambda upload: upload.touched_at)


def sweep_unfinished(folder: Path, now: datetime, keep: timedelta, in_use: frozenset[Path]) -> int:
    """Erase the uploads in `folder` idle for longer than `keep`, and return their number.

    Files in `in_use` stay.
    """
    stale = set()
    for path in set(folder.iterdir()) - in_use:
        with suppress(FileNotFoundError):
            if now - datetime.fromtimestamp(path.lstat().st_mtime, UTC) > keep:
                stale.add(path)
    for path in stale:
        data = path.with_suffix(".data")
        if data in stale or not data.exists():  # A label is as fresh as its data.
            path.unlink(missing_ok=True)
    return sum(path.suffix == ".data" for path in stale)


def write_kept(chunks: Sequence[bytes], hasher: HASH | None, free_bytes: int, place: Path) -> str | None:
    """Write the `chunks` of an upload to the existing file `place`, and return None.

    For a withheld upload, a `hasher` is given: write nothing, and return the SHA-256 of the chunks. OSError
    if less than `free_bytes` would stay free on the disk. Call in a worker thread.
    """
    descriptor = os.open(place, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        store(None if hasher else descriptor, chunks, 0, hasher, free_bytes)
    finally:
        os.close(descriptor)
    return None if hasher is None else hasher.hexdigest()


BLOCK_BYTES = 1024 * 1024
AHEAD_BYTES = 8 * 1024 * 1024
MEMORY_BYTES = 32 * 1024 * 1024
_PIECE_COST = 256  # The maximum memory of a piece beside its bytes.
_SMALL_BYTES = 4096  # Smaller pieces are joined.


@dataclass(slots=True)
class Memory:
    """The bytes of one provider's uploads in memory (`held`); above `limit`, data goes to the disk."""

    limit: int = MEMORY_BYTES
    held: int = 0

    @property
    def scarce(self) -> bool:
        """True if no more data may wait in memory."""
        return self.held >= self.limit


class Receiving:
    """A client's open handle for writing one upload.

    `descriptor`: the upload's file; None until the first write makes it. `append`: every write goes to the
    end. `anew`: the client asked for an empty file, instead of resuming. `memory`: the count of bytes in
    memory, shared by all uploads of the provider. `may_grow`: called before each block with the bytes to
    come; it raises Declined over a quota.
    """

    def __init__(
        self,
        upload: Unfinished,
        descriptor: int | None,
        *,
        append: bool,
        anew: bool = True,
        limits: IntakeLimits,
        memory: Memory,
        may_grow: Callable[[int], None],
    ) -> None:
        self.upload = upload
        self._descriptor = descriptor  # None before the file is made.
        self._is_open = True
        self._append = append
        self.anew = anew
        self._limits = limits
        self._memory = memory
        self._may_grow = may_grow
        self._lock = asyncio.Lock()
        self._chunks: list[bytes] = []  # Received in order, and not yet on the disk; of `_size` bytes.
        self._size = 0
        self._ahead: dict[int, bytes] = {}
        self._ahead_cost = 0
        self._stored = upload.size
        self._behind: asyncio.Future[None] | None = None
        self._hasher: HASH | None = None  # Of withheld data.
        self._failure: Exception | None = None
        self._withheld: bool | None = None if upload.size == 0 else False
        self._beginning = self._ending = b""  # Of withheld data.

    async def write(self, offset: int, data: bytes) -> None:
        """Write `data` at `offset` (at the end, if opened for appending).

        Declined over a quota, far beyond the end, or after a takeover by another connection; OSError if an
        earlier block could not be stored. After an error the upload takes no more data, and its close fails.
        """
        async with self._lock:
            self._check_usable()
            try:
                if self._size >= BLOCK_BYTES or self._memory.scarce:
                    self._may_grow(len(data))
                    await self._store_behind()
                await self._place(self.upload.size if self._append else offset, data)
            except Declined as declined:
                self._failure = declined  # A later close by the client must fail too.
                raise

    def _check_usable(self) -> None:
        if not self._is_open:
            raise Declined(TAKEN_OVER)
        if self._failure is not None:
            raise self._failure

    async def _place(self, offset: int, data: bytes) -> None:
        """Write `data` into the file at `offset`: over existing bytes, at the end, or beyond, with a gap to
        be filled later.
        """
        if offset + len(data) > self._limits.sealed_bytes:
            raise Declined(TOO_LARGE)
        if offset > self.upload.size:
            # Keep a block arriving early, as sent by clients with parallel writes.
            known = self._ahead.get(offset)
            cost = len(data) + _PIECE_COST - (0 if known is None else len(known) + _PIECE_COST)
            too_far = offset + len(data) > self.upload.size + AHEAD_BYTES
            if self._memory.scarce or too_far or self._ahead_cost + cost > AHEAD_BYTES:
                raise Declined(GAP)
            self._ahead[offset] = data
            self._count_ahead(cost)
            return
        if offset < self.upload.size:
            # Overwrite existing bytes.
            if self._withheld is not False:
                raise Declined(NOT_KEPT)
            grown = max(0, offset + len(data) - self.upload.size)
            self._may_grow(grown)
            await self._store_all()
            await self._store([data], offset)
            self._check_usable()
            self.upload.size += grown
            self._stored = self.upload.size
        else:
            self._take(data)
        while (following := self._ahead.pop(self.upload.size, None)) is not None:
            self._count_ahead(-len(following) - _PIECE_COST)
            self._take(following)

    def _take(self, data: bytes) -> None:
        """Append `data` to the block in memory."""
        chunks = self._chunks
        if chunks and len(chunks[-1]) < _SMALL_BYTES and len(data) < _SMALL_BYTES:
            chunks[-1] += data
        else:
            chunks.append(data)
        self._size += len(data)
        self._memory.held += len(data)
        self.upload.size += len(data)
        if self._withheld is None:
            self._judge(at_end=False)
        elif self._withheld:
            self._keep_ends(data)

    def _judge(self, *, at_end: bool) -> None:
        """Decide by the first bytes if the upload is sealed; withhold an unsealed one from the disk.

        `at_end`: no more bytes will come. An upload that ends too early to tell is written to the disk, since
        it can only be the beginning of an armor or of a packet.
        """
        start = b"".join(self._chunks)[:ENOUGH_BYTES]
        sealed = judge_for(self.upload.label.folder)(start)
        if sealed is not None:
            self._withheld = not sealed
        elif len(start) >= ENOUGH_BYTES:
            self._withheld = True
        elif at_end:
            self._withheld = False
        if self._withheld:
            self._hasher = hashlib.sha256()
            self._keep_ends(b"".join(self._chunks))

    def _keep_ends(self, data: bytes) -> None:
        """Remember the beginning and the end of withheld data, in memory alone."""
        self._beginning += data[: LOOK_BYTES - len(self._beginning)]
        self._ending = (self._ending + data)[-LOOK_BYTES:]

    def _count_ahead(self, cost: int) -> None:
        self._ahead_cost += cost
        self._memory.held += cost

    async def _store_behind(self) -> None:
        """Wait until the previous block is on the disk, then start to write the block in memory.

        If memory is scarce, wait until that block, too, is on the disk.
        """
        await self._join()
        if self._withheld is None:
            return  # Still small.
        self._behind = asyncio.ensure_future(self._store_next(self._chunks, self._size))
        self._chunks, self._size = [], 0
        if self._memory.scarce:
            await self._join()

    async def _join(self) -> None:
        """Wait until the block being written is stored. Raises the error that stopped the upload, if any."""
        if self._behind is not None:
            await self._behind
            self._behind = None
        self._check_usable()

    async def _store_all(self) -> None:
        """Write all data received in order to the disk."""
        await self._store_behind()
        await self._join()

    async def _store_next(self, chunks: Sequence[bytes], size: int) -> None:
        """Write a block of `size` bytes after the bytes stored so far."""
        await self._store(chunks, self._stored)
        self._memory.held -= size
        if self._failure is None:
            self._stored += size

    async def _store(self, chunks: Sequence[bytes], offset: int) -> None:
        """Write a block at `offset` in the file; remember an OSError, to raise it at the next request."""
        if self._is_open and chunks:
            try:
                await on_disk(self._write, chunks, offset)
            except OSError as error:
                self._failure = error

    def _write(self, chunks: Sequence[bytes], offset: int) -> None:
        where = None if self._withheld else self._file()
        store(where, chunks, offset, self._hasher, self._limits.free_bytes)

    def _file(self) -> int:
        """Return the descriptor of the upload's file, open for writing; make its files if missing."""
        if self._descriptor is None:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(self.upload.data, flags, 0o640)
            try:
                self.upload.write_label()
            except BaseException:
                os.close(descriptor)
                self.upload.erase()
                raise
            self._descriptor = descriptor
        return self._descriptor

    async def release(self, *, whole: bool, durable: bool = True) -> None:
        """End the writing of this upload. `whole`: True if the client itself closed the file.

        A whole file is durable after return. `durable`: False to leave an upload that fits in memory there,
        until the hand-over stores the data together with the record.

        A whole file that cannot be completed raises Declined (for a gap, a takeover by another connection, or
        an earlier refusal) or OSError (of the disk). The handle is closed after an error, and the client can
        resume the upload.
        """
        async with self._lock:
            if not self._is_open:
                if whole:
                    raise Declined(TAKEN_OVER)
                return
            if self._withheld is None:
                self._judge(at_end=True)
            try:
                if whole:
                    await self._join()
                    if durable or self._ahead or self._descriptor is not None:
                        await self._store_all()
                    if self._ahead:
                        raise Declined(GAP)
                else:
                    refused, self._failure = self._failure, None
                    if not isinstance(refused, OSError):
                        await self._store_all()
            finally:
                await self._let_go(whole=whole, durable=durable)

    async def _let_go(self, *, whole: bool, durable: bool) -> None:
        """Cut the file to the size known to be stored, close it, and free the memory."""
        if self._behind is not None:
            await self._behind
        whole = whole and self._failure is None and not self._ahead
        upload, withheld, chunks, size = self.upload, bool(self._withheld), self._chunks, self._size
        self._is_open = False
        self._memory.held -= size + self._ahead_cost
        self._chunks, self._size, self._ahead, self._ahead_cost = [], 0, {}, 0
        upload.receiving = None
        upload.worthless = withheld and not whole
        if whole and not durable and self._descriptor is None:
            upload.kept = partial(write_kept, chunks, self._hasher, self._limits.free_bytes)
            self._stored += size
        else:
            upload.sha256 = self._hasher.hexdigest() if whole and self._hasher is not None else None
            try:
                await on_disk(self._end, 0 if withheld else self._stored, whole and durable)
            except OSError:
                upload.worthless = True
                raise
        upload.size = self._stored
        how: dict[str, object] = {"whole": whole, "withheld": withheld}
        if whole and withheld:
            whole_start = len(self._beginning) == self._stored
            like = looks_like(self._beginning, whole=whole_start, end=self._ending)
            how |= {"size": upload.size, "sha256": upload.sha256, "looks_like": like}
        upload.label = upload.label.model_copy(update=how)

    def _end(self, size: int, durable: bool) -> None:
        """Cut the file to `size` and close it. `durable`: True to sync the content first."""
        if self.upload.worthless and self._descriptor is None:
            return
        descriptor = self._file()
        try:
            if os.fstat(descriptor).st_size != size:
                os.ftruncate(descriptor, size)
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

    async def cut(self, size: int) -> None:
        """Drop all bytes beyond `size`.

        Declined for an upload withheld, too short to be judged, refused before, or taken over by another
        connection. OSError if an earlier block could not be stored.
        """
        async with self._lock:
            if size >= self.upload.size:
                return
            self._check_usable()
            if self._withheld is not False:
                raise Declined(NOT_KEPT)
            await self._store_all()
            if self._descriptor is not None:
                await on_disk(os.ftruncate, self._descriptor, size)
            self._stored = self.upload.size = size

    async def make_durable(self) -> None:
        """Sync all data received in order to the disk (fsync@openssh.com)."""
        async with self._lock:
            await self._store_all()
            if not self._is_open or self._descriptor is None or self._withheld is not False:
                return
            try:
                await on_disk(os.fsync, self._descriptor)
            except OSError as error:
                self._failure, self.upload.worthless = error, True
                raise
