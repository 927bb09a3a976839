"""Somebody fails to log in for as long as they like; who shares their address still gets in."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator

import paramiko
import pytest

from gateway.home import Home
from tests.hostile.abuse import Service, service
from tests.intake.running import Running

pytestmark = pytest.mark.long

SECONDS = 400  # At most: the attack ends when the school has got in.
SOURCE = ("127.0.0.2", 0)  # As that of the attacks.


@pytest.fixture
def gate(tmp_path) -> Iterator[Service]:
    running = Running(Home(tmp_path / "home"))
    running.publish()
    running.provider("avon")
    with service(running) as made:
        yield made


def log_in(gate: Service) -> bool:
    """Whether the school gets in, from the address of the attack, and can list a folder."""
    with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
        line = socket.create_connection(("127.0.0.1", gate.running.port), 60, source_address=SOURCE)
        transport = paramiko.Transport(line)
        try:
            key = paramiko.Ed25519Key.from_private_key_file(str(gate.running.provider("avon")))
            transport.connect(username="avon", pkey=key)
            client = paramiko.SFTPClient.from_transport(transport)
            assert client is not None
            return bool(client.listdir("/in"))
        finally:
            transport.close()
    return False


def test_a_flood_of_failing_logins_does_not_lock_out_who_shares_its_address(gate: Service) -> None:
    """The school tries again and again, as its program or its clerk would."""
    with gate.attacked("login_flood", SECONDS, ("thrown out", 21)) as seen:
        time.sleep(3)
        deadline = time.monotonic() + SECONDS - 10
        tries = 0
        while not log_in(gate):
            tries += 1
            assert time.monotonic() < deadline, tries
            time.sleep(0.2)
    assert seen["thrown out"] > 20, seen
    assert not seen["let in"]
