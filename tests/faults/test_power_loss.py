"""Were the power lost at any moment: file and folder are synced before anything is acknowledged or let go.

Asserted from a trace of the system calls of a real run, since no machine here can lose its writes.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.conftest import Note
from tests.faults.invariant import settled
from tests.faults.yard import Yard

pytestmark = [pytest.mark.needs("strace"), pytest.mark.timeout(180)]

TRACED = "fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,link,linkat"
CALL = re.compile(r"^\d+ +(?P<at>\d+\.\d+) (?P<name>\w+)\((?P<arguments>.*)\) += 0\b")
BEGUN = re.compile(r"^(?P<pid>\d+) +(?P<at>\d+\.\d+) (?P<begin>\w+\(.*) <unfinished \.\.\.>$")
RESUMED = re.compile(r"^(?P<pid>\d+) +(?P<at>\d+\.\d+) <\.\.\. \w+ resumed>(?P<end>.*)$")


@dataclass(frozen=True)
class Call:
    """A system call that succeeded. `at` is not before it ended, in seconds since 1970."""

    at: float
    name: str
    arguments: str


def tracing(log: Path) -> list[str]:
    return [
        "strace",
        "-D",
        "-f",
        "-ttt",
        "-y",
        "-qq",
        "--seccomp-bpf",
        "-s",
        "256",
        "-o",
        str(log),
        "-e",
        f"trace={TRACED}",
    ]


def calls(log: Path) -> list[Call]:
    """What succeeded, in the order in which it ended."""
    found, begun = [], {}
    for line in log.read_text().splitlines():
        if (part := BEGUN.match(line)) is not None:
            begun[part["pid"]] = part["begin"]
            continue
        if (rest := RESUMED.match(line)) is not None:
            whole = f"{rest['pid']} {rest['at']} {begun.pop(rest['pid'])}{rest['end']}"
        else:
            whole = line
        if (call := CALL.match(whole)) is not None:
            found.append(Call(float(call["at"]), call["name"], call["arguments"]))
    return found


def in_order(found: list[Call], *steps: Callable[[Call], bool]) -> list[Call]:
    """The first calls that are these steps, each after the one before; fails where one is missing."""
    matched, rest = [], iter(found)
    for number, step in enumerate(steps):
        call = next((one for one in rest if step(one)), None)
        assert call is not None, f"step {number} is missing after {matched}"
        matched.append(call)
    return matched


def synced(path: str) -> Callable[[Call], bool]:
    return lambda call: (
        call.name in {"fsync", "fdatasync"} and re.search(f"<{path}>", call.arguments) is not None
    )


def renamed(old: str, new: str) -> Callable[[Call], bool]:
    return lambda call: (
        call.name.startswith("rename") and re.search(f'"{old}".*"{new}"', call.arguments) is not None
    )


def removed(folder: str, name: str) -> Callable[[Call], bool]:
    """By its name in a folder that is open."""
    return lambda call: (
        call.name == "unlinkat" and re.search(f'<{folder}>, "{name}"', call.arguments) is not None
    )


@pytest.mark.parametrize(("pupils", "moved"), [(200, False), (800, True)], ids=["small", "large"])
def test_the_order_in_which_things_become_durable(
    fresh_yard: Yard, note: Note, tmp_path: Path, pupils: int, moved: bool
) -> None:
    """Of a file that was in memory until it was closed, and of one that was written down before."""
    logs = {name: tmp_path / f"{name}.strace" for name in ("intake", "processor")}
    with fresh_yard.intake.up(tracing(logs["intake"])), fresh_yard.processor.up(tracing(logs["processor"])):
        name, data = fresh_yard.fresh(pupils=pupils)
        assert fresh_yard.send(name, data)
        told_at = time.time()
        fresh_yard.await_decided(name)
    outcome = settled(fresh_yard)
    assert outcome.accepted == 1

    spool, sealed = (
        re.escape(str(fresh_yard.home.spool.root)),
        re.escape(str(fresh_yard.home.root / "sealed")),
    )
    landed = f"{spool}/landed"
    move = renamed(rf"{spool}/partial/oak/\w+\.data", rf"{landed}/[\w-]+\.part")
    assert any(map(move, calls(logs["intake"]))) == moved
    *_, last = in_order(
        calls(logs["intake"]),
        *([move] if moved else []),
        synced(rf"{landed}/[\w-]+\.part"),
        renamed(rf"{landed}/[\w-]+\.part", rf"{landed}/[\w-]+\.landed"),
        synced(landed),
    )
    assert last.at <= told_at, "its client was told before the folder was safe"

    database = re.escape(str(fresh_yard.home.registry))
    receipts = re.escape(str(fresh_yard.site.receipts("oak")))
    done = calls(logs["processor"])
    stored = [
        synced(rf"{sealed}/[\w-]+\.part"),
        renamed(rf"{sealed}/[\w-]+\.part", rf"{sealed}/[\w-]+\.sealed"),
        synced(sealed),
        recorded := synced(rf"{database}-wal"),
    ]
    in_order(done, *stored, removed(landed, r"[\w-]+\.landed"))
    # A file that is not decided within a second is put on record as landed first, with a receipt of its own.
    shown = renamed(rf"{receipts}/\.\w+", rf"{receipts}/[^\"]+\.txt")
    receipts_shown = sum(map(shown, done))
    assert receipts_shown in {1, 2}
    in_order(done, *stored[:3], *([recorded, shown] * receipts_shown))
    note(
        f"power lost (order of fsyncs, from a trace; {'a large file' if moved else 'a small file'})",
        1,
        outcome,
    )
