"""The console service: listen, ask the inside, and end in order."""

import asyncio
import logging
import signal
import sys

import uvicorn
import uvloop
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from gateway.browsing.connections import Places, listening, placed, punctual, transport
from gateway.console.app import application
from gateway.console.inside import Inside, inside_of, settings_of
from gateway.console.site import Site, templates
from gateway.errors import ConfigurationError
from gateway.home import Home
from gateway.observe import systemd
from gateway.zones.console_api.answers import ConsoleKnows
from gateway.zones.console_api.serving import at_work, config_of

_PATIENCE_SECONDS = 30


def run_console(home: Home, *, host: str | None = None, port: int | None = None) -> int:
    """Serve the console of `home` until SIGTERM or SIGINT; return the exit status.

    `host` and `port` override the settings. Print `ready console ORIGIN` when accepting connections.
    ConfigurationError names the obstacle to starting.
    """
    for noisy in ("httpx", "httpcore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    uvloop.run(_serve(home, host, port))
    return 0


async def _serve(home: Home, host: str | None, port: int | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await _awaited(home)
    async with inside_of(home) as inside:
        knows = await _settings(inside)
        sockets = systemd.handed_over("console") or [
            listening(knows.host if host is None else host, knows.port if port is None else port, "[console]")
        ]
        origin = knows.origin or f"http://localhost:{sockets[0].getsockname()[1]}"
        site = Site(inside, knows, origin, templates(knows.zone))
        async with at_work(configured(site, knows), sockets, placed(Places(knows.proxies))):
            alive = asyncio.create_task(systemd.keep_alive())
            sys.stdout.write(f"ready console {origin}\n")
            sys.stdout.flush()
            systemd.notify("READY=1")
            await stop.wait()
            systemd.notify("STOPPING=1")
            alive.cancel()


async def _awaited(home: Home) -> None:
    """Wait for the console API: the mailboxes service may have been started at the same time."""
    async for attempt in _patiently():
        with attempt:
            async with inside_of(home) as inside:
                await settings_of(inside)


async def _settings(inside: Inside) -> ConsoleKnows:
    async for attempt in _patiently():
        with attempt:
            return await settings_of(inside)
    raise ConfigurationError("the inside does not answer")


def _patiently() -> AsyncRetrying:
    return AsyncRetrying(
        retry=retry_if_exception_type(ConfigurationError),
        stop=stop_after_delay(_PATIENCE_SECONDS),
        wait=wait_fixed(0.2),
        reraise=True,
    )


def configured(site: Site, knows: ConsoleKnows) -> uvicorn.Config:
    """Return the server configuration: TLS with a configured certificate, and trusted proxies."""
    return config_of(
        application(site),
        http=punctual(),
        **transport(knows.certificate, knows.certificate_key, knows.proxies),
    )
