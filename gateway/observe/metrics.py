"""Count events of the services for Prometheus. No label ever holds a name of a person or file.

Counts begin at 0 when a service starts. Data in the registry are read from there instead (`registry_view`).
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from socketserver import BaseServer, ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, make_wsgi_app

from gateway.errors import trace_of

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class DoorCounts:
    """The Prometheus counters of a service that accepts SSH connections."""

    def __init__(self, service: str, registry: CollectorRegistry) -> None:
        name, told = f"gateway_{service}", "Offences by code, also those not logged."
        self.connections = Gauge(f"{name}_connections", "Connections that are open.", registry=registry)
        self.logins = Counter(f"{name}_logins", "Logins that succeeded.", registry=registry)
        self.offences = Counter(f"{name}_offences", told, ["code"], registry=registry)
        self.penalties = Gauge(f"{name}_penalties", "Addresses that have to wait.", registry=registry)


MAILBOXES = CollectorRegistry()
MAILBOXES_DOOR = DoorCounts("mailboxes", MAILBOXES)

INTAKE = CollectorRegistry()
INTAKE_DOOR = DoorCounts("intake", INTAKE)
LANDED = Counter("gateway_intake_landed", "Uploads handed over.", registry=INTAKE)
LANDED_BYTES = Counter("gateway_intake_landed_bytes", "Bytes of the uploads handed over.", registry=INTAKE)
HAND_OVER_SECONDS = Histogram(
    "gateway_intake_hand_over_seconds",
    "From the close of an upload until it is durable and its client is told.",
    buckets=_SECONDS,
    registry=INTAKE,
)

PROCESSOR = CollectorRegistry()
FAULTS = Counter(
    "gateway_faults",
    "Failures of ours by kind: examiner-lost, engine, registry, internal.",
    ["kind"],
    registry=PROCESSOR,
)
EXAMINE_SECONDS = Histogram(
    "gateway_examine_seconds",
    "Opening and classifying one file, with what was tried again.",
    buckets=_SECONDS,
    registry=PROCESSOR,
)
for _kind in ("examiner-lost", "engine", "registry", "internal"):
    FAULTS.labels(_kind)


# Metrics and health over HTTP on this machine: /metrics for Prometheus, /healthz for a load balancer.

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_log = logging.getLogger(__name__)

_REQUEST_SECONDS = 10.0

Health = Callable[[], Sequence[str]]


class _Request(WSGIRequestHandler):
    timeout = _REQUEST_SECONDS

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Log nothing: Prometheus asks every few seconds."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, listening: socket.socket) -> None:
        # Skip TCPServer.__init__, which makes a socket first: forbidden in a unit with a socket handed
        # over.
        BaseServer.__init__(self, listening.getsockname()[:2], _Request)
        listening.setblocking(True)
        self.socket = listening
        self.server_name, self.server_port = "localhost", listening.getsockname()[1]
        self.setup_environ()

    def handle_error(self, request: object, client_address: object) -> None:
        """Log nothing for a client that is gone."""


@contextlib.contextmanager
def exposed(sockets: Sequence[socket.socket], metrics: CollectorRegistry, health: Health) -> Iterator[None]:
    """Serve metrics and health on listening `sockets`, in threads, inside the context.
    `health` is called in those threads; it returns the codes of problems, none when all is well.
    """
    scrape = make_wsgi_app(metrics)

    def text(start: StartResponse, status: str, body: str) -> list[bytes]:
        data = f"{body}\n".encode()
        start(status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(data)))])
        return [data]

    def app(environment: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        path = environment.get("PATH_INFO")
        try:
            if path == "/metrics":
                answer: Iterable[bytes] = scrape(environment, start)
                return answer
            if path == "/healthz":
                wrong = health()
                return text(start, "503 Service Unavailable" if wrong else "200 OK", "\n".join(wrong) or "ok")
        except Exception as error:  # noqa: BLE001 - a scrape must not end the service
            _log.error("metrics-failed %s", trace_of(error))
            return text(start, "500 Internal Server Error", "internal error")
        return text(start, "404 Not Found", "there are /metrics and /healthz")

    servers = [_Server(one) for one in sockets]
    for server in servers:
        server.set_app(app)
        threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    try:
        yield
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
