"""The intake service: an SFTP drop box without secrets, except its own host key.

Reads `published/` and writes `spool/`, as a user without any other rights.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import asyncssh
import uvloop
from asyncssh import constants
from asyncssh.sftp import SFTPServerHandler
from pydantic import ValidationError

from gateway.errors import ConfigurationError, GatewayError
from gateway.home import CLAIMED, PROVIDER_ID, Home, Published, Spool
from gateway.home.settings import SWITCH_SECONDS, IntakeLimits, IntakeSettings
from gateway.intake.box import Box, sweep_journals
from gateway.intake.disk import Landed, on_disk, sweep_landed
from gateway.intake.tree import ProviderTree
from gateway.intake.upload import sweep_unfinished
from gateway.observe import metrics, systemd
from gateway.observe.metrics import INTAKE, INTAKE_DOOR
from gateway.ssh.answers import guarded
from gateway.ssh.door import Door
from gateway.ssh.serving import LoggedIn, repeat, serving
from gateway.ssh.sftp import Handler
from gateway.zones.penalty_files import of_intake

_POSIX_RENAME = b"posix-rename@openssh.com"
_FSYNC = b"fsync@openssh.com"
_LSETSTAT = b"lsetstat@openssh.com"


class Requests(Handler):
    """The SFTP request handler of intake."""

    _extensions = [*Handler._extensions, (_POSIX_RENAME, b"1"), (_FSYNC, b"1"), (_LSETSTAT, b"1")]  # noqa: RUF012, SLF001
    _packet_handlers = {  # noqa: RUF012 - as asyncssh declares it
        **Handler._packet_handlers,  # noqa: SLF001 - the parent's
        constants.FXP_MKDIR: guarded(SFTPServerHandler._process_mkdir),  # noqa: SLF001 - as the parent does
        constants.FXP_RMDIR: guarded(SFTPServerHandler._process_rmdir),  # noqa: SLF001
        _POSIX_RENAME: guarded(SFTPServerHandler._process_posix_rename),  # noqa: SLF001 - as the parent does
        _FSYNC: guarded(SFTPServerHandler._process_fsync),  # noqa: SLF001
        _LSETSTAT: guarded(SFTPServerHandler._process_lsetstat),  # noqa: SLF001
    }


# The list searched for unknown users, well-formed like every provider's.
_NOBODYS_KEYS = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f nobody\n"


def holds_key(published: Published, username: str, key: asyncssh.SSHKey, address: str) -> bool:
    """Return True if `key` is published for the provider `username`, and may be used from `address`.
    The check takes equally long for an unknown name, so nobody can find out the names of providers.
    """
    known = PROVIDER_ID.fullmatch(username) is not None
    path = published.provider(username if known else "-") / "authorized_keys"
    try:
        text = path.read_text("utf-8", errors="replace")
    except FileNotFoundError:
        known, text = False, _NOBODYS_KEYS
    try:
        keys = asyncssh.import_authorized_keys(text)
    except ValueError:
        return False  # No line of the file is a key.
    return keys.validate(key, "", address) is not None and known


_log = logging.getLogger(__name__)


_utc_now = partial(datetime.now, UTC)


class Intake:
    """The SFTP service for providers."""

    requests: type[Handler] = Requests

    def __init__(self, spool: Spool, published: Published, limits: IntakeLimits) -> None:
        self._spool = spool
        self._published = published
        self._limits = limits
        self._landed = Landed(spool.landed)
        self._boxes: dict[str, Box] = {}
        self.running: set[asyncio.Task[None]] = set()
        each = limits.connections_per_provider, limits.sessions_per_provider
        self.door = Door(limits, INTAKE_DOOR, time.monotonic, each)

    def follow(self, settings: IntakeSettings) -> None:
        """Take over settings that change while the service runs: the load balancers, the end of uploads."""
        self.door.trust(settings.ssh.balancers)
        if settings.removed and not self._landed.is_closed:
            _log.error("host-removed: no upload is taken any more; stop this service, see docs/cluster.md")
        self._landed.is_closed = settings.removed

    def shown(self, name: str) -> str:
        """Return a provider's name as it appears in log lines."""
        return f"provider={name}"

    async def holds_key(self, name: str, key: asyncssh.SSHKey, address: str) -> bool:
        """Return True if `key` is published for the provider `name`, and may be used from `address`."""
        return await on_disk(holds_key, self._published, name, key, address)

    def tree(self, by: LoggedIn, channel: asyncssh.SSHServerChannel[bytes] | None = None) -> ProviderTree:
        """Return the tree of a logged-in provider: for the SFTP session on `channel`, or for the web door."""
        return ProviderTree(self._published, self.box(by.name), by, self._limits, channel)

    def box(self, provider: str) -> Box:
        """Return the drop box of a provider, made at the first call."""
        if provider not in self._boxes:
            self._boxes[provider] = Box(provider, self._spool, self._limits, self._landed, _utc_now)
        return self._boxes[provider]

    async def sweep(self) -> None:
        """Erase expired unfinished uploads, old lists of recent uploads, and parts of failed hand-overs."""
        now, keep = _utc_now(), timedelta(hours=self._limits.resume_hours)
        partial = self._spool.root / "partial"
        for folder in await on_disk(lambda: list(partial.iterdir())):
            if not PROVIDER_ID.fullmatch(folder.name):
                continue
            box = self._boxes.get(folder.name)
            if box is not None:
                await box.expire(now, keep)
            in_use = frozenset() if box is None else box.in_use()
            if gone := await on_disk(sweep_unfinished, folder, now, keep, in_use):
                _log.info("expired provider=%s uploads=%d", folder.name, gone)
        await on_disk(sweep_landed, self._spool.landed, now, keep)
        remembered = timedelta(days=self._limits.recent_days)
        await on_disk(sweep_journals, self._spool.recent, now, remembered, frozenset(self._boxes))


_SETTINGS_SECONDS = 2.0
_HOST_KEY = "ssh_host_ed25519_key"
_SWEEP_SECONDS = 300.0
_TURN_SECONDS = 2.0


def read_settings(published: Published) -> IntakeSettings:
    """Return published/intake.json. ConfigurationError if missing or wrong."""
    path = published.intake_settings
    try:
        return IntakeSettings.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror}; the processor writes it when it starts"
        ) from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{path}: {key}: {first['msg']}") from None


async def serve(
    spool: Spool,
    published: Published,
    *,
    host: str | None,
    port: int | None,
    ready: Callable[[str, int], None],
    stop: asyncio.Event,
    sockets: Sequence[socket.socket] = (),
    web: Path | None = None,
) -> None:
    """Receive uploads until `stop` is set. `ready(host, port)` is called once connections are accepted.

    `host` and `port` override published/intake.json; listening `sockets` override both. At the end every
    connection is closed; incomplete uploads can be resumed. `web`: the folder of the web door's socket.
    ConfigurationError for unusable settings, an unusable host key, or a port in use.
    """
    settings = await on_disk(read_settings, published)
    for folder, mode in (
        (spool.host, 0o700),
        *((each, 0o750) for each in (spool.landed, spool.recent, spool.asked, spool.root / "partial")),
    ):
        await on_disk(folder.mkdir, mode=mode, parents=True, exist_ok=True)
    intake = Intake(spool, published, settings.limits)
    intake.follow(settings)

    async def follow_settings() -> None:
        intake.follow(await on_disk(read_settings, published))

    place = (settings.listen.host if host is None else host, settings.listen.port if port is None else port)
    loop = asyncio.get_running_loop()
    async with serving(
        intake,
        host_key=spool.host / _HOST_KEY,
        place=place,
        sockets=sockets,
        penalties=of_intake(spool, published),
        also=settings.ssh.also_offer,
    ) as accepting:
        rounds = [
            loop.create_task(repeat(intake.sweep, _SWEEP_SECONDS)),
            loop.create_task(repeat(follow_settings, _SETTINGS_SECONDS)),
        ]
        web_door: AbstractAsyncContextManager[None] = nullcontext()
        try:
            if web is not None and settings.web.origin is not None:
                # Loaded only here, with a web framework and WebAuthn.
                from gateway.intake.web import WebDoor, answering  # noqa: PLC0415

                door = WebDoor(intake, intake.tree, published, settings.web, settings.limits)
                web_door = answering(door, web)
            with metrics.exposed(systemd.handed_over("metrics"), INTAKE, _health(loop, spool, published)):
                async with web_door:
                    ready(*accepting)
                    await stop.wait()
        finally:
            for one in rounds:
                one.cancel()


def _health(loop: asyncio.AbstractEventLoop, spool: Spool, published: Published) -> metrics.Health:
    """Return a health check to be called in another thread; the check returns the codes of present problems.

    The problems are an event loop that does not run, a processor that claims no uploads, a removed host, and
    a disk without room for uploads. A load balancer sends no more clients to a host with a problem.
    """

    def health() -> Sequence[str]:
        turned = threading.Event()
        loop.call_soon_threadsafe(turned.set)
        if not turned.wait(_TURN_SECONDS):
            return ("event-loop-stuck",)
        try:
            age = time.time() - (published.root / CLAIMED).stat().st_mtime
        except FileNotFoundError:
            return ("processor-claims-nothing",)
        settings = read_settings(published)
        if settings.removed:
            return ("host-removed",)
        if shutil.disk_usage(spool.landed).free < settings.limits.free_bytes:
            return ("disk-nearly-full:spool",)
        return () if age < settings.claim_seconds else ("processor-claims-nothing",)

    return health


def run_intake(home: Home, *, host: str | None = None, port: int | None = None) -> int:
    """Serve until SIGTERM or SIGINT; return 0 after a clean stop, 1 if the service cannot start.

    Prints `ready intake HOST:PORT` when accepting connections.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # asyncssh logs user names and paths as sent by clients.
    logging.getLogger("asyncssh").setLevel(logging.ERROR)
    # Disk threads need many short turns beside a busy loop.
    sys.setswitchinterval(SWITCH_SECONDS)

    def tell_ready(host: str, port: int) -> None:
        shown = f"[{host}]" if ":" in host else host
        print(f"ready intake {shown}:{port}", flush=True)  # noqa: T201 - the supervisor reads this line
        systemd.notify("READY=1")

    async def until_signal() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await serve(
            home.spool,
            home.published,
            host=host,
            port=port,
            ready=tell_ready,
            stop=stop,
            sockets=systemd.handed_over("intake"),
            web=home.web,
        )
        systemd.notify("STOPPING=1")

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(until_signal())
    except GatewayError as error:
        print(f"intake: {error}", file=sys.stderr)  # noqa: T201 - for the person at the terminal
        return 1
    return 0
