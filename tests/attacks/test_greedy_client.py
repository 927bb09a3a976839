"""A client that is logged in takes all the memory, places and log lines that it can get."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Iterator
from typing import Any

import asyncssh
import pytest

from gateway.home import Home
from tests.hostile.abuse import Service, names_of_one_file, service
from tests.intake.running import Running
from tests.waiting import eventually

RECEIPTS = 20_000  # Of one large day.
MEGABYTE = 1_000_000
ROUNDS = 50


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """An intake as it is shipped, but that few connections fit in; bath attacks, avon uploads."""
    running = Running(Home(tmp_path_factory.mktemp("greedy") / "home"))
    running.limits = running.limits.model_copy(update={"connections": 20, "connections_per_address": 40})
    running.publish()
    running.provider("avon")
    folder = running.home.published.provider("bath")
    running.provider("bath")
    names_of_one_file(folder / "receipts", RECEIPTS)
    (folder / "out" / "large").write_bytes(bytes(MEGABYTE))
    with service(running) as made:
        yield made


def bath(gate: Service, **options: Any) -> Any:
    return asyncssh.connect(
        "127.0.0.1", gate.running.port, username="bath", client_keys=[str(gate.key)],
        known_hosts=None, config=None, agent_path=None, **options,
    )  # fmt: skip


def packet(kind: int, body: bytes) -> bytes:
    return struct.pack(">IB", len(body) + 1, kind) + body


def string(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


async def answer(reader: Any) -> bytes:
    return await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))


@pytest.mark.long
def test_what_is_sent_ahead_in_small_pieces_costs_what_was_granted(gate: Service) -> None:
    """The client asks for a file, reads nothing of it, and sends requests on in pieces of 64 octets."""

    async def attack() -> int:
        async with bath(gate) as connection:
            writer, reader, _ = await connection.open_session(
                subsystem="sftp", encoding=None, window=32 * 1024
            )
            writer.write(packet(1, struct.pack(">I", 3)))
            await answer(reader)
            writer.write(packet(3, struct.pack(">I", 1) + string(b"/out/large") + struct.pack(">II", 1, 0)))
            handle = (await answer(reader))[5:]
            read = packet(5, struct.pack(">I", 2) + handle + struct.pack(">QI", 0, 262_144))
            writer.write(20 * read)
            await asyncio.sleep(1)
            before = gate.resident()
            for _ in range(70_000):  # Twice the window; the client keeps what it may not send yet.
                writer.write(64 * b"x")
            await asyncio.sleep(2)
            return gate.resident() - before

    cost = asyncio.run(asyncio.wait_for(attack(), 300))
    assert cost < 4 * MEGABYTE, cost


def test_open_listings_of_a_large_folder_cost_little(gate: Service) -> None:
    async def attack() -> int:
        async with contextlib.AsyncExitStack() as stack:
            clients = []
            for _ in range(2):
                connection = await stack.enter_async_context(bath(gate))
                clients += [await connection.start_sftp_client() for _ in range(4)]
            before = gate.resident()
            for client in clients:
                for _ in range(4):
                    handle = await client._handler.opendir(b"/receipts")
                    await client._handler.readdir(handle)
            return gate.resident() - before

    assert asyncio.run(asyncio.wait_for(attack(), 300)) < 30 * MEGABYTE


def test_whoever_holds_every_place_without_using_one_keeps_nobody_out(gate: Service) -> None:
    async def attack() -> None:
        held = []
        for _ in range(40):
            with contextlib.suppress(OSError, asyncssh.Error):
                held.append(await bath(gate))
        assert len(held) >= 19
        await asyncio.sleep(3.2)
        await asyncio.to_thread(gate.uploads, 3)
        for connection in held:
            connection.close()

    asyncio.run(asyncio.wait_for(attack(), 300))


def test_names_and_offsets_that_make_no_sense_do_not_fill_the_log(gate: Service) -> None:
    async def attack() -> None:
        async with bath(gate) as connection, connection.start_sftp_client() as client:
            file = await client.open("/out/large", "rb")
            for number in range(ROUNDS):
                for attempt in (
                    client.stat(f"/receipts/{'x' * 300}"),
                    client.stat(f"/keys/{'x' * 300}{number}"),
                    client.open(f"/in/{'x' * 300}", "wb"),
                    client.rename(f"/in/{'x' * 300}.part", "/in/x"),
                    file.read(10, offset=2**63),
                    client.remove(f"/agreement/{'x' * 300}"),
                ):
                    with contextlib.suppress(asyncssh.SFTPError):
                        await attempt

    before = len(gate.log)
    asyncio.run(asyncio.wait_for(attack(), 300))
    eventually(lambda: not any("login" in line for line in gate.log[before + 10 :]))
    assert len(gate.log) - before < 10, gate.log[before : before + 5]
