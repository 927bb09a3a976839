"""Measure the gateway against named peers: `make bench`, or `python -m tests.bench [PART]... [--quick]`.

Each part that is measured is put down at once, in the folder of --state. Parts that are named are measured
anew; where none is named, those that are missing there, for ten minutes at most: called again, it goes on. It
prints one table of ratios of all that is put down. Once that is every part, it is written to
docs/performance/ as results.json and results.svg; with `--quick` or `--busy`, only to the folder that --out
names.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench import bench_log, big, classification, door, growth, pages, passage
from tests.bench.measure import LEAST_ROUNDS, Line, Setting, machine
from tests.bench.picture import picture

# What each part needs, and for how many seconds it may begin further rounds.
PARTS: dict[str, tuple[Callable[[Setting], Iterator[Line]], tuple[str, ...], float]] = {
    "door": (door.run, ("sftp", "ssh-keygen"), 140),
    "receipt": (passage.receipt, ("sqop", "ssh-keygen"), 90),
    "burst": (passage.burst, ("sqop", "gpg", "inotifywait", "xmllint", "sqlite3", "ssh-keygen"), 120),
    "big": (big.run, ("sqop", "gosop"), 90),
    "log": (bench_log.run, (), 20),
    "growth": (growth.run, ("sftp", "ssh-keygen"), 60),
    "classify": (classification.classification, (), 60),
    "views": (classification.views, (), 60),
    "pages": (pages.run, (), 60),
}
DOCUMENTS = Path(__file__).parents[2] / "docs" / "performance"
STATE = Path(__file__).parents[2] / "build" / "bench"
_SECONDS = 600


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all where none is named"
    )
    parser.add_argument("--quick", action="store_true", help="smaller sizes, a minute for each part at most")
    parser.add_argument("--busy", type=int, default=0, metavar="N", help="beside N processes that spin")
    parser.add_argument("--out", type=Path, help="where results.json and results.svg go")
    parser.add_argument("--state", type=Path, default=STATE, help="where each part is put down")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; the parts are {', '.join(PARTS)}")
    state = State(
        options.state / (("quick" if options.quick else "whole") + ("-busy" if options.busy else ""))
    )
    begun = time.monotonic()
    with _spinning(options.busy):
        for part in options.parts or state.missing():
            if time.monotonic() - begun > _SECONDS:
                print("ten minutes are over; called again, it goes on", file=sys.stderr)
                break
            state.put(part, list(_measured(part, quick=options.quick)))
    lines = state.lines()
    print_table(lines)
    print(f"measured in {time.monotonic() - begun:.0f} s on {machine()}")
    if not state.missing():
        out = options.out or (None if options.quick or options.busy else DOCUMENTS)
        if out is not None:
            _write(out, lines)
        state.forget()


@contextmanager
def _spinning(count: int) -> Iterator[None]:
    """Keep processors busy beside what is measured, with spinning processes, each in a session of its own."""
    spin = [sys.executable, "-c", "while True: pass"]
    spinning = [subprocess.Popen(spin, start_new_session=True) for _ in range(count)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


class State:
    """The parts that are measured, in a folder: one file each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def missing(self) -> list[str]:
        """The parts that are not put down, in their order."""
        return [part for part in PARTS if not self._file(part).exists()]

    def put(self, part: str, lines: list[Line]) -> None:
        """Put a part down; the one that was there is forgotten."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._file(part).write_text(json.dumps([asdict(line) for line in lines], indent=1) + "\n", "utf-8")

    def lines(self) -> list[Line]:
        """The lines of all parts that are put down, in the order of the parts."""
        known = [field.name for field in fields(Line)]
        return [
            Line(**{name: tuple(line[name]) if name.endswith("_spread") else line[name] for name in known})
            for part in PARTS
            if self._file(part).exists()
            for line in json.loads(self._file(part).read_text("utf-8"))
        ]

    def forget(self) -> None:
        """Begin anew the next time."""
        for part in PARTS:
            self._file(part).unlink(missing_ok=True)

    def _file(self, part: str) -> Path:
        return self._folder / f"{part}.json"


def _write(out: Path, lines: list[Line]) -> None:
    """The results of all parts, and their picture."""
    out.mkdir(parents=True, exist_ok=True)
    shown = [{**asdict(line), "ratio": line.ratio, "met": line.met} for line in lines]
    at = datetime.now(UTC).isoformat(timespec="seconds")
    found = {"machine": machine(), "at": at, "lines": shown}
    (out / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    (out / "results.svg").write_text(picture(lines))


def _measured(part: str, *, quick: bool) -> Iterator[Line]:
    run, programs, budget = PARTS[part]
    if missing := [program for program in programs if shutil.which(program) is None]:
        print(f"{part}: left out, since these are not installed: {', '.join(missing)}", file=sys.stderr)
        return
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for line in run(Setting(Path(folder), quick, begun + budget)):
            print(f"  {_row(line)}", file=sys.stderr)
            yield line
    print(f"{part}: {time.monotonic() - begun:.0f} s", file=sys.stderr)


def print_table(lines: list[Line]) -> None:
    """One table of all lines."""
    table = Table(
        "part", "what", "ours", "spread", "CPU", "peer", "theirs", "spread", "CPU", "ratio", "target", "load"
    )
    for line in lines:
        table.add_row(*_row(line))
    Console(width=200).print(table)


def _row(line: Line) -> tuple[str, ...]:
    target = "" if line.target is None else f"{'≥' if line.better == 'more' else '≤'} {line.target:g}"
    said = {None: "", True: " met", False: " not met"}[line.met]
    if line.target is not None and line.rounds < LEAST_ROUNDS:
        said += f": {line.rounds} of {LEAST_ROUNDS} rounds"
    return (
        line.part,
        f"{line.what} ({line.note})" if line.note else line.what,
        f"{line.ours:.4g} {line.unit}",
        _spread(line.ours_spread),
        _cpu(line.ours_cpu, line.per),
        line.peer,
        f"{line.theirs:.4g}",
        _spread(line.theirs_spread),
        _cpu(line.theirs_cpu, line.per),
        f"{line.ratio:.2f}",
        target + said,
        f"{line.load:g}",
    )


def _cpu(milliseconds: float | None, per: str) -> str:
    return "" if milliseconds is None else f"{milliseconds:.3g} ms a {per}"


def _spread(values: tuple[float, float]) -> str:
    return f"{values[0]:.4g} to {values[1]:.4g}"


if __name__ == "__main__":
    main()
