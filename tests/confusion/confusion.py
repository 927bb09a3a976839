"""The confusion matrix: what the gateway says of files whose truth is known.

Run as `python -m tests.confusion.confusion [--files N]`. Exits 1 where any file got a wrong answer.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random

from rich.console import Console
from rich.progress import track
from rich.table import Table

from gateway.classify import Rules, load_rules
from gateway.home.settings import ClassifyLimits
from gateway.model import Classified
from tests.confusion.cases import answer, cases, misses, said
from tests.confusion.memory import measured
from tests.negatives import negatives

POLICIES = Path(__file__).parents[2] / "policies"
SECONDS_FOR_A_NEGATIVE = 2.0
MEGABYTES_FOR_A_NEGATIVE = 200

Matrix = Counter[tuple[str, str]]


def samples(files: int, limits: ClassifyLimits, rules: Rules, matrix: Matrix) -> list[str]:
    """Classify `files` samples, each under the name of another; what went wrong, a line each."""
    wrong, before = [], "pupils.csv"
    for case in track(cases(files), "samples", console=Console(stderr=True)):
        built = case.build()
        outcome = answer(built.content, before, limits, rules)
        matrix[case.layout.data_type, said(outcome)] += 1
        wrong += [f"{case}: {miss}" for miss in misses(case, built, outcome)]
        before = built.name
    return wrong


def others(limits: ClassifyLimits, rules: Rules, matrix: Matrix) -> list[str]:
    """Classify the negative corpus; what went wrong, a line each."""
    wrong = []
    for negative in track(negatives(Random(0)), "negatives", console=Console(stderr=True)):
        began = time.process_time()  # Not of the clock: other work on the machine is no answer's doing.
        with measured() as growth:
            outcome = answer(negative.content, negative.name, limits, rules)
        took = time.process_time() - began
        matrix[f"({negative.kind})", said(outcome)] += 1
        if isinstance(outcome, Classified):
            wrong.append(f"{negative.what}: said {said(outcome)} ({'; '.join(outcome.evidence)})")
        if negative.kind == "outside" and said(outcome) != "classify:outside-agreement":
            wrong.append(f"{negative.what}: said {said(outcome)}, which does not name it")
        if took > SECONDS_FOR_A_NEGATIVE:
            wrong.append(f"{negative.what}: took {took:.1f} s of the processor")
        if growth.megabytes > MEGABYTES_FOR_A_NEGATIVE:
            wrong.append(f"{negative.what}: took {growth.megabytes} MB")
    return wrong


def shown(matrix: Matrix) -> Table:
    """Truth down, answer across, an answer's column only where it was given."""
    answers = list(dict.fromkeys([truth for truth, _ in matrix if (truth, truth) in matrix]))
    answers += sorted({given for _, given in matrix} - set(answers))
    table = Table("truth", *answers, title="what the gateway says of files whose truth is known")
    for truth in dict.fromkeys(truth for truth, _ in matrix):
        cells = [str(matrix[truth, given] or "") for given in answers]
        table.add_row(truth, *cells)
    return table


def main() -> int:
    """Print the matrix and every miss; 1 where there is any."""
    parser = argparse.ArgumentParser(description="print the confusion matrix of the classifier")
    parser.add_argument("--files", type=int, default=2800, help="how many samples (default 2800)")
    files = parser.parse_args().files
    limits, rules, matrix = ClassifyLimits(), load_rules(POLICIES), Counter()
    began = time.monotonic()
    wrong = samples(files, limits, rules, matrix) + others(limits, rules, matrix)
    console = Console(width=260 if not sys.stdout.isatty() else None)
    console.print(shown(matrix))
    for line in wrong:
        console.print(f"wrong: {line}", markup=False, highlight=False, soft_wrap=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    seconds = time.monotonic() - began
    console.print(f"{matrix.total()} files in {seconds:.0f} s, peak {peak} MB, {len(wrong)} wrong answers")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
