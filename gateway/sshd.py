"""What both SFTP services share below SFTP: algorithms, host key, and who is let in how often.

Keys only. Everything that a service does not need (terminals, commands, forwarding, compression,
passwords, agents) is off, and the banner says nothing about the software behind it.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import re
import socket
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, cast

import asyncssh
from asyncssh.constants import MSG_IGNORE
from asyncssh.packet import SSHPacketLogger

from gateway.errors import ConfigurationError
from gateway.shares import Shares
from gateway.spool import private_mode, write_durably

log = logging.getLogger(__name__)

# Safe also against a quantum computer that opens recorded sessions one day (FIPS 203, ML-KEM).
_QUANTUM_SAFE = b"mlkem768x25519-sha256"
_KEX = (_QUANTUM_SAFE, b"curve25519-sha256", b"curve25519-sha256@libssh.org")
# OpenSSH has it since 9.9. Many other clients do not have it yet.
_HAS_IT = re.compile(rb"SSH-2\.0-OpenSSH_(9\.9|\d{2,}\.)")
_CIPHERS = "aes256-gcm@openssh.com,aes128-gcm@openssh.com,chacha20-poly1305@openssh.com,aes256-ctr"
_MACS = "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com"
# What a client may sign its login with; RSA with SHA-1 is not among them.
_SIGNATURES = (
    "ssh-ed25519,sk-ssh-ed25519@openssh.com,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,"
    "sk-ecdsa-sha2-nistp256@openssh.com,rsa-sha2-512,rsa-sha2-256"
)
_LOST_KEEPALIVES = 3
_BACKLOG = 256
_PIECE_BYTES = 32 * 1024
# What a client may have under way in each direction of a session; so much of each may lie in memory.
_WINDOW_BYTES = 2 * 1024 * 1024
_PACKET_BYTES = 128 * 1024


class DoorLimits(Protocol):
    """The limits of a service that are kept before a session begins. Times in seconds."""

    @property
    def login_seconds(self) -> float:
        """How long a client may take to log in."""

    @property
    def login_attempts(self) -> int:
        """How many attempts may fail on one connection, beside the usual probe for methods."""

    @property
    def connections(self) -> int:
        """How many connections may be open."""

    @property
    def connections_per_address(self) -> int:
        """How many of them from one address."""

    @property
    def sessions_per_connection(self) -> int:
        """How many sessions one connection may carry at once."""

    @property
    def keepalive_seconds(self) -> float:
        """After how long a silence a client is asked whether it is still there."""


def ssh_options(
    keys: Sequence[asyncssh.SSHKey], limits: DoorLimits, visitor: Callable[[], asyncssh.SSHServer]
) -> asyncssh.SSHServerConnectionOptions:
    """SSH as every service offers it. `visitor` makes the gateway's side of each new connection.

    The first of `keys` is the host key in use; clients that ask are told of the others.
    """
    return asyncssh.SSHServerConnectionOptions(
        server_factory=visitor,
        server_host_keys=list(keys),
        send_server_host_keys=True,
        server_version="gateway",
        kex_algs=b",".join(_KEX).decode(),
        encryption_algs=_CIPHERS,
        mac_algs=_MACS,
        signature_algs=_SIGNATURES,
        compression_algs=None,
        public_key_auth=True,
        password_auth=False,
        kbdint_auth=False,
        host_based_auth=False,
        gss_host=None,
        x509_trusted_certs=None,
        allow_pty=False,
        line_editor=False,
        agent_forwarding=False,
        x11_forwarding=False,
        login_timeout=limits.login_seconds,
        keepalive_interval=limits.keepalive_seconds,
        keepalive_count_max=_LOST_KEEPALIVES,
        window=_WINDOW_BYTES,
        max_pktsize=_PACKET_BYTES,
    )


class Connection(asyncssh.SSHServerConnection):
    """A connection whose client may fail to log in only so often, and must read what it asked for.

    What it sends is read in small pieces; when the loop is busy, only as fast as its share allows.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        options: asyncssh.SSHServerConnectionOptions,
        attempts: int,
        shares: Shares,
    ) -> None:
        super().__init__(loop, options)
        self._turning_loop = loop
        self._shares = shares
        self._source = ""
        self._unread = b""
        self._taken = 0  # So much of it has been taken in.
        self._resting: asyncio.TimerHandle | None = None
        self._attempts_left = attempts
        self._may_send = asyncio.Event()
        self._may_send.set()

    def _send_kexinit(self) -> None:
        """Offer the key exchanges; a client that says it has the quantum-safe one is offered no other."""
        if _HAS_IT.match(self._client_version):
            self._kex_algs = [_QUANTUM_SAFE]
        super()._send_kexinit()

    def create_server_channel(
        self, encoding: str | None = "", errors: str = "", window: int = 0, max_pktsize: int = 0
    ) -> asyncssh.SSHServerChannel[bytes]:
        """A channel that takes no environment: asyncssh would keep as much of it as a client sends."""
        channel = super().create_server_channel(encoding, errors, window, max_pktsize)
        channel._process_env_request = lambda packet: False  # type: ignore[method-assign]  # noqa: SLF001, ARG005
        return channel

    def send_packet(self, pkttype: int, *args: bytes, handler: SSHPacketLogger | None = None) -> None:
        """Send a packet, without the empty message that asyncssh sends before each.

        That is against an attack on CBC, which is offered to nobody here.
        """
        if pkttype != MSG_IGNORE:
            super().send_packet(pkttype, *args, handler=handler)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember who pays for what is read."""
        self._source = str((transport.get_extra_info("peername") or ("local",))[0])
        super().connection_made(transport)

    def data_received(self, data: bytes, datatype: int | None = None) -> None:  # noqa: ARG002
        """Take in what the share allows now, and the rest after a rest."""
        self._unread = self._rest() + data
        self._taken = 0
        if self._resting is None:
            self._take_in()

    def _take_in(self) -> None:
        rested, self._resting = self._resting is not None, None
        while piece := self._unread[self._taken : self._taken + _PIECE_BYTES]:
            self._taken += len(piece)
            begun = self._shares.clock()
            super().data_received(piece)
            pause = self.spend(self._shares.clock() - begun)
            if pause and (transport := self._reading()) is not None:
                transport.pause_reading()
                self._resting = self._turning_loop.call_later(pause, self._take_in)
                return
        self._unread = b""
        if rested and (transport := self._reading()) is not None:
            transport.resume_reading()

    def _rest(self) -> bytes:
        return self._unread[self._taken :]

    def spend(self, seconds: float) -> float:
        """Count what was done for this client; how many seconds it should wait for more."""
        return self._shares.spend(self._source, seconds)

    def _reading(self) -> asyncio.ReadTransport | None:
        """The socket as long as something may come from it."""
        transport = cast("asyncio.ReadTransport | None", self._transport)
        return None if transport is None or transport.is_closing() else transport

    def eof_received(self) -> None:
        """The client says no more: what it said is heard to the end."""
        unread, self._unread = self._rest(), b""
        if unread:
            super().data_received(unread)
        super().eof_received()

    async def reload_config(self) -> None:
        """Nothing in the options depends on who logs in."""

    def send_userauth_failure(self, partial_success: bool) -> None:
        """Refuse an attempt, and the connection after too many; the first is the usual probe for methods."""
        if self._attempts_left < 0:
            raise asyncssh.DisconnectError(
                asyncssh.DISC_NO_MORE_AUTH_METHODS_AVAILABLE, "Too many attempts to log in"
            )
        self._attempts_left -= 1
        super().send_userauth_failure(partial_success)

    def pause_writing(self) -> None:
        """The client does not read: what was sent fills the buffers."""
        self._may_send.clear()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._may_send.set()

    def connection_lost(self, exc: Exception | None = None) -> None:
        """Nobody needs to wait any longer."""
        self._may_send.set()
        self._unread = b""
        if self._resting is not None:
            self._resting.cancel()
        super().connection_lost(exc)

    def abort(self) -> None:
        """Close at once."""
        self._may_send.set()
        super().abort()

    async def until_read(self) -> None:
        """Wait while the client leaves too much of what was sent to it unread."""
        await self._may_send.wait()


async def listen(
    options: Callable[[], asyncssh.SSHServerConnectionOptions],
    attempts: int,
    place: tuple[str, int],
    sockets: Sequence[socket.socket] = (),
) -> list[asyncio.Server]:
    """Accept connections at `place` (host, port), or on `sockets` that listen already.

    ConfigurationError if not. `options` are asked for anew for each connection.
    """
    loop = asyncio.get_running_loop()
    shares = Shares(time.monotonic)

    def visit() -> Connection:
        return Connection(loop, options(), attempts, shares)

    if sockets:
        return [await loop.create_server(visit, sock=one, backlog=_BACKLOG) for one in sockets]
    try:
        return [await loop.create_server(visit, *place, backlog=_BACKLOG)]
    except OSError as error:
        raise ConfigurationError(_cannot_listen(*place, error)) from None


def _cannot_listen(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} of {host} is taken by another program, or by a gateway that runs already: stop "
            "that, or set another port in gateway.toml"
        )
    told = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
    return f"cannot listen on port {port} of {host}: {told}; see host and port in gateway.toml"


def host_key(secret: Path) -> asyncssh.SSHKey:
    """The Ed25519 host key at `secret`, made at the first start with its .pub beside it.

    ConfigurationError where the key cannot be read. A key that is there is never replaced.
    """
    if not secret.exists():
        make_host_key(secret)
    try:
        key = asyncssh.read_private_key(secret)
    except (OSError, asyncssh.KeyImportError) as error:
        raise ConfigurationError(f"{secret} cannot be read as an SSH private key") from error
    public = secret.with_name(f"{secret.name}.pub")
    if not public.exists() or public.read_bytes() != key.export_public_key():
        write_durably(public, key.export_public_key(), mode=0o644)
    return key


def make_host_key(secret: Path) -> None:
    """Make a host key: whole or not at all, durable, as private as its folder. A key that is there stays."""
    key = asyncssh.generate_private_key("ssh-ed25519", comment="gateway")
    aside = secret.with_name(f".{secret.name}.new")
    aside.unlink(missing_ok=True)
    write_durably(aside, key.export_private_key(), mode=private_mode(secret.parent))
    try:
        secret.hardlink_to(aside)  # Unlike a rename, a link never replaces a key made meanwhile.
    except FileExistsError:
        log.info("host-key kept")
    finally:
        aside.unlink(missing_ok=True)


@dataclass(slots=True)
class Door:
    """How many connections are open, in all and from each address."""

    limits: DoorLimits
    by_address: Counter[str] = field(default_factory=Counter)

    def enter(self, address: str) -> bool:
        """Count a new connection; False where it is one too many and must be cut off."""
        full = self.by_address.total() >= self.limits.connections
        if full or self.by_address[address] >= self.limits.connections_per_address:
            return False
        self.by_address[address] += 1
        return True

    def leave(self, address: str) -> None:
        """A counted connection has ended."""
        self.by_address[address] -= 1
        if not self.by_address[address]:
            del self.by_address[address]


class Visitor(asyncssh.SSHServer):
    """One connection: lets in whoever holds one of the keys of the name they give.

    A service says in `keys_of` whose keys those are, and in `session` what a session is. A name
    that nobody has gets no keys, and takes the same way through this code as any other.
    """

    def __init__(self, door: Door) -> None:
        self._door = door
        self._address: str | None = None
        self._sessions = 0
        self._name: str | None = None
        self._key: asyncssh.SSHKey | None = None
        self.connection: Connection | None = None

    async def keys_of(self, name: str) -> Collection[asyncssh.SSHKey]:
        """The keys in force of the one whom `name` names; none for a name that nobody has."""
        raise NotImplementedError

    def session(
        self, connection: Connection, name: str, key: asyncssh.SSHKey, ended: Callable[[], None]
    ) -> asyncssh.SSHServerSession[bytes]:
        """A new session of who logged in as `name` with `key`; it calls `ended` when it is over."""
        raise NotImplementedError

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """Count the connection, or cut it off."""
        if not isinstance(conn, Connection):
            raise TypeError("the listener makes connections of another kind")
        self.connection = conn
        address = str((conn.get_extra_info("peername") or ("local",))[0])
        if self._door.enter(address):
            self._address = address
        else:
            log.warning("too-many-connections")
            conn.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Give the place of the connection to another."""
        if self._address is not None:
            self._door.leave(self._address)
            self._address = None

    def begin_auth(self, username: str) -> bool:
        """Everybody must log in, under one name."""
        if self._name is not None:
            raise asyncssh.DisconnectError(
                asyncssh.DISC_PROTOCOL_ERROR, "The user name must not change while logging in"
            )
        self._name = username
        return True

    def public_key_auth_supported(self) -> bool:
        """SSH keys are the one way in."""
        return True

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Whether `key` opens the door for `username`; asyncssh then checks the signature by it."""
        try:
            keys = await self.keys_of(username)
        except Exception as error:  # noqa: BLE001 - asyncssh would send the text to the client
            log.error("login failed: %s", type(error).__name__)  # noqa: TRY400 - without the text
            return False
        found = any(key.public_data == known.public_data for known in keys)
        if found:
            self._key = key
        return found

    def session_requested(self) -> tuple[asyncssh.SSHServerChannel[bytes], asyncssh.SSHServerSession[bytes]]:
        """A session, unless this connection carries enough of them."""
        if self.connection is None or self._name is None or self._key is None:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "Not logged in")
        if self._sessions >= self._door.limits.sessions_per_connection:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_RESOURCE_SHORTAGE, "Too many sessions")
        session = self.session(self.connection, self._name, self._key, self._session_ended)
        self._sessions += 1
        return self.connection.create_server_channel(encoding=None), session

    def _session_ended(self) -> None:
        self._sessions -= 1
