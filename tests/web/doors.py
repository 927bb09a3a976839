"""A running intake with its web door before it, in this process: real HTTP, without a browser."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import uvloop

from gateway.browsing.serving import Connections, CountingServer
from gateway.home import Home
from gateway.home.settings import IntakeLimits, WebSettings
from gateway.web.server import application, intake_of
from gateway.zones.console_api.serving import at_work, config_of
from tests.console.soft_key import SoftKey
from tests.intake.running import Running

TUS = {"tus-resumable": "1.0.0"}


@dataclass
class Secretary:
    """Somebody of a provider at a browser, with a passkey of software."""

    origin: str
    provider: str = "avon"
    key: SoftKey = field(default_factory=SoftKey)

    def __post_init__(self) -> None:
        self.client = httpx.Client(base_url=self.origin, headers={"origin": self.origin})

    @property
    def line(self) -> str:
        return self.key.ssh_line("localhost")

    def assertion(self, **more: object) -> str:
        """A new challenge, signed."""
        options = self.client.get("/api/login").text
        handle = str(more.pop("handle", f"{self.provider}:x"))
        return self.key.signed(options, self.origin, handle=handle, **more)

    def log_in(self, **more: object) -> int:
        return self.client.post("/api/login", content=self.assertion(**more)).status_code

    def begin(self, name: str, length: int, **more: str) -> httpx.Response:
        told = {"filename": name, **more}
        metadata = ",".join(f"{key} {b64encode(value.encode()).decode()}" for key, value in told.items())
        headers = {**TUS, "upload-length": str(length), "upload-metadata": metadata}
        return self.client.post("/api/uploads", headers=headers)

    def append(self, place: str, offset: int, data: bytes, **more: str) -> httpx.Response:
        headers = {
            **TUS, "upload-offset": str(offset), "content-type": "application/offset+octet-stream", **more,
        }  # fmt: skip
        return self.client.patch(place, headers=headers, content=data)

    def put(self, name: str, content: bytes, part: int = 1024 * 1024) -> str:
        """A whole file in parts; its reference."""
        begun = self.begin(name, len(content))
        assert begun.status_code == 201, begun.text
        for at in range(0, len(content), part):
            answer = self.append(begun.headers["location"], at, content[at : at + part])
            assert answer.status_code == 204, answer.text
        return answer.headers["gateway-reference"]


@dataclass
class Doors:
    """Intake and its web door."""

    intake: Running
    origin: str
    known: list[Secretary] = field(default_factory=list)

    def secretary(self, provider: str = "avon", *, published: bool = True) -> Secretary:
        one = Secretary(self.origin, provider)
        if published:
            self.publish(provider, one.line)
        self.known.append(one)
        return one

    def publish(self, provider: str, *lines: str) -> None:
        """The SSH keys of a provider from now on."""
        self.intake.provider(provider)
        (self.intake.home.published.provider(provider) / "authorized_keys").write_text("".join(lines))


@contextmanager
def doors_of(home: Home, **limits: object) -> Iterator[Doors]:
    """Intake and web door of a home until the block ends."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    origin = f"http://localhost:{listening.getsockname()[1]}"
    kept = IntakeLimits(free_bytes=0).model_copy(update=limits)
    running = Running(home, kept, web=WebSettings(origin=origin))
    running.publish()
    running.provider("avon")
    running.start()
    ready, stop = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def main() -> None:
        loops.append(asyncio.get_running_loop())
        async with intake_of(home) as intake:
            server = CountingServer(config_of(application(intake, origin)), Connections())
            async with at_work(server, [listening]):
                ready.set()
                await stop.wait()

    thread = threading.Thread(target=lambda: uvloop.run(main()))
    thread.start()
    assert ready.wait(60)
    doors = Doors(running, origin)
    try:
        yield doors
    finally:
        for one in doors.known:
            one.client.close()
        loops[0].call_soon_threadsafe(stop.set)
        thread.join(60)
        running.stop()
        assert not thread.is_alive()


def said(answer: httpx.Response) -> str:
    return str(json.loads(answer.text)["said"])
