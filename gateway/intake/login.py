"""Logging in: a provider id and one of the SSH keys published for it, nothing else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import asyncssh

from gateway.home import PROVIDER_ID, Published, shown_name
from gateway.intake.box import Box
from gateway.intake.disk import on_disk
from gateway.intake.door import Door, Guest
from gateway.intake.handover import Visitor
from gateway.intake.offences import Offences
from gateway.intake.penalties import Penalties
from gateway.intake.session import Session
from gateway.intake.tree import Tree
from gateway.observe.metrics import LOGINS
from gateway.settings import IntakeLimits
from gateway.ssh.connection import Connection

log = logging.getLogger(__name__)

_CLIENT_NAME_LENGTH = 80

# Unknown users are looked up in this list, a well-formed one as every provider has.
_NOBODYS_KEYS = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f nobody\n"


def holds_key(published: Published, username: str, key: asyncssh.SSHKey, address: str) -> bool:
    """Whether `key` is published for the provider `username`, and may be used from `address`.

    A name that is no provider takes the same steps, and so the same time, as one that is.
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


class Login(asyncssh.SSHServer):
    """The gateway's side of one connection."""

    def __init__(
        self,
        *,
        published: Published,
        limits: IntakeLimits,
        door: Door,
        offences: Offences,
        penalties: Penalties,
        box_of: Callable[[str], Box],
        running: set[asyncio.Task[None]],
    ) -> None:
        self._published = published
        self._limits = limits
        self._door = door
        self._offences = offences
        self._penalties = penalties
        self._box_of = box_of
        self._running = running
        self._connection: Connection | None = None
        self._guest: Guest | None = None
        self._address = ""
        self._username: str | None = None
        self._key: asyncssh.SSHKey | None = None
        self._sessions = 0

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """Let the connection in, or close it where a cap is reached."""
        assert isinstance(conn, Connection)  # noqa: S101 - the listener makes no other
        peer = conn.get_extra_info("peername")
        self._address = str(peer[0]) if peer else "local"
        self._connection = conn
        if self._penalties.waits(self._address):
            self._offences.note("connects-during-penalty", self._address)
            conn.abort()
            return
        self._guest = self._door.enter(conn, self._address, self.still_welcome)
        if self._guest is None:
            conn.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncssh's signature
        """Forget the connection."""
        if self._guest is not None:
            if not self._guest.logged_in:
                self._punish(self._guest)
            self._door.leave(self._guest)

    def _punish(self, guest: Guest) -> None:
        """A connection that ended without a login."""
        if self._username is not None:
            self._offences.note("login-failed", self._address)
            owed = self._limits.penalty_login_failed
        elif self._door.is_silent(guest):
            self._offences.note("silent-connection", self._address)
            owed = self._limits.penalty_silent
        else:
            owed = self._limits.penalty_left
        self._penalties.add(self._address, owed)

    def begin_auth(self, username: str) -> bool:
        """Everybody must log in, under one name."""
        if self._username is not None:
            raise asyncssh.DisconnectError(
                asyncssh.DISC_PROTOCOL_ERROR, "The user name must not change while logging in"
            )
        self._username = username
        return True

    def public_key_auth_supported(self) -> bool:
        """SSH keys are the one way in."""
        return True

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Whether this key may log in as `username`, looked up afresh."""
        holds = await on_disk(holds_key, self._published, username, key, self._address)
        if holds:
            self._key = key
        return holds

    def auth_completed(self) -> None:
        """The key has proved itself."""
        if self._guest is not None and self._key is not None:
            self._guest.logged_in = True
            self._penalties.settle(self._address)
            LOGINS.inc()
            log.info("login provider=%s key=%s", self._username, self._key.get_fingerprint())

    async def still_welcome(self) -> bool:
        """Whether the key that logged in is still published for its provider."""
        if self._key is None or self._username is None:
            return False
        return await on_disk(holds_key, self._published, self._username, self._key, self._address)

    def session_requested(self) -> tuple[asyncssh.SSHServerChannel[bytes], Session]:
        """An SFTP session, of which a connection may have a few."""
        if self._connection is None or self._guest is None or self._key is None or self._username is None:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "Not logged in")
        if self._sessions >= self._limits.sessions_per_connection:
            self._offences.note("too-many-sessions", self._address)
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_RESOURCE_SHORTAGE, "Too many sessions")
        box = self._box_of(self._username)
        if box.sessions >= self._limits.sessions_per_provider:
            self._offences.note("too-many-sessions-of-provider", self._address)
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_RESOURCE_SHORTAGE, "Too many sessions")
        self._sessions += 1
        box.sessions += 1

        def ended() -> None:
            self._sessions -= 1
            box.sessions -= 1

        guest, key = self._guest, self._key
        client = shown_name(self._connection.get_extra_info("client_version", ""))[:_CLIENT_NAME_LENGTH]
        tree = Tree(
            published=self._published,
            box=box,
            visitor=Visitor(self._username, key.get_fingerprint(), client),
            name_bytes=self._limits.name_bytes,
        )
        session = Session(
            tree,
            self._connection,
            handles=self._limits.handles_per_session,
            touch=lambda: self._door.touch(guest),
            running=self._running,
            ended=ended,
        )
        return self._connection.create_server_channel(encoding=None), session
