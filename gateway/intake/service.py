"""Resources shared by the connections of one running intake: providers' boxes, and their upkeep."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncssh

from gateway.home import PROVIDER_ID, Published, Spool
from gateway.home.settings import IntakeLimits
from gateway.intake.backlog import Landed, sweep_landed
from gateway.intake.box import Box
from gateway.intake.disk import on_disk
from gateway.intake.files import Files
from gateway.intake.published_keys import holds_key
from gateway.intake.recent import sweep_journals
from gateway.intake.requests import Requests
from gateway.intake.tree import ProviderTree
from gateway.intake.unfinished import sweep_shelf
from gateway.observe.metrics import INTAKE_DOOR
from gateway.ssh.connection import Connection
from gateway.ssh.door import Door
from gateway.ssh.session import Session
from gateway.ssh.visitor import LoggedIn

_log = logging.getLogger(__name__)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Intake:
    """The SFTP service for providers."""

    def __init__(self, spool: Spool, published: Published, limits: IntakeLimits) -> None:
        self._spool = spool
        self._published = published
        self._limits = limits
        self._landed = Landed(spool.landed)
        self._boxes: dict[str, Box] = {}
        self.running: set[asyncio.Task[None]] = set()
        self.door = Door(limits, INTAKE_DOOR, time.monotonic)

    def shown(self, name: str) -> str:
        """Return the provider's id."""
        return f"provider={name}"

    async def holds_key(self, name: str, key: asyncssh.SSHKey, address: str) -> bool:
        """Return True if `key` is published for the provider `name`."""
        return await on_disk(holds_key, self._published, name, key, address)

    def session(
        self, connection: Connection, by: LoggedIn, touch: Callable[[], None], ended: Callable[[], None]
    ) -> Session:
        """Return a session in the tree of the logged-in provider."""
        tree = ProviderTree(
            published=self._published, box=self.box(by.name), by=by, name_bytes=self._limits.name_bytes
        )

        def start(
            channel: asyncssh.SSHServerChannel[bytes],
            reader: asyncssh.SSHReader[bytes],
            writer: asyncssh.SSHWriter[bytes],
        ) -> Requests:
            files = Files(channel, tree, self._limits.handles_per_session)
            return Requests(files, connection, reader, writer, touch)

        return Session(connection, start, running=self.running, ended=ended)

    def box(self, provider: str) -> Box:
        """Return the one box of a provider."""
        if provider not in self._boxes:
            self._boxes[provider] = Box(provider, self._spool, self._limits, self._landed, _utc_now)
        return self._boxes[provider]

    async def sweep(self) -> None:
        """Erase expired unfinished uploads, and remains of interrupted hand-overs."""
        now, keep = _utc_now(), timedelta(hours=self._limits.resume_hours)
        for shelf in await on_disk(_shelves, self._spool):
            box = self._boxes.get(shelf.name)
            if box is not None:
                await box.expire(now, keep)
            in_use = frozenset() if box is None else box.shelf.in_use
            if gone := await on_disk(sweep_shelf, shelf, now, keep, in_use):
                _log.info("expired provider=%s uploads=%d", shelf.name, gone)
        await on_disk(sweep_landed, self._spool.landed, now, keep)
        remembered = timedelta(days=self._limits.recent_days)
        await on_disk(sweep_journals, self._spool.recent, now, remembered, frozenset(self._boxes))


def _shelves(spool: Spool) -> list[Path]:
    return [path for path in (spool.root / "partial").iterdir() if PROVIDER_ID.fullmatch(path.name)]
