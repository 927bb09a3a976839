"""Too few descriptors, too many processors."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading

import pytest

from tests.faults.conftest import Note
from tests.faults.invariant import settled
from tests.faults.services import REPOSITORY, open_files, until
from tests.faults.yard import Yard

FEW = ("prlimit", "--nofile=64:64")


@pytest.mark.needs("prlimit")
@pytest.mark.timeout(240)
def test_few_descriptors(fresh_yard: Yard, note: Note) -> None:
    """Eighty connections at a door that has 64 descriptors; six clients send all the while."""
    fresh_yard.set(connections_per_address=200)
    fresh_yard.site.gateway("process", "--once")
    for service in fresh_yard.services:
        service.start(FEW)
    with contextlib.closing(fresh_yard):
        with contextlib.ExitStack() as stack:
            for _ in range(80):
                one = stack.enter_context(socket.socket())
                one.settimeout(5)
                one.connect(fresh_yard.intake.place)
            senders = [threading.Thread(target=send_some, args=(fresh_yard, 3)) for _ in range(6)]
            for sender in senders:
                sender.start()
            for sender in senders:
                sender.join(60)
        assert fresh_yard.intake.running.poll() is None
        name, data = fresh_yard.fresh()
        fresh_yard.send_until_told(name, data)
        fresh_yard.await_decided(name)
        until(lambda: open_files(fresh_yard.intake.running.pid) < 32, "descriptors to be given back")
    outcome = settled(fresh_yard)
    assert outcome.accepted >= 1
    note("64 descriptors for each service (prlimit), 80 connections", 1, outcome)


def send_some(yard: Yard, number: int) -> None:
    for _ in range(number):
        yard.send(*yard.fresh())


@pytest.mark.timeout(120)
def test_two_processors_on_one_home(fresh_yard: Yard, note: Note) -> None:
    with fresh_yard.up(fresh_yard.intake, fresh_yard.processor):
        names = fresh_yard.send_fresh(20)
        for words in (["process"], ["process", "--once"]):
            second = subprocess.run(
                [sys.executable, "-m", "gateway", *words, "--home", str(fresh_yard.site.home)],
                cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip
            assert second.returncode == 1
            assert second.stderr.splitlines()[-1] == "gateway: another processor is at work in this home"
        fresh_yard.await_decided(*names)
    outcome = settled(fresh_yard)
    assert outcome.accepted == 20
    note("two processors on one home", 2, outcome)
