"""Killed at every named step, and at any moment: exactly one outcome and one receipt after the restart."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable

import paramiko
import pytest
from sqlmodel import select

from gateway.registry.tables import EventRow
from gateway.samples import MARKER
from gateway.zones.failpoints import FAILPOINTS, VARIABLE, Failpoint
from tests.faults.conftest import Note
from tests.faults.invariant import Outcome, check, settled
from tests.faults.yard import Yard

FILES = 3


@pytest.mark.timeout(120)
@pytest.mark.parametrize("failpoint", FAILPOINTS)
def test_killed_at_a_named_step(shared_yard: Yard, failpoint: Failpoint, note: Note) -> None:
    before = check(shared_yard)
    service, scenario = SCENARIOS.get(failpoint) or SCENARIOS[failpoint.partition(".")[0]]
    scenario(shared_yard, failpoint)
    after = settled(shared_yard)
    note(f"kill -9 of {service} at {failpoint}", 1, difference(after, before))
    assert after.accepted - before.accepted >= 1


def killed_while_receiving(yard: Yard, failpoint: Failpoint) -> None:
    name, data = yard.fresh()
    yard.intake.start(environment={VARIABLE: failpoint})
    assert not yard.send(name, data), "its client was told that it landed"
    assert yard.intake.wait() == -signal.SIGKILL
    with yard.up(yard.intake):
        yard.send_until_told(name, data)


def killed_while_processing(yard: Yard, failpoint: Failpoint) -> None:
    with yard.up(yard.intake):
        yard.send_fresh(FILES)
    yard.processor.launch(environment={VARIABLE: failpoint})
    assert yard.processor.wait() == -signal.SIGKILL, yard.processor.log.read_text()


def killed_while_landing(yard: Yard, failpoint: Failpoint) -> None:
    """A file whose decision takes so long that it is put on record as landed before."""
    with yard.up(yard.intake):
        yard.send_until_told(*yard.fresh(pupils=20_000))
    yard.processor.launch(environment={VARIABLE: failpoint})
    assert yard.processor.wait() == -signal.SIGKILL, yard.processor.log.read_text()


def killed_while_examining(yard: Yard, failpoint: Failpoint) -> None:
    """The child dies at its second file; the processor lives, and a fresh child takes the file."""
    yard.set(workers=1)
    with yard.up(yard.intake):
        names = yard.send_fresh(FILES)
    with yard.processor.up(environment={VARIABLE: f"{failpoint}:2"}):
        yard.await_decided(*names)
    assert set(yard.states(*names)) == {"accepted"}
    assert "the examining process ended early" in yard.processor.log.read_text()


def killed_while_collecting(yard: Yard, failpoint: Failpoint) -> None:
    with yard.up(yard.intake, yard.processor):
        (name,) = yard.send_fresh(1)
        yard.await_decided(name)
    yard.mailboxes.start(environment={VARIABLE: failpoint})
    path = latest(yard)
    with pytest.raises((OSError, EOFError, paramiko.SSHException)):
        yard.jane.get(yard.mailboxes.place, path)
    assert yard.mailboxes.wait() == -signal.SIGKILL
    with yard.up(yard.mailboxes):
        assert MARKER.encode() in yard.jane.get(yard.mailboxes.place, path)
    # Once for each time that content may have been given out; the first was on record before any of it.
    assert collected(yard, path) == (2 if failpoint == "collect.recorded" else 1)


Scenario = Callable[[Yard, Failpoint], None]
SCENARIOS: dict[str, tuple[str, Scenario]] = {
    "upload": ("intake", killed_while_receiving),
    "hand-over": ("intake", killed_while_receiving),
    "claim": ("processor", killed_while_processing),
    "land": ("processor", killed_while_processing),
    "land.written": ("processor", killed_while_landing),
    "land.committed": ("processor", killed_while_landing),
    "examine": ("the isolated child", killed_while_examining),
    "examine.answered": ("processor", killed_while_processing),
    "commit": ("processor", killed_while_processing),
    "publish": ("processor", killed_while_processing),
    "collect": ("mailboxes", killed_while_collecting),
}


def latest(yard: Yard) -> str:
    """The mailbox path of the newest file."""
    with yard.jane.sftp(yard.mailboxes.place) as session:
        return f"/central-data-team/{session.listdir('/central-data-team')[0]}"


def collected(yard: Yard, path: str) -> int:
    with yard.registry() as registry, registry.read() as session:
        events = session.exec(select(EventRow).where(EventRow.kind == "collected")).all()
    return sum(event.subject in path for event in events)


def difference(after: Outcome, before: Outcome) -> Outcome:
    return Outcome(**{name: getattr(after, name) - getattr(before, name) for name in Outcome.__annotations__})


@pytest.mark.timeout(120)
def test_a_file_that_costs_three_children_is_held(fresh_yard: Yard, note: Note) -> None:
    fresh_yard.set(workers=1)
    with fresh_yard.up(fresh_yard.intake):
        names = fresh_yard.send_fresh(1)
    with fresh_yard.processor.up(environment={VARIABLE: "examine.opened"}):
        fresh_yard.await_decided(*names)
    assert fresh_yard.states(*names) == ["held"]
    note("kill -9 of three isolated children over one file", 3, settled(fresh_yard))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [7, 8, 9])
def test_killed_at_random_moments(
    fresh_yard: Yard, note: Note, request: pytest.FixtureRequest, seed: int
) -> None:
    kills = request.config.getoption("--kills")
    rng = random.Random(seed)
    stop = threading.Event()
    clients = [threading.Thread(target=keep_sending, args=(fresh_yard, stop)) for _ in range(2)]
    for service in fresh_yard.services:
        service.start()
    for client in clients:
        client.start()
    try:
        for _ in range(kills):
            time.sleep(rng.uniform(0.0, 0.6))
            strike(rng, fresh_yard)
    finally:
        stop.set()
        for service in fresh_yard.services:
            if service.running.poll() is not None:
                service.start()
        for client in clients:
            client.join(60)
    outcome = settled(fresh_yard)
    note("kill -9 of intake, processor, mailboxes and children at random moments", kills, outcome)
    assert outcome.accepted + outcome.held >= kills, outcome


def strike(rng: random.Random, yard: Yard) -> None:
    """Kill one service, or the child of the processor; start the service again, ready or not."""
    target = rng.choices([yard.intake, yard.processor, yard.mailboxes, None], [4, 4, 1, 1])[0]
    if target is None:
        for pid in yard.processor.children()[:1]:
            kill_child(pid)
        return
    target.kill()
    target.launch() if rng.random() < 0.3 else target.start()


def kill_child(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def keep_sending(yard: Yard, stop: threading.Event) -> None:
    """A client that sends each file until it is told that it landed, as a client does."""
    while not stop.is_set():
        name, data = yard.fresh()
        while not yard.send(name, data):
            time.sleep(0.1)
            if stop.is_set():
                return
        # A processor that is killed every other second decides some twenty files a second: what comes faster
        # only lengthens the line that is worked off in the end.
        time.sleep(0.1)
