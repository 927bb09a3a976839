"""An OpenPGP program that crashes, hangs or swallows memory: the files stay landed and go on later."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.faults.conftest import Note
from tests.faults.invariant import settled
from tests.faults.services import until
from tests.faults.yard import Yard

pytestmark = [pytest.mark.needs("sqop"), pytest.mark.timeout(180)]

# What becomes of the program. It is confined, so nothing but a program in one piece can stand in for it.
SICKNESS = {
    "crashes": "*(volatile int *)0 = 1;",
    "hangs": "for (;;) pause();",
    "swallows memory": "for (char *p; (p = malloc(1 << 20));) memset(p, 1, 1 << 20); abort();",
}
STAYS = "it stays landed and is tried again"


@pytest.mark.needs("cc")
@pytest.mark.parametrize("how", SICKNESS)
def test_the_engine(fresh_yard: Yard, how: str, note: Note) -> None:
    """It falls sick in the hands of children that have started and proved it while it was well."""
    program = installed(fresh_yard)
    sick = sick_program(fresh_yard.site.root / "sick", SICKNESS[how])
    fresh_yard.set(seconds=2, content_bytes=64 * 1024**2, memory_bytes=1024**3)
    with fresh_yard.up(fresh_yard.intake, fresh_yard.processor):
        fresh_yard.await_decided(*fresh_yard.send_fresh(2))
        well = program.read_bytes()
        turn_into(program, sick)
        names = fresh_yard.send_fresh(2)
        until(lambda: STAYS in fresh_yard.processor.log.read_text(), "the alarm", 90)
        until(lambda: set(fresh_yard.states(*names)) == {"landed"}, "both on record", 30)
        assert "does not start" not in fresh_yard.processor.log.read_text()
        turn_into(program, well)
        fresh_yard.await_decided(*names, seconds=90)
    outcome = settled(fresh_yard)
    assert outcome.accepted == 4, outcome
    note(f"engine {how}", 1, outcome)


@pytest.mark.needs("cc")
def test_an_engine_that_is_replaced(fresh_yard: Yard, note: Note) -> None:
    """As by an upgrade, first to one that crashes. No file is to blame for children that do not start."""
    program = installed(fresh_yard)
    new = fresh_yard.site.root / "new"
    with fresh_yard.up(fresh_yard.intake, fresh_yard.processor):
        fresh_yard.await_decided(*fresh_yard.send_fresh(2))
        new.write_bytes(sick_program(fresh_yard.site.root / "sick", SICKNESS["crashes"]))
        shutil.copymode(program, new)
        new.rename(program)
        names = fresh_yard.send_fresh(2)
        until(lambda: fresh_yard.processor.log.read_text().count("process does not start") >= 6, "alarms", 90)
        until(lambda: set(fresh_yard.states(*names)) == {"landed"}, "both on record", 30)
        shutil.copy(sqop(), new)
        new.rename(program)
        fresh_yard.await_decided(*names, seconds=90)
    outcome = settled(fresh_yard)
    assert outcome.accepted == 4
    note("engine replaced by one that crashes, and by a good one", 1, outcome)


def sqop() -> str:
    found = shutil.which("sqop")
    assert found is not None
    return found


def installed(yard: Yard) -> Path:
    """A program of the yard's own, used for every file."""
    program = yard.site.root / "sop"
    shutil.copy(sqop(), program)
    yard.set(engine="sop", sop_program=str(program))
    return program


def sick_program(folder: Path, doing: str) -> bytes:
    """A program that does only this."""
    folder.mkdir()
    (folder / "sick.c").write_text(
        "#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n"
        f"int main(void) {{ {doing} return 0; }}\n"
    )
    subprocess.run(["cc", "-O0", "-o", "sick", "sick.c"], cwd=folder, check=True)
    return (folder / "sick").read_bytes()


def turn_into(program: Path, content: bytes) -> None:
    """Let it be another, and nobody can tell from outside: the same file, size and time."""
    before = program.stat()

    def written() -> bool:
        try:
            program.write_bytes(content.ljust(before.st_size, b"\0"))
        except OSError:  # It is running.
            return False
        os.utime(program, ns=(before.st_atime_ns, before.st_mtime_ns))
        return True

    until(written, "a moment at which it does not run")


def test_settings_that_are_wrong_meanwhile(fresh_yard: Yard, note: Note) -> None:
    """No file is to blame for that: they stay landed, however often it is tried."""
    settings = fresh_yard.home.settings
    good = settings.read_text()
    with fresh_yard.up(fresh_yard.intake, fresh_yard.processor):
        settings.write_text(f"a_slip_of_the_pen = 1\n{good}")
        names = fresh_yard.send_fresh(2)
        until(lambda: fresh_yard.processor.log.read_text().count(STAYS) >= 6, "alarms", 90)
        settings.write_text(good)
        fresh_yard.await_decided(*names, seconds=90)
    outcome = settled(fresh_yard)
    assert outcome.accepted == 2
    note("settings that are wrong for a while", 1, outcome)


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
        until(lambda: set(fresh_yard.states(*names)) == {"landed"}, "both on record", 30)
    fresh_yard.set(engine="auto", sop_program="sqop")
    outcome = settled(fresh_yard)
    assert outcome.accepted == 2
    note("engine is not there", 1, outcome)
