"""Of one source only so many connections are let in: counted at a running intake."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.home import Home
from tests.intake.running import Running

CAP = 3


@pytest.fixture
def narrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """An intake that takes three connections of one source, of which none gives way, however slow the test is."""
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
