"""The intake service: an SFTP drop box that knows no secret but its own host key.

It reads `published/` and writes `spool/`, and runs as a user that can do nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvloop
from pydantic import ValidationError

from gateway.errors import ConfigurationError, GatewayError, trace_of
from gateway.home import PROVIDER_ID, Home, Published, Spool
from gateway.intake.box import Box
from gateway.intake.disk import on_disk
from gateway.intake.door import Door
from gateway.intake.landed import Landed, sweep_landed
from gateway.intake.login import Login
from gateway.intake.offences import Offences
from gateway.intake.penalties import Penalties
from gateway.intake.recent import sweep_journals
from gateway.intake.unfinished import sweep_shelf
from gateway.observe import exposition, systemd
from gateway.observe.metrics import INTAKE, PENALTIES
from gateway.settings import IntakeLimits, IntakeSettings
from gateway.ssh.host_keys import Offer
from gateway.ssh.server import listen
from gateway.zones.penalty_files import Lifted, Listed, listed_file, read_lifted

log = logging.getLogger(__name__)

_HOST_KEY = "ssh_host_ed25519_key"
_ROUND_SECONDS = 15.0
_SWEEP_SECONDS = 300.0
_FAREWELL_SECONDS = 10.0
_TURN_SECONDS = 2.0
_PENALTY_SECONDS = 2.0
_SWITCH_SECONDS = 0.0005


def read_settings(published: Published) -> IntakeSettings:
    """published/intake.json. ConfigurationError where it is missing or wrong."""
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


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Service:
    """All that the connections of one running intake share."""

    def __init__(self, spool: Spool, published: Published, limits: IntakeLimits) -> None:
        self._spool = spool
        self._published = published
        self._limits = limits
        self._offences = Offences(time.monotonic)
        self._landed = Landed(spool.landed)
        self._boxes: dict[str, Box] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._lifted = Lifted()
        self._listed: dict[str, float] = {}
        self.penalties = Penalties(limits, time.monotonic)
        self.door = Door(limits, self._offences, time.monotonic)

    def login(self) -> Login:
        """The gateway's side of a new connection."""
        return Login(
            published=self._published,
            limits=self._limits,
            door=self.door,
            offences=self._offences,
            penalties=self.penalties,
            box_of=self.box,
            running=self._running,
        )

    def box(self, provider: str) -> Box:
        """The one box of a provider."""
        if provider not in self._boxes:
            self._boxes[provider] = Box(provider, self._spool, self._limits, self._landed, _utc_now)
        return self._boxes[provider]

    async def farewell(self) -> None:
        """Close every connection and wait until its uploads are safely put aside."""
        self.door.close()
        if self._running:
            await asyncio.wait(self._running, timeout=_FAREWELL_SECONDS)

    async def mind_penalties(self) -> None:
        """Forgive whom the inside lifted, and list who has to wait, where either has changed."""
        try:
            lifted = await on_disk(read_lifted, self._published)
        except (OSError, ValueError) as error:
            log.warning("lifted-not-readable %s", trace_of(error))
            return
        for source in lifted.at.items() - self._lifted.at.items():
            if self.penalties.lift(source[0]):
                log.info("penalty-lifted address=%s", source[0])
        self._lifted = lifted
        waiting = self.penalties.in_force()
        PENALTIES.set(len(waiting))
        if waiting or self._listed:
            now = _utc_now()
            until = {source: now + timedelta(seconds=seconds) for source, seconds in waiting.items()}
            await on_disk(_list_penalties, self._spool, Listed(until=until))
        self._listed = waiting

    async def sweep(self) -> None:
        """Erase what expired: unfinished uploads, and what a crash left between the steps of a hand-over."""
        now, keep = _utc_now(), timedelta(hours=self._limits.resume_hours)
        for shelf in await on_disk(_shelves, self._spool):
            box = self._boxes.get(shelf.name)
            if box is not None:
                await box.expire(now)
            in_use = frozenset() if box is None else box.in_use
            if gone := await on_disk(sweep_shelf, shelf, now, keep, in_use):
                log.info("expired provider=%s uploads=%d", shelf.name, gone)
        await on_disk(sweep_landed, self._spool.landed, now, keep)
        remembered = timedelta(days=self._limits.recent_days)
        await on_disk(sweep_journals, self._spool.recent, now, remembered, frozenset(self._boxes))


def _list_penalties(spool: Spool, listed: Listed) -> None:
    """Replace the list. It need not last: without intake, nobody has to wait."""
    path = listed_file(spool)
    aside = path.with_name(".penalties.new")
    aside.write_text(listed.model_dump_json(), "utf-8")
    aside.replace(path)


def _shelves(spool: Spool) -> list[Path]:
    return [path for path in (spool.root / "partial").iterdir() if PROVIDER_ID.fullmatch(path.name)]


def _make_folders(spool: Spool) -> None:
    spool.host.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder in (spool.landed, spool.recent, spool.root / "partial"):
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)


async def serve(
    spool: Spool,
    published: Published,
    *,
    host: str | None,
    port: int | None,
    ready: Callable[[str, int], None],
    stop: asyncio.Event,
    sockets: Sequence[socket.socket] = (),
) -> None:
    """Receive uploads until `stop` is set. `ready(host, port)` is called once connections are accepted.

    `host` and `port` stand in for those of published/intake.json, and `sockets` that listen already
    for both. At the end every connection is
    closed; an upload that was not complete can be resumed. ConfigurationError where the settings or
    the host key are unusable or the port is not free.
    """
    settings = await on_disk(read_settings, published)
    await on_disk(_make_folders, spool)
    service = Service(spool, published, settings.limits)
    offer = await on_disk(Offer, spool.host / _HOST_KEY, settings.limits, service.login)
    place = (
        settings.listen.host if host is None else host,
        settings.listen.port if port is None else port,
    )
    listeners = await listen(offer.options, settings.limits.login_attempts, place, sockets)
    loop = asyncio.get_running_loop()
    chores = [
        loop.create_task(_chores(service)),
        loop.create_task(_mind_penalties(service)),
        loop.create_task(systemd.keep_alive()),
    ]
    try:
        with exposition.exposed(systemd.handed_over("metrics"), INTAKE, _health(loop)):
            ready(*listeners[0].sockets[0].getsockname()[:2])
            await stop.wait()
    finally:
        for listener in listeners:
            listener.close()
        for chore in chores:
            chore.cancel()
        await service.farewell()


def _health(loop: asyncio.AbstractEventLoop) -> exposition.Health:
    """Whether the event loop still turns, asked from another thread."""

    def health() -> Sequence[str]:
        turned = threading.Event()
        loop.call_soon_threadsafe(turned.set)
        return () if turned.wait(_TURN_SECONDS) else ("event-loop-stuck",)

    return health


async def _mind_penalties(service: Service) -> None:
    """Keep both files about penalties, for ever."""
    while True:
        try:
            await service.mind_penalties()
        except Exception as error:  # noqa: BLE001 - one bad round must not be the last
            log.error("penalties-failed %s", trace_of(error))  # noqa: TRY400 - its text may hold names
        await asyncio.sleep(_PENALTY_SECONDS)


async def _chores(service: Service) -> None:
    """Look after idle connections and expired uploads, for ever."""
    swept_at = float("-inf")
    while True:
        try:
            if time.monotonic() - swept_at >= _SWEEP_SECONDS:
                swept_at = time.monotonic()
                await service.sweep()
            await service.door.look_round()
        except Exception as error:  # noqa: BLE001 - one bad round must not be the last
            log.error("chores-failed %s", trace_of(error))  # noqa: TRY400 - its text may hold names
        await asyncio.sleep(_ROUND_SECONDS)


def run_intake(home: Home, *, host: str | None = None, port: int | None = None) -> int:
    """Serve until SIGTERM or SIGINT; 0 after a clean stop, 1 where the service cannot start.

    Prints `ready intake HOST:PORT` when it accepts connections.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # asyncssh logs user names and paths as clients send them.
    logging.getLogger("asyncssh").setLevel(logging.ERROR)
    # Threads that wait for the disk must get their turn beside a busy loop: they need many short ones.
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_signal(home, host, port))
    except GatewayError as error:
        print(f"intake: {error}", file=sys.stderr)  # noqa: T201 - for the person who starts it
        return 1
    return 0


async def _until_signal(home: Home, host: str | None, port: int | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(
        home.spool,
        home.published,
        host=host,
        port=port,
        ready=_tell_ready,
        stop=stop,
        sockets=systemd.handed_over("intake"),
    )
    systemd.notify("STOPPING=1")


def _tell_ready(host: str, port: int) -> None:
    shown = f"[{host}]" if ":" in host else host
    print(f"ready intake {shown}:{port}", flush=True)  # noqa: T201 - the supervisor reads this line
    systemd.notify("READY=1")
