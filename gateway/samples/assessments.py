"""Stage results as spreadsheets: the families of CSV exchanged by the DfE, NCER and schools."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.samples.core import Column, table
from gateway.samples.drawing import Cell, Cohort, SampleTable
from gateway.samples.people import Pupil
from gateway.samples.results import (
    GOALS_2013,
    GOALS_2021,
    TEACHER_ASSESSMENTS,
    UNKNOWN_RESULT,
    goals,
    phonics_check,
)


def early_years_2021(cohort: Cohort) -> SampleTable:
    """Return FSP_ columns with the goals since 2021."""
    return _early_years(cohort, goals(GOALS_2021, "E"), (1, 2))


def early_years_2013(cohort: Cohort) -> SampleTable:
    """Return FSP_ columns with the goals of 2013 to 2021."""
    return _early_years(cohort, goals(GOALS_2013, "G"), (1, 2, 3))


def _early_years(cohort: Cohort, parts: list[tuple[str, str]], values: tuple[int, ...]) -> SampleTable:
    scores: list[Column] = [
        (f"FSP_{area}_{part}", _choice(cohort, values, faulty=number == 0))
        for number, (area, part) in enumerate(parts)
    ]
    last: list[Column] = [("FSP_AGE", lambda _: 60), ("FSP_GLD", lambda _: cohort.rng.randrange(2))]
    return table(cohort, [*_national(cohort, "FSP_"), *scores, *last, ("FSP_VERSION", lambda _: "F")])


def early_years_school(cohort: Cohort) -> SampleTable:
    """Return a school system's export: the goals without the national prefix."""
    scores: list[Column] = [
        (f"{area}_{part}", _choice(cohort, (1, 2), faulty=number == 0))
        for number, (area, part) in enumerate(goals(GOALS_2021, "E"))
    ]
    return table(cohort, [*_NAMED, *scores])


def phonics_national(cohort: Cohort) -> SampleTable:
    """Return Phonics_ columns, as named by the DfE."""
    checks = {pupil: phonics_check(pupil, cohort) for pupil in cohort.pupils}
    last: list[Column] = [
        ("Phonics_NCYEARACTUAL", lambda p: p.year),
        ("Phonics_TOE_CODE", lambda _: 21),
        ("Phonics_PHONICS_MARK", lambda p: checks[p][0]),
        ("Phonics_PHONICS_OUTCOME", lambda p: checks[p][1]),
        ("Phonics_VERSION", lambda _: "F"),
    ]
    return table(cohort, [*_national(cohort, "Phonics_"), *last])


def phonics_school(cohort: Cohort) -> SampleTable:
    """Return a school's own list: mark and outcome."""
    checks = {pupil: phonics_check(pupil, cohort) for pupil in cohort.pupils}
    last: list[Column] = [
        ("Phonics Mark", lambda p: checks[p][0]),
        ("Phonics Outcome", lambda p: checks[p][1]),
    ]
    return table(cohort, [*_NAMED, *last])


def key_stage_1_national(cohort: Cohort) -> SampleTable:
    """Return READ_, WRIT_, MATH_ and SCI_OUTCOME, as named by the DfE."""
    first: list[Column] = [*_national(cohort, ""), ("LAESTAB", lambda _: cohort.school.dfe_number)]
    first += [("ToE_CODE", lambda _: 21), ("KS1_ID", lambda p: p.candidate)]
    return table(cohort, [*first, *_key_stage_1(cohort), ("NPDPUB", lambda _: 1), ("VERSION", lambda _: "F")])


def key_stage_1_school(cohort: Cohort) -> SampleTable:
    """Return a school's own list with the same outcomes."""
    return table(cohort, [*_NAMED, *_key_stage_1(cohort)])


def _key_stage_1(cohort: Cohort) -> list[Column]:
    return [
        (f"{subject}_OUTCOME", _choice(cohort, TEACHER_ASSESSMENTS, faulty=subject == "READ"))
        for subject in ("READ", "WRIT", "MATH", "SCI")
    ]


def key_stage_2_national(cohort: Cohort) -> SampleTable:
    """Return outcomes, scaled scores and marks, as named by the DfE."""
    return table(
        cohort,
        [
            *_national(cohort, ""),
            ("CANDNO", lambda p: p.candidate),
            ("CAND_ID", lambda p: f"26{p.candidate}"),
            ("YEARGRP", lambda p: p.year),
            ("LAESTAB", lambda _: cohort.school.dfe_number),
            *_key_stage_2(cohort),
            ("READEXP", lambda _: cohort.rng.randrange(2)),
            ("MATEXP", lambda _: cohort.rng.randrange(2)),
            ("RWMEXP", lambda _: cohort.rng.randrange(2)),
        ],
    )


def key_stage_2_download(cohort: Cohort) -> SampleTable:
    """Return the list of scores fetched by schools when the results are published."""
    return table(cohort, [*_NAMED, ("YEARGRP", lambda p: p.year), *_key_stage_2(cohort)])


def _key_stage_2(cohort: Cohort) -> list[Column]:
    tests = ("READ", "MAT", "GPS")
    outcomes: list[Column] = [(f"{t}OUTCOME", lambda _: cohort.rng.choice(("AS", "NS"))) for t in tests]
    scores: list[Column] = [(f"{t}SCORE", lambda _: cohort.rng.randrange(80, 121)) for t in tests]
    marks: list[Column] = [(f"{t}MRK", lambda _: cohort.rng.randrange(10, 50)) for t in tests]
    teacher: list[Column] = [
        (f"{t}TAOUTCOME", lambda _: cohort.rng.choice(TEACHER_ASSESSMENTS)) for t in ("WRIT", "SCI")
    ]
    return [*outcomes, *scores, *marks, *teacher]


def key_stage_4_national(cohort: Cohort) -> SampleTable:
    """Return KS4_ columns, as named by the DfE."""
    return table(cohort, [*_national(cohort, "KS4_"), *_key_stage_4(cohort, "KS4_")])


def key_stage_4_checking(cohort: Cohort) -> SampleTable:
    """Return the file of the checking exercise: the same measures without the prefix."""
    return table(cohort, [*_NAMED, *_key_stage_4(cohort, "")])


def _key_stage_4(cohort: Cohort, prefix: str) -> list[Column]:
    rng = cohort.rng
    columns: list[Column] = [
        ("LAESTAB", lambda _: cohort.school.dfe_number),
        ("NCN", lambda _: cohort.school.centre),
        ("ENTRIES", lambda _: rng.randrange(7, 12)),
        ("ATT8", lambda _: round(rng.uniform(15, 85), 1)),
        ("P8SCORE", lambda _: round(rng.uniform(-2, 2), 3)),
        ("P8ENG", lambda _: round(rng.uniform(-2, 2), 3)),
        ("P8MAT", lambda _: round(rng.uniform(-2, 2), 3)),
        ("P8EBAC", lambda _: round(rng.uniform(-2, 2), 3)),
        ("P8OPEN", lambda _: round(rng.uniform(-2, 2), 3)),
        ("EBACC_94", lambda _: rng.randrange(2)),
        ("EBACC_95", lambda _: rng.randrange(2)),
        ("L2BASICS_94", lambda _: rng.randrange(2)),
        ("L2BASICS_95", lambda _: rng.randrange(2)),
        ("HGMATH_91", lambda _: rng.randrange(1, 10)),
    ]
    return [(prefix + heading, cell) for heading, cell in columns]


def _choice(cohort: Cohort, values: Sequence[Cell], *, faulty: bool) -> Callable[[Pupil], Cell]:
    """Return a cell with one of `values`; with `faulty`, the place for a pupil's unknown code."""

    def cell(pupil: Pupil) -> Cell:
        spoilt = faulty and pupil.fault == "code:unknown"
        return UNKNOWN_RESULT if spoilt else cohort.rng.choice(values)

    return cell


def _national(cohort: Cohort, prefix: str) -> list[Column]:
    """Return the first columns of every national file, under the file's prefix."""
    school = cohort.school
    forenames = "FORENAME" if prefix == "FSP_" else "FORENAMES"
    columns: list[Column] = [
        ("ACADYR", lambda _: f"{cohort.year}/{cohort.year + 1}"),
        ("PUPILMATCHINGREF", lambda p: f"PMR{p.candidate}"),
        ("UPN", lambda p: p.upn),
        ("SURNAME", lambda p: p.surname),
        (forenames, lambda p: f"{p.forename} {p.middle_names}"),
        ("DOB", lambda p: p.dob),
        ("SEX", lambda p: p.sex),
        ("LA", lambda _: school.la),
        ("ESTAB", lambda _: school.establishment),
        ("URN", lambda _: school.urn),
    ]
    return [(prefix + heading, cell) for heading, cell in columns]


_NAMED: list[Column] = [
    ("UPN", lambda p: p.upn),
    ("Surname", lambda p: p.surname),
    ("Forename", lambda p: f"{p.forename} {p.middle_names}"),
    ("DOB", lambda p: p.dob),
    ("Sex", lambda p: p.sex),
]
