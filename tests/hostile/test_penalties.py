"""Addresses that fail to log in too often have to wait, and can be let in again."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncssh
import paramiko
import pytest
from pydantic import ValidationError

from gateway.home import Home
from gateway.home.settings import IntakeLimits
from gateway.ssh.door import MOST_KNOWN, Penalties
from gateway.zones.penalty_files import Lifted, Listed, of_intake, of_mailboxes, source_of
from tests.clock import Seconds
from tests.intake.running import SEALED, Running
from tests.site import Site
from tests.waiting import eventually

pytestmark = pytest.mark.long

LIMITS = IntakeLimits(penalty_exempt=("198.51.100.0/24",))


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


def fail(penalties: Penalties, times: int, address: str = "192.0.2.1") -> None:
    for _ in range(times):
        penalties.add(address, LIMITS.penalty_login_failed)


def test_a_few_failures_cost_nothing_and_many_in_a_row_a_wait(clock: Seconds) -> None:
    penalties = Penalties(LIMITS, clock)
    fail(penalties, 5)
    assert penalties.waits("192.0.2.1") == 0
    fail(penalties, 1)
    assert penalties.waits("192.0.2.1") == 30
    assert penalties.in_force() == {"192.0.2.1": 30}
    assert penalties.waits("192.0.2.2") == 0
    clock.now += 29
    assert penalties.waits("192.0.2.1") == 1
    clock.now += 1
    assert penalties.waits("192.0.2.1") == 0
    assert penalties.in_force() == {}


def test_one_failure_a_minute_for_a_day_shuts_nobody_out(clock: Seconds) -> None:
    penalties = Penalties(LIMITS, clock)
    for _ in range(24 * 60):
        fail(penalties, 1)
        assert penalties.waits("192.0.2.1") == 0
        clock.now += 60


def test_a_flood_waits_the_most_and_no_longer(clock: Seconds) -> None:
    penalties = Penalties(LIMITS, clock)
    fail(penalties, 100_000)
    assert penalties.waits("192.0.2.1") == LIMITS.penalty_most
    clock.now += LIMITS.penalty_most
    assert penalties.waits("192.0.2.1") == 0


def test_a_login_settles_what_is_not_in_force_yet(clock: Seconds) -> None:
    penalties = Penalties(LIMITS, clock)
    fail(penalties, 5)
    penalties.settle("192.0.2.1")
    fail(penalties, 5)
    assert penalties.waits("192.0.2.1") == 0
    fail(penalties, 1)
    penalties.settle("192.0.2.1")
    assert penalties.waits("192.0.2.1") == 30


def test_networks_that_are_exempt_never_wait(clock: Seconds) -> None:
    penalties = Penalties(LIMITS, clock)
    fail(penalties, 100, "198.51.100.77")
    fail(penalties, 100, "::ffff:198.51.100.77")
    assert penalties.in_force() == {}
    fail(penalties, 200, "2001:db8::1")
    assert penalties.waits("2001:db8::1") == LIMITS.penalty_most


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("local", "0.0.0.0"),
        ("", "0.0.0.0"),
    ],
)
def test_who_is_behind_an_address(address: str, source: str) -> None:
    assert source_of(address) == source


def test_another_address_of_the_same_network_waits_too(clock: Seconds) -> None:
    penalties = Penalties(LIMITS, clock)
    for number in range(6):
        fail(penalties, 1, f"2001:db8:1:2::{number:x}")
    assert penalties.waits("2001:db8:1:2:ffff::1") == 30
    assert penalties.waits("2001:db8:1:3::1") == 0
    assert penalties.lift("2001:db8:1:2::/64")
    assert penalties.waits("2001:db8:1:2::1") == 0


def test_the_table_is_bounded_and_forgets_what_is_paid_first(clock: Seconds) -> None:
    penalties = Penalties(LIMITS, clock)
    fail(penalties, 200, "203.0.113.9")
    for number in range(MOST_KNOWN - 1):
        fail(penalties, 1, f"10.0.{number // 256}.{number % 256}")
    clock.now += 10
    for number in range(3_000):
        fail(penalties, 1, f"10.1.{number // 256}.{number % 256}")
    assert len(penalties._debts) <= MOST_KNOWN
    assert penalties.waits("203.0.113.9") > 500
    for number in range(2 * MOST_KNOWN):
        fail(penalties, 1, f"10.2.{number // 256}.{number % 256}")
    assert len(penalties._debts) <= MOST_KNOWN


def test_a_network_that_is_none_is_a_mistake_in_the_settings() -> None:
    with pytest.raises(ValidationError):
        IntakeLimits(penalty_exempt=("192.0.2.0/33",))


# At the door of a running intake. The attacker comes from 127.0.0.2.


FAILURES = 7  # They cost 1,400 seconds, some of which have passed at the last; 1,200 are enough.
EACH, LEAST, MOST = 200.0, 1200.0, 1500.0  # Forty times what is shipped: a busy machine takes its time.
LIFTED_SECONDS = 60  # Nothing is paid off so soon.


@pytest.fixture
def intake(tmp_path: Path) -> Iterator[Running]:
    running = Running(Home(tmp_path / "home"))
    costs = {"penalty_login_failed": EACH, "penalty_least": LEAST, "penalty_most": MOST}
    running.limits = running.limits.model_copy(update=costs)
    running.publish()
    running.provider("avon")
    running.start()
    yield running
    running.stop()


def connect(running: Running, source: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", running.port), 60, source_address=(source, 0))


def fail_to_log_in(running: Running, source: str) -> None:
    key = paramiko.Ed25519Key(filename=str(running.provider("stranger-key-only")))
    transport = paramiko.Transport(connect(running, source))
    with pytest.raises((paramiko.SSHException, EOFError, OSError)):
        transport.connect(username="avon", pkey=key)
    transport.close()


def waits(running: Running, source: str) -> bool:
    """Whether a connection from there is not greeted before its time, or not at all.

    Who has to wait is never greeted sooner, however busy the machine is.
    """
    begin = time.monotonic()
    with connect(running, source) as connection:
        try:
            greeted = b"SSH-2.0" in connection.recv(100)
        except (ConnectionResetError, TimeoutError):
            return True
        return not greeted or time.monotonic() - begin >= LIMITS.penalty_pace


def test_an_address_that_fails_waits_others_do_not_and_it_can_be_lifted(
    intake: Running, caplog: pytest.LogCaptureFixture
) -> None:
    home, before = intake.home, datetime.now(UTC)
    for _ in range(FAILURES):
        fail_to_log_in(intake, "127.0.0.2")
    after = datetime.now(UTC)
    eventually(lambda: waits(intake, "127.0.0.2"))
    eventually(lambda: not waits(intake, "127.0.0.3"))
    with intake.paramiko() as client, client.open("/in/x", "wb") as file:
        file.write(SEALED)
    eventually(lambda: "127.0.0.2" in listed(home).until)
    until = listed(home).until["127.0.0.2"] - FAILURES * timedelta(seconds=EACH)
    assert before - timedelta(seconds=10) < until < after + timedelta(seconds=30)
    of_intake(home.spool, home.published).lifted.write_text(
        Lifted().with_one("127.0.0.2", datetime.now(UTC)).model_dump_json()
    )
    eventually(lambda: not waits(intake, "127.0.0.2"), LIFTED_SECONDS)
    eventually(lambda: listed(home).until == {}, LIFTED_SECONDS)
    lines = [r.getMessage() for r in caplog.records if "code=login-failed" in r.getMessage()]
    assert len(lines) == 1, lines


def listed(home: Home) -> Listed:
    try:
        return Listed.model_validate_json(of_intake(home.spool, home.published).listed.read_bytes())
    except FileNotFoundError:
        return Listed()


def test_a_file_of_the_lifted_that_is_not_valid_stops_nothing(intake: Running) -> None:
    of_intake(intake.home.spool, intake.home.published).lifted.write_text("{nonsense")
    for _ in range(FAILURES):
        fail_to_log_in(intake, "127.0.0.2")
    eventually(lambda: waits(intake, "127.0.0.2"))
    time.sleep(2.1)
    # One of its connections after another is let in and judged by its key; the others wait.
    assert any(waits(intake, "127.0.0.2") for _ in range(3))
    of_intake(intake.home.spool, intake.home.published).lifted.write_text(
        Lifted().with_one("127.0.0.2", datetime.now(UTC)).model_dump_json()
    )
    eventually(lambda: not any(waits(intake, "127.0.0.2") for _ in range(3)), LIFTED_SECONDS)


def test_somebody_else_behind_an_address_that_waits_is_judged_by_their_key(
    intake: Running, caplog: pytest.LogCaptureFixture
) -> None:
    """A job with a wrong key keeps failing from the address of a whole trust: its schools still get in."""
    for _ in range(FAILURES):
        fail_to_log_in(intake, "127.0.0.2")
    eventually(lambda: waits(intake, "127.0.0.2"))
    kept = [connect(intake, "127.0.0.2") for _ in range(3)]
    transport = paramiko.Transport(connect(intake, "127.0.0.2"))
    transport.connect(username="avon", pkey=paramiko.Ed25519Key(filename=str(intake.provider("avon"))))
    client = paramiko.SFTPClient.from_transport(transport)
    assert client is not None
    with client.open("/in/x", "wb") as file:
        file.write(SEALED)
    transport.close()
    kept += [connect(intake, "127.0.0.2") for _ in range(30)]
    eventually(lambda: any("connects-during-penalty" in r.getMessage() for r in caplog.records))
    for one in kept:
        one.close()
    assert waits(intake, "127.0.0.2")


# On the command line.


def test_the_commands(tmp_path: Path) -> None:
    site = Site(tmp_path)
    home = Home(site.home)
    assert site.json("penalties", "list") == []
    until = datetime.now(UTC) + timedelta(minutes=5)
    past = datetime.now(UTC) - timedelta(minutes=5)
    waiting = Listed(until={"192.0.2.1": until, "2001:db8:1:2::/64": until, "192.0.2.9": past})
    of_intake(home.spool, home.published).listed.write_text(waiting.model_dump_json())
    shown = site.json("penalties", "list")
    assert [(row["service"], row["address"]) for row in shown] == [
        ("intake", "192.0.2.1"),
        ("intake", "2001:db8:1:2::/64"),
    ]
    assert 290 <= shown[0]["seconds"] <= 300
    site.gateway("penalties", "lift", "192.0.2.1")
    site.gateway("penalties", "lift", "2001:db8:1:2:3::4")  # As a school tells its own.
    of_mailboxes(home).listed.write_text(
        Listed(until={"192.0.2.1": until, "192.0.2.3": until}).model_dump_json()
    )
    assert [row["address"] for row in site.json("penalties", "list") if row["service"] == "mailboxes"] == [
        "192.0.2.1",
        "192.0.2.3",
    ]
    site.gateway("penalties", "lift", "192.0.2.3")
    assert of_mailboxes(home).read_lifted().at.keys() == {"192.0.2.3"}
    assert of_intake(home.spool, home.published).read_lifted().at.keys() == {"192.0.2.1", "2001:db8:1:2::/64"}
    assert "does not have to wait" in site.refused("penalties", "lift", "192.0.2.2")
    assert "not an address" in site.refused("penalties", "lift", "../../x")
    of_intake(home.spool, home.published).listed.write_text(json.dumps({"until": {"\x1b[31m": "never"}}))
    assert "not valid" in site.refused("penalties", "list")


def test_only_so_many_lifted_are_kept() -> None:
    lifted = Lifted()
    for number in range(1_000):
        lifted = lifted.with_one(f"192.0.2.{number}", datetime.now(UTC))
    assert len(lifted.at) == 256
    assert "192.0.2.999" in lifted.at


def test_the_key_for_the_attack_is_one_that_works_elsewhere(intake: Running) -> None:
    """Otherwise the attacks above would show nothing."""
    key = asyncssh.read_private_key(intake.provider("stranger-key-only"))
    assert key.get_algorithm() == "ssh-ed25519"
    with intake.transport("stranger-key-only") as transport:
        assert transport.is_authenticated()
