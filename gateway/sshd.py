"""What both SFTP services share below SFTP: algorithms, host key, and who is let in how often.

Keys only. Everything that a service does not need (terminals, commands, forwarding, compression,
passwords, agents) is off, and the banner says nothing about the software behind it.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import asyncssh
from asyncssh.kex import get_kex_algs

from gateway.errors import ConfigurationError
from gateway.spool import write_durably

log = logging.getLogger(__name__)

# Hybrid post-quantum first; those that the installed libraries do not know are left out.
_KEX = (
    "mlkem768x25519-sha256",
    "sntrup761x25519-sha512",
    "sntrup761x25519-sha512@openssh.com",
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
)
_ENCRYPTION = (
    "aes256-gcm@openssh.com",
    "aes128-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes256-ctr",
)
_MAC = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com")
# What a client may sign its login with; RSA with SHA-1 is not among them.
_SIGNATURES = (
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
_LOST_KEEPALIVES = 3


class DoorLimits(Protocol):
    """The limits of a service that are kept before a session begins. Times in seconds."""

    @property
    def login_seconds(self) -> float:
        """How long a client may take to log in."""

    @property
    def login_attempts(self) -> int:
        """How many keys may fail on one connection."""

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


def ssh_options(limits: DoorLimits) -> dict[str, Any]:
    """The arguments for `asyncssh.listen` that are the same in every service."""
    known = {name.decode() for name in get_kex_algs()}
    return {
        "server_version": "Gateway",
        "kex_algs": [name for name in _KEX if name in known],
        "encryption_algs": list(_ENCRYPTION),
        "mac_algs": list(_MAC),
        "signature_algs": list(_SIGNATURES),
        "compression_algs": ["none"],
        "public_key_auth": True,
        "password_auth": False,
        "kbdint_auth": False,
        "host_based_auth": False,
        "gss_host": None,
        "gss_kex": False,
        "gss_auth": False,
        "x509_trusted_certs": None,
        "allow_pty": False,
        "agent_forwarding": False,
        "x11_forwarding": False,
        "line_editor": False,
        "rdns_lookup": False,
        "allow_scp": False,
        "encoding": None,
        "config": [],
        "login_timeout": limits.login_seconds,
        "keepalive_interval": limits.keepalive_seconds,
        "keepalive_count_max": _LOST_KEEPALIVES,
        "tcp_keepalive": True,
    }


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
    if not public.exists():
        write_durably(public, key.export_public_key(), mode=0o644)
    return key


def make_host_key(secret: Path) -> None:
    """Make a host key: whole or not at all, durable, for its owner only. A key that is there stays."""
    key = asyncssh.generate_private_key("ssh-ed25519", comment="gateway")
    aside = secret.with_name(f".{secret.name}.new")
    aside.unlink(missing_ok=True)
    write_durably(aside, key.export_private_key(), mode=0o600)
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
        self._asked = 0
        self._sessions = 0
        self.connection: asyncssh.SSHServerConnection | None = None
        self.name = ""
        self.fingerprint = ""

    async def keys_of(self, name: str) -> Collection[asyncssh.SSHKey]:
        """The keys in force of the one whom `name` names; none for a name that nobody has."""
        raise NotImplementedError

    def session(self, ended: Callable[[], None]) -> asyncssh.SSHServerSession[bytes]:
        """A new session; it calls `ended` once when it is over."""
        raise NotImplementedError

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """Count the connection, or cut it off."""
        self.connection = conn
        address = str((conn.get_extra_info("peername") or ("",))[0])
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

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002
        """Nobody is let in without a key."""
        return True

    def public_key_auth_supported(self) -> bool:
        """Keys, until too many attempts have failed.

        asyncssh asks this once or twice for every attempt of any kind: the one place where all are
        counted. Two for each failing key, and what a good login needs.
        """
        self._asked += 1
        if self._asked <= 2 * (self._door.limits.login_attempts + 1):
            return True
        if self.connection is not None:
            log.warning("too-many-login-attempts")
            self.connection.abort()
        return False

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Whether `key` opens the door for `username`; asyncssh then checks the signature by it."""
        try:
            keys = await self.keys_of(username)
        except Exception as error:  # noqa: BLE001 - asyncssh would send the text to the client
            log.error("login failed: %s", type(error).__name__)  # noqa: TRY400 - without the text
            return False
        found = any(key.public_data == known.public_data for known in keys)
        if found:
            self.name, self.fingerprint = username, key.get_fingerprint()
        return found

    def session_requested(self) -> asyncssh.SSHServerSession[bytes] | bool:
        """A session, unless this connection carries enough of them."""
        if self._sessions >= self._door.limits.sessions_per_connection:
            return False
        self._sessions += 1
        return self.session(self._session_ended)

    def _session_ended(self) -> None:
        self._sessions -= 1
