"""Resources shared by the connections of one running intake: providers' boxes, and their upkeep."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncssh
from asyncssh import constants
from asyncssh.packet import SSHPacket
from asyncssh.sftp import SFTPServerHandler

from gateway.errors import trace_of
from gateway.home import PROVIDER_ID, Published, Spool
from gateway.home.settings import IntakeLimits
from gateway.intake.backlog import Landed, sweep_landed
from gateway.intake.box import Box
from gateway.intake.disk import on_disk
from gateway.intake.files import Files
from gateway.intake.recent import sweep_journals
from gateway.intake.tree import ProviderTree
from gateway.intake.unfinished import sweep_shelf
from gateway.observe.metrics import INTAKE_DOOR
from gateway.ssh.answers import TOO_MANY_HANDLES, Declined, guarded
from gateway.ssh.connection import Connection
from gateway.ssh.door import Door
from gateway.ssh.listing import Names
from gateway.ssh.session import Session
from gateway.ssh.sftp import Handler
from gateway.ssh.visitor import LoggedIn

_ENTRY_SECONDS = 0.00001  # The approximate loop time of reading one entry of a folder.
_LISTINGS = 4  # Each open listing holds a descriptor.

_POSIX_RENAME = b"posix-rename@openssh.com"
_FSYNC = b"fsync@openssh.com"
_LSETSTAT = b"lsetstat@openssh.com"


class Requests(Handler):
    """The requests on `files`; `touch` is called at each."""

    _extensions = [*Handler._extensions, (_POSIX_RENAME, b"1"), (_FSYNC, b"1"), (_LSETSTAT, b"1")]  # noqa: RUF012, SLF001

    def __init__(
        self,
        files: Files,
        connection: Connection,
        reader: asyncssh.SSHReader[bytes],
        writer: asyncssh.SSHWriter[bytes],
        touch: Callable[[], None],
    ) -> None:
        super().__init__(files, connection, reader, writer, touch)
        self._files = files
        self.turns = files.tree.box.turns

    async def run(self) -> None:
        """Answer requests until the client or the connection ends."""
        try:
            await self._files.tree.box.load()
        except OSError as error:
            self.tell("session-not-started", trace_of(error))
            raise
        await super().run()

    async def _close(self, packet: SSHPacket) -> None:
        """Handle the client's own CLOSE."""
        self._files.client_closes = True
        try:
            await super()._close(packet)
        finally:
            self._files.client_closes = False

    async def _opendir(self, packet: SSHPacket) -> bytes:
        if len(self._dir_handles) >= _LISTINGS:
            raise Declined(TOO_MANY_HANDLES)
        return await super()._opendir(packet)

    async def _readdir(self, packet: SSHPacket) -> tuple[Names, bool]:
        names, at_end = await super()._readdir(packet)
        self._connection.spend(len(names) * _ENTRY_SECONDS)
        return names, at_end

    _packet_handlers = {  # noqa: RUF012 - as asyncssh declares it
        **Handler._packet_handlers,  # noqa: SLF001 - the parent's
        constants.FXP_CLOSE: guarded(_close),
        constants.FXP_OPENDIR: guarded(_opendir),
        constants.FXP_READDIR: guarded(_readdir),
        constants.FXP_MKDIR: guarded(SFTPServerHandler._process_mkdir),  # noqa: SLF001 - as the parent does
        constants.FXP_RMDIR: guarded(SFTPServerHandler._process_rmdir),  # noqa: SLF001
        _POSIX_RENAME: guarded(SFTPServerHandler._process_posix_rename),  # noqa: SLF001 - as the parent does
        _FSYNC: guarded(SFTPServerHandler._process_fsync),  # noqa: SLF001
        _LSETSTAT: guarded(SFTPServerHandler._process_lsetstat),  # noqa: SLF001
    }


# The list searched for unknown users, well-formed like every provider's.
_NOBODYS_KEYS = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f nobody\n"


def holds_key(published: Published, username: str, key: asyncssh.SSHKey, address: str) -> bool:
    """Return True if `key` is published for the provider `username`, and may be used from `address`.

    Unknown names take the same steps, and so the same time, as known providers.
    """
    known = PROVIDER_ID.fullmatch(username) is not None
    path = published.provider(username if known else "-") / "authorized_keys"
    try:
        text = path.read_text("utf-8", errors="replace")
    except FileNotFoundError:
        known, text = False, _NOBODYS_KEYS
    try:
        keys = asyncssh.import_authorized_keys(text)
    except ValueError:
        return False  # No line of the file is a key.
    return keys.validate(key, "", address) is not None and known


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
