"""A school year with 200 schools and 30 staff, by the command line: `make term`, or `python -m tests.term`.

It puts the clock forward day by day. At its end it makes the reports, verifies the whole log, and measures
every listing and report, each as a process of its own: it fails where one takes over 2 s or 200 MB. How many
commands an administrator needs for each task goes into docs/admins.md. `--short`: two weeks of a few schools,
which write nothing. `--state FOLDER --seconds N`: it stops at the end of the day on which so many seconds are
over, exits 3, and goes on from there when it is begun again.
"""

from __future__ import annotations

import argparse
import gc
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.term.clock import begin_again, put_forward
from tests.term.events import EVENTS
from tests.term.kept import keep, load
from tests.term.law import NEXT, the_law_turns
from tests.term.office import Measured, Office
from tests.term.schools import Schools
from tests.term.year import JULY, SHORT, Size, Year

GUIDE = Path(__file__).parents[2] / "docs" / "admins.md"
STOPPED = 3
HEADING = "## How many commands a year takes\n"


def main() -> None:
    """Live through the year; exit 1 where it shows anything that is not as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.term")
    parser.add_argument("--short", action="store_true", help="two weeks of a few schools, for the tests")
    parser.add_argument("--state", type=Path, help="the folder in which the year is kept, to go on with it")
    parser.add_argument("--seconds", type=float, default=math.inf, help="stop after so long; with --state")
    options = parser.parse_args()
    begin_again("tests.term")
    size = SHORT if options.short else Size()
    with _folder(options.state) as folder:
        year = lived(folder, size, options.seconds)
        if year is None:
            sys.exit(STOPPED)
        measured = asked(year)
    # A short year is a test, which says nothing of time: a busy machine would fail it.
    slow = [one for one in measured if not one.is_kept(timed=not options.short)]
    for one in measured:
        print(f"{one.seconds:5.2f} s {one.megabytes:5.0f} MB {one.lines:7} lines  {one.command}")
    if not options.short:
        written = GUIDE.read_text("utf-8").partition(HEADING)[0].rstrip()
        GUIDE.write_text(f"{written}\n\n{HEADING}\n{table(year)}", "utf-8")
    sys.exit("".join(f"too much: {one.command}\n" for one in slow) or 0)


def lived(folder: Path, size: Size, seconds: float = math.inf) -> Year | None:
    """The year, when it is over; None where the time was over before, and it can be gone on with."""
    begun, kept = time.monotonic(), folder / "year"

    def told(what: str) -> None:
        print(f"{time.monotonic() - begun:5.0f} s  {what}", file=sys.stderr, flush=True)

    if not kept.exists() and (folder / "home").exists():
        sys.exit(f"the year in {folder} ended in the middle of a day: take it away, and begin anew")
    year = load(kept) if kept.exists() else begin(folder, size, told)
    kept.unlink(missing_ok=True)
    gc.freeze()  # What is there stays: to look through it again with every command takes longest of all.
    for day in year.live(EVENTS, told):
        if time.monotonic() - begun > seconds:
            keep(year, kept)
            told(f"the day {day} is over: {year.sent} files")
            return None
    told(f"the law of {NEXT} is in force, and its errors are found: {dict(the_law_turns(year))}")
    found = year.office.ask("log", "verify")
    assert found["fits"], found
    states = {one["state"] for one in year.office.ask("transfers", "list")}
    assert states <= {"accepted", "held", "refused"}, states
    told(f"the year with {year.sent} files is over, and the log fits")
    return year


def begin(folder: Path, size: Size, told: Callable[[str], None]) -> Year:
    """A gateway is made, everybody is enrolled, and the schools ratify."""
    put_forward(JULY, "08:00")
    office = Office(folder / "home")
    with office.task("Make the gateway"):
        office.type("init", "--organisation", "Anyshire County Council", "--log-origin", "term.invalid/log")
        office.ask("doctor")
    year = Year(office, Schools(office.home, folder / "keys", size.schools), size, folder)
    told(f"{size.schools} schools have keys")
    year.prepare()
    told("the schools and the staff are enrolled")
    year.ratify()
    told("the schools have ratified")
    return year


def asked(year: Year) -> list[Measured]:
    """What each listing and report costs; in the short form a few of them."""
    every = list(listings(year))
    return [
        year.office.measured(*words) for words in (every[:: len(every) // 4] if year.size == SHORT else every)
    ]


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.resolve()
    else:
        with tempfile.TemporaryDirectory(prefix="term-") as folder:
            yield Path(folder)


def listings(year: Year) -> Iterator[tuple[str, ...]]:
    """Every listing and report, as an administrator asks for it."""
    folder, school = year.folder, year.schools.schools[0].id
    reference = year.office.ask("transfers", "list", "--provider", school)[-1]["reference"]
    span = ("--from", "2025-09-01", "--to", "2026-08-31")
    yield (
        "report",
        "review",
        *span,
        "--html",
        str(folder / "review.html"),
        "--csv",
        str(folder / "review.csv"),
    )
    yield ("report", "review", *span, "--json")
    yield ("report", "transfer", reference)
    yield ("flows", "status")
    yield ("flows", "status", "--limit", "0")
    yield ("breach", "list")
    yield ("breach", "show", "1")
    yield ("breach", "show", "1", "--annex")
    yield ("transfers", "list")
    yield ("transfers", "list", "--limit", "0")
    yield ("transfers", "list", "--json")
    yield ("transfers", "list", "--team", "education-welfare", *span)
    yield ("transfers", "show", reference)
    yield ("policy", "explain", reference)
    yield ("receipts", "show", reference)
    yield ("log", "prove", reference)
    for noun in ("providers", "staff", "discrepancies", "held"):
        yield (noun, "list", "--limit", "0")
    yield ("providers", "show", school)
    yield ("keys", "list", school)
    yield ("keys", "list", "--limit", "0")
    yield ("agreement", "status")
    yield ("year", "show")
    yield ("notices", "list")
    yield ("declarations", "list")
    yield ("flows", "exceptions")
    yield ("legal-holds", "list")
    yield ("penalties", "list")
    yield ("roles", "list")
    yield ("retention", "plan")
    yield ("doctor",)
    yield ("status",)
    yield ("pupils", "markers")
    yield ("pupils", "missing", "--from", "2025-09-01")
    yield ("pupils", "movers", "--from", "2025-09-01")
    yield ("letters", "list")
    yield ("policy", "status")


def table(year: Year) -> str:
    """The count of commands for each task, as the guide has it."""
    office = year.office
    lines = [
        f"Counted by `make term`, which lives through a school year with {year.size.schools} schools",
        f"and {year.size.staff} members of staff by the commands of this guide alone.",
        "",
        "| task | commands | times in the year |",
        "|---|---|---|",
        *(
            f"| {task} | {office.counted[task] / times:.1f}".removesuffix(".0") + f" | {times} |"
            for task, times in office.times.items()
        ),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
