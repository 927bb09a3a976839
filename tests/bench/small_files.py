"""What classifying one small file costs: milliseconds of CPU by type, with the roll of its pupils taken.

python -m tests.bench.small_files [--pupils N] [--rounds N] [TYPE...]
"""

from __future__ import annotations

import argparse
import gc
import io
import time
from collections.abc import Callable

import openpyxl

from gateway.classify import Rules, classify, load_rules
from gateway.classify.tally import judge_on
from gateway.home.settings import ClassifyLimits
from gateway.model import Classified
from tests.bench.bench_classify import POLICIES, TODAY
from tests.classify import made
from tests.content import census, core_data, gcse_results


def _table(pupils: int) -> bytes:
    return made.as_csv(made.core_rows(pupils)).encode()


def _workbook(pupils: int) -> bytes:
    book = openpyxl.Workbook()
    for row in made.core_rows(pupils):
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


FILES: dict[str, Callable[[int], bytes]] = {
    "ctf-core": lambda pupils: core_data(1, pupils),
    "census": lambda pupils: census(1, pupils),
    "jcq-gcse": lambda _: gcse_results(1),
    "csv-core": _table,
    "xlsx-core": _workbook,
}


def milliseconds(content: bytes, rules: Rules, rounds: int) -> float:
    """The least CPU time of classifying this, of so many times, in milliseconds."""
    taken = []
    for _ in range(rounds):
        judge_on.cache_clear()  # As if its values were others.
        start = time.process_time_ns()
        found = classify(
            io.BytesIO(content), "file", ClassifyLimits(), rules, today=TODAY, on_pupils=lambda *_: None
        )
        taken.append(time.process_time_ns() - start)
        assert isinstance(found, Classified), found
    return min(taken) / 1e6


def main() -> None:
    """Print a line for each type."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pupils", type=int, default=45)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("types", nargs="*", default=list(FILES), metavar="TYPE")
    asked = parser.parse_args()
    rules = load_rules(POLICIES)
    gc.freeze()
    for name in asked.types:
        content = FILES[name](asked.pupils)
        taken = milliseconds(content, rules, asked.rounds)
        print(f"{name:12} {len(content) / 1e3:6.1f} KB  {taken:6.2f} ms of CPU")


if __name__ == "__main__":
    main()
