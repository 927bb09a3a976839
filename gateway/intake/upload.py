"""One open handle through which a client writes one unfinished upload.

What is on disk is always a prefix of the client's file: blocks that arrive ahead of their turn
wait in memory. So a cut-off upload can be resumed at its size. Nothing is written before its first bytes
show that it is sealed; of what is not, nothing is written at all, and its SHA-256 is all that is known of it.
What is written is not hashed here: the digest that counts is of what the processor stores.

Blocks are written behind: a write is acknowledged when it is in memory, its failure is told with a
later write or with the close. Only the close of a whole file (or its rename) promises anything.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gateway.home.settings import IntakeLimits
from gateway.intake.answers import GAP, NOT_KEPT, TAKEN_OVER, TOO_LARGE
from gateway.intake.disk import Hasher, end_writing, on_disk, store
from gateway.intake.in_memory import InMemory
from gateway.intake.unfinished import Unfinished, make_files
from gateway.ssh.answers import Declined
from gateway.zones.sealing import ENOUGH_BYTES, judge_for, looks_like

BLOCK_BYTES = 1024 * 1024
AHEAD_BYTES = 8 * 1024 * 1024
MEMORY_BYTES = 32 * 1024 * 1024
_PIECE_COST = 256  # What keeping a piece costs beside its bytes, at most.
_SMALL_BYTES = 4096  # Pieces that are smaller are put together.


@dataclass(slots=True)
class Memory:
    """How much of one provider's uploads waits in memory; above `limit` it goes straight to the disk."""

    limit: int = MEMORY_BYTES
    held: int = 0

    @property
    def scarce(self) -> bool:
        """Whether nothing more may wait in memory."""
        return self.held >= self.limit


@dataclass(slots=True)
class Block:
    """Bytes in order that are not on the disk yet."""

    chunks: list[bytes] = field(default_factory=list)
    size: int = 0


class Receiving:
    """Receives one upload. `may_grow` is asked before each block and declines what is over a quota.

    `descriptor` is its file, where it has one: a new one gets its files when there is something to write.
    `anew`: its client asked for an empty file to begin with, rather than to go on with one.
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
        self._descriptor = descriptor  # None before its file is made.
        self._is_open = True
        self._append = append
        self.anew = anew
        self._limits = limits
        self._memory = memory
        self._may_grow = may_grow
        self._lock = asyncio.Lock()
        self._block = Block()
        self._ahead: dict[int, bytes] = {}
        self._ahead_cost = 0
        self._stored = upload.size
        self._behind: asyncio.Future[None] | None = None
        self._hasher: Hasher | None = None  # Of what is withheld.
        self._failure: Exception | None = None
        self._withheld: bool | None = None if upload.size == 0 else False
        self._beginning = b""  # Of what is withheld.

    async def write(self, offset: int, data: bytes) -> None:
        """Take `data` at `offset` (at the end, where the file was opened to append).

        Declined where a quota is exceeded, the offset is far beyond the end, or another connection
        took over; OSError where an earlier block could not be stored. After any of these the
        upload takes nothing more and its close fails.
        """
        async with self._lock:
            self._check_usable()
            try:
                if self._block.size >= BLOCK_BYTES or self._memory.scarce:
                    self._may_grow(len(data))
                    await self._store_behind()
                await self._place(self.upload.size if self._append else offset, data)
            except Declined as declined:
                self._failure = declined  # A client that closes all the same must not be believed.
                raise

    def _check_usable(self) -> None:
        if not self._is_open:
            raise Declined(TAKEN_OVER)
        if self._failure is not None:
            raise self._failure

    async def _place(self, offset: int, data: bytes) -> None:
        """Put `data` where it belongs: ahead of its turn, over what is there, or at the end."""
        if offset + len(data) > self._limits.sealed_bytes:
            raise Declined(TOO_LARGE)
        if offset > self.upload.size:
            self._keep_ahead(offset, data)
            return
        if offset < self.upload.size:
            await self._overwrite(offset, data)
        else:
            self._take(data)
        while (following := self._ahead.pop(self.upload.size, None)) is not None:
            self._count_ahead(-len(following) - _PIECE_COST)
            self._take(following)

    def _take(self, data: bytes) -> None:
        """Append `data` to the block in memory."""
        chunks = self._block.chunks
        if chunks and len(chunks[-1]) < _SMALL_BYTES and len(data) < _SMALL_BYTES:
            chunks[-1] += data
        else:
            chunks.append(data)
        self._block.size += len(data)
        self._memory.held += len(data)
        self.upload.size += len(data)
        if self._withheld is None:
            self._judge(at_end=False)
        elif self._withheld and len(self._beginning) < ENOUGH_BYTES:
            self._beginning += data[:ENOUGH_BYTES]

    def _judge(self, *, at_end: bool) -> None:
        """Find out whether the upload may be written down, as soon as its beginning tells.

        One that ends before that holds nothing but the beginning of an armor or packet: it may.
        """
        start = b"".join(self._block.chunks)[:ENOUGH_BYTES]
        sealed = judge_for(self.upload.label.folder)(start)
        if sealed is not None:
            self._withheld = not sealed
        elif len(start) >= ENOUGH_BYTES:
            self._withheld = True
        elif at_end:
            self._withheld = False
        if self._withheld:
            self._beginning, self._hasher = start, hashlib.sha256()

    def _keep_ahead(self, offset: int, data: bytes) -> None:
        """Keep a block that arrived before its turn, as clients with parallel writes send them."""
        known = self._ahead.get(offset)
        cost = len(data) + _PIECE_COST - (0 if known is None else len(known) + _PIECE_COST)
        too_far = offset + len(data) > self.upload.size + AHEAD_BYTES
        if self._memory.scarce or too_far or self._ahead_cost + cost > AHEAD_BYTES:
            raise Declined(GAP)
        self._ahead[offset] = data
        self._count_ahead(cost)

    def _count_ahead(self, cost: int) -> None:
        self._ahead_cost += cost
        self._memory.held += cost

    async def _overwrite(self, offset: int, data: bytes) -> None:
        """Write over bytes that are already there."""
        if self._withheld is not False:
            raise Declined(NOT_KEPT)
        grown = max(0, offset + len(data) - self.upload.size)
        self._may_grow(grown)
        await self._store_all()
        await self._store(Block([data], len(data)), offset)
        self._check_usable()
        self.upload.size += grown
        self._stored = self.upload.size

    async def _store_behind(self) -> None:
        """Start storing the block in memory, after the one before it; wait for it where memory is scarce."""
        await self._join()
        if self._withheld is None:
            return  # It is small still.
        block, self._block = self._block, Block()
        self._behind = asyncio.ensure_future(self._store_next(block))
        if self._memory.scarce:
            await self._join()

    async def _join(self) -> None:
        """Wait for the block that is being stored; raise what went wrong with it."""
        if self._behind is not None:
            await self._behind
            self._behind = None
        self._check_usable()

    async def _store_all(self) -> None:
        """Store all that came in order."""
        await self._store_behind()
        await self._join()

    async def _store_next(self, block: Block) -> None:
        """Store a block behind the last one."""
        await self._store(block, self._stored)
        self._memory.held -= block.size
        if self._failure is None:
            self._stored += block.size

    async def _store(self, block: Block, offset: int) -> None:
        """Store `block` at `offset`; a failure is kept for the requests that follow."""
        if not self._is_open or not block.chunks:
            return
        try:
            await on_disk(self._write, block.chunks, offset)
        except OSError as error:
            self._failure = error

    def _write(self, chunks: Sequence[bytes], offset: int) -> None:
        where = None if self._withheld else self._file()
        store(where, chunks, offset, self._hasher, self._limits.free_bytes)

    def _file(self) -> int:
        """The file of the upload, open to be written; it is made where there is none."""
        if self._descriptor is None:
            self._descriptor = make_files(self.upload)
        return self._descriptor

    async def release(self, *, whole: bool, durable: bool = True) -> None:
        """Let go of the upload. `whole` says that its client closed it: then it is durable afterwards.

        Not where `durable` is False: whoever hands it over makes it durable, together with its record. What
        is not written down by then is left in memory for that, where it is all of it.

        Raises (after letting go) what kept it from being whole: Declined for a gap, a takeover or
        an earlier refusal, OSError for the disk. Whatever was stored in order stays resumable.
        """
        async with self._lock:
            if not self._is_open:
                if whole:
                    raise Declined(TAKEN_OVER)
                return
            if self._withheld is None:
                self._judge(at_end=True)
            try:
                await self._finish(whole=whole, durable=durable)
            finally:
                await self._let_go(whole=whole, durable=durable)

    async def _finish(self, *, whole: bool, durable: bool) -> None:
        """Store what is left. Of an upload that ended early, a refusal has been told already."""
        if whole:
            await self._join()
            if durable or self._ahead or self._descriptor is not None:
                await self._store_all()
            if self._ahead:
                raise Declined(GAP)
            return
        refused, self._failure = self._failure, None
        if not isinstance(refused, OSError):
            await self._store_all()

    async def _let_go(self, *, whole: bool, durable: bool) -> None:
        """Close the file at what is known to be stored, and give the memory back."""
        if self._behind is not None:
            await self._behind
        whole = whole and self._failure is None and not self._ahead
        upload, withheld, block = self.upload, bool(self._withheld), self._block
        self._is_open = False
        self._memory.held -= block.size + self._ahead_cost
        self._block, self._ahead, self._ahead_cost = Block(), {}, 0
        upload.receiving = None
        upload.worthless = withheld and not whole
        if whole and not durable and self._descriptor is None:
            upload.kept = InMemory(block.chunks, self._hasher, self._limits.free_bytes)
            self._stored += block.size
        else:
            upload.sha256 = self._hasher.hexdigest() if whole and self._hasher is not None else None
            try:
                await on_disk(self._end, 0 if withheld else self._stored, whole and durable)
            except OSError:
                upload.worthless = True
                raise
        upload.size = self._stored
        like = looks_like(self._beginning, whole=len(self._beginning) == self._stored)
        upload.mark(whole=whole, withheld=withheld, looks_like=like)

    def _end(self, size: int, durable: bool) -> None:
        if not self.upload.worthless or self._descriptor is not None:
            end_writing(self._file(), size, durable=durable)

    async def cut(self, size: int) -> None:
        """Let go of all that came beyond `size` bytes, if any did. As for `write`."""
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
        """Put all that came in order safely on the disk (fsync@openssh.com)."""
        async with self._lock:
            await self._store_all()
            if not self._is_open or self._descriptor is None or self._withheld is not False:
                return
            try:
                await on_disk(os.fsync, self._descriptor)
            except OSError as error:
                self._failure, self.upload.worthless = error, True
                raise
