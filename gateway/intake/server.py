"""The intake service: an SFTP drop box without secrets, except its own host key.

Reads `published/` and writes `spool/`, as a user without any other rights.
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

import uvloop
from pydantic import ValidationError

from gateway.errors import ConfigurationError, GatewayError
from gateway.home import CLAIMED, Home, Published, Spool
from gateway.home.settings import IntakeSettings
from gateway.intake.disk import on_disk
from gateway.intake.service import Intake
from gateway.observe import exposition, systemd
from gateway.observe.metrics import INTAKE
from gateway.ssh.proxied import Balancers
from gateway.ssh.serving import again, serving
from gateway.zones.penalty_files import of_intake

_SETTINGS_SECONDS = 2.0
_HOST_KEY = "ssh_host_ed25519_key"
_SWEEP_SECONDS = 300.0
_TURN_SECONDS = 2.0
_SWITCH_SECONDS = 0.0005


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

    `host` and `port` override published/intake.json; `sockets`, already listening, override both. At the end
    every connection is closed; incomplete uploads can be resumed. ConfigurationError for unusable settings,
    an unusable host key, or a port in use.
    """
    settings = await on_disk(read_settings, published)
    await on_disk(_make_folders, spool)
    intake = Intake(spool, published, settings.limits)
    balancers = Balancers(settings.ssh.balancers, intake.door)

    async def follow_settings() -> None:
        """Follow the balancers in the settings; the processor may have written those after this start."""
        balancers.name((await on_disk(read_settings, published)).ssh.balancers)

    place = (
        settings.listen.host if host is None else host,
        settings.listen.port if port is None else port,
    )
    loop = asyncio.get_running_loop()
    async with serving(
        intake.door,
        intake,
        host_key=spool.host / _HOST_KEY,
        place=place,
        sockets=sockets,
        penalties=of_intake(spool, published),
        running=intake.running,
        also=settings.ssh.also_offer,
        balancers=balancers,
    ) as accepting:
        rounds = [
            loop.create_task(again(intake.sweep, _SWEEP_SECONDS)),
            loop.create_task(again(follow_settings, _SETTINGS_SECONDS)),
        ]
        try:
            with exposition.exposed(systemd.handed_over("metrics"), INTAKE, _health(loop, published)):
                ready(*accepting)
                await stop.wait()
        finally:
            for one in rounds:
                one.cancel()


def _health(loop: asyncio.AbstractEventLoop, published: Published) -> exposition.Health:
    """Return a check, callable from another thread: the event loop runs, and the processor claims uploads.

    A balancer that is told otherwise sends no more: uploads here would wait for a processor that is gone.
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
        return () if age < read_settings(published).claim_seconds else ("processor-claims-nothing",)

    return health


def run_intake(home: Home, *, host: str | None = None, port: int | None = None) -> int:
    """Serve until SIGTERM or SIGINT; return 0 after a clean stop, 1 if the service cannot start.

    Prints `ready intake HOST:PORT` when accepting connections.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # asyncssh logs user names and paths as sent by clients.
    logging.getLogger("asyncssh").setLevel(logging.ERROR)
    # Disk threads need many short turns beside a busy loop.
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_signal(home, host, port))
    except GatewayError as error:
        print(f"intake: {error}", file=sys.stderr)  # noqa: T201 - for the person at the terminal
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
