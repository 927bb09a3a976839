"""The console service: listen, ask the inside, and end in order."""

import asyncio

from starlette.types import ASGIApp

from gateway.browsing.serving import patiently, run, serve
from gateway.console.app import application
from gateway.console.inside import inside_of, settings_of
from gateway.console.site import LANGUAGES, Site, templates
from gateway.errors import ConfigurationError
from gateway.home import Home


def run_console(home: Home, *, host: str | None = None, port: int | None = None) -> int:
    """Serve the console of `home` until SIGTERM or SIGINT; return the exit status.

    `host` and `port` override the settings. Print `ready console ORIGIN` when accepting connections.
    ConfigurationError names the obstacle to starting.
    """

    async def served(stop: asyncio.Event) -> None:
        async for attempt in patiently(ConfigurationError):
            with attempt:
                async with inside_of(home) as inside:
                    knows = await settings_of(inside)
        async with inside_of(home) as inside:
            pages = {one: templates(knows.zone, one) for one in LANGUAGES}

            def application_of(origin: str) -> ASGIApp:
                return application(Site(inside, knows, origin, pages))

            await serve("console", knows, application_of, stop, host=host, port=port)

    return run(served)
