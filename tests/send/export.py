"""A nightly export: programs that write into a watched folder in each way that programs write."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.samples import make, school
from tests.content import core_data

_AT_ONCE = 40
_DIES = """
import os, sys
file = open(sys.argv[1], "wb")
file.write(sys.stdin.buffer.read())
file.flush()
os.kill(os.getpid(), 9)
"""


@dataclass(frozen=True)
class Written:
    """A file that is to be written in one of the ways, with pauses of so many seconds."""

    path: Path
    content: bytes
    way: str
    half: int
    pause: float

    def write(self) -> None:
        """Write all of it, in its way."""
        WAYS[self.way](self)


def _at_once(one: Written) -> None:
    one.path.write_bytes(one.content)


def _paused(one: Written) -> None:
    """Open, with half of it in the file."""
    with one.path.open("wb") as file:
        _halves(one, file.fileno())


def _crashed(one: Written) -> None:
    """A writer that dies with half of it written; the next one writes all of it."""
    dies = [sys.executable, "-I", "-S", "-c", _DIES, one.path]
    died = subprocess.run(dies, input=one.content[: one.half], check=False)
    assert died.returncode == -signal.SIGKILL
    time.sleep(one.pause)
    one.path.write_bytes(one.content)


def _locked(one: Written, lock: Callable[[int], object]) -> None:
    """Half of it, under a lock."""
    descriptor = os.open(one.path, os.O_CREAT | os.O_RDWR, 0o666)
    try:
        lock(descriptor)
        _halves(one, descriptor)
    finally:
        os.close(descriptor)


def _locked_and_closed(one: Written) -> None:
    """Nobody has it open to write to: the lock alone says that more comes."""
    aside = one.path.with_name(f"{one.path.name}.tmp")
    aside.write_bytes(one.content[: one.half])
    with aside.open("rb") as reader:
        fcntl.flock(reader, fcntl.LOCK_EX)
        aside.rename(one.path)
        time.sleep(one.pause)
        with one.path.open("ab") as file:
            file.write(one.content[one.half :])


def _lease(descriptor: int) -> None:
    fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)


def _halves(one: Written, descriptor: int) -> None:
    os.write(descriptor, one.content[: one.half])
    time.sleep(one.pause)
    os.write(descriptor, one.content[one.half :])


def _renamed(one: Written) -> None:
    """Under another name, until it is whole."""
    aside = one.path.with_name(f"{one.path.name}.part")
    with aside.open("wb") as file:
        _halves(one, file.fileno())
    aside.rename(one.path)


def _moved_in(one: Written) -> None:
    """Written elsewhere, and renamed into place."""
    aside = one.path.parent.with_name(one.path.name)
    aside.write_bytes(one.content)
    aside.rename(one.path)


def _appended(one: Written) -> None:
    """Half of it, closed; opened again later for the rest."""
    for part in (one.content[: one.half], one.content[one.half :]):
        with one.path.open("ab") as file:
            file.write(part)
        time.sleep(one.pause if part == one.content[: one.half] else 0)


WAYS: dict[str, Callable[[Written], None]] = {
    "at once": _at_once,
    "paused": _paused,
    "crashed": _crashed,
    "locked by flock": lambda one: _locked(one, lambda file: fcntl.flock(file, fcntl.LOCK_EX)),
    "locked by fcntl": lambda one: _locked(one, lambda file: fcntl.lockf(file, fcntl.LOCK_EX)),
    "locked and closed": _locked_and_closed,
    "leased": lambda one: _locked(one, _lease),
    "renamed": _renamed,
    "moved in": _moved_in,
    "appended": _appended,
}
_AFTER_A_CLOSE = {"crashed", "appended"}
"""Ways in which a half lies there closed: what ends with a whole line, nobody can tell from the whole."""


def planned(folder: Path, files: int, still: float, rng: random.Random) -> list[Written]:
    """So many files, each with pupils of its own, as XML or CSV; pauses are longer than `still` seconds."""
    plan = []
    for number, way in zip(range(files), _in_turn(rng), strict=False):
        seed, form = rng.randrange(2**31) + number, rng.choice(("xml", "csv"))
        if form == "xml":
            content = core_data(seed=seed, pupils=2)
        else:
            made = random.Random(seed)
            content = make("student-core", "csv-aliases", rng=made, school=school(made, 1), pupils=12)
        half = rng.randrange(len(content) // 4, len(content) * 3 // 4)
        if way not in _AFTER_A_CLOSE and rng.random() < 0.5:
            half = content.index(b"\n", half) + 1  # A half that looks whole.
        elif content[half - 1 : half] in b"\r\n":
            half += 2
        pause = still * rng.uniform(1.2, 16 if way == "crashed" else 4)
        plan.append(Written(folder / f"export {number:04}.{form}", content, way, half, pause))
    return plan


def _in_turn(rng: random.Random) -> Iterator[str]:
    while True:
        yield from rng.sample(sorted(WAYS), len(WAYS))


@contextmanager
def under_way(plan: list[Written]) -> Iterator[Callable[[], bool]]:
    """The export at work, forty writers at once; yields whether all is written."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        writing = [pool.submit(one.write) for one in plan]
        yield lambda: all(one.done() and one.result() is None for one in writing)
