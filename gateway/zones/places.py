"""Find services that run, note the time of the last backup, and lease folders to the courier."""

import fcntl
import json
import os
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path

from gateway.errors import GatewayError
from gateway.home import Home
from gateway.home.settings import WebSettings
from gateway.zones.memory import closing_descriptor


def is_locked(path: Path) -> bool:
    """Return True if a process has locked the file `path`; False also if the file is missing.
    The test itself locks the file for a moment, so a process just starting may have to wait.
    """
    with suppress(FileNotFoundError), closing_descriptor(os.open(path, os.O_RDONLY)) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextmanager
def locked(path: Path, busy: str) -> Iterator[None]:
    """Lock the file `path`, made if missing, in the context. GatewayError `busy` if another has locked it."""
    with closing_descriptor(os.open(path, os.O_RDWR | os.O_CREAT, 0o600)) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise GatewayError(busy) from None
        yield


_BANNER = b"SSH-2.0-gateway"
_REACHED_AT = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - a service on all addresses is reached here


def places_of(home: Home) -> dict[str, str]:
    """Return HOST:PORT, or an origin, of each service that `gateway run` runs now; {} if none runs."""
    return dict(json.loads(home.places.read_bytes() or b"{}")) if is_locked(home.places) else {}


def place_of(home: Home, service: str) -> tuple[str, int] | None:
    """Return host and port of a service if `gateway run` runs it now, else None."""
    host, _, port = places_of(home).get(service, "").rpartition(":")
    return (host.strip("[]"), int(port)) if port else None


def answers(host: str, port: int, seconds: float) -> bool:
    """Return True if an SSH service of the gateway answers at the address within `seconds`."""
    try:
        with socket.create_connection((_REACHED_AT.get(host, host), port), seconds) as connection:
            return connection.recv(len(_BANNER), socket.MSG_WAITALL) == _BANNER
    except OSError:
        return False


def page_answers(web: WebSettings, seconds: float) -> bool:
    """Return True if a web service answers at its configured address within `seconds`, by any certificate."""
    if web.certificate is None:
        connection = HTTPConnection(web.host, web.port, timeout=seconds)
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = HTTPSConnection(web.host, web.port, timeout=seconds, context=context)
    with closing(connection):
        try:
            connection.request("GET", "/digest")
            connection.getresponse()
        except (OSError, HTTPException):
            return False
        return True


def processor_is_at_work(home: Home) -> bool:
    """Return True if a processor works on `home`."""
    return is_locked(home.root / "processor.lock")


# The time of a home's last backup, as noted by the backup itself.

_NAME = "backed-up"


def note_backup(home: Home, at: datetime) -> None:
    """Record the time of a complete backup. OSError if the home is not writable."""
    place = home.root / _NAME
    place.write_text(at.astimezone(UTC).isoformat(), "ascii")
    place.chmod(0o640)  # Readable for the group too, because the mailboxes show the time.


def last_backup(home: Home) -> datetime | None:
    """Return the time of the last complete backup; None if none is recorded."""
    try:
        return datetime.fromisoformat((home.root / _NAME).read_text("ascii").strip())
    except (OSError, ValueError):
        return None


# The courier's lease of a folder is the time of the folder's settings file.

SERVER_SETTINGS, HOOK_SETTINGS = "server.toml", "hook.toml"
LEASE_SECONDS = 20.0


def grant_lease(settings: Path, at: float) -> None:
    """Let the courier send the files beside its file of settings, for 20 seconds from `at`.
    `at`: when the registry last showed that this host may send, in seconds since 1970; a later time counts as
    now.
    """
    with suppress(FileNotFoundError):
        os.utime(settings, (min(at, time.time()),) * 2)


def is_leased(settings: Path) -> bool:
    """Return True if the courier may now send what lies beside its file of settings."""
    try:
        return 0 <= time.time() - settings.stat().st_mtime < LEASE_SECONDS
    except FileNotFoundError:
        return False
