"""How many connections of one source, how much in one request, how much sent ahead: counted at an intake."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import paramiko
import pytest
from paramiko.sftp import CMD_READ, int64

from gateway.home import Home
from tests.intake.running import Running
from tests.ssh.raw import STAT_IN, RawSession
from tests.waiting import eventually

CAP = 3
KIBIBYTE = 1024
WINDOW = 2048 * KIBIBYTE  # What is granted a session at first.


@pytest.fixture
def narrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """It takes three connections of one source, of which none gives way, however slow the test is."""
    monkeypatch.setattr("gateway.ssh.door._GRACE_SECONDS", 3600)
    running = Running(Home(tmp_path / "home"))
    running.limits = running.limits.model_copy(update={"connections_per_address": CAP})
    running.publish()
    running.provider("avon")
    running.start()
    yield running
    running.stop()


def greeted(line: socket.socket) -> bool:
    """Whether the service speaks to it before it closes."""
    with contextlib.suppress(ConnectionResetError):
        return line.recv(100).startswith(b"SSH-2.0")
    return False


def test_of_one_source_so_many_connections_are_let_in_and_no_more(narrow: Running) -> None:
    with contextlib.ExitStack() as stack:

        def connect(source: str) -> socket.socket:
            place = ("127.0.0.1", narrow.port)
            return stack.enter_context(socket.create_connection(place, 30, source_address=(source, 0)))

        assert [greeted(connect("127.0.0.2")) for _ in range(CAP + 2)] == [True] * CAP + [False] * 2
        assert greeted(connect("127.0.0.3"))


def large(running: Running) -> None:
    """Publish a file for avon, of a mebibyte."""
    (running.home.published.provider("avon") / "out" / "large").write_bytes(bytes(1024 * KIBIBYTE))


def test_one_answer_holds_no_more_than_is_told_however_much_is_asked_for(intake: Running) -> None:
    large(intake)
    with intake.paramiko() as client, client.open("/out/large") as file:
        _, answer = client._request(CMD_READ, file.handle, int64(0), 1024 * KIBIBYTE)
        assert len(answer.get_string()) == 256 * KIBIBYTE


@pytest.mark.parametrize(("length", "is_read"), [(512 * KIBIBYTE, True), (512 * KIBIBYTE + 1, False)])
def test_a_request_larger_than_any_that_makes_sense_is_not_waited_for(
    intake: Running, length: int, is_read: bool
) -> None:
    with intake.transport() as transport:
        client = paramiko.SFTPClient.from_transport(transport)
        assert client is not None
        client.get_channel().sendall(struct.pack(">IBI", length, 99, 7))  # Its kind, and its number.
        if not is_read:
            eventually(lambda: client.get_channel().closed)
            return
        client.get_channel().sendall(bytes(length - 5))
        _, answer = client._read_packet()
        assert paramiko.Message(answer).get_int() == 7


def test_what_is_sent_ahead_is_granted_once_and_again_only_as_it_is_taken(intake: Running) -> None:
    """The client reads none of the file that it asks for, and so nothing more that it sends is taken."""
    large(intake)

    async def attack() -> int:
        connect = asyncssh.connect(
            "127.0.0.1", intake.port, username="avon", client_keys=[str(intake.provider("avon"))],
            known_hosts=None, config=None, agent_path=None,
        )  # fmt: skip
        async with connect as connection:
            session = await RawSession(connection, window=32 * KIBIBYTE).begin()
            path = b"/out/large"
            opened = await session.asks(
                struct.pack(">BII", 3, 1, len(path)) + path + struct.pack(">II", 1, 0)
            )
            reading = struct.pack(">BI", 5, 2) + opened[5:] + struct.pack(">QI", 0, 256 * KIBIBYTE)
            session.ask(reading, 2 * WINDOW // len(reading))
            await asyncio.to_thread(eventually, lambda: session.sent >= WINDOW)
            # Whatever is granted for what was sent so far comes before this answer.
            await (await RawSession(connection).begin()).asks(STAT_IN)
            return session.sent

    assert asyncio.run(asyncio.wait_for(attack(), 60)) == WINDOW
