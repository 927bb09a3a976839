"""Whoever sends slowly, or opens very many connections, keeps nobody else out."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from gateway.browsing.serving import Connections, CountingServer
from gateway.zones.console_api.serving import at_work, config_of
from tests.console.by_https import certificate_at

SECONDS, EACH, IN_ALL = 0.4, 3, 8
PATIENT = 600.0  # So that nothing ends because it is slow.
WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def answer(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


async def ends(reader: asyncio.StreamReader, within: float) -> bool:
    """Whether the server ends the connection in that time."""
    try:
        return await asyncio.wait_for(reader.read(), within) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


async def connected(port: int, first: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(first)
    return reader, writer


async def status(port: int) -> bytes:
    reader, writer = await connected(port, WHOLE)
    told = await asyncio.wait_for(reader.readline(), 60)
    writer.close()
    return told


async def served(
    trusted: tuple[str, ...], visit, seconds: float = SECONDS, encrypted: Path | None = None
) -> None:
    app = Starlette(routes=[Route("/", answer, methods=["GET", "POST"])])
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    connections = Connections(trusted, each=EACH, in_all=IN_ALL)
    more = (
        {}
        if encrypted is None
        else {"ssl_certfile": encrypted / "console.pem", "ssl_keyfile": encrypted / "console-key.pem"}
    )
    server = CountingServer(config_of(app, **more), connections, seconds)
    async with at_work(server, [listening]):
        await visit(listening.getsockname()[1])


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost:",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
    ],
    ids=["nothing", "half a header", "half a body"],
)
def test_a_request_that_is_not_whole_in_time_ends(first: bytes) -> None:
    async def visit(port: int) -> None:
        reader, writer = await connected(port, first)
        for _ in range(3):  # A letter now and then does not help.
            await asyncio.sleep(SECONDS / 5)
            writer.write(b"x")
        assert await ends(reader, 50 * SECONDS)
        writer.close()
        assert b"200" in await status(port)

    asyncio.run(served((), visit))


def test_a_second_request_on_the_same_connection_is_waited_for_no_longer() -> None:
    async def visit(port: int) -> None:
        reader, writer = await connected(port, WHOLE)
        assert b"200" in await reader.readline()
        await reader.readuntil(b"\r\n\r\n0")
        await asyncio.sleep(1.50 * SECONDS)  # It may rest in between.
        writer.write(WHOLE)
        assert b"200" in await reader.readline()
        await reader.readuntil(b"\r\n\r\n0")
        writer.write(b"GET / HT")
        assert await ends(reader, 50 * SECONDS)
        writer.close()

    asyncio.run(served((), visit))


def test_half_a_request_that_came_behind_another_one_is_waited_for_no_longer() -> None:
    async def visit(port: int) -> None:
        half = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"
        reader, writer = await connected(port, WHOLE + half)
        await reader.readuntil(b"\r\n\r\n0")
        assert await ends(reader, 50 * SECONDS)
        writer.close()

    asyncio.run(served((), visit))


def test_one_address_has_few_connections_at_once_and_the_oldest_that_does_nothing_gives_way() -> None:
    async def visit(port: int) -> None:
        open_ones = [await connected(port, b"GET") for _ in range(EACH)]
        assert b"200" in await status(port)
        assert await ends(open_ones[0][0], 60)
        assert not await ends(open_ones[1][0], SECONDS)
        for _, writer in open_ones:
            writer.close()

    asyncio.run(served((), visit, PATIENT))


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "before TLS"])
def test_silent_connections_from_many_addresses_keep_nobody_out(tmp_path: Path, *, encrypted: bool) -> None:
    """As many as there are connections, from a few addresses, which connect anew whenever one is closed."""
    context = (
        ssl.create_default_context(cafile=str(certificate_at(tmp_path, "localhost")[0]))
        if encrypted
        else None
    )

    async def visit(port: int) -> None:
        over = asyncio.Event()

        async def silent(source: str) -> None:
            while not over.is_set():
                reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
                try:
                    await ends(reader, PATIENT)
                finally:
                    writer.close()

        sources = [f"127.0.0.{2 + number % 4}" for number in range(4 * EACH)]
        attack = [asyncio.create_task(silent(source)) for source in sources]
        await asyncio.sleep(SECONDS)
        for _ in range(20):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=context, server_hostname="localhost" if encrypted else None
            )
            writer.write(WHOLE)
            assert b"200" in await asyncio.wait_for(reader.readline(), 60)
            writer.close()
        over.set()  # A connection that ends just now takes the place of what cancels its task.
        for each in attack:
            each.cancel()
        await asyncio.wait(attack)

    uvloop.run(served((), visit, PATIENT, tmp_path if encrypted else None))  # As the console does it.


def test_who_is_being_answered_gives_way_to_nobody() -> None:
    connections, lines = Connections(each=2, in_all=3), [socket.socketpair() for _ in range(6)]
    first, second = (connections.take(lines[number][0], "192.0.2.1") for number in range(2))
    assert first is not None
    assert second is not None
    first.busy = second.busy = True
    assert connections.take(lines[2][0], "192.0.2.1") is None
    assert connections.take(lines[3][0], "192.0.2.2") is not None
    other = connections.take(lines[4][0], "192.0.2.3")
    assert other is not None  # In the place of the one before.
    other.busy = True
    assert connections.take(lines[5][0], "192.0.2.4") is None
    assert lines[3][1].recv(1) == b""
    connections.leave(first)
    assert connections.take(lines[5][0], "192.0.2.4") is not None
    for pair in lines:
        for line in pair:
            line.close()


def test_a_proxy_that_is_trusted_has_as_many_as_it_needs() -> None:
    async def visit(port: int) -> None:
        open_ones = [await connected(port, b"GET") for _ in range(EACH + 2)]
        assert b"200" in await status(port)
        for _, writer in open_ones:
            writer.close()

    asyncio.run(served(("127.0.0.1",), visit, PATIENT))
