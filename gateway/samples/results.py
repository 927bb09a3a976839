"""Results of the stages of school, as rows carried in a CTF: subject, component, method, result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby

from lxml import etree

from gateway.samples.ctf import Module
from gateway.samples.drawing import Cohort, Element, branch, leaf
from gateway.samples.people import Pupil

# The number of the seventeen early learning goals in each area, in numerical order.
GOALS_2021 = (("COM", 2), ("PSE", 3), ("PHY", 2), ("LIT", 3), ("MAT", 2), ("UTW", 3), ("EXP", 2))
GOALS_2013 = (("COM", 3), ("PHY", 2), ("PSE", 3), ("LIT", 2), ("MAT", 2), ("UTW", 3), ("EXP", 2))
TEACHER_ASSESSMENTS = ("WTS", "EXS", "GDS", "HNM")
UNKNOWN_RESULT = "QQQ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One row of a pupil's results."""

    stage: str
    subject: str
    component: str
    method: str
    qualifier: str
    value: object


Results = Callable[[Pupil, Cohort], Iterator[Result]]


def goals(areas: tuple[tuple[str, int], ...], letter: str) -> list[tuple[str, str]]:
    """Return (area, component) of each early learning goal: ("COM", "E01") and so on."""
    names = [area for area, count in areas for _ in range(count)]
    return [(area, f"{letter}{number:02d}") for number, area in enumerate(names, 1)]


def early_years(pupil: Pupil, cohort: Cohort) -> Iterator[Result]:
    """Yield the seventeen goals in force since 2021."""
    yield from _goals(pupil, cohort, goals(GOALS_2021, "E"), (1, 2))


def early_years_2013(pupil: Pupil, cohort: Cohort) -> Iterator[Result]:
    """Yield the seventeen goals of 2013 to 2021, with 3 for exceeding."""
    yield from _goals(pupil, cohort, goals(GOALS_2013, "G"), (1, 2, 3))


def _goals(
    pupil: Pupil, cohort: Cohort, components: list[tuple[str, str]], values: tuple[int, ...]
) -> Iterator[Result]:
    for number, (area, component) in enumerate(components):
        value: object = cohort.rng.choice(values)
        if number == 4 and pupil.fault == "code:unknown":
            value = UNKNOWN_RESULT
        yield Result(stage="EYF", subject=area, component=component, method="FA", qualifier="FD", value=value)


def phonics(pupil: Pupil, cohort: Cohort) -> Iterator[Result]:
    """Yield the mark and the outcome of the phonics screening check."""
    yield from _phonics(pupil, cohort, "CHK", "TT")


def phonics_other_component(pupil: Pupil, cohort: Cohort) -> Iterator[Result]:
    """Yield the mark and outcome of the phonics check in one system's form: component PHO, method TA."""
    yield from _phonics(pupil, cohort, "PHO", "TA")


def _phonics(pupil: Pupil, cohort: Cohort, component: str, method: str) -> Iterator[Result]:
    mark, outcome = phonics_check(pupil, cohort)
    for qualifier, value in (("NM", mark), ("NY", outcome)):
        yield Result(
            stage="KS1", subject="PHO", component=component, method=method, qualifier=qualifier, value=value
        )


def phonics_check(pupil: Pupil, cohort: Cohort) -> tuple[int, str]:
    """Return a mark of 0 to 40 and the matching outcome (WA from 32)."""
    mark = cohort.rng.randrange(10, 41)
    if pupil.fault == "code:unknown":
        return mark, UNKNOWN_RESULT
    return mark, "WA" if mark >= 32 else "WT"


def key_stage_1(pupil: Pupil, cohort: Cohort) -> Iterator[Result]:
    """Yield teacher assessments of reading, writing, mathematics and science."""
    parts = (("ENG", "REA"), ("ENG", "WRI"), ("MAT", "MAT"), ("SCI", "SCI"))
    yield from _assessments(pupil, cohort, "KS1", parts)


def key_stage_1_with_retakes(pupil: Pupil, cohort: Cohort) -> Iterator[Result]:
    """Yield key stage 1, and for every third pupil the phonics check taken again in year 2."""
    yield from key_stage_1(pupil, cohort)
    if cohort.rng.random() < 0.33:
        for row in phonics(pupil, cohort):
            if row.value != UNKNOWN_RESULT:  # The planted code is in the assessments already.
                yield row


def key_stage_2(pupil: Pupil, cohort: Cohort) -> Iterator[Result]:
    """Yield teacher assessments of writing and science."""
    yield from _assessments(pupil, cohort, "KS2", (("ENG", "WRI"), ("SCI", "SCI")))


def _assessments(
    pupil: Pupil, cohort: Cohort, stage: str, parts: tuple[tuple[str, str], ...]
) -> Iterator[Result]:
    for number, (subject, component) in enumerate(parts):
        value = cohort.rng.choice(TEACHER_ASSESSMENTS)
        if number == 0 and pupil.fault == "code:unknown":
            value = UNKNOWN_RESULT
        yield Result(
            stage=stage, subject=subject, component=component, method="TA", qualifier="NC", value=value
        )


def tables_check(pupil: Pupil, cohort: Cohort) -> Iterator[Result]:
    """Yield the multiplication tables check of year 4."""
    score: object = cohort.rng.choices((cohort.rng.randrange(26), "A", "B"), weights=(90, 5, 5))[0]
    value = UNKNOWN_RESULT if pupil.fault == "code:unknown" else score
    yield Result(stage="KS2", subject="MAT", component="MTC", method="TT", qualifier="MT", value=value)


def history(pupil: Pupil, cohort: Cohort) -> Iterator[Result]:
    """Yield a year 6 leaver's results: early years, phonics, key stages 1 and 2."""
    for stage in (early_years, phonics, key_stage_1, key_stage_2):
        yield from stage(pupil, cohort)


def stage_assessments(results: Results) -> Module:
    """Return a module of a CTF: StageAssessments with the rows of `results`, a KeyStage for each stage."""

    def module(node: Element, pupil: Pupil, cohort: Cohort) -> None:
        holder = etree.SubElement(node, "StageAssessments")
        for stage, rows in groupby(results(pupil, cohort), key=lambda row: row.stage):
            key_stage = branch(holder, "KeyStage", Stage=stage)
            for row in rows:
                _assessment(key_stage, row, cohort)

    return module


def _assessment(key_stage: Element, row: Result, cohort: Cohort) -> None:
    node = branch(
        key_stage,
        "StageAssessment",
        Locale="ENG",
        Year=cohort.year + 1,
        Subject=row.subject,
        Method=row.method,
        Component=row.component,
        ResultStatus="R",
        ResultQualifier=row.qualifier,
        Result=row.value,
    )
    leaf(node, "ResultDate", f"{cohort.year + 1}-06-10")
