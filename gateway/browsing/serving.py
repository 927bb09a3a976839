"""Start, run and stop a service for browsers: the console, or the page for schools."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import Any

import uvicorn
import uvloop
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from gateway.browsing.connections import Places, listening, placed
from gateway.observe import systemd
from gateway.zones.console_api.serving import at_work, spare_the_collector

_PATIENCE_SECONDS = 30


def run(service: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> int:
    """Run a service until it ends; return the exit status. SIGTERM and SIGINT set the event it is given."""
    for noisy in ("httpx", "httpcore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)

    async def served() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await service(stop)

    uvloop.run(served())
    return 0


def sockets_of(name: str, host: str, port: int) -> list[socket.socket]:
    """Return the sockets given by systemd, or one opened here. ConfigurationError if it cannot be opened."""
    return systemd.handed_over(name) or [listening(host, port, f"[{name}]")]


async def serve(
    name: str,
    origin: str,
    config: uvicorn.Config,
    *,
    sockets: Sequence[socket.socket],
    proxies: Collection[str],
    stop: asyncio.Event,
) -> None:
    """Serve until `stop` is set. Print `ready NAME ORIGIN`, and tell systemd, when accepting connections."""
    async with at_work(config, sockets, placed(Places(proxies))):
        spare_the_collector()
        alive = asyncio.create_task(systemd.keep_alive())
        sys.stdout.write(f"ready {name} {origin}\n")
        sys.stdout.flush()
        systemd.notify("READY=1")
        await stop.wait()
        systemd.notify("STOPPING=1")
        alive.cancel()


def patiently(error: type[Exception]) -> AsyncRetrying:
    """Return a retrying that goes on for half a minute on `error`, since services start in any order."""
    return AsyncRetrying(
        retry=retry_if_exception_type(error),
        stop=stop_after_delay(_PATIENCE_SECONDS),
        wait=wait_fixed(0.2),
        reraise=True,
    )
