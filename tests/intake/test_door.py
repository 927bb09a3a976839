"""Caps on connections, and offences logged once a minute."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.home import Home
from gateway.intake.door import Door, Guest
from gateway.intake.offences import Offences
from gateway.settings import IntakeLimits
from tests.intake.running import SEALED, Running, eventually

LIMITS = IntakeLimits(connections=6, connections_per_address=3, idle_seconds=100)


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Line:
    aborted: bool = False

    def abort(self) -> None:
        self.aborted = True


@dataclass
class House:
    clock: Clock = field(default_factory=Clock)
    welcome: bool = True

    def __post_init__(self) -> None:
        self.door = Door(LIMITS, Offences(self.clock), self.clock)

    def enter(self, address: str, *, logged_in: bool = True) -> Guest | None:
        async def welcome() -> bool:
            return self.welcome

        guest = self.door.enter(Line(), address, welcome)
        if guest is not None:
            guest.logged_in = logged_in
        return guest


def test_one_address_has_its_cap() -> None:
    house = House()
    assert all(house.enter("192.0.2.1") for _ in range(3))
    assert house.enter("192.0.2.1") is None
    assert house.enter("192.0.2.2") is not None


def test_all_together_have_a_cap() -> None:
    house = House()
    assert all(house.enter(f"192.0.2.{number}") for number in range(6))
    assert house.enter("192.0.2.9") is None


def test_who_leaves_makes_room() -> None:
    house = House()
    guests = [house.enter("192.0.2.1") for _ in range(3)]
    assert guests[0] is not None
    house.door.leave(guests[0])
    house.door.leave(guests[0])
    assert house.enter("192.0.2.1") is not None
    assert house.enter("192.0.2.1") is None


def test_silent_connections_give_way_and_others_do_not() -> None:
    house = House()
    busy = house.enter("192.0.2.1")
    silent = house.enter("192.0.2.1", logged_in=False)
    younger = house.enter("192.0.2.1", logged_in=False)
    assert house.enter("192.0.2.1") is None
    house.clock.now = 5
    assert house.enter("192.0.2.1") is not None
    assert [guest.line.aborted for guest in (busy, silent, younger)] == [False, True, False]


@pytest.mark.parametrize(
    ("idle", "welcome", "gone"), [(99, True, False), (101, True, True), (1, False, True)]
)
def test_idle_and_unwelcome_guests_are_sent_away(idle: float, welcome: bool, gone: bool) -> None:
    house = House(welcome=welcome)
    guest = house.enter("192.0.2.1")
    house.clock.now = idle
    asyncio.run(house.door.look_round())
    assert guest.line.aborted is gone


def test_a_guest_that_does_something_is_not_idle() -> None:
    house = House()
    guest = house.enter("192.0.2.1")
    house.clock.now = 90
    house.door.touch(guest)
    house.clock.now = 180
    asyncio.run(house.door.look_round())
    assert not guest.line.aborted


def test_offences_are_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    clock = Clock()
    offences = Offences(clock)
    for _ in range(1_000):
        offences.note("login-failed", "192.0.2.1")
    offences.note("login-failed", "192.0.2.2")
    clock.now = 61
    offences.note("login-failed", "192.0.2.1")
    assert [record.getMessage() for record in caplog.records] == [
        "offence code=login-failed address=192.0.2.1 suppressed=0",
        "offence code=login-failed address=192.0.2.2 suppressed=0",
        "offence code=login-failed address=192.0.2.1 suppressed=999",
    ]


def test_the_memory_of_offences_is_bounded() -> None:
    offences = Offences(Clock())
    for number in range(10_000):
        offences.note("login-failed", str(number))
    assert len(offences._seen) <= 4_096


def test_while_silent_connections_flood_a_good_client_still_uploads(tmp_path: Path) -> None:
    running = Running(Home(tmp_path / "home"))
    running.limits = running.limits.model_copy(update={"connections_per_address": 20, "connections": 30})
    running.publish()
    running.provider("avon")
    running.start()
    silent = []
    try:
        silent += [socket.create_connection(("127.0.0.1", running.port)) for _ in range(100)]
        time.sleep(3.2)
        with running.paramiko() as client, client.open("/in/x", "wb") as file:
            file.write(SEALED)
        assert running.content(running.only()) == SEALED
    finally:
        for connection in silent:
            connection.close()
        running.stop()


def test_a_provider_that_is_suspended_is_put_out(intake: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.intake.server._ROUND_SECONDS", 0.1)
    intake.stop()
    intake.start()
    with intake.transport() as transport:
        (intake.home.published.provider("avon") / "authorized_keys").unlink()
        eventually(lambda: not transport.is_active())
