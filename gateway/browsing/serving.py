"""Start, run and stop a service for browsers; count connections when accepted, before TLS.

Uvicorn counts a connection only once TLS has begun, and refuses everybody above its limit. Here a new
connection displaces an idle one. At the limit of one address, the address's own oldest idle connection is
closed. At the limit for all, the oldest idle connection of the address with most idle ones is closed. So a
few addresses cannot shut others out by starting TLS, asking for nothing, or reconnecting quickly.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import ssl
import sys
from collections import Counter
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass
from typing import Any

import h11
import uvicorn
import uvloop
from starlette.types import ASGIApp
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed
from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.errors import ConfigurationError
from gateway.home.settings import WebSettings
from gateway.observe import systemd
from gateway.zones.console_api.serving import QuietServer, at_work, collect_garbage_rarely, config_of
from gateway.zones.penalty_files import source_of

_PATIENCE_SECONDS = 30
SECONDS = 30.0
EACH = 40
IN_ALL = 200
_HANDSHAKE_SECONDS = 10.0
_COMING = frozenset({h11.IDLE, h11.SEND_BODY})
_BACKLOG = 128
_BREATH_SECONDS = 0.1
"""How long nothing is accepted once there are no descriptors left."""


def run(service: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> int:
    """Run a service and return the exit status. SIGTERM and SIGINT set the event that ends the service."""
    for noisy in ("httpx", "httpcore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)

    async def served() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await service(stop)

    uvloop.run(served())
    return 0


async def serve(
    name: str,
    settings: WebSettings,
    app: Callable[[str], ASGIApp],
    stop: asyncio.Event,
    *,
    host: str | None,
    port: int | None,
) -> None:
    """Serve a site until `stop` is set; `app` returns the application for the site's origin.
    `host` and `port` override the settings. Print `ready NAME ORIGIN`, and tell systemd, once connections are
    accepted. ConfigurationError if the service cannot listen on the address.
    """
    host, port = settings.host if host is None else host, settings.port if port is None else port
    sockets = systemd.handed_over(name) or [_listening(host, port, name)]
    origin = settings.origin or f"http://localhost:{sockets[0].getsockname()[1]}"
    server = CountingServer(configured(app(origin), settings), Connections(settings.proxies))
    async with at_work(server, sockets):
        collect_garbage_rarely()
        alive = asyncio.create_task(systemd.keep_alive())
        sys.stdout.write(f"ready {name} {origin}\n")
        sys.stdout.flush()
        systemd.notify("READY=1")
        await stop.wait()
        systemd.notify("STOPPING=1")
        alive.cancel()


def patiently(error: type[Exception]) -> AsyncRetrying:
    """Return a retry policy: try again after an `error`, for half a minute.
    Services may start in any order, so another one may not be ready yet.
    """
    return AsyncRetrying(
        retry=retry_if_exception_type(error),
        stop=stop_after_delay(_PATIENCE_SECONDS),
        wait=wait_fixed(0.2),
        reraise=True,
    )


@dataclass(slots=True, eq=False)
class BrowserConnection:
    """One accepted connection. `line`: its socket. `busy`: a request is being answered."""

    line: socket.socket
    source: str
    busy: bool = False

    def abort(self) -> None:
        """Close the connection at once, whatever it is doing."""
        with contextlib.suppress(OSError):
            self.line.shutdown(socket.SHUT_RDWR)


class Connections:
    """The accepted connections: at most `in_all` altogether, and at most `each` from one address.

    The second limit does not apply to the addresses of `trusted` proxies.
    """

    def __init__(self, trusted: Collection[str] = (), *, each: int = EACH, in_all: int = IN_ALL) -> None:
        self._trusted = {source_of(address) for address in trusted}
        self._each = each
        self._in_all = in_all
        self._taken: dict[BrowserConnection, None] = {}  # Oldest first.

    def __len__(self) -> int:
        """Return the number of connections."""
        return len(self._taken)

    def take(self, line: socket.socket, address: str) -> BrowserConnection | None:
        """Admit a client's connection (`line` is its socket); at a limit, close an idle one first.
        Return None, without admitting the connection, where a limit is reached and no connection is idle.
        """
        source = source_of(address)
        of_it = [connection for connection in self._taken if connection.source == source]
        if len(of_it) >= self._each and source not in self._trusted and not self._send_away(of_it):
            return None
        if len(self._taken) >= self._in_all:
            silent = Counter(connection.source for connection in self._taken if not connection.busy)
            most = silent.most_common(1)[0][0] if silent else None
            if not self._send_away([connection for connection in self._taken if connection.source == most]):
                return None
        connection = BrowserConnection(line, source)
        self._taken[connection] = None
        return connection

    def leave(self, connection: BrowserConnection) -> None:
        """Forget a closed connection; do nothing if the connection is already forgotten."""
        self._taken.pop(connection, None)

    def _send_away(self, connections: list[BrowserConnection]) -> bool:
        """Close the oldest idle connection of `connections`; return False if none is idle."""
        for connection in connections:
            if not connection.busy:
                self.leave(connection)
                connection.abort()
                return True
        return False


class CountingServer(QuietServer):
    """A Uvicorn server that accepts connections within the limits of `connections`.

    Every request has to arrive within `seconds`.
    """

    def __init__(self, config: uvicorn.Config, connections: Connections, seconds: float = SECONDS) -> None:
        super().__init__(config)
        self._connections = connections
        self._seconds = seconds
        self._tasks: set[asyncio.Task[None]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections."""
        await super().startup([])
        self._tasks = {asyncio.create_task(self._accept(listening)) for listening in sockets or ()}
        self.servers = [self]  # type: ignore[list-item] # Uvicorn only closes it, and waits for the end.

    def close(self) -> None:
        """Stop accepting connections."""
        for task in self._tasks:
            task.cancel()

    async def wait_closed(self) -> None:
        """Wait until the server has stopped accepting connections."""
        await asyncio.wait(self._tasks)

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                line, address = await loop.sock_accept(listening)
            except OSError:
                await asyncio.sleep(_BREATH_SECONDS)
                continue
            connection = self._connections.take(line, address[0])
            if connection is None:
                line.close()
                continue
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = loop.create_task(self._begin(line, connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _begin(self, line: socket.socket, connection: BrowserConnection) -> None:
        """Start HTTP on an accepted connection, after TLS if configured; close the connection on failure."""
        config = self.config

        def protocol() -> PunctualProtocol:
            return PunctualProtocol(
                config=config,
                server_state=self.server_state,
                app_state=self.lifespan.state,
                connection=connection,
                connections=self._connections,
                seconds=self._seconds,
            )

        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                protocol,
                line,
                ssl=config.ssl,
                ssl_handshake_timeout=None if config.ssl is None else _HANDSHAKE_SECONDS,
            )
        except (OSError, ssl.SSLError, TimeoutError):
            self._connections.leave(connection)
            line.close()


class PunctualProtocol(H11Protocol):
    """An HTTP connection, closed if a request takes more than `seconds` to arrive.

    Its `connection` is busy from the end of a request to the end of the answer.
    """

    def __init__(
        self,
        *,
        connection: BrowserConnection,
        connections: Connections,
        seconds: float,
        **more: Any,  # noqa: ANN401 - as in its parent
    ) -> None:
        super().__init__(**more)
        self._connection = connection
        self._connections = connections
        self._seconds = seconds
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in its parent
        """Start the deadline for the first request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Parse received bytes without extending the request's deadline."""
        super().data_received(data)
        if self.conn.their_state in _COMING:
            self._wait()
        else:
            self._connection.busy = True
            self._wait_no_more()

    def on_response_complete(self) -> None:
        """Start the deadline for the next request, if a part of it has come already."""
        self._connection.busy = False
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY:
            self._wait()
        elif self.conn.their_state is not h11.IDLE:
            self._connection.busy = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the deadline, and forget the connection."""
        self._wait_no_more()
        self._connections.leave(self._connection)
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self._seconds, self.transport.abort)

    def _wait_no_more(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _listening(host: str, port: int, section: str) -> socket.socket:
    try:
        opened = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=_BACKLOG
        )
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on port {port} of {host}: {error.strerror}; see [{section}] in gateway.toml"
        ) from None
    opened.setblocking(False)
    return opened


def configured(app: ASGIApp, settings: WebSettings) -> uvicorn.Config:
    """Return Uvicorn's configuration: TLS if a certificate is given, and the trusted reverse proxies.
    ConfigurationError names the file of a certificate or key that cannot be used.
    """
    more: dict[str, object] = {"proxy_headers": bool(settings.proxies)}
    if settings.proxies:
        more["forwarded_allow_ips"] = list(settings.proxies)
    if settings.certificate is not None:
        files = (settings.certificate, settings.certificate_key or settings.certificate)
        try:
            for file in files:
                file.open("rb").close()  # The error of `load_cert_chain` names no file.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*files)
        except OSError as error:
            what = f"{error.filename or ' with '.join(dict.fromkeys(map(str, files)))}: {error.strerror}"
            raise ConfigurationError(f"{what}; see certificate and certificate_key in gateway.toml") from None
        more |= {"ssl_certfile": settings.certificate, "ssl_keyfile": settings.certificate_key}
    return config_of(app, **more)
