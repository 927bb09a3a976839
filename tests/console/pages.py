"""The console itself in this process, over the console API of a home: real HTTP, without a browser."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvloop

from gateway.browsing.serving import Connections, CountingServer, configured
from gateway.console.inside import inside_of, settings_of
from gateway.console.server import application
from gateway.console.site import LANGUAGES, Site, templates
from gateway.zones.console_api.serving import at_work
from tests.console.through_the_api import Console


@contextmanager
def console_of(console: Console, **more: object) -> Iterator[str]:
    """The pages of a home whose console API is open; their origin. `more` are settings in place of its own.

    With an origin of its own, it is the port at which they are served that is told.
    """
    ready, stop = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []
    listening = socket.create_server(("127.0.0.1", int(str(more.get("port", 0)))))
    listening.setblocking(False)
    origin = str(more.get("origin") or f"http://localhost:{listening.getsockname()[1]}")
    port = listening.getsockname()[1]

    async def main() -> None:
        loops.append(asyncio.get_running_loop())
        async with inside_of(console.room.home) as inside:
            knows = (await settings_of(inside)).model_copy(update=more)
            pages = {one: templates(knows.zone, one) for one in LANGUAGES}
            site = Site(inside, knows, origin, pages)
            async with at_work(
                CountingServer(configured(application(site), knows), Connections()), [listening]
            ):
                ready.set()
                await stop.wait()

    thread = threading.Thread(target=lambda: uvloop.run(main()))
    thread.start()
    assert ready.wait(60)
    try:
        yield origin if "origin" not in more else str(port)
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join(60)
        assert not thread.is_alive()
