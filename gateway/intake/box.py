"""One provider's drop box: unfinished uploads, and recent hand-overs.

All connections of one provider share one box.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from gateway.home import Spool
from gateway.home.settings import IntakeLimits
from gateway.intake.answers import TOO_MANY_FOLDERS
from gateway.intake.backlog import Landed
from gateway.intake.completion import Completion
from gateway.intake.disk import on_disk
from gateway.intake.paths import IntakePlace
from gateway.intake.recent import HandedOver, Recent
from gateway.intake.reception import Quotas, Reception
from gateway.intake.unfinished import Unfinished, UnfinishedUploads
from gateway.model import Folder
from gateway.ssh.answers import Declined

_MOST = 1_000
_KEPT = timedelta(hours=1)


class Folders:
    """The folders of one provider, each with its time of making."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._made: dict[IntakePlace, datetime] = {}

    def __contains__(self, place: IntakePlace) -> bool:
        """Return True if the folder exists now."""
        made = self._made.get(place)
        return made is not None and self._clock() - made < _KEPT

    def make(self, place: IntakePlace) -> None:
        """Make a folder. Declined above the maximum number."""
        now = self._clock()
        self._made = {known: made for known, made in self._made.items() if now - made < _KEPT}
        if len(self._made) >= _MOST:
            raise Declined(TOO_MANY_FOLDERS)
        self._made[place] = now

    def remove(self, place: IntakePlace) -> None:
        """Remove a folder; harmless if missing."""
        self._made.pop(place, None)

    def within(self, above: IntakePlace) -> list[str]:
        """Return the names of the folders in the folder `above`."""
        here = [made for made in self._made if made.above == above and made in self]
        return [made.name.rpartition("/")[2] for made in here if made.name is not None]


_TURNS = 6


class Box:
    """The drop box of `provider`."""

    def __init__(
        self, provider: str, spool: Spool, limits: IntakeLimits, landed: Landed, clock: Callable[[], datetime]
    ) -> None:
        self.provider = provider
        self._clock = clock
        # One turn for all sessions of a provider, so that other providers do not wait longer.
        self.turns = asyncio.Semaphore(_TURNS)
        self.unfinished = UnfinishedUploads(spool.partial(provider))
        self.recent = Recent(spool.recent / f"{provider}.jsonl", timedelta(days=limits.recent_days))
        self.folders = Folders(clock)
        self.asked = spool.asked / f"{provider}.asked"
        self.quotas = Quotas(
            provider,
            limits=limits,
            unfinished=self.unfinished,
            recent=self.recent,
            landed=landed,
            clock=clock,
        )
        self.reception = Reception(self.unfinished, self.recent, self.quotas, clock)
        self.completion = Completion(spool, self.unfinished, self.recent, landed, clock)
        self._loading = asyncio.Lock()
        self._is_loaded = False

    async def load(self) -> None:
        """Load the uploads left by an earlier run of the service, once."""
        async with self._loading:
            if not self._is_loaded:
                await self.unfinished.load()
                await on_disk(self.recent.load, self._clock())
                self._is_loaded = True

    async def expire(self, now: datetime, keep: timedelta) -> None:
        """Drop unfinished uploads idle for longer than `keep`, and outdated recent entries."""
        await self.unfinished.expire(now, keep)
        if self._is_loaded:
            await on_disk(self.recent.expire, now)

    def find(self, folder: Folder, name: str) -> Unfinished | HandedOver | None:
        """Return the upload with a name: an unfinished one before a handed-over one."""
        return self.unfinished.find(folder, name) or self.recent.find(folder, name)

    def has_below(self, folder: Folder, name: str) -> bool:
        """Return True if an upload lies below `name`, a folder made by a client."""
        above = f"{name}/"
        unfinished = any(upload.label.name.startswith(above) for upload in self.unfinished.within(folder))
        return unfinished or self.recent.has_below(folder, name)

    def within(self, folder: Folder) -> dict[str, Unfinished | HandedOver]:
        """Return the uploads in `folder`, by name; an unfinished one hides a handed-over one."""
        sent: dict[str, Unfinished | HandedOver] = {e.name: e for e in self.recent.within(folder)}
        return sent | {upload.label.name: upload for upload in self.unfinished.within(folder)}

    async def set_modified(self, folder: Folder, name: str, modified: int) -> None:
        """Remember the modification time set by a client, for listings only."""
        known = self.find(folder, name)
        if isinstance(known, Unfinished):
            known.label = known.label.model_copy(update={"modified": modified})
        elif known is not None:
            entry = known.model_copy(update={"modified": modified})
            self.recent.remember(entry)
            await on_disk(self.recent.write, entry)
