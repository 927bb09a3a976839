"""How fast and in how much memory classify() reads, against the bare parser in the same run.

    python -m tests.bench.bench_classify [--megabytes N]

For each kind of file it prints MB/s of classify() and of the bare lxml iterparse or csv.reader over
the same bytes, their ratio, and the peak memory of a process that only classifies.
"""

from __future__ import annotations

import argparse
import csv
import io
import itertools
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from string import ascii_lowercase
from typing import BinaryIO

from lxml import etree
from stdnum.gb.upn import calc_check_digit as upn_check_letter

from gateway.classify import classify, load_rules
from gateway.home.settings import ClassifyLimits
from gateway.model import Classified
from tests.classify import made

POLICIES = Path(__file__).parents[2] / "policies"
TODAY = date(2026, 11, 24)
BLOCK = 500
_FIRST_DAY = date(2016, 1, 1)


class Pupil(made.Child):
    """One of forty-five million pupils, of whom no two have one UPN, name and address."""

    @property
    def upn(self) -> str:
        """The number of a school that does not exist, in an LA that does not."""
        year, school = divmod(self.number // 1000, 9000)
        digits = f"999{1000 + school}{20 + year % 5:02}{self.number % 1000:03}"
        return upn_check_letter(digits) + digits

    @property
    def surname(self) -> str:
        """Two names, the second of five letters that tell the number."""
        letters = "".join(ascii_lowercase[self.number // 26**place % 26] for place in range(5))
        return f"{super().surname}-{letters.capitalize()}"

    @property
    def born(self) -> str:
        """A day of a year."""
        return (_FIRST_DAY + timedelta(days=self.number % 365)).isoformat()

    @property
    def address(self) -> str:
        """A street of its own."""
        return f"{1 + self.number % 90} Low Road {self.number // 90},\nTaunton"

    @property
    def telephone(self) -> str:
        """A number that is kept for fiction."""
        return f"07700 9{self.number % 100_000:05}"


def ctf_core(size: int) -> Iterator[bytes]:
    """A partial CTF of core data."""
    inside = made.CORE_INSIDE + made.HISTORY
    road = "1 Low Road"
    yield from _filled(
        made.ctf(["@"]),
        lambda pupils: "".join(made.pupil(p, inside.replace(road, p.address)) for p in pupils),
        size,
    )


def ctf_results(size: int) -> Iterator[bytes]:
    """A partial CTF of EYFS profiles, seventeen assessments a child."""
    yield from _filled(
        made.ctf(["@"]), lambda pupils: "".join(made.pupil(p, made.EYFS) for p in pupils), size
    )


def census(size: int) -> Iterator[bytes]:
    """A school census."""
    yield from _filled(
        made.census_around(["@"]), lambda pupils: "".join(map(made.census_pupil, pupils)), size
    )


def csv_core(size: int) -> Iterator[bytes]:
    """A CSV of core data."""
    header, row = made.core_rows(1)
    yield from _table(header, lambda pupil: _core(pupil, row), size)


def csv_marks(size: int) -> Iterator[bytes]:
    """A CSV of attendance, one row a session."""
    header, row = made.mark_rows(1)[:2]
    yield from _table(header, lambda pupil: [pupil.upn, pupil.surname, *row[2:]], size)


def csv_wide(size: int) -> Iterator[bytes]:
    """A CSV of core data with long rows, as exports with empty columns have: about 600 bytes a pupil."""
    header, row = made.core_rows(1)
    more = ["not recorded" for _ in range(40)]
    header = [*header, *(f"Unused {n}" for n in range(len(more)))]
    yield from _table(header, lambda pupil: [*_core(pupil, row), *more], size)


def _core(pupil: Pupil, row: Sequence[str]) -> list[str]:
    own = (pupil.upn, pupil.surname, pupil.forename, pupil.born, pupil.sex)
    return [*own, *row[5:10], pupil.address, *row[11:13], pupil.telephone]


def _table(header: Sequence[str], row: Callable[[Pupil], list[str]], size: int) -> Iterator[bytes]:
    return _filled(made.as_csv([header]) + "@", lambda pupils: made.as_csv(map(row, pupils)), size)


def _filled(whole: str, records: Callable[[Sequence[Pupil]], str], size: int) -> Iterator[bytes]:
    """`whole` with records in the place of its @, each of another pupil, of `size` bytes or little more."""
    before, _, after = whole.partition("@")
    yield before.encode()
    written = 0
    for first in itertools.count(0, BLOCK):
        block = records([Pupil(number) for number in range(first, first + BLOCK)]).encode()
        yield block
        written += len(block)
        if written >= size:
            break
    yield after.encode()


def bare_xml(content: BinaryIO) -> None:
    """lxml alone: every element seen and cleared."""
    for _, element in etree.iterparse(content):
        element.clear()


def bare_csv(content: BinaryIO) -> None:
    """csv.reader alone: every row seen."""
    for _ in csv.reader(io.TextIOWrapper(content, "utf-8", newline="")):
        pass


def _timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def peak_megabytes() -> int:
    """The most memory this process has had; getrusage would count the process that forked it too."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def _classify(path: Path, queue: multiprocessing.Queue[tuple[str, float, int]]) -> None:
    rules = load_rules(POLICIES)
    with path.open("rb") as content:
        start = time.perf_counter()
        found = classify(content, path.name, ClassifyLimits(), rules, today=TODAY)
        seconds = time.perf_counter() - start
    name = found.data_type if isinstance(found, Classified) else found.code
    queue.put((name, seconds, peak_megabytes()))


def measure(path: Path) -> tuple[str, float, int]:
    """The type, the seconds and the peak memory in MB of classifying a file in a process of its own."""
    context = multiprocessing.get_context("spawn")
    queue: multiprocessing.Queue[tuple[str, float, int]] = context.Queue()
    child = context.Process(target=_classify, args=(path, queue))
    child.start()
    measured = queue.get(timeout=600)
    child.join()
    return measured


def main() -> None:
    """Print one line for each kind of file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=30)
    size = parser.parse_args().megabytes * 1024**2
    kinds = [(ctf_core, bare_xml), (ctf_results, bare_xml), (census, bare_xml), (csv_core, bare_csv)]
    kinds.append((csv_marks, bare_csv))
    for make, bare in kinds:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "content"
            with path.open("wb") as file:
                file.writelines(make(size))
            megabytes = path.stat().st_size / 1e6
            with path.open("rb") as content:
                bare_seconds = _timed(lambda: bare(content))  # noqa: B023 - called at once
            name, seconds, peak = measure(path)
        print(
            f"{make.__name__:12} {name:13} {megabytes:6.0f} MB  classify {megabytes / seconds:6.1f} MB/s  "
            f"bare {megabytes / bare_seconds:6.1f} MB/s  ratio {seconds / bare_seconds:4.2f}  peak {peak} MB"
        )


if __name__ == "__main__":
    main()
