"""Somebody with ten addresses connects anew all the time; a school from elsewhere gets in each time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import paramiko
import pytest

from gateway.home import Home
from tests.hostile.abuse import Service, service
from tests.intake.running import Running

pytestmark = pytest.mark.long

LOGINS = 17


@pytest.fixture
def gate(tmp_path) -> Iterator[Service]:
    running = Running(Home(tmp_path / "home"))
    running.publish()
    running.provider("avon")
    with service(running) as made:
        yield made


@pytest.mark.timeout(300)
def test_ten_addresses_that_connect_anew_keep_nobody_out(gate: Service) -> None:
    got_in = 0
    with gate.attacked("reopening", 120, ("connections", 400)) as seen:
        for _ in range(LOGINS):
            with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
                got_in += len(gate.logins(1))
    assert seen["connections"] > gate.running.limits.connections
    assert got_in == LOGINS
