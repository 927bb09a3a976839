"""Run the HTTP server of a service for browsers: quiet, without own signal handlers, ended in order."""

import asyncio
import contextlib
import gc
import logging
import os
import socket
from collections.abc import AsyncIterator, Generator, Sequence
from pathlib import Path
from typing import Any

import uvicorn

from gateway.zones.console_api import SOCKET
from gateway.zones.memory import closing_descriptor

KEPT_SECONDS = 60
"""The time an idle connection is kept."""
_FAREWELL_SECONDS = 5
_SOCKET_MODE = 0o660
_BACKLOG = 128
_SEARCHES = 50_000, 20, 20
"""The thresholds of gc.set_threshold: new objects, then searches, before a search for garbage begins."""


class QuietServer(uvicorn.Server):
    """Uvicorn's server, but the service handles signals. `ready` is set once connections are accepted."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections."""
        await super().startup(sockets)
        self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Do nothing: the service handles signals, not Uvicorn."""
        yield


def config_of(
    app: Any,  # noqa: ANN401 - as in uvicorn
    **more: Any,  # noqa: ANN401
) -> uvicorn.Config:
    """Return Uvicorn's configuration for `app`: HTTP/1.1 only, and answers that do not name the software.
    `more`: further options of Uvicorn.
    """
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEPT_SECONDS,
        timeout_graceful_shutdown=_FAREWELL_SECONDS,
        **more,
    )


@contextlib.asynccontextmanager
async def at_work(server: QuietServer, sockets: Sequence[socket.socket]) -> AsyncIterator[None]:
    """Let `server` serve on listening sockets inside the context, and close them at the end."""
    running = asyncio.create_task(server.serve(sockets=list(sockets)))
    try:
        ready = asyncio.create_task(server.ready.wait())
        await asyncio.wait((running, ready), return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            ready.cancel()
            await running  # Raises the obstacle to starting.
        yield
    finally:
        server.should_exit = True
        await asyncio.wait([running])


def collect_garbage_rarely() -> None:
    """Exempt the objects loaded so far from garbage collection, and collect others rarely.
    A page makes some 50,000 objects and leaves hardly any garbage. With Python's default thresholds (700, 10,
    10), about one page in seven would wait 40 to 110 ms while all lasting objects are searched.
    """
    gc.freeze()
    gc.set_threshold(*_SEARCHES)


@contextlib.contextmanager
def socket_in(place: Path) -> Generator[str, None, None]:
    """Yield a path to the socket in the folder `place`, short enough for the kernel (108 bytes)."""
    with closing_descriptor(os.open(place, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)) as folder:
        yield f"/proc/self/fd/{folder}/{SOCKET}"


def listening(place: Path) -> socket.socket:
    """Return a new listening socket in the folder `place`, replacing an old one.
    The folder's mode controls access to the socket.
    """
    place.mkdir(mode=0o750, exist_ok=True)
    (place / SOCKET).unlink(missing_ok=True)
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    with socket_in(place) as path:
        opened.bind(path)
    (place / SOCKET).chmod(_SOCKET_MODE)
    opened.listen(_BACKLOG)
    opened.setblocking(False)
    return opened
