"""Whoever sends slowly, or opens very many connections, keeps nobody else out."""

from __future__ import annotations

import asyncio
import socket

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from gateway.console.punctual import punctual
from gateway.zones.hatch.serving import at_work, config_of

SECONDS, EACH = 0.4, 3
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


async def served(trusted: tuple[str, ...], visit, seconds: float = SECONDS) -> None:
    app = Starlette(routes=[Route("/", answer, methods=["GET", "POST"])])
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    config = config_of(app, http=punctual(trusted, seconds=seconds, each=EACH))
    async with at_work(config, [listening]):
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


def test_one_address_has_few_connections_at_once() -> None:
    async def visit(port: int) -> None:
        open_ones = [await connected(port, b"GET") for _ in range(EACH)]
        reader, one_more = await connected(port, WHOLE)
        assert await ends(reader, 60)
        one_more.close()
        for one, writer in open_ones:
            writer.close()
            await ends(one, 60)
        assert b"200" in await status(port)

    asyncio.run(served((), visit, PATIENT))


def test_a_proxy_that_is_trusted_has_as_many_as_it_needs() -> None:
    async def visit(port: int) -> None:
        open_ones = [await connected(port, b"GET") for _ in range(EACH + 2)]
        assert b"200" in await status(port)
        for _, writer in open_ones:
            writer.close()

    asyncio.run(served(("127.0.0.1",), visit, PATIENT))
