"""SSH host keys of a service: the one in use, and its successor.

NAME is the key in use. NAME.next, if present, is also announced to clients (hostkeys-00@openssh.com), before
being used: OpenSSH from 8.5 on learns it by itself. Files may be changed while the service runs; new
connections use the present files.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import asyncssh

from gateway.errors import ConfigurationError, GatewayError
from gateway.home.settings import DoorLimits
from gateway.ssh.server import host_key, make_host_key, ssh_options
from gateway.zones.across import read_small
from gateway.zones.spool import fsync_folder, private_mode, write_durably

_LOOK_SECONDS = 5.0
_PUBLIC_BYTES = 16 * 1024


class Offer:
    """The SSH options of a service, with the present host keys at `secret`.

    ConfigurationError without a readable key at the start; later, the previous offer stays.
    """

    def __init__(self, secret: Path, limits: DoorLimits, visitor: Callable[[], asyncssh.SSHServer]) -> None:
        self._secret, self._limits, self._visitor = secret, limits, visitor
        host_key(secret)
        self._seen = _look(secret)
        self._looked_at = time.monotonic()
        self._options = self._made()

    def options(self) -> asyncssh.SSHServerConnectionOptions:
        """Return the options for a new connection, checking the files at most every few seconds."""
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_SECONDS:
            self._looked_at = now
            seen = _look(self._secret)
            if seen != self._seen and self._secret.exists():
                self._seen, self._options = seen, self._made()
        return self._options

    def _made(self) -> asyncssh.SSHServerConnectionOptions:
        return ssh_options(host_keys(self._secret), self._limits, self._visitor)


def host_keys(secret: Path) -> list[asyncssh.SSHKey]:
    """Return the host key in use, then the announced one, if any."""
    following = next_file(secret)
    return [host_key(secret), *([host_key(following)] if following.exists() else [])]


def rsa_file(secret: Path) -> Path:
    """Return the path, beside `secret`, of the RSA host key for old clients only."""
    return secret.with_name("ssh_host_rsa_key")


def next_file(secret: Path) -> Path:
    """Return the path of the successor of the host key `secret`."""
    return secret.with_name(f"{secret.name}.next")


def announce(secret: Path) -> asyncssh.SSHKey:
    """Make the successor key; an existing one stays."""
    make_host_key(next_file(secret))
    return host_key(next_file(secret))


def switch(secret: Path) -> asyncssh.SSHKey:
    """Put the announced host key in use and keep the old one as NAME.old.

    GatewayError if none was announced. May be repeated after an interruption.
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
    """Return the time of announcing the successor key; None without one."""
    try:
        return datetime.fromtimestamp(next_file(secret).stat().st_mtime, UTC)
    except FileNotFoundError:
        return None


def fingerprint(secret: Path) -> str | None:
    """Return the fingerprint of a host key from its public half; None without a key."""
    try:
        public = read_small(secret.with_name(f"{secret.name}.pub"), _PUBLIC_BYTES)
        return asyncssh.import_public_key(public).get_fingerprint()
    except OSError:
        return None
    except ValueError:  # Intake may have put anything at all there; asyncssh's own error is one as well.
        raise ConfigurationError(f"{secret}.pub is not an SSH public key") from None


def _look(secret: Path) -> tuple[int | None, ...]:
    found = (path.stat().st_ino if path.exists() else None for path in (secret, next_file(secret)))
    return tuple(found)
