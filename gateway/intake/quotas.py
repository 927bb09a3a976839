"""Limits on one provider's uploads: those begun, and those waiting."""

import time
from collections.abc import Callable
from datetime import datetime

from gateway.home.settings import IntakeLimits
from gateway.intake.answers import (
    TOO_MANY_TODAY,
    TOO_MANY_UNFINISHED,
    TOO_MUCH_TODAY,
    TOO_MUCH_WAITING,
)
from gateway.intake.backlog import Landed
from gateway.intake.disk import check_room, on_disk
from gateway.intake.recent import Recent
from gateway.intake.shelf import Shelf
from gateway.ssh.answers import Declined

_FRESH_SECONDS = 1.0


class Quotas:
    """The quotas of `provider`, counting the `shelf`, recent hand-overs, and landed files."""

    def __init__(
        self,
        provider: str,
        *,
        limits: IntakeLimits,
        shelf: Shelf,
        recent: Recent,
        landed: Landed,
        clock: Callable[[], datetime],
    ) -> None:
        self._provider = provider
        self.limits = limits
        self._shelf = shelf
        self._recent = recent
        self._landed = landed
        self._clock = clock
        self._room_at = float("-inf")  # When there was room, in monotonic seconds.

    async def check_begin(self) -> None:
        """Raise Declined if one more upload may not begin."""
        if sum(1 for _ in self._shelf) >= self.limits.unfinished_uploads:
            raise Declined(TOO_MANY_UNFINISHED)
        if self._recent.today(self._clock()).uploads >= self.limits.uploads_per_day:
            raise Declined(TOO_MANY_TODAY)
        await self._landed.refresh()
        self.check_growth(0)
        await self.check_disk()

    def check_growth(self, size: int) -> None:
        """Raise Declined if `size` more bytes exceed the day's quota, or the waiting bytes' limit."""
        unfinished = sum(upload.size for upload in self._shelf)
        if self._recent.today(self._clock()).size + unfinished + size > self.limits.bytes_per_day:
            raise Declined(TOO_MUCH_TODAY)
        waiting = unfinished + self._landed.waiting(self._provider) + size
        if waiting > self.limits.bytes_waiting_per_provider:
            raise Declined(TOO_MUCH_WAITING)

    async def check_disk(self) -> None:
        """Raise OSError if the disk is nearly full, by a recent check; each write checks again."""
        now = time.monotonic()
        if now - self._room_at >= _FRESH_SECONDS:
            await on_disk(check_room, self._shelf.place, self.limits.free_bytes)
            self._room_at = now
