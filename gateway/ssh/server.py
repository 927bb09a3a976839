"""SSH for both services: algorithms, host key, and listening sockets.

Keys only. Everything unneeded (terminals, commands, forwarding, compression, passwords, agents) is off, and
the banner is silent about the software.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import asyncssh

from gateway.errors import ConfigurationError
from gateway.home.settings import DoorLimits
from gateway.ssh.connection import PACKET_BYTES, WINDOW_BYTES, Connection, FairShare
from gateway.ssh.door import Door
from gateway.ssh.offer import QUANTUM_SAFE, AlsoOffered
from gateway.ssh.proxied import Balancers
from gateway.zones.spool import private_mode, write_durably

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
    """Return the SSH options of every service. `visitor` makes the server side of each connection.

    The first of `keys` is the host key in use; clients learn the others on request.
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
    sockets: Sequence[socket.socket] = (),
    also: AlsoOffered | None = None,
    *,
    balancers: Balancers,
) -> list[asyncio.Server]:
    """Accept connections at `place` (host, port), or on `sockets` already listening.

    ConfigurationError on failure. `options` are requested anew for each connection. `balancers` send
    PROXY headers.
    """
    loop = asyncio.get_running_loop()
    shares, offered = FairShare(time.monotonic), also or AlsoOffered(())

    def visit() -> asyncio.Protocol:
        return balancers.before(lambda: Connection(loop, options(), door, shares, offered))

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


def host_key(secret: Path, algorithm: HostKeyAlgorithm = "ssh-ed25519") -> asyncssh.SSHKey:
    """Return the host key at `secret`, made at the first start with its .pub beside.

    ConfigurationError for an unreadable key. An existing key is never replaced.
    """
    if not secret.exists():
        make_host_key(secret, algorithm)
    try:
        key = asyncssh.read_private_key(secret)
    except (OSError, asyncssh.KeyImportError) as error:
        raise ConfigurationError(f"{secret} cannot be read as an SSH private key") from error
    public = secret.with_name(f"{secret.name}.pub")
    if not public.exists() or public.read_bytes() != key.export_public_key():
        write_durably(public, key.export_public_key(), mode=0o644)
    return key


def make_host_key(secret: Path, algorithm: HostKeyAlgorithm = "ssh-ed25519") -> None:
    """Make a host key: whole or not at all, durable, as private as its folder. An existing key stays."""
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
