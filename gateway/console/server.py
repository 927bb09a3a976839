"""The console service: listen, ask the inside, and end in order."""

import asyncio
import logging
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import h11
import uvicorn
import uvloop
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed
from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.console.app import application
from gateway.console.inside import Inside, inside_of, settings_of
from gateway.console.places import BrowserConnection, Places, placed
from gateway.console.site import Site, templates
from gateway.errors import ConfigurationError
from gateway.home import Home
from gateway.observe import systemd
from gateway.zones.hatch.answers import ConsoleKnows
from gateway.zones.hatch.serving import at_work, config_of

SECONDS = 30.0
_COMING = frozenset({h11.IDLE, h11.SEND_BODY})


class PunctualProtocol(H11Protocol):
    """One connection with a place, busy from a complete request until its answer."""

    seconds = SECONDS

    def __init__(self, *arguments: Any, place: BrowserConnection, places: Places, **more: Any) -> None:  # noqa: ANN401 - as in the server
        super().__init__(*arguments, **more)
        self._place = place
        self._places = places
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in its parent
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take received bytes without extending the deadline for the rest."""
        super().data_received(data)
        if self.conn.their_state in _COMING:
            self._wait()
        else:
            self._place.busy = True
            self._wait_no_more()

    def on_response_complete(self) -> None:
        """Begin the next request if partly received, and wait for its rest."""
        self._place.busy = False
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY:
            self._wait()
        elif self.conn.their_state is not h11.IDLE:
            self._place.busy = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the deadline."""
        self._wait_no_more()
        self._places.leave(self._place)
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.seconds, self.transport.abort)

    def _wait_no_more(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def punctual(seconds: float = SECONDS) -> type[PunctualProtocol]:
    """Return the protocol class with a deadline in seconds."""
    return type("Punctual", (PunctualProtocol,), {"seconds": seconds})


_PATIENCE_SECONDS = 30
_BACKLOG = 128


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
            _listening(knows.host if host is None else host, knows.port if port is None else port)
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


def _listening(host: str, port: int) -> socket.socket:
    try:
        opened = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=_BACKLOG
        )
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on port {port} of {host}: {error.strerror}; see [console] in gateway.toml"
        ) from None
    opened.setblocking(False)
    return opened


def configured(site: Site, knows: ConsoleKnows) -> uvicorn.Config:
    """Return the server configuration: TLS with a configured certificate, and trusted proxies."""
    more: dict[str, object] = {"proxy_headers": bool(knows.proxies)}
    if knows.proxies:
        more["forwarded_allow_ips"] = list(knows.proxies)
    if knows.certificate is not None:
        more |= {"ssl_certfile": Path(knows.certificate), "ssl_keyfile": knows.certificate_key}
    return config_of(application(site), http=punctual(), **more)
