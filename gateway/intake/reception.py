"""Open uploads of one provider: new ones, or unfinished ones again; and discard them."""

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.home.settings import IntakeLimits
from gateway.intake.answers import (
    ALREADY_EXISTS,
    GONE,
    HANDED_OVER,
    NOT_KEPT,
    STILL_OPEN,
    TOO_MANY_TODAY,
    TOO_MANY_UNFINISHED,
    TOO_MUCH_TODAY,
    TOO_MUCH_WAITING,
)
from gateway.intake.backlog import Landed
from gateway.intake.disk import check_room, on_disk
from gateway.intake.recent import Recent
from gateway.intake.unfinished import Label, Unfinished, UnfinishedUploads, Writer, new_unfinished, open_again
from gateway.intake.upload import Memory, Receiving
from gateway.model import Folder
from gateway.ssh.answers import NO_SUCH_FILE, Declined
from gateway.zones.failpoints import passing

_FRESH_SECONDS = 1.0


class Quotas:
    """The quotas of `provider`, counting `unfinished` uploads, recent hand-overs, and landed files."""

    def __init__(
        self,
        provider: str,
        *,
        limits: IntakeLimits,
        unfinished: UnfinishedUploads,
        recent: Recent,
        landed: Landed,
        clock: Callable[[], datetime],
    ) -> None:
        self._provider = provider
        self.limits = limits
        self._unfinished = unfinished
        self._recent = recent
        self._landed = landed
        self._clock = clock
        self._room_at = float("-inf")  # When there was room, in monotonic seconds.

    async def check_begin(self) -> None:
        """Raise Declined if one more upload may not begin."""
        if sum(1 for _ in self._unfinished) >= self.limits.unfinished_uploads:
            raise Declined(TOO_MANY_UNFINISHED)
        if self._recent.today(self._clock()).uploads >= self.limits.uploads_per_day:
            raise Declined(TOO_MANY_TODAY)
        await self._landed.refresh()
        self.check_growth(0)
        await self.check_disk()

    def check_growth(self, size: int) -> None:
        """Raise Declined if `size` more bytes exceed the day's quota, or the waiting bytes' limit."""
        unfinished = sum(upload.size for upload in self._unfinished)
        if self._recent.today(self._clock()).size + unfinished + size > self.limits.bytes_per_day:
            raise Declined(TOO_MUCH_TODAY)
        waiting = unfinished + self._landed.waiting(self._provider) + size
        if waiting > self.limits.bytes_waiting_per_provider:
            raise Declined(TOO_MUCH_WAITING)

    async def check_disk(self) -> None:
        """Raise OSError if the disk is nearly full, by a recent check; each write checks again."""
        now = time.monotonic()
        if now - self._room_at >= _FRESH_SECONDS:
            await on_disk(check_room, self._unfinished.place, self.limits.free_bytes)
            self._room_at = now


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wish:
    """A client's wish in opening a file for writing: the relevant flags of SFTP's OPEN."""

    create: bool
    exclusive: bool
    truncate: bool
    append: bool


class Reception:
    """The receiver of one provider's uploads."""

    def __init__(
        self, unfinished: UnfinishedUploads, recent: Recent, quotas: Quotas, clock: Callable[[], datetime]
    ) -> None:
        self._unfinished = unfinished
        self._recent = recent
        self._quotas = quotas
        self._clock = clock
        self._memory = Memory()

    async def receive(self, folder: Folder, name: str, wish: Wish) -> Receiving:
        """Open an upload: a new one, or an unfinished one again at its size.

        An upload of the same name still being written by another connection continues separately if this one
        starts anew, and is taken over if this one resumes it.
        """
        known = self._unfinished.find(folder, name)
        if wish.exclusive and (known or self._recent.find(folder, name)) is not None:
            raise Declined(ALREADY_EXISTS)
        if known is not None and not wish.truncate:
            return await self._resume(known, wish)
        if known is None:
            # Refuse to resume a handed-over file, or to open a missing one without creating it. A rest
            # received as a new upload would make a file of a tail.
            here = self._recent.find(folder, name) is not None
            if not here and not wish.create:
                raise Declined(NO_SUCH_FILE)
            if here and not wish.truncate and (wish.append or not wish.create):
                raise Declined(HANDED_OVER)
        await self._quotas.check_begin()
        label = Label(folder=folder, name=name, started_at=self._clock())
        upload = new_unfinished(self._unfinished.place, label)
        earlier = self._unfinished.put(upload)
        receiving = self._receiving(upload, None, wish)
        passing("upload.opened")
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
        await self._quotas.check_disk()
        descriptor = await on_disk(open_again, upload)
        if upload.busy:
            os.close(descriptor)
            raise Declined(STILL_OPEN)
        return self._receiving(upload, descriptor, wish)

    def _receiving(self, upload: Unfinished, descriptor: int | None, wish: Wish) -> Receiving:
        receiving = Receiving(
            upload,
            descriptor,
            append=wish.append,
            anew=wish.truncate,
            limits=self._quotas.limits,
            memory=self._memory,
            may_grow=self._quotas.check_growth,
        )
        upload.receiving = receiving
        self._unfinished.opened(upload)
        return receiving

    async def _take_over(self, writer: Writer) -> None:
        _log.info("taken-over provider=%s", self._unfinished.place.name)
        await self.cut_off(writer)

    async def cut_off(self, writer: Writer) -> None:
        """Keep the received part of an upload after its client's loss, for resuming."""
        try:
            await writer.release(whole=False)
        finally:
            await self._unfinished.keep(writer.upload, self._clock())

    async def remove(self, folder: Folder, name: str) -> None:
        """Discard an unfinished upload."""
        upload = self._unfinished.find(folder, name)
        if upload is None:
            raise Declined(NO_SUCH_FILE if self._recent.find(folder, name) is None else GONE)
        if upload.completing:
            raise Declined(STILL_OPEN)
        if upload.receiving is not None:
            await self._take_over(upload.receiving)
        await self._unfinished.drop(upload)
