"""The console itself in this process, over the hatch of a home: real HTTP, without a browser."""

from __future__ import annotations

import asyncio
import html
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvloop

from gateway.console.inside import inside_of, settings_of
from gateway.console.server import configured
from gateway.console.site import Site, templates
from gateway.zones.hatch.serving import at_work
from tests.console.soft_key import SoftKey
from tests.console.through_the_hatch import Console


class Visitor:
    """Somebody who uses the pages without a browser: follows forms, and signs with a passkey of software."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.key = SoftKey()
        self.client = httpx.Client(base_url=origin, headers={"origin": origin}, follow_redirects=True)
        self.page = ""

    def get(self, path: str) -> int:
        response = self.client.get(path)
        self.page = response.text
        return response.status_code

    def post(self, path: str, **fields: object) -> int:
        """Send a form of the page that was got last, with its token."""
        response = self.client.post(path, data={"token": self.hidden("token"), **fields})
        self.page = response.text
        return response.status_code

    def hidden(self, name: str) -> str:
        found = re.search(rf'name="{name}" value="([^"]*)"', self.page)
        return html.unescape(found[1]) if found else ""

    @property
    def options(self) -> str:
        """What the passkey is asked on the page."""
        found = re.search(r'data-options="([^"]*)"', self.page)
        assert found, self.page
        return html.unescape(found[1])

    @property
    def text(self) -> str:
        """The page without its markup."""
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", self.page)).split())

    def enter(self, code: str) -> None:
        """Take an invitation, and be logged in by it."""
        self.get("/invitation")
        assert self.post("/invitation", code=code) == 200, self.text
        made = self.key.made(self.options, self.origin)
        assert self.post("/invitation/passkey", code=code, credential=made) == 200, self.text

    def act(self, path: str, **fields: object) -> int:
        """Do something of weight, and confirm it."""
        assert self.post(path, **fields) == 200, self.text
        assert "Confirm with your passkey" in self.text
        return self.post(path, **fields, credential=self.key.signed(self.options, self.origin))


@contextmanager
def console_of(console: Console, **more: object) -> Iterator[str]:
    """The pages of a home whose hatch is open; their origin. `more` are settings in the place of its own.

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
            site = Site(inside, knows, origin, templates(knows.zone))
            async with at_work(configured(site, knows), [listening]):
                ready.set()
                await stop.wait()

    thread = threading.Thread(target=lambda: uvloop.run(main()))
    thread.start()
    assert ready.wait(20)
    try:
        yield origin if "origin" not in more else str(port)
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join(20)
        assert not thread.is_alive()
