"""The shorter way of a channel's data: every size, however its packets are cut, through new keys."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh
import pytest
from asyncssh.constants import MSG_CHANNEL_DATA

from gateway.ssh.channel import LeanConnection
from tests.intake.running import Running
from tests.waiting import eventually

GCM = ["aes256-gcm@openssh.com"]
HEAD = bytes.fromhex("c15e03" + 8 * "00" + "12")  # As a sealed file begins.
SIZES = sorted({(1 << power) + more for power in (10, 12, 15, 16, 17, 18, 20, 21) for more in (-1, 0, 1)})
Alter = Callable[[bytes], bytes]


@pytest.fixture
def many_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server asks for new keys after each 300 kB that it sends."""
    monkeypatch.setattr("asyncssh.connection._DEFAULT_REKEY_BYTES", 300_000)


@asynccontextmanager
async def session(intake: Running, port: int | None = None, **options) -> AsyncIterator[asyncssh.SFTPClient]:
    async with asyncssh.connect(
        "127.0.0.1", port or intake.port, username="avon", client_keys=[str(intake.provider("avon"))],
        known_hosts=None, encryption_algs=GCM, config=None, agent_path=None, **options,
    ) as connection, connection.start_sftp_client() as client:  # fmt: skip
        yield client


@asynccontextmanager
async def between(intake: Running, chance: random.Random, alter: Alter = bytes) -> AsyncIterator[int]:
    """A port from which what clients send reaches intake in pieces of chance sizes, altered by `alter`."""
    passed_on = asyncio.Event()

    async def pass_on(client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        server, sender = await asyncio.open_connection("127.0.0.1", intake.port)

        async def back() -> None:
            while some := await server.read(1 << 16):
                answer.write(some)
            answer.close()

        returning = asyncio.create_task(back())
        with contextlib.suppress(ConnectionError):
            while some := await client.read(1 << 18):
                some, at = alter(some), 0
                while at < len(some):
                    piece = some[at : at + chance.choice((1, 15, 16, 17, 4096, 32_768, 65_536))]
                    sender.write(piece)
                    await sender.drain()
                    at += len(piece)
                    await asyncio.sleep(0)
        for one in (sender, answer):
            one.close()
        await asyncio.gather(returning, return_exceptions=True)
        passed_on.set()

    listening = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        await asyncio.wait_for(passed_on.wait(), 60)


def content(size: int) -> bytes:
    return (HEAD + os.urandom(size))[:size]


def out(intake: Running, name: str, data: bytes) -> None:
    place: Path = intake.home.published.provider("avon") / "out" / name
    place.write_bytes(data)


def test_data_takes_the_shorter_way(intake: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    taken, sent = [], []
    take, send = LeanConnection._take_packet, LeanConnection.send_data

    def counted(self: LeanConnection, opened: bytes) -> bool:
        found = take(self, opened)
        if opened[1] == MSG_CHANNEL_DATA:
            taken.append(found)
        return found

    def counting(self: LeanConnection, channel: int, data: memoryview) -> bool:
        sent.append(send(self, channel, data))
        return sent[-1]

    monkeypatch.setattr(LeanConnection, "_take_packet", counted)
    monkeypatch.setattr(LeanConnection, "send_data", counting)
    data = content(1 << 21)
    out(intake, "large", data)

    async def work() -> bytes:
        async with session(intake) as client:
            async with client.open("/in/x.pgp", "wb") as file:
                await file.write(data)
            async with client.open("/out/large", "rb") as file:
                return await file.read()

    assert asyncio.run(work()) == data
    assert intake.content(intake.only()) == data
    assert taken.count(True) > 30
    assert not taken.count(False)
    assert sent.count(True) > 30
    assert not sent.count(False)


def test_every_size_goes_up_and_down_through_new_keys_of_both_sides(intake: Running, many_keys: None) -> None:
    wanted = {f"{size}.pgp": content(size) for size in SIZES}
    for name, data in wanted.items():
        out(intake, name, data)

    async def work() -> dict[str, bytes]:
        found = {}
        async with session(intake, rekey_bytes=200_000) as client:
            for name, data in wanted.items():
                async with client.open(f"/in/{name}", "wb") as file:
                    await file.write(data)
                async with client.open(f"/out/{name}", "rb") as file:
                    found[name] = await file.read()
        return found

    assert asyncio.run(asyncio.wait_for(work(), 110)) == wanted
    assert {upload.name: intake.content(upload) for upload in intake.landed()} == wanted


@pytest.mark.parametrize("seed", range(3))
def test_however_packets_are_cut(intake: Running, many_keys: None, seed: int) -> None:
    chance = random.Random(seed)
    data = content(700_001 + seed)
    out(intake, "y", data)

    async def work() -> bytes:
        async with between(intake, chance) as port, session(intake, port, rekey_bytes=100_000) as client:
            async with client.open("/in/x.pgp", "wb") as file:
                await file.write(data)
            async with client.open("/out/y", "rb") as file:
                return await file.read()

    assert asyncio.run(asyncio.wait_for(work(), 110)) == data
    assert intake.content(intake.only()) == data


def test_the_close_of_exactly_64_mebibytes_is_answered(intake: Running) -> None:
    data = content(1 << 26)

    async def work() -> None:
        async with session(intake) as client, client.open("/in/x.pgp", "wb") as file:
            await file.write(data)

    asyncio.run(asyncio.wait_for(work(), 110))
    assert intake.only().size == 1 << 26
    assert intake.content(intake.only()) == data


@pytest.mark.parametrize("seed", range(4))
def test_one_altered_bit_ends_the_connection_and_nothing_lands(intake: Running, seed: int) -> None:
    chance = random.Random(seed)
    seen = 0

    def alter(some: bytes) -> bytes:
        nonlocal seen
        before, seen = seen, seen + len(some)
        at = 400_000 + seed - before
        if not 0 <= at < len(some):
            return some
        return some[:at] + bytes([some[at] ^ (1 << chance.randrange(8))]) + some[at + 1 :]

    async def work() -> None:
        async with (
            between(intake, chance, alter) as port,
            session(intake, port) as client,
            client.open("/in/x.pgp", "wb") as file,
        ):
            await file.write(content(1 << 20))

    with pytest.raises((asyncssh.Error, ConnectionError, OSError)):
        asyncio.run(asyncio.wait_for(work(), 60))
    assert intake.landed() == []


def test_a_connection_that_is_cut_off_leaves_a_beginning_that_is_gone_on_with(intake: Running) -> None:
    data = content(3_000_000)

    async def cut(at: int) -> None:
        async with asyncssh.connect(
            "127.0.0.1", intake.port, username="avon", client_keys=[str(intake.provider("avon"))],
            known_hosts=None, encryption_algs=GCM, config=None, agent_path=None,
        ) as connection:  # fmt: skip
            client = await connection.start_sftp_client()
            file = await client.open("/in/x.pgp", "ab")
            size = (await client.stat("/in/x.pgp")).size or 0
            await file.write(data[size:at], size)
            connection.abort()

    async def finish() -> None:
        async with session(intake) as client, client.open("/in/x.pgp", "ab") as file:
            size = (await client.stat("/in/x.pgp")).size or 0
            await file.write(data[size:], size)

    for at in (1_000_001, 2_097_152):
        asyncio.run(asyncio.wait_for(cut(at), 60))
        eventually(lambda: intake.partial() and intake.partial()[0].stat().st_size > 0)
        assert data.startswith(intake.partial()[0].read_bytes())
    asyncio.run(asyncio.wait_for(finish(), 60))
    assert intake.content(intake.only()) == data
