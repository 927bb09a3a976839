"""Run a service: its connections, sessions and sockets, tasks repeated at intervals, and an orderly end."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import asyncssh
from asyncssh.stream import SSHReader, SSHServerStreamSession, SSHWriter

from gateway.errors import trace_of
from gateway.home import shown_name
from gateway.home.settings import AlsoOffer
from gateway.observe import systemd
from gateway.ssh.channel import SMALL_BYTES, Channel
from gateway.ssh.connection import LEAST_WINDOW_BYTES, WINDOW_BYTES, Connection, needs_rsa
from gateway.ssh.door import Door, Guest
from gateway.ssh.server import Offer, listen, rsa_file
from gateway.ssh.server import host_key as host_key_of
from gateway.ssh.sftp import Handler, Server
from gateway.zones.penalty_files import Lifted, Listed, PenaltyFiles

_log = logging.getLogger(__name__)

_CLIENT_NAME_LENGTH = 80
_WIDE_SESSIONS = 4  # More at once of one provider or person do not each need a wide window.


class LoggedIn(NamedTuple):
    """A login: the name of the provider or person, the fingerprint of the key, and the client's version."""

    name: str
    key: str
    client: str


class Service(Protocol):
    """The parts of an SSH service that intake and mailboxes each define.
    `requests`: the class that handles the requests of a session. `running`: the tasks of all sessions.
    """

    door: Door
    running: set[asyncio.Task[None]]
    requests: type[Handler]

    def shown(self, name: str) -> str:
        """Return how log lines name a provider or person; never by the name of a person."""
        ...

    async def holds_key(self, name: str, key: asyncssh.SSHKey, address: str) -> bool:
        """Return True if a key is in force for a name now, and may be used from an address.
        The check takes equally long for an unknown name, so nobody can find out the names.
        """
        ...

    def tree(self, by: LoggedIn, channel: asyncssh.SSHServerChannel[bytes]) -> Server:
        """Return the SFTP operations of one session of the login `by`, on its channel."""
        ...


_USE_SFTP = (
    b"This gateway takes files by SFTP only. Use sftp, or scp without -O (OpenSSH 9 or later), "
    b"pscp -sftp, or sftp:// instead of scp://.\n"
)
# In the protocol of scp: an error that ends it, told elsewhere. Without it, curl takes the end of the
# channel for success and its file for delivered.
_FATAL = b"\x02\n"


class Session(SSHServerStreamSession[bytes]):
    """One SSH session of a login. Its task is in `service.running` until its last file is closed."""

    def __init__(self, connection: Connection, service: Service, guest: Guest, by: LoggedIn) -> None:
        super().__init__(None)
        self._connection = connection
        self._service = service
        self._guest = guest
        self._by = by
        self._is_scp = False

    def exec_requested(self, command: str) -> bool:
        """Return True for `scp` only, to answer with the advice to use SFTP; no command is ever run."""
        self._is_scp = command.partition(" ")[0] == "scp"
        return self._is_scp

    def subsystem_requested(self, subsystem: str) -> bool:
        """Return True for SFTP only; the base class refuses shells and commands."""
        return subsystem == "sftp"

    def session_started(self) -> None:
        """Begin to answer SFTP requests, or tell a user of scp to use SFTP and end."""
        channel: Any = self._chan
        if self._is_scp:
            channel.write_stderr(_USE_SFTP)
            channel.write(_FATAL)
            channel.exit(1)
            return
        handler = self._service.requests(
            self._service.tree(self._by, channel),
            self._connection,
            SSHReader[bytes](self, channel),
            SSHWriter[bytes](self, channel),
            partial(self._service.door.touch, self._guest),
        )
        task = self._connection.create_task(handler.run(), handler.logger)
        self._service.running.add(task)
        task.add_done_callback(self._service.running.discard)

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """Buffer received data, joining small pieces."""
        kept: list[Any] = self._recv_buf[datatype]
        if len(data) < SMALL_BYTES:
            data = bytes(data)  # A view would keep its whole packet in memory.
            if kept and len(kept[-1]) < SMALL_BYTES:
                before = bytes(kept.pop())
                self._recv_buf_len -= len(before)
                data = before + data
        super().data_received(data, datatype)

    async def read(self, datatype: int | None, n: int, exact: bool) -> bytes:
        """Take received data from the buffer, and let the client send as many bytes again."""
        data: bytes = await super().read(datatype, n, exact)
        if isinstance(self._chan, Channel):
            self._chan.consumed(len(data))
        return data

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the door that this session has ended."""
        super().connection_lost(exc)
        self._service.door.end_session(self._guest)


class Visitor(asyncssh.SSHServer):
    """The server side of one SSH connection: admission, login by key, sessions."""

    def __init__(self, service: Service) -> None:
        self._door = service.door
        self._service = service
        self._connection: Connection | None = None
        self._guest: Guest | None = None
        self._address = ""
        self._name: str | None = None
        self._key: asyncssh.SSHKey | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """Let the connection in, or close it at a limit."""
        if not isinstance(conn, Connection):
            raise TypeError("the listener makes connections of another kind")
        self._connection = conn
        self._address = str((conn.get_extra_info("peername") or ("local",))[0])
        self._guest = self._door.enter(conn.abort, self._address, self.still_welcome)
        if self._guest is None:
            conn.abort()
        elif self._guest.held:
            conn.hold(self._guest.held)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncssh's signature
        """Remove the connection from the door; penalise the client's source if nobody logged in."""
        if self._guest is not None:
            if self._guest.name is None:
                self._door.punish(self._guest, tried=self._name is not None)
            self._door.leave(self._guest)

    def begin_auth(self, username: str) -> bool:
        """Return True: every user has to log in. Disconnect a client that changes its user name."""
        if self._name is not None:
            raise asyncssh.DisconnectError(
                asyncssh.DISC_PROTOCOL_ERROR, "The user name must not change while logging in"
            )
        self._name = username
        return True

    def public_key_auth_supported(self) -> bool:
        """Return True: SSH keys are the only login method."""
        return True

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Return True if a key may log in under a name; asyncssh then has the client prove possession."""
        try:
            holds = await self._service.holds_key(username, key, self._address)
        except Exception as error:  # noqa: BLE001 - asyncssh would send the text to the client
            self._door.offences.note(
                "login-error", self._address, level=logging.ERROR, detail=trace_of(error)
            )
            return False
        if holds and self._connection is not None and not self._connection.may_log_in(username):
            self._door.offences.note("weak-algorithms-of-another", self._address)
            return False
        if holds:
            self._key = key
        return holds

    def auth_completed(self) -> None:
        """Count the login once the key is proved; at a limit, end the connection."""
        if self._guest is None or self._key is None or self._name is None or self._connection is None:
            return
        if self._door.log_in(self._guest, self._name):
            _log.info("login %s key=%s", self._service.shown(self._name), self._key.get_fingerprint())
        else:
            self._connection.disconnect(asyncssh.DISC_TOO_MANY_CONNECTIONS, "Too many connections")

    async def still_welcome(self) -> bool:
        """Return True if the key that logged in is still in force."""
        if self._key is None or self._name is None:
            return False
        return await self._service.holds_key(self._name, self._key, self._address)

    def session_requested(self) -> tuple[asyncssh.SSHServerChannel[bytes], asyncssh.SSHServerSession[bytes]]:
        """Return a new session, within the limits per connection and per provider or person."""
        connection, guest, key = self._connection, self._guest, self._key
        if connection is None or guest is None or key is None or guest.name is None:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "Not logged in")
        if not self._door.begin_session(guest):
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_RESOURCE_SHORTAGE, "Too many sessions")
        client = shown_name(connection.get_extra_info("client_version", ""))[:_CLIENT_NAME_LENGTH]
        by = LoggedIn(guest.name, key.get_fingerprint(), client)
        window = WINDOW_BYTES if self._door.sessions_of(guest.name) <= _WIDE_SESSIONS else LEAST_WINDOW_BYTES
        channel = connection.create_server_channel(encoding=None, window=window)
        return channel, Session(connection, self._service, guest, by)


_ROUND_SECONDS = 15.0
_PENALTY_SECONDS = 2.0
_FAREWELL_SECONDS = 10.0


def penalty_round(door: Door, files: PenaltyFiles) -> Callable[[], Awaitable[None]]:
    """Return a task for a service to repeat: it ends the penalties that a person has lifted, and lists the
    others. The lifted penalties are read from `files`, and the list of the others is written there.
    """
    applied, listed = Lifted(), dict[str, float]()

    async def run() -> None:
        nonlocal applied, listed
        try:
            lifted = await asyncio.to_thread(files.read_lifted)
        except (OSError, ValueError) as error:
            _log.warning("lifted-not-readable %s", trace_of(error))
            return
        for source, _ in lifted.at.items() - applied.at.items():
            if door.penalties.lift(source):
                _log.info("penalty-lifted address=%s", source)
        applied, waiting = lifted, door.penalties.in_force()
        door.counts.penalties.set(len(waiting))
        if waiting or listed:
            now = datetime.now(UTC)
            until = {source: now + timedelta(seconds=seconds) for source, seconds in waiting.items()}
            await asyncio.to_thread(files.write_listed, Listed(until=until))
        listed = waiting

    return run


@contextlib.asynccontextmanager
async def serving(
    service: Service,
    *,
    host_key: Path,
    place: tuple[str, int],
    sockets: Sequence[socket.socket],
    penalties: PenaltyFiles,
    also: Sequence[AlsoOffer] = (),
) -> AsyncIterator[tuple[str, int]]:
    """Accept connections at `place` (host, port), or on listening `sockets`; yield host and port.
    `also`: the administrator's offers of weak algorithms to some clients. At the end close every connection,
    and wait up to 10 seconds for the running sessions. ConfigurationError for an unusable host key or port.
    """
    door = service.door
    offer = await asyncio.to_thread(Offer, host_key, door.limits, lambda: Visitor(service))
    old = await asyncio.to_thread(host_key_of, rsa_file(host_key), "ssh-rsa") if needs_rsa(also) else None
    listeners = await listen(offer.options, door, place, sockets, also, rsa_key=old)
    loop = asyncio.get_running_loop()
    rounds = [
        loop.create_task(repeat(door.look_round, _ROUND_SECONDS)),
        loop.create_task(repeat(penalty_round(door, penalties), _PENALTY_SECONDS)),
        loop.create_task(systemd.keep_alive()),
    ]
    try:
        host, port = listeners[0].sockets[0].getsockname()[:2]
        yield str(host), int(port)
    finally:
        for listener in listeners:
            listener.close()
        for one in rounds:
            one.cancel()
        door.close()
        if service.running:
            await asyncio.wait(service.running, timeout=_FAREWELL_SECONDS)


async def repeat(task: Callable[[], Awaitable[None]], seconds: float) -> None:
    """Run a task for ever, pausing for some `seconds` after each run; a failure is only logged."""
    while True:
        try:
            await task()
        except Exception as error:  # noqa: BLE001 - one bad round must not be the last
            _log.error("round-failed %s", trace_of(error))
        await asyncio.sleep(seconds)
