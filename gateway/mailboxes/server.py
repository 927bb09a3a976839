"""The mailboxes service: staff log in with their SSH keys and collect what their teams were sent."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import asyncssh
import uvloop

from gateway.errors import ConfigurationError
from gateway.examiner.parent import Examiners
from gateway.examiner.protocol import Reopen
from gateway.home import Home
from gateway.log.checkpoint import LogKey
from gateway.mailboxes.contents import Contents
from gateway.mailboxes.desk import Desk, Person
from gateway.mailboxes.names import HELD
from gateway.mailboxes.tree import Office, Tree
from gateway.observe import systemd
from gateway.policy.catalogue import load_catalogue
from gateway.registry.database import Registry
from gateway.secrets import secret_files
from gateway.secrets.guard import keep_in_memory, keep_to_itself
from gateway.settings import Listen, load_limits, load_settings
from gateway.ssh.connection import Connection
from gateway.ssh.host_keys import host_keys
from gateway.ssh.server import Door, Visitor, make_host_key, ssh_options
from gateway.ssh.server import listen as start_listening
from gateway.ssh.sftp import Session

__all__ = ["make_host_key", "run_mailboxes"]

_READERS = 8
_WRITERS = 4
_STOP_SECONDS = 5
log = logging.getLogger(__name__)


def run_mailboxes(home: Home, *, host: str | None = None, port: int | None = None) -> int:
    """Serve the mailboxes of `home` until SIGTERM or SIGINT; the exit status.

    `host` and `port` go before those of the settings. Prints `ready mailboxes HOST:PORT` when it
    accepts connections. ConfigurationError names what keeps it from starting.
    """
    logging.getLogger("asyncssh").setLevel(logging.WARNING)  # It would log names and paths.
    configured = load_settings(home).mailboxes
    listen = Listen(
        host=configured.host if host is None else host, port=configured.port if port is None else port
    )
    keys = host_keys(host_key_path(home))
    keep_to_itself()
    with open_office(home, lambda: datetime.now(UTC)) as office:
        keep_in_memory()
        uvloop.run(_serve(office, listen, keys))
    return 0


def host_key_path(home: Home) -> Path:
    """Where the service's SSH host key lies."""
    return home.keys / "mailboxes_host_key"


@contextmanager
def open_office(home: Home, clock: Callable[[], datetime]) -> Iterator[Office]:
    """What the sessions share, and an orderly end to it. ConfigurationError where a part is missing."""
    settings, limits = load_settings(home), load_limits(home)
    triage = _triage(home)
    log_key = LogKey.load(secret_files.log_key(home))
    registry = Registry(settings.database_url(home))
    registry.check_version()
    examiners = Examiners(home)
    readers = ThreadPoolExecutor(_READERS, "read")
    writers = ThreadPoolExecutor(_WRITERS, "write")
    openers = ThreadPoolExecutor(limits.mailboxes.openers, "open")

    def reopen(request: Reopen) -> tuple[int, int]:
        return examiners.mine().reopen(request)

    try:
        yield Office(
            desk=Desk(registry, triage, log_key, settings.log_origin, clock),
            contents=Contents(reopen, limits.mailboxes, openers),
            readers=readers,
            writers=writers,
            limits=limits.mailboxes,
        )
    finally:
        for threads in (readers, writers, openers):
            threads.shutdown(wait=False, cancel_futures=True)
        examiners.close()
        registry.close()


class Staff(Visitor):
    """One connection of somebody who says to be of the staff."""

    def __init__(self, door: Door, office: Office, connections: set[asyncssh.SSHServerConnection]) -> None:
        super().__init__(door)
        self._office = office
        self._connections = connections

    async def keys_of(self, name: str) -> Collection[asyncssh.SSHKey]:
        """The keys of a member of staff."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._office.readers, self._office.desk.keys_of, name)

    def session(
        self, connection: Connection, name: str, key: asyncssh.SSHKey, ended: Callable[[], None]
    ) -> Session:
        """The mailboxes of whoever logged in."""
        person = Person(name, key.get_fingerprint())
        return Session(connection, lambda channel: Tree(channel, person, self._office), ended)

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """Remember the connection, so that it can be ended with the service."""
        super().connection_made(conn)
        self._connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        if self.connection is not None:
            self._connections.discard(self.connection)


async def _serve(office: Office, listen: Listen, keys: Sequence[asyncssh.SSHKey]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serving(office, listen, keys[0], systemd.handed_over("mailboxes"), keys[1:]) as port:
        shown = f"[{listen.host}]" if ":" in listen.host else listen.host
        sys.stdout.write(f"ready mailboxes {shown}:{port}\n")
        sys.stdout.flush()
        systemd.notify("READY=1")
        await stop.wait()
        systemd.notify("STOPPING=1")


@contextlib.asynccontextmanager
async def serving(
    office: Office,
    listen: Listen,
    key: asyncssh.SSHKey,
    sockets: Sequence[socket.socket] = (),
    announced: Sequence[asyncssh.SSHKey] = (),
) -> AsyncIterator[int]:
    """Accept connections at `listen`, or on `sockets` that listen already; the port.

    Clients are told of the `announced` host keys beside `key`. On leaving, open connections are ended.
    """
    door = Door(office.limits)
    connections: set[asyncssh.SSHServerConnection] = set()
    options = ssh_options([key, *announced], office.limits, lambda: Staff(door, office, connections))
    place = (listen.host, listen.port)
    listeners = await start_listening(lambda: options, office.limits.login_attempts, place, sockets)
    loop = asyncio.get_running_loop()
    chores = [loop.create_task(_sweep(office)), loop.create_task(systemd.keep_alive())]
    try:
        yield int(listeners[0].sockets[0].getsockname()[1])
    finally:
        for chore in chores:
            chore.cancel()
        for listener in listeners:
            listener.close()
        for connection in tuple(connections):
            connection.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_SECONDS):
                await asyncio.gather(*(connection.wait_closed() for connection in tuple(connections)))


async def _sweep(office: Office) -> None:
    """Close contents that nobody reads, for ever."""
    while True:
        await asyncio.sleep(office.limits.idle_seconds / 10)
        office.contents.close_unread()


def _triage(home: Home) -> frozenset[str]:
    """The teams whose members see held files; ConfigurationError where a team's name is taken by these."""
    catalogue = load_catalogue(home.policies_in_force)
    if catalogue.team(HELD) is not None:
        raise ConfigurationError(f"policies/teams.toml: team: {HELD} is the folder of held files, not a team")
    return frozenset(catalogue.triage_teams())
