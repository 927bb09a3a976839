"""The mailboxes service: staff log in with SSH keys and collect files sent to their teams."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import asyncssh
import uvloop

from gateway.home import Home
from gateway.home.settings import Listen, load_settings
from gateway.mailboxes.console_api.api import console_api_open
from gateway.mailboxes.mailbox_access import Person
from gateway.mailboxes.resources import open_resources
from gateway.mailboxes.tree import MailboxTree, SharedResources
from gateway.observe import systemd
from gateway.observe.metrics import MAILBOXES_DOOR
from gateway.secrets.process_memory import keep_in_memory, keep_to_itself
from gateway.ssh.connection import Connection
from gateway.ssh.door import Door
from gateway.ssh.server import Balancers, host_key
from gateway.ssh.serving import serving
from gateway.ssh.sftp import Handler, Session
from gateway.ssh.visitor import LoggedIn
from gateway.zones.console_api.serving import spare_the_collector
from gateway.zones.penalty_files import of_mailboxes


def run_mailboxes(home: Home, *, host: str | None = None, port: int | None = None) -> int:
    """Serve the mailboxes of `home` until SIGTERM or SIGINT; return the exit status.

    `host` and `port` override the settings. Print `ready mailboxes HOST:PORT` when accepting connections.
    ConfigurationError names the obstacle to starting.
    """
    logging.getLogger("asyncssh").setLevel(logging.WARNING)  # asyncssh would log names and paths.
    configured = load_settings(home).mailboxes
    listen = Listen(
        host=configured.host if host is None else host, port=configured.port if port is None else port
    )
    host_key(host_key_path(home))  # Fail first on an unusable key.
    keep_to_itself()
    with open_resources(home, lambda: datetime.now(UTC)) as resources:
        keep_in_memory()
        uvloop.run(_serve(home, resources, listen))
    return 0


def host_key_path(home: Home) -> Path:
    """Return the path of the service's SSH host key."""
    return home.keys / "mailboxes_host_key"


class Mailboxes:
    """The SFTP service for staff."""

    def __init__(self, resources: SharedResources) -> None:
        self._resources = resources
        self.running: set[asyncio.Task[None]] = set()
        self.door = Door(resources.limits, MAILBOXES_DOOR, time.monotonic)

    def shown(self, name: str) -> str:  # noqa: ARG002
        """Return "kind=staff" for log lines: no name, as the key logged beside identifies the person."""
        return "kind=staff"

    async def holds_key(self, name: str, key: asyncssh.SSHKey, address: str) -> bool:  # noqa: ARG002
        """Return True if `key` is in force for the person called `name`."""
        loop = asyncio.get_running_loop()
        keys = await loop.run_in_executor(self._resources.readers, self._resources.mailboxes.keys_of, name)
        return any(key.public_data == known.public_data for known in keys)

    def session(
        self, connection: Connection, by: LoggedIn, touch: Callable[[], None], ended: Callable[[], None]
    ) -> Session:
        """Return the SFTP session of a logged-in person."""

        def start(
            channel: asyncssh.SSHServerChannel[bytes],
            reader: asyncssh.SSHReader[bytes],
            writer: asyncssh.SSHWriter[bytes],
        ) -> Handler:
            tree = MailboxTree(channel, Person(by.name, by.key), self._resources)
            return Handler(tree, connection, reader, writer, touch)

        return Session(connection, start, running=self.running, ended=ended)


async def _serve(home: Home, resources: SharedResources, listen: Listen) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with (
        console_api_open(home, resources),
        accepting(home, resources, listen, systemd.handed_over("mailboxes")) as port,
    ):
        spare_the_collector()
        shown = f"[{listen.host}]" if ":" in listen.host else listen.host
        sys.stdout.write(f"ready mailboxes {shown}:{port}\n")
        sys.stdout.flush()
        systemd.notify("READY=1")
        await stop.wait()
        systemd.notify("STOPPING=1")


@contextlib.asynccontextmanager
async def accepting(
    home: Home, resources: SharedResources, listen: Listen, sockets: Sequence[socket.socket] = ()
) -> AsyncIterator[int]:
    """Accept connections at `listen`, or on open `sockets`; yield the port.

    Close every connection on leaving.
    """
    home.mailboxes.mkdir(mode=0o750, exist_ok=True)
    service = Mailboxes(resources)
    async with serving(
        service.door,
        service,
        host_key=host_key_path(home),
        place=(listen.host, listen.port),
        sockets=sockets,
        penalties=of_mailboxes(home),
        running=service.running,
        balancers=Balancers(load_settings(home).ssh.balancers, service.door),
    ) as (_, port):
        sweeping = asyncio.create_task(_sweep(resources))
        try:
            yield port
        finally:
            sweeping.cancel()


async def _sweep(resources: SharedResources) -> None:
    """Close the contents that nobody has read for a while, again and again, until cancelled."""
    while True:
        await asyncio.sleep(resources.limits.idle_seconds / 10)
        resources.contents.close_unread()
