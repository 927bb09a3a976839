"""Which files the confusion matrix is made of, and what is held against the answer for each.

The truth is the generator's: nothing here knows how files are recognised.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice, product
from random import Random

from gateway.classify import Rules, classify
from gateway.home.settings import ClassifyLimits
from gateway.model import Classified, ContentRefused
from gateway.samples import LAYOUTS, TODAY, Layout, Sample, build_layout
from gateway.samples.people import RECORD_FAULTS
from gateway.samples.presentation import PRESENTATIONS, Presentation

SIZES = (5, 24, 9, 60)
MIXED = {"gcse-results": "a-level-results", "a-level-results": "gcse-results"}


@dataclass(frozen=True, slots=True)
class Case:
    """One file to be built: a layout in a presentation, with so many pupils, clean or with faults."""

    layout: Layout
    way: Presentation
    pupils: int
    errors: bool
    seed: int

    def build(self) -> Sample:
        """The file, the same each time."""
        rng = Random(f"{self.seed} {self.layout.data_type} {self.layout.variant} {self.way.name}")
        return build_layout(self.layout, self.way, rng=rng, pupils=self.pupils, errors=self.errors)

    def __str__(self) -> str:
        errors = " with faults" if self.errors else ""
        kind = f"{self.layout.data_type} {self.layout.variant} {self.way.name or 'plain'}"
        return f"{kind}, {self.pupils} pupils{errors}, seed {self.seed}"


def cases(files: int, *, large: bool = True) -> list[Case]:
    """`files` cases: whole rounds of every layout in every presentation, then as much as is left over.

    Rounds differ in size and seed and take turns in having faults. With `large` one case in forty has
    300 pupils and one in four hundred 2,000.
    """
    combined = [(layout, way) for layout, way in product(LAYOUTS, PRESENTATIONS) if layout.form in way.suits]
    return [
        Case(layout, way, _size(number, round_) if large else SIZES[round_ % 2], round_ % 2 == 1, round_)
        for number, (round_, (layout, way)) in enumerate(islice(_rounds(combined), files))
    ]


def _rounds(
    combined: list[tuple[Layout, Presentation]],
) -> Iterator[tuple[int, tuple[Layout, Presentation]]]:
    """The combinations again and again, each round in another order so that its start is a fair sample."""
    for round_ in count():
        for pair in Random(round_).sample(combined, len(combined)):
            yield round_, pair


def _size(number: int, round_: int) -> int:
    if number % 400 == 399:
        return 2000
    return 300 if number % 40 == 39 else SIZES[round_ % len(SIZES)]


def answer(content: bytes, name: str, limits: ClassifyLimits, rules: Rules) -> Classified | ContentRefused:
    """What the gateway says of `content`, on the day the samples were made."""
    return classify(io.BytesIO(content), name, limits, rules, today=TODAY)


def said(outcome: Classified | ContentRefused) -> str:
    """The data type, or the code of the refusal."""
    return outcome.data_type if isinstance(outcome, Classified) else outcome.code


def misses(case: Case, built: Sample, outcome: Classified | ContentRefused) -> list[str]:
    """What is wrong with the answer: the type first, and only if that is right, the counts."""
    sample = built
    if said(outcome) != sample.data_type:
        evidence = "; ".join(outcome.evidence)
        return [f"type: said {said(outcome)} ({evidence}), runner-up {outcome.runner_up}"]
    assert isinstance(outcome, Classified)
    return [*_pupils(built, outcome), *_mixture(case, outcome), *_findings(built, outcome)]


def _pupils(built: Sample, outcome: Classified) -> Iterator[str]:
    """A file that names its pupils by a key of its own (no UPN) may leave them uncounted, never miscount."""
    uncounted = outcome.pupils is None and not built.faults and "blade" in built.variant
    if outcome.pupils != built.pupils and not uncounted:
        yield f"pupils: said {outcome.pupils}, truly {built.pupils}"


def _mixture(case: Case, outcome: Classified) -> Iterator[str]:
    truth = MIXED.get(outcome.data_type) if "mixed" in case.layout.variant else None
    if outcome.mixed_with != truth:
        yield f"mixture: said {outcome.mixed_with}, truly {truth}"


def _findings(built: Sample, outcome: Classified) -> Iterator[str]:
    """In a file with several records a pupil, a fault may be found more often than it was planted."""
    found = {finding.code: finding.count for finding in outcome.findings}
    for code in RECORD_FAULTS:
        planted, counted = built.faults.get(code, 0), found.get(code, 0)
        exact = built.one_record or not planted
        if counted < planted or (exact and counted != planted):
            yield f"{code}: said {counted}, planted {planted}"
