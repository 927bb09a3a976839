"""Measure the gateway against named peers: `make bench`, or `python -m tests.bench [PART]... [--quick]`.

Prints one table of ratios, and writes it to docs/performance/ as results.json and results.svg. With
`--quick` or only some of the parts, the files go to the folder that --out names, if it does.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench import bench_log, big, classification, door, growth, pages, passage
from tests.bench.measure import Line, Setting, machine
from tests.bench.picture import picture

# What each part needs, and for how many seconds it may begin further rounds: ten minutes in all.
PARTS: dict[str, tuple[Callable[[Setting], Iterator[Line]], tuple[str, ...], float]] = {
    "door": (door.run, ("sftp", "ssh-keygen"), 140),
    "passage": (passage.run, ("sqop", "gpg", "inotifywait", "xmllint", "sqlite3", "ssh-keygen"), 60),
    "big": (big.run, ("sqop", "gosop"), 40),
    "log": (bench_log.run, (), 20),
    "growth": (growth.run, ("sftp", "ssh-keygen"), 60),
    "classification": (classification.run, (), 20),
    "pages": (pages.run, (), 60),
}
DOCUMENTS = Path(__file__).parents[2] / "docs" / "performance"


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all where none is named"
    )
    parser.add_argument("--quick", action="store_true", help="smaller sizes, a minute for each part at most")
    parser.add_argument("--out", type=Path, help="where results.json and results.svg go")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; the parts are {', '.join(PARTS)}")
    parts = options.parts or list(PARTS)
    out = options.out or (DOCUMENTS if parts == list(PARTS) and not options.quick else None)
    found: dict[str, object] = {"machine": machine(), "at": datetime.now(UTC).isoformat(timespec="seconds")}
    begun = time.monotonic()
    lines: list[Line] = []
    for part in parts:
        lines += _measured(part, quick=options.quick)
        if out is not None:
            _write(out, found, lines)
    print_table(lines)
    print(f"measured in {time.monotonic() - begun:.0f} s on {found['machine']}")


def _write(out: Path, found: dict[str, object], lines: list[Line]) -> None:
    """Write what is measured so far."""
    out.mkdir(parents=True, exist_ok=True)
    shown = [{**asdict(line), "ratio": line.ratio, "met": line.met} for line in lines]
    (out / "results.json").write_text(json.dumps({**found, "lines": shown}, indent=1) + "\n")
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
    table = Table("part", "what", "ours", "spread", "peer", "theirs", "spread", "ratio", "target")
    for line in lines:
        table.add_row(*_row(line))
    Console(width=170).print(table)


def _row(line: Line) -> tuple[str, ...]:
    target = "" if line.target is None else f"{'≥' if line.better == 'more' else '≤'} {line.target:g}"
    said = {None: "", True: " met", False: " not met"}[line.met]
    return (
        line.part,
        f"{line.what} ({line.note})" if line.note else line.what,
        f"{line.ours:.4g} {line.unit}",
        _spread(line.ours_spread),
        line.peer,
        f"{line.theirs:.4g}",
        _spread(line.theirs_spread),
        f"{line.ratio:.2f}",
        target + said,
    )


def _spread(values: tuple[float, float]) -> str:
    return f"{values[0]:.4g} to {values[1]:.4g}"


if __name__ == "__main__":
    main()
