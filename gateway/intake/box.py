"""One provider's drop box: its unfinished uploads, what it handed over lately, and its quotas.

All connections of one provider share one box. Its state changes on the event loop only; the disk
work is done in threads, on uploads that are marked busy meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from gateway.home import Spool
from gateway.intake.answers import (
    ALREADY_EXISTS,
    CUT_OFF,
    HANDED_OVER,
    NOT_KEPT,
    ONLY_TEMPORARY,
    STILL_OPEN,
    TAKEN_OVER,
    TOO_MANY_TODAY,
    TOO_MANY_UNFINISHED,
    TOO_MUCH_WAITING,
)
from gateway.intake.disk import check_room, on_disk
from gateway.intake.handover import hand_over_upload
from gateway.intake.landed import Landed
from gateway.intake.paths import is_temporary
from gateway.intake.recent import HandedOver, Recent
from gateway.intake.unfinished import Label, Unfinished, load_shelf, new_unfinished, open_again
from gateway.intake.upload import Memory, Receiving
from gateway.model import Folder
from gateway.observe.metrics import HAND_OVER_SECONDS, LANDED, LANDED_BYTES
from gateway.settings import IntakeLimits
from gateway.ssh.answers import NO_SUCH_FILE, Declined
from gateway.ssh.visitor import LoggedIn
from gateway.zones.failpoints import passing

log = logging.getLogger(__name__)

_TURNS = 6


@dataclass(frozen=True, slots=True)
class Wish:
    """How a client wants to open a file for writing: the flags of SFTP's OPEN that matter here."""

    create: bool
    exclusive: bool
    truncate: bool
    append: bool


class Box:
    """The drop box of `provider`."""

    def __init__(
        self, provider: str, spool: Spool, limits: IntakeLimits, landed: Landed, clock: Callable[[], datetime]
    ) -> None:
        self.provider = provider
        self._spool = spool
        self._limits = limits
        self._landed = landed
        self._clock = clock
        self._memory = Memory()
        # However many sessions a provider has, the others do not wait longer for their turn.
        self.turns = asyncio.Semaphore(_TURNS)
        self._named: dict[tuple[Folder, str], Unfinished] = {}
        self._open: set[Receiving] = set()
        self._recent = Recent(spool.recent / f"{provider}.jsonl", timedelta(days=limits.recent_days))
        self._loaded = asyncio.Lock()
        self._is_loaded = False

    @property
    def shelf(self) -> Path:
        """The folder of the unfinished uploads."""
        return self._spool.partial(self.provider)

    @property
    def in_use(self) -> frozenset[Path]:
        """The files of uploads that are being written or handed over at this moment."""
        busy = [upload for upload in self._all() if upload.busy]
        return frozenset(path for upload in busy for path in (upload.data, upload.label_file))

    def _all(self) -> set[Unfinished]:
        """Every unfinished upload, also one whose name a newer one has taken while it is being written."""
        return {*self._named.values(), *(receiving.upload for receiving in self._open)}

    async def expire(self, now: datetime) -> None:
        """Forget the unfinished uploads that nobody wrote to for longer than they may be resumed."""
        keep = timedelta(hours=self._limits.resume_hours)
        for upload in [u for u in self._named.values() if now - u.touched_at > keep]:
            await self._drop(upload)

    async def load(self) -> None:
        """Find what an earlier run of the service left; once."""
        async with self._loaded:
            if not self._is_loaded:
                found = await on_disk(load_shelf, self.shelf)
                await on_disk(self._recent.load, self._clock())
                self._named = {(upload.label.folder, upload.label.name): upload for upload in found}
                self._is_loaded = True

    # What listings show.

    def unfinished(self, folder: Folder) -> list[Unfinished]:
        """The unfinished uploads in `folder`."""
        return [upload for upload in self._named.values() if upload.label.folder == folder]

    def handed_over(self, folder: Folder) -> list[HandedOver]:
        """The latest of what was handed over under each name in `folder`."""
        return self._recent.within(folder)

    def find(self, folder: Folder, name: str) -> Unfinished | HandedOver | None:
        """What this name stands for now: the unfinished upload before the one handed over."""
        return self._named.get((folder, name)) or self._recent.find(folder, name)

    # Receiving.

    async def receive(self, folder: Folder, name: str, wish: Wish) -> Receiving:
        """Open an upload: a new one, or an unfinished one again at its size.

        An upload of the same name that another connection still writes goes on by itself when this
        one starts anew, and is taken over when this one resumes it.
        """
        known = self._named.get((folder, name))
        if wish.exclusive and self.find(folder, name) is not None:
            raise Declined(ALREADY_EXISTS)
        if known is not None and not wish.truncate:
            return await self._resume(known, wish)
        if known is None:
            self._check_meant(folder, name, wish)
        return await self._begin(folder, name, wish)

    def _check_meant(self, folder: Folder, name: str, wish: Wish) -> None:
        """A client that does not create means a file that is here; one that goes on, the one handed over.

        To take its rest for a new upload would be to take a tail for a file.
        """
        here = self._recent.find(folder, name) is not None
        if not here and not wish.create:
            raise Declined(NO_SUCH_FILE)
        if here and not wish.truncate and (wish.append or not wish.create):
            raise Declined(HANDED_OVER)

    async def _begin(self, folder: Folder, name: str, wish: Wish) -> Receiving:
        await self._check_quotas()
        label = Label(folder=folder, name=name, started_at=self._clock())
        upload, descriptor = await on_disk(new_unfinished, self.shelf, label)
        earlier = self._named.get((folder, name))
        self._named[folder, name] = upload
        receiving = self._receiving(upload, descriptor, wish)
        if earlier is not None and not earlier.busy:
            await on_disk(earlier.erase)
        return receiving

    async def _resume(self, upload: Unfinished, wish: Wish) -> Receiving:
        if upload.completing:
            raise Declined(STILL_OPEN)
        if upload.receiving is not None:
            await self._take_over(upload.receiving)
        if upload.worthless or upload.label.withheld:
            raise Declined(NOT_KEPT)
        await on_disk(check_room, self.shelf, self._limits.free_bytes)
        descriptor = await on_disk(open_again, upload)
        if upload.busy:
            os.close(descriptor)
            raise Declined(STILL_OPEN)
        return self._receiving(upload, descriptor, wish)

    def _receiving(self, upload: Unfinished, descriptor: int, wish: Wish) -> Receiving:
        receiving = Receiving(
            upload,
            descriptor,
            append=wish.append,
            anew=wish.truncate,
            limits=self._limits,
            memory=self._memory,
            may_grow=self._check_growth,
        )
        upload.receiving = receiving
        self._open.add(receiving)
        return receiving

    async def _take_over(self, receiving: Receiving) -> None:
        log.info("taken-over provider=%s", self.provider)
        await self.cut_off(receiving)

    # Ending.

    async def cut_off(self, receiving: Receiving) -> None:
        """Keep what was received of an upload whose client is gone; it can be resumed."""
        try:
            await receiving.release(whole=False)
        finally:
            await self._keep(receiving)

    async def _keep(self, receiving: Receiving) -> None:
        """After a handle ended without a hand-over: its upload stays, unless worthless or superseded."""
        self._open.discard(receiving)
        upload = receiving.upload
        upload.touched_at = self._clock()
        key = (upload.label.folder, upload.label.name)
        if upload.worthless:
            await self._drop(upload)
        elif self._named.setdefault(key, upload) is not upload and not upload.busy:
            await on_disk(upload.erase)

    async def close(self, receiving: Receiving, by: LoggedIn) -> str | None:
        """The client closed its upload: hand it over, unless it waits for its rename.

        Returns the reference. Raises what kept the upload from being handed over; it is kept then.
        """
        upload = receiving.upload
        if upload.receiving is not receiving:
            raise Declined(TAKEN_OVER)
        upload.completing = True
        reference = None
        try:
            await receiving.release(whole=True)
            if self._adds_nothing(receiving):
                upload.worthless = True
            elif is_temporary(upload.label.name):
                await on_disk(upload.write_label)
            else:
                reference = await self._complete_or_reopen(upload, by)
        finally:
            upload.completing = False
            self._open.discard(receiving)
            if reference is None:
                await self._keep(receiving)
        return reference

    def _adds_nothing(self, receiving: Receiving) -> bool:
        """Whether a client found nothing left to send of a file handed over, as `put -c` of lftp may."""
        upload = receiving.upload
        handed_over = self._recent.find(upload.label.folder, upload.label.name) is not None
        return upload.size == 0 and not receiving.anew and handed_over

    async def _complete_or_reopen(self, upload: Unfinished, by: LoggedIn) -> str:
        """Hand over; where that fails, give the last byte back.

        A client that compares sizes then sees that its file is unfinished, and one that resumes
        has something to send, upon which the hand-over is tried again.
        """
        try:
            return await self._complete(upload, upload.label.name, by)
        except OSError:
            await on_disk(upload.shorten)
            raise

    async def rename(self, folder: Folder, old: str, new: str, by: LoggedIn) -> str:
        """Complete a temporary upload under its final name and hand it over. Returns the reference."""
        upload = self._named.get((folder, old))
        if upload is None:
            raise Declined(NO_SUCH_FILE if self._recent.find(folder, old) is None else HANDED_OVER)
        if not is_temporary(old) or is_temporary(new):
            raise Declined(ONLY_TEMPORARY)
        if upload.busy:
            raise Declined(STILL_OPEN)
        if not upload.label.whole:
            raise Declined(CUT_OFF)
        upload.completing = True
        try:
            reference = await self._complete(upload, new, by)
        finally:
            upload.completing = False
        await self._drop(self._named.get((folder, new)))
        return reference

    async def remove(self, folder: Folder, name: str) -> None:
        """Give up an unfinished upload."""
        upload = self._named.get((folder, name))
        if upload is None:
            raise Declined(NO_SUCH_FILE if self._recent.find(folder, name) is None else HANDED_OVER)
        if upload.completing:
            raise Declined(STILL_OPEN)
        if upload.receiving is not None:
            await self._take_over(upload.receiving)
        await self._drop(upload)

    async def _drop(self, upload: Unfinished | None) -> None:
        """Forget an unfinished upload and erase it, unless it is busy."""
        if upload is not None and not upload.busy:
            self._unname(upload)
            await on_disk(upload.erase)

    def _unname(self, upload: Unfinished) -> None:
        key = (upload.label.folder, upload.label.name)
        if self._named.get(key) is upload:
            del self._named[key]

    async def _complete(self, upload: Unfinished, name: str, by: LoggedIn) -> str:
        """Hand over a whole upload, which is durable, under a fresh reference."""
        with HAND_OVER_SECONDS.time():
            record = await on_disk(hand_over_upload, self._spool, upload, name, by, self._clock())
        self._unname(upload)
        entry = HandedOver(
            reference=record.reference,
            folder=record.folder,
            name=record.name,
            size=record.size,
            landed_at=record.landed_at,
            modified=upload.label.modified,
        )
        self._recent.remember(entry)
        self._landed.add(self.provider, record.size)
        LANDED.inc()
        LANDED_BYTES.inc(record.size)
        log.info("landed reference=%s bytes=%d", record.reference, record.size)
        await on_disk(self._after_hand_over, upload, entry)
        return record.reference

    def _after_hand_over(self, upload: Unfinished, entry: HandedOver) -> None:
        upload.erase()
        self._recent.write(entry)
        passing("hand-over.remembered")

    async def set_modified(self, folder: Folder, name: str, modified: int) -> None:
        """Remember the time that a client gives its file, for listings only."""
        known = self.find(folder, name)
        if isinstance(known, Unfinished):
            known.label = known.label.model_copy(update={"modified": modified})
        elif known is not None:
            entry = known.model_copy(update={"modified": modified})
            self._recent.remember(entry)
            await on_disk(self._recent.write, entry)

    # Quotas.

    async def _check_quotas(self) -> None:
        """Whether one more upload may begin."""
        if len(self._all()) >= self._limits.unfinished_uploads:
            raise Declined(TOO_MANY_UNFINISHED)
        if self._recent.today(self._clock()) >= self._limits.uploads_per_day:
            raise Declined(TOO_MANY_TODAY)
        await self._landed.refresh()
        self._check_growth(0)
        await on_disk(check_room, self.shelf, self._limits.free_bytes)

    def _check_growth(self, size: int) -> None:
        """Whether `size` bytes more may wait for the processor."""
        unfinished = sum(upload.size for upload in self._all())
        waiting = unfinished + self._landed.waiting(self.provider) + size
        if waiting > self._limits.bytes_waiting_per_provider:
            raise Declined(TOO_MUCH_WAITING)
