"""The console service: listen, ask the inside, and end in order."""

import asyncio

import uvicorn

from gateway.browsing.serving import patiently, punctual, run, serve, sockets_of, transport
from gateway.console.app import application
from gateway.console.inside import inside_of, settings_of
from gateway.console.site import LANGUAGES, Site, templates
from gateway.errors import ConfigurationError
from gateway.home import Home
from gateway.zones.console_api import ConsoleKnows
from gateway.zones.console_api.serving import config_of


def run_console(home: Home, *, host: str | None = None, port: int | None = None) -> int:
    """Serve the console of `home` until SIGTERM or SIGINT; return the exit status.

    `host` and `port` override the settings. Print `ready console ORIGIN` when accepting connections.
    ConfigurationError names the obstacle to starting.
    """
    return run(lambda stop: _serve(home, host, port, stop))


async def _serve(home: Home, host: str | None, port: int | None, stop: asyncio.Event) -> None:
    knows = await _awaited(home)
    async with inside_of(home) as inside:
        sockets = sockets_of(
            "console", knows.host if host is None else host, knows.port if port is None else port
        )
        origin = knows.origin or f"http://localhost:{sockets[0].getsockname()[1]}"
        pages = {one: templates(knows.zone, one) for one in LANGUAGES}
        site = Site(inside, knows, origin, pages)
        await serve(
            "console", origin, configured(site, knows), sockets=sockets, proxies=knows.proxies, stop=stop
        )


async def _awaited(home: Home) -> ConsoleKnows:
    """Return the console's settings, retrying until the console API answers."""
    async for attempt in patiently(ConfigurationError):
        with attempt:
            async with inside_of(home) as inside:
                return await settings_of(inside)
    raise ConfigurationError("the inside does not answer")


def configured(site: Site, knows: ConsoleKnows) -> uvicorn.Config:
    """Return Uvicorn's configuration: TLS if a certificate is set, and the trusted proxies."""
    return config_of(
        application(site),
        http=punctual(),
        **transport(knows.certificate, knows.certificate_key, knows.proxies),
    )
