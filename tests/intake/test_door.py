"""Caps on connections, and offences logged once a minute."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from gateway.home import Home
from gateway.home.settings import IntakeLimits
from gateway.observe.metrics import INTAKE_DOOR
from gateway.ssh.door import Door, Guest, Offences
from tests.clock import Seconds
from tests.intake.running import SEALED, Running
from tests.waiting import eventually

LIMITS = IntakeLimits(
    connections=6,
    connections_per_address=3,
    connections_per_provider=2,
    sessions_per_connection=2,
    sessions_per_provider=3,
    penalty_trials=2,
    penalty_pace=1,
    idle_seconds=100,
)

_numbers = count(1)


@dataclass
class Line:
    aborted: bool = False

    def abort(self) -> None:
        self.aborted = True


@dataclass
class House:
    clock: Seconds = field(default_factory=Seconds)
    welcome: bool = True

    def __post_init__(self) -> None:
        each = LIMITS.connections_per_provider, LIMITS.sessions_per_provider
        self.door = Door(LIMITS, INTAKE_DOOR, self.clock, each)

    def enter(self, address: str, *, logged_in: bool = True, name: str = "") -> Guest | None:
        async def welcome() -> bool:
            return self.welcome

        guest = self.door.enter(Line().abort, address, welcome)
        if guest is not None and logged_in:
            assert self.door.log_in(guest, name or f"provider-{next(_numbers)}")
            assert self.door.begin_session(guest)
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


def test_of_the_source_with_most_new_ones_one_gives_way_to_a_source_with_fewer() -> None:
    """From a few addresses nobody keeps others out, however quickly they connect anew."""
    house = House()
    first = [
        house.enter(address, logged_in=False) for address in ("192.0.2.1", "192.0.2.2") for _ in range(3)
    ]
    assert house.enter("192.0.2.3", logged_in=False) is not None
    assert [guest.abort.__self__.aborted for guest in first if guest is not None] == [True, *[False] * 5]
    assert house.enter("192.0.2.4", logged_in=False) is not None  # In the place of one of the other's.
    assert [guest.abort.__self__.aborted for guest in first if guest is not None][3] is True
    assert house.enter("192.0.2.3", logged_in=False) is None  # Nobody would have more than it.


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
    assert [guest.abort.__self__.aborted for guest in (busy, silent, younger)] == [False, True, False]


def test_addresses_of_one_ipv6_network_share_a_cap() -> None:
    house = House()
    assert all(house.enter(f"2001:db8:1:2::{number}") for number in range(3))
    assert house.enter("2001:db8:1:2:ffff::9") is None
    assert house.enter("2001:db8:1:3::1") is not None


def test_one_provider_has_its_cap_wherever_it_comes_from() -> None:
    house = House()
    for number in range(2):
        house.enter(f"192.0.2.{number}", name="bath")
    third = house.enter("192.0.2.9", logged_in=False)
    assert third is not None
    assert not house.door.log_in(third, "bath")
    assert house.door.log_in(third, "avon")


def test_a_providers_connection_without_a_session_gives_way_to_its_next() -> None:
    house = House()
    idle = house.enter("192.0.2.1", name="bath")
    house.enter("192.0.2.2", name="bath")
    assert idle is not None
    house.door.end_session(idle)
    third = house.enter("192.0.2.3", logged_in=False)
    assert third is not None
    assert house.door.log_in(third, "bath")
    assert idle.abort.__self__.aborted


def test_at_the_cap_in_all_connections_without_a_session_give_way_to_others() -> None:
    """Somebody who holds every place and uses none of them keeps nobody out."""
    house = House()
    idle = [house.enter(f"192.0.2.{number}", name=f"p{number}") for number in range(6)]
    for guest in idle:
        assert guest is not None
        house.door.end_session(guest)
    assert house.enter("192.0.2.9") is None
    house.clock.now = 5
    assert house.enter("192.0.2.9") is not None
    assert [guest.abort.__self__.aborted for guest in idle if guest is not None] == [True] + 5 * [False]


def test_sessions_are_counted_for_a_connection_and_for_its_provider() -> None:
    house = House()
    one, two = house.enter("192.0.2.1", name="bath"), house.enter("192.0.2.2", name="bath")
    assert one is not None
    assert two is not None
    assert house.door.begin_session(one)
    assert not house.door.begin_session(one)
    assert not house.door.begin_session(two)
    house.door.end_session(one)
    assert house.door.begin_session(two)


def in_penalty(house: House, address: str) -> None:
    for _ in range(20):
        house.door.penalties.add(address, LIMITS.penalty_login_failed)


def test_of_a_source_that_has_to_wait_a_few_are_let_in_one_after_another() -> None:
    house = House()
    in_penalty(house, "192.0.2.1")
    judged = [house.enter("192.0.2.1", logged_in=False) for _ in range(3)]
    assert [guest and guest.held for guest in judged] == [1, 2, None]
    assert house.door.log_in(judged[0], "avon")
    assert house.door.penalties.waits("192.0.2.1") > 0
    third = house.enter("192.0.2.1", logged_in=False)
    assert third is not None
    assert third.held == 2


def test_whoever_is_judged_and_says_nothing_gives_way() -> None:
    house = House()
    in_penalty(house, "192.0.2.1")
    silent = [house.enter("192.0.2.1", logged_in=False) for _ in range(2)]
    house.clock.now = 3.5
    assert house.enter("192.0.2.1", logged_in=False) is None
    house.clock.now = 5
    assert house.enter("192.0.2.1", logged_in=False) is not None
    assert [guest and guest.abort.__self__.aborted for guest in silent] == [True, False]


@pytest.mark.parametrize(
    ("idle", "welcome", "session", "gone"),
    [
        (99, True, True, False),
        (101, True, True, True),
        (1, False, True, True),
        (59, True, False, False),
        (61, True, False, True),
    ],
)
def test_idle_and_unwelcome_guests_are_sent_away(
    idle: float, welcome: bool, session: bool, gone: bool
) -> None:
    house = House(welcome=welcome)
    guest = house.enter("192.0.2.1")
    if not session:
        house.door.end_session(guest)
    house.clock.now = idle
    asyncio.run(house.door.look_round())
    assert guest.abort.__self__.aborted is gone


def test_a_guest_that_does_something_is_not_idle() -> None:
    house = House()
    guest = house.enter("192.0.2.1")
    house.clock.now = 90
    house.door.touch(guest)
    house.clock.now = 180
    asyncio.run(house.door.look_round())
    assert not guest.abort.__self__.aborted


def test_offences_are_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    clock = Seconds()
    offences = Offences(clock, INTAKE_DOOR.offences)
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


def test_the_memory_of_offences_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever offended first is forgotten for whoever came later, and so is told anew."""
    caplog.set_level(logging.CRITICAL, "gateway")
    offences = Offences(Seconds(), INTAKE_DOOR.offences)
    for number in range(10_000):
        offences.note("login-failed", str(number))
    caplog.set_level(logging.WARNING, "gateway")
    offences.note("login-failed", "9999")
    assert caplog.records == []
    offences.note("login-failed", "0")
    assert len(caplog.records) == 1


def test_what_was_only_counted_is_told_a_minute_later(caplog: pytest.LogCaptureFixture) -> None:
    clock = Seconds()
    offences = Offences(clock, INTAKE_DOOR.offences)
    for _ in range(16_550):
        offences.note("internal-error", "192.0.2.1", level=logging.ERROR, detail="OSError at x.py:1:f")
    clock.now = 61
    offences.look_round()
    offences.look_round()
    assert [record.getMessage() for record in caplog.records] == [
        f"offence code=internal-error address=192.0.2.1 suppressed={count} OSError at x.py:1:f"
        for count in (0, 16_549)
    ]


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
    monkeypatch.setattr("gateway.ssh.serving._ROUND_SECONDS", 0.1)
    intake.stop()
    intake.start()
    with intake.transport() as transport:
        (intake.home.published.provider("avon") / "authorized_keys").unlink()
        eventually(lambda: not transport.is_active())
