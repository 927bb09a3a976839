"""SSH for intake and mailboxes: algorithms, host keys with successors, and listening sockets.

Clients log in by key only. Everything unneeded (terminals, commands, forwarding, compression, passwords,
agents) is off, and the banner does not name the software.

The host key in use is in a file NAME. The key in NAME.next, if present, is announced to clients
(hostkeys-00@openssh.com) before its use: OpenSSH from 8.5 on learns it without a person's doing. Files may be
changed while the service runs; new connections use the present files.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import os
import socket
import struct
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, cast

import asyncssh

from gateway.errors import ConfigurationError, GatewayError, trace_of
from gateway.home.settings import AlsoOffer, DoorLimits
from gateway.ssh.connection import PACKET_BYTES, QUANTUM_SAFE, WINDOW_BYTES, Connection, FairShare, is_within
from gateway.ssh.door import Door
from gateway.zones.spool import fsync_folder, private_mode, read_small, write_durably

_log = logging.getLogger(__name__)

_KEX = (QUANTUM_SAFE, b"curve25519-sha256", b"curve25519-sha256@libssh.org")
_CIPHERS = "aes256-gcm@openssh.com,aes128-gcm@openssh.com,chacha20-poly1305@openssh.com,aes256-ctr"
_MACS = "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com"
# The signature algorithms for logins, without RSA with SHA-1.
_SIGNATURES = (
    "ssh-ed25519,sk-ssh-ed25519@openssh.com,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,"
    "sk-ecdsa-sha2-nistp256@openssh.com,rsa-sha2-512,rsa-sha2-256"
)
_LOST_KEEPALIVES = 3
_RSA_BITS = 3072
HostKeyAlgorithm = Literal["ssh-ed25519", "ssh-rsa"]
_BACKLOG = 256


def ssh_options(
    keys: Sequence[asyncssh.SSHKey], limits: DoorLimits, visitor: Callable[[], asyncssh.SSHServer]
) -> asyncssh.SSHServerConnectionOptions:
    """Return asyncssh's options for a service. `visitor` makes the server side of each connection.
    `keys`: first the host key in use; the further keys are only announced to clients.
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
        window=WINDOW_BYTES,
        max_pktsize=PACKET_BYTES,
    )


async def listen(
    options: Callable[[], asyncssh.SSHServerConnectionOptions],
    door: Door,
    place: tuple[str, int],
    sockets: Sequence[socket.socket],
    also: Sequence[AlsoOffer],
    *,
    rsa_key: asyncssh.SSHKey | None,
) -> list[asyncio.Server]:
    """Accept connections at `place` (host, port), or on `sockets` that listen already.
    `options` is called for each connection. `also`: the weak algorithms for some clients, with an RSA host
    key if one needs it. ConfigurationError if the port cannot be used.
    """
    loop = asyncio.get_running_loop()
    shares = FairShare(time.monotonic)

    def visit() -> asyncio.Protocol:
        def connect() -> Connection:
            return Connection(loop, options(), door, shares, also, rsa_key=rsa_key)

        return _HeaderReader(door, connect) if door.balancers else connect()

    if sockets:
        return [await loop.create_server(visit, sock=one, backlog=_BACKLOG) for one in sockets]
    try:
        return [await loop.create_server(visit, *place, backlog=_BACKLOG)]
    except OSError as error:
        host, port = place
        told = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise ConfigurationError(
            f"port {port} of {host} is taken by another program, or by a gateway that runs already: stop "
            "that, or set another port in gateway.toml"
            if error.errno == errno.EADDRINUSE
            else f"cannot listen on port {port} of {host}: {told}; see host and port in gateway.toml"
        ) from None


def host_key(secret: Path, algorithm: HostKeyAlgorithm = "ssh-ed25519") -> asyncssh.SSHKey:
    """Return the host key in the file `secret`, made if missing, with the public half in NAME.pub.
    An existing key is never replaced. ConfigurationError if it cannot be read.
    """
    if not secret.exists():
        make_host_key(secret, algorithm)
    key = read_host_key(secret)
    public = secret.with_name(f"{secret.name}.pub")
    if not public.exists() or public.read_bytes() != key.export_public_key():
        write_durably(public, key.export_public_key(), mode=0o644)
    return key


def read_host_key(secret: Path) -> asyncssh.SSHKey:
    """Return the host key in the file `secret`. ConfigurationError if it cannot be read."""
    try:
        return asyncssh.read_private_key(secret)
    except (OSError, asyncssh.KeyImportError) as error:
        raise ConfigurationError(f"{secret} cannot be read as an SSH private key") from error


def make_host_key(secret: Path, algorithm: HostKeyAlgorithm = "ssh-ed25519") -> None:
    """Make a host key: whole or not at all, and as private as its folder. An existing key stays."""
    size = {"key_size": _RSA_BITS} if algorithm == "ssh-rsa" else {}
    key = asyncssh.generate_private_key(algorithm, comment="gateway", **size)
    aside = secret.with_name(f".{secret.name}.new")
    aside.unlink(missing_ok=True)
    write_durably(aside, key.export_private_key(), mode=private_mode(secret.parent))
    try:
        secret.hardlink_to(aside)  # Unlike a rename, a link never replaces a key made meanwhile.
    except FileExistsError:
        _log.info("host-key kept")
    finally:
        aside.unlink(missing_ok=True)


# A balancer tells the client's address by the PROXY protocol, version 2, section 2.2 of
# https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt. The header is required from the balancers in
# the settings, and read from nobody else.

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_START = struct.Struct("!12sBBH")
_ADDRESSES = {0x11: struct.Struct("!4s4sHH"), 0x21: struct.Struct("!16s16sHH")}  # TCP over IPv4, over IPv6
_LOCAL, _PROXY = 0x20, 0x21
_MOST_BYTES = 4_096
_PATIENCE_SECONDS = 5.0


def read_proxy_header(data: bytes) -> tuple[tuple[str, int] | None, bytes] | None:
    """Return the client's address and port in the PROXY header that begins `data`, and the data after it.
    The address is None for a balancer's own connection, such as a health check. Return None while the header
    is incomplete. ValueError for data without a PROXY header.
    """
    if data[:12] != _SIGNATURE[: len(data)]:
        raise ValueError("no signature")
    if len(data) < _START.size:
        return None
    _, command, family, length = _START.unpack_from(data)
    if length > _MOST_BYTES or command not in {_LOCAL, _PROXY}:
        raise ValueError("another command")
    end = _START.size + length
    if len(data) < end:
        return None
    if command == _LOCAL:
        return None, data[end:]
    addresses, said = _ADDRESSES.get(family), data[_START.size : end]
    if addresses is None or len(said) < addresses.size:
        raise ValueError("another family of addresses")
    source, _, port, _ = addresses.unpack_from(said)
    return (str(ipaddress.ip_address(source)), port), data[end:]


class _HeaderReader(asyncio.Protocol):
    """Protocol that reads a balancer's PROXY header, then hands the socket over to `Connection`."""

    def __init__(self, door: Door, connect: Callable[[], Connection]) -> None:
        self._door = door
        self._connect = connect
        self._said = b""
        self._peer = ("", 0)
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a PROXY header if the peer is a load balancer; otherwise hand the socket over at once."""
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        if not peer:  # Gone already, like a port check ending at once.
            self._transport.abort()
            return
        if not is_within(str(peer[0]), self._door.balancers):
            self._hand_on(None, b"")
            return
        self._peer = (str(peer[0]), int(peer[1]))
        self._waiting = asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, self._refuse)

    def data_received(self, data: bytes) -> None:
        """Collect the PROXY header; once complete, hand the socket over to `Connection`."""
        self._said += data
        try:
            header = read_proxy_header(self._said)
        except ValueError:
            self._refuse()
            return
        if header is not None:
            source, rest = header
            # A health check is the balancer's own. It may be gone already, with its address unknown.
            self._hand_on(source or self._peer, rest)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Stop waiting: the connection ended before any data, as a port check does."""
        self._stop_waiting()

    def _hand_on(self, source: tuple[str, int] | None, rest: bytes) -> None:
        self._stop_waiting()
        transport = self._transport
        if transport is None:
            return
        connection = self._connect()
        if source is not None:
            connection.comes_from(source)
        transport.set_protocol(connection)
        connection.connection_made(transport)
        if rest:
            connection.data_received(rest)

    def _refuse(self) -> None:
        self._stop_waiting()
        self._door.offences.note("no-proxy-header", self._peer[0])
        if self._transport is not None:
            self._transport.abort()

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None


_LOOK_SECONDS = 5.0
_PUBLIC_BYTES = 16 * 1024


class Offer:
    """SSH options with the host keys on disk, read again when the files change.
    At the start an unreadable key raises ConfigurationError; later an unreadable key changes nothing.
    """

    _options: asyncssh.SSHServerConnectionOptions

    def __init__(self, secret: Path, limits: DoorLimits, visitor: Callable[[], asyncssh.SSHServer]) -> None:
        self._files = secret, next_file(secret)
        self._limits, self._visitor = limits, visitor
        self._seen: list[int | None] = []
        host_key(secret)
        self._look()

    def options(self) -> asyncssh.SSHServerConnectionOptions:
        """Return the options for a new connection; check the files every 5 seconds at most."""
        if time.monotonic() - self._looked_at >= _LOOK_SECONDS:
            self._look()
        return self._options

    def _look(self) -> None:
        self._looked_at = time.monotonic()
        seen = [path.stat().st_ino if path.exists() else None for path in self._files]
        if seen == self._seen or seen[0] is None:
            return
        try:
            keys = [host_key(path) for path in self._files if path.exists()]
        except (ConfigurationError, OSError) as error:
            if not self._seen:
                raise
            _log.error("host-key-not-readable %s", trace_of(error))
            return
        self._options = ssh_options(keys, self._limits, self._visitor)
        self._seen = seen


def rsa_file(secret: Path) -> Path:
    """Return the path, beside `secret`, of the RSA host key for old clients."""
    return secret.with_name("ssh_host_rsa_key")


def next_file(secret: Path) -> Path:
    """Return the path of the successor of the host key `secret`."""
    return secret.with_name(f"{secret.name}.next")


def announce(secret: Path) -> asyncssh.SSHKey:
    """Return the successor of the host key `secret`, made if missing; clients learn of it from now on."""
    make_host_key(next_file(secret))
    return host_key(next_file(secret))


def switch(secret: Path) -> asyncssh.SSHKey:
    """Put the announced host key in use, and keep the former one as NAME.old.
    GatewayError if none is announced. May be repeated after an interruption.
    """
    following, old = next_file(secret), secret.with_name(f"{secret.name}.old")
    if not following.exists():
        raise GatewayError("no host key is announced yet: gateway keys host announce")
    write_durably(old, secret.read_bytes(), mode=private_mode(secret.parent))
    following.rename(secret)
    fsync_folder(secret.parent)
    following.with_name(f"{following.name}.pub").unlink(missing_ok=True)
    return host_key(secret)


def announced_at(secret: Path) -> datetime | None:
    """Return when the successor of a host key was announced; None if there is no successor."""
    try:
        return datetime.fromtimestamp(next_file(secret).stat().st_mtime, UTC)
    except FileNotFoundError:
        return None


def fingerprint(secret: Path) -> str | None:
    """Return the fingerprint of a host key, from its file .pub; None if there is no such file.
    ConfigurationError if the file holds no SSH public key.
    """
    try:
        public = read_small(secret.with_name(f"{secret.name}.pub"), _PUBLIC_BYTES)
        return asyncssh.import_public_key(public).get_fingerprint()
    except OSError:
        return None
    except ValueError:  # Intake may have put anything at all there; asyncssh's own error is one as well.
        raise ConfigurationError(f"{secret}.pub is not an SSH public key") from None
