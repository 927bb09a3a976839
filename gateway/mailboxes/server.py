"""The mailboxes service: staff log in with SSH keys and collect files sent to their teams."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import asyncssh
import uvloop

from gateway.examiner.parent import Examiner, Examiners, MixedRecordsError, counting_seed
from gateway.examiner.protocol import Reopen
from gateway.home import Home
from gateway.home.settings import Listen, load_limits, load_settings
from gateway.mailboxes.console_api.api import console_api_open
from gateway.mailboxes.contents import Contents, FileOrder, Given
from gateway.mailboxes.mailbox_access import MailboxAccess, Person
from gateway.mailboxes.showing import Showing
from gateway.mailboxes.tree import MailboxTree, SharedResources
from gateway.observe import systemd
from gateway.observe.metrics import MAILBOXES_DOOR
from gateway.policy.catalogue import Catalogue, load_catalogue
from gateway.record.policies_in_force import check_on_record
from gateway.registry import log
from gateway.registry.database import Registry
from gateway.secrets import secret_files
from gateway.secrets.process_memory import keep_in_memory, keep_to_itself
from gateway.ssh.answers import Declined, denied
from gateway.ssh.door import Door
from gateway.ssh.server import host_key
from gateway.ssh.serving import LoggedIn, serving
from gateway.ssh.sftp import Handler
from gateway.zones.console_api.serving import collect_garbage_rarely
from gateway.zones.penalty_files import of_mailboxes

_READERS = 8
_WRITERS = 4
_NOT_WITHOUT = denied(
    "This file holds a record that few people may see and that cannot be left out of it; ask data protection."
)


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

    requests: type[Handler] = Handler

    def __init__(self, resources: SharedResources) -> None:
        self._resources = resources
        self.running: set[asyncio.Task[None]] = set()
        limits, each = resources.limits, resources.limits.connections_per_person
        sessions = each * limits.sessions_per_connection
        self.door = Door(limits, MAILBOXES_DOOR, time.monotonic, (each, sessions))

    def shown(self, name: str) -> str:  # noqa: ARG002
        """Return "kind=staff" for log lines: no name, as the key logged beside identifies the person."""
        return "kind=staff"

    async def holds_key(self, name: str, key: asyncssh.SSHKey, address: str) -> bool:  # noqa: ARG002
        """Return True if `key` is in force for the person called `name`."""
        loop = asyncio.get_running_loop()
        keys = await loop.run_in_executor(self._resources.readers, self._resources.mailboxes.keys_of, name)
        return any(key.public_data == known.public_data for known in keys)

    def tree(self, by: LoggedIn, channel: asyncssh.SSHServerChannel[bytes]) -> MailboxTree:
        """Return the tree of a logged-in person."""
        return MailboxTree(channel, Person(by.name, by.key), self._resources)


async def _serve(home: Home, resources: SharedResources, listen: Listen) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with (
        console_api_open(home, resources),
        accepting(home, resources, listen, systemd.handed_over("mailboxes")) as port,
    ):
        collect_garbage_rarely()
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
    service.door.trust(load_settings(home).ssh.balancers)
    async with serving(
        service,
        host_key=host_key_path(home),
        place=(listen.host, listen.port),
        sockets=sockets,
        penalties=of_mailboxes(home),
    ) as (_, port):

        async def sweep() -> None:
            """Close the contents that nobody has read for a while, again and again."""
            while True:
                await asyncio.sleep(resources.limits.idle_seconds / 10)
                resources.contents.close_unread()

        sweeping = asyncio.create_task(sweep())
        try:
            yield port
        finally:
            sweeping.cancel()


@contextlib.contextmanager
def open_resources(home: Home, clock: Callable[[], datetime]) -> Iterator[SharedResources]:
    """Yield the resources shared by all sessions, closed at the end.
    ConfigurationError for settings, policies, keys or a registry that cannot be used.
    """
    settings, limits = load_settings(home), load_limits(home)
    log_key = secret_files.CurrentLogKey(home)
    registry = Registry(settings.database_url(home))
    registry.check_version(current=True)
    with registry.read() as session:
        log.check_is_ours(session, log_key.vkey(settings.log_origin))

    @lru_cache(maxsize=1)
    def read(folder: Path) -> Catalogue:
        """Read the policies in force. ConfigurationError if different from the policies on record."""
        with registry.read() as session:
            check_on_record(session, home)
        contents.forget_sizes()
        return load_catalogue(folder)

    def catalogue() -> Catalogue:
        return read(home.policies_in_force)

    readers = ThreadPoolExecutor(_READERS, "read")
    writers = ThreadPoolExecutor(_WRITERS, "write")
    openers = ThreadPoolExecutor(limits.mailboxes.openers, "open")
    contents = Contents(lambda order: fetched(examiners.mine(), order), limits.mailboxes, openers)
    catalogue()  # Refuse to start with none that can be read.
    examiners = Examiners(home)
    showing = Showing(catalogue, lambda sha256: counting_seed(home, sha256))
    try:
        yield SharedResources(
            mailboxes=MailboxAccess(registry, showing, log_key, settings.log_origin, clock),
            contents=contents,
            readers=readers,
            writers=writers,
            limits=limits.mailboxes,
        )
    finally:
        for threads in (readers, writers, openers):
            threads.shutdown(wait=False, cancel_futures=True)
        examiners.close()
        registry.close()


def fetched(examiner: Examiner, order: FileOrder) -> Given:
    """Return the content that `order` asks for in anonymous memory, for the caller to close.
    Declined if it is not certain which records are to be left out; Fault for another failure.
    """
    delivery = order.delivery
    request = Reopen(reference=delivery.reference, sha256=delivery.content_sha256)
    if order.basis is None:
        descriptor, size = examiner.reopen(request)
        return Given(descriptor, size, delivery.content_sha256)
    try:
        descriptor, view = examiner.view(request, order.basis, order.apart)
    except MixedRecordsError:
        raise Declined(_NOT_WITHOUT) from None
    if view.whole:
        return Given(descriptor, delivery.content_size, delivery.content_sha256)
    return Given(descriptor, view.size, view.sha256, view.left_out)
