"""Single system calls that fail, by strace: a disk that errs is never taken for done."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import Note
from tests.faults.invariant import settled
from tests.faults.services import Service, until
from tests.faults.yard import Yard

pytestmark = [pytest.mark.needs("strace"), pytest.mark.timeout(180)]

# Calls of intake that a hand-over depends on.
INTAKE = ("fsync", "pwrite64", "rename")
# Calls of the processor: those of the claim, of what is published, and those by which SQLite works.
# The spool is emptied by unlinkat; whether anything is unlinked otherwise depends on who is quicker.
PROCESSOR = ("fsync", "fdatasync", "pwrite64", "pread64", "rename", "unlink,unlinkat", "openat")
TIMES = 12


def _is_traced(status: Path) -> bool:
    """Whether a thread is traced, or has ended."""
    try:
        return "TracerPid:\t0" not in status.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


@contextlib.contextmanager
def failing(service: Service, call: str) -> Iterator[None]:
    """The next calls of each thread of a running service fail with EIO."""
    pid = service.running.pid
    strace = subprocess.Popen(
        [
            "strace", "-f", "-qq", "-o", "/dev/null", "-p", str(pid),
            "-e", f"trace={call}", "-e", f"inject={call}:error=EIO:when=1..{TIMES}",
        ]
    )  # fmt: skip
    try:
        # One that came to be since is traced from its start.
        statuses = list(Path(f"/proc/{pid}/task").glob("*/status"))
        until(lambda: all(map(_is_traced, statuses)), "strace", 10)
        yield
    finally:
        strace.terminate()
        strace.wait(20)


@pytest.mark.parametrize("call", INTAKE)
def test_intake(fresh_yard: Yard, call: str, note: Note) -> None:
    name, data = fresh_yard.fresh()
    with fresh_yard.up(fresh_yard.intake):
        with failing(fresh_yard.intake, call):
            assert not fresh_yard.send(name, data), "its client was told that it landed"
        assert not list(fresh_yard.home.spool.landed.glob("*.landed"))
        fresh_yard.send_until_told(name, data)
    outcome = settled(fresh_yard)
    assert outcome.accepted == outcome.landed == 1
    note(f"EIO from {call} in intake", 1, outcome)


@pytest.mark.parametrize("call", PROCESSOR)
def test_the_processor(fresh_yard: Yard, call: str, note: Note) -> None:
    with fresh_yard.up(fresh_yard.intake, fresh_yard.processor):
        with failing(fresh_yard.processor, call):
            names = fresh_yard.send_fresh(5)
            until(lambda: "ERROR" in fresh_yard.processor.log.read_text(), "the alarm")
        fresh_yard.await_decided(*names)
        assert fresh_yard.processor.running.poll() is None
    assert "Traceback" not in fresh_yard.processor.log.read_text()
    outcome = settled(fresh_yard)
    assert outcome.accepted == 5
    note(f"EIO from {call} in the processor", 1, outcome)
