"""An OpenPGP program that crashes, hangs or swallows memory: the files stay landed and go on later."""

from __future__ import annotations

import shutil

import pytest

from tests.faults.conftest import Note
from tests.faults.invariant import settled
from tests.faults.services import until
from tests.faults.yard import Yard

pytestmark = [pytest.mark.needs("sqop"), pytest.mark.timeout(180)]

# What the program does while a file called sick lies beside it.
SICKNESS = {
    "crashes": "kill -SEGV $$",
    "hangs": "exec sleep 1000",
    "swallows memory": "python3 -c 'x = bytearray(1 << 40)' || kill -ABRT $$",
}


@pytest.mark.parametrize("how", SICKNESS)
def test_the_engine(fresh_yard: Yard, how: str, note: Note) -> None:
    program = fresh_yard.site.root / "sop"
    sick = fresh_yard.site.root / "sick"
    program.write_text(
        f'#!/bin/sh\n[ "$1" = decrypt ] && [ -e "{sick}" ] && {{ {SICKNESS[how]}; }}\n'
        f'exec {shutil.which("sqop")} "$@"\n'
    )
    program.chmod(0o755)
    sick.touch()
    fresh_yard.set(engine="sop", sop_program=str(program), seconds=2, content_bytes=64 * 1024**2)
    with fresh_yard.up(fresh_yard.intake, fresh_yard.processor):
        names = fresh_yard.send_fresh(2)
        until(
            lambda: "it stays landed and is tried again" in fresh_yard.processor.log.read_text(),
            "the alarm",
            90,
        )
        assert "accepted" not in fresh_yard.states(*names)
        sick.unlink()
        fresh_yard.await_decided(*names, seconds=90)
    outcome = settled(fresh_yard)
    assert outcome.accepted == 2, outcome
    note(f"engine {how}", 1, outcome)


def test_children_that_cannot_start(fresh_yard: Yard, note: Note) -> None:
    """No file is to blame for that: they stay landed, however often it is tried."""
    settings = fresh_yard.home.settings
    good = settings.read_text()
    with fresh_yard.up(fresh_yard.intake, fresh_yard.processor):
        settings.write_text(f"a_slip_of_the_pen = 1\n{good}")
        names = fresh_yard.send_fresh(2)
        until(lambda: fresh_yard.processor.log.read_text().count("process does not start") >= 6, "alarms", 90)
        settings.write_text(good)
        fresh_yard.await_decided(*names, seconds=90)
    outcome = settled(fresh_yard)
    assert outcome.accepted == 2
    note("isolated children that cannot start", 1, outcome)


def test_children_that_run_out_of_memory(fresh_yard: Yard, note: Note) -> None:
    """A file over which three children end waits for a person, and keeps no other from being decided."""
    fresh_yard.set(memory_bytes=48 * 1024**2)
    with fresh_yard.up(fresh_yard.intake, fresh_yard.processor):
        names = fresh_yard.send_fresh(2)
        fresh_yard.await_decided(*names, seconds=90)
        assert fresh_yard.states(*names) == ["held", "held"]
        fresh_yard.set(memory_bytes=3 * 1024**3)
        fresh_yard.await_decided(*fresh_yard.send_fresh(2))
    outcome = settled(fresh_yard)
    assert (outcome.held, outcome.accepted) == (2, 2)
    note("isolated children out of memory", 6, outcome)


def test_an_engine_that_is_not_there(fresh_yard: Yard, note: Note) -> None:
    fresh_yard.set(engine="sop", sop_program="/nowhere/sop")
    with fresh_yard.up(fresh_yard.intake, fresh_yard.processor):
        names = fresh_yard.send_fresh(2)
        until(lambda: fresh_yard.processor.log.read_text().count("is not on the PATH") >= 4, "alarms", 90)
        assert set(fresh_yard.states(*names)) == {"landed"}
    fresh_yard.set(engine="auto", sop_program="sqop")
    outcome = settled(fresh_yard)
    assert outcome.accepted == 2
    note("engine is not there", 1, outcome)
