"""What both SFTP services share below SFTP: algorithms, host key, and who is let in how often.

Keys only. Everything that a service does not need (terminals, commands, forwarding, compression,
passwords, agents) is off, and the banner says nothing about the software behind it.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import asyncssh

from gateway.errors import ConfigurationError
from gateway.ssh.connection import QUANTUM_SAFE, Connection
from gateway.ssh.fair_share import Shares
from gateway.zones.spool import private_mode, write_durably

log = logging.getLogger(__name__)

_KEX = (QUANTUM_SAFE, b"curve25519-sha256", b"curve25519-sha256@libssh.org")
_CIPHERS = "aes256-gcm@openssh.com,aes128-gcm@openssh.com,chacha20-poly1305@openssh.com,aes256-ctr"
_MACS = "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com"
# What a client may sign its login with; RSA with SHA-1 is not among them.
_SIGNATURES = (
    "ssh-ed25519,sk-ssh-ed25519@openssh.com,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,"
    "sk-ecdsa-sha2-nistp256@openssh.com,rsa-sha2-512,rsa-sha2-256"
)
_LOST_KEEPALIVES = 3
_BACKLOG = 256
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
