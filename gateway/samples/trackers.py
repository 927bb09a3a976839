"""Estimates and value added: FFT Aspire, ALPS and Learning Plus UK.

No export of these is public: columns are the published vocabulary, and LPUK's is the least certain.
"""

from __future__ import annotations

from gateway.samples.core import Column, table
from gateway.samples.drawing import Cell, Cohort, Table

_SUBJECTS = ("English", "Maths", "Science")
_ALPS_SUBJECTS = ("Mathematics", "Physics", "History", "Psychology")
_GRADES = ("A*", "A", "B", "C", "D", "E")


def fft_estimates(cohort: Cohort) -> Table:
    """The estimates of each pupil at three benchmarks, by subject."""
    estimates: list[Column] = [
        (f"{subject} {benchmark}", lambda _: cohort.rng.randrange(1, 10))
        for subject in _SUBJECTS
        for benchmark in ("FFT50", "FFT20", "FFT5")
    ]
    return table(cohort, [*_fft(cohort), *estimates])


def fft_chances(cohort: Cohort) -> Table:
    """The chance of each grade in percent, with the benchmark named above."""
    chances: list[Column] = [
        (f"{subject} chance % {grade}+", lambda _: cohort.rng.randrange(101))
        for subject in _SUBJECTS
        for grade in (4, 5, 7)
    ]
    bands: list[Column] = [("Attainment Band", lambda _: cohort.rng.choice("ANWB"))]
    estimate: list[Column] = [("FFT Estimate", lambda _: cohort.rng.randrange(1, 10))]
    preamble: list[list[Cell]] = [["FFT Aspire", "Pupil estimates", "Benchmark", "FFT20"]]
    return table(cohort, [*_fft(cohort), *bands, *estimate, *chances], preamble)


def _fft(cohort: Cohort) -> list[Column]:
    """The published template, in which two columns are called Year: of the results, and of birth."""
    school = cohort.school
    return [
        ("Organisation", lambda _: school.name),
        ("DfE number", lambda _: school.dfe_number),
        ("Key stage", lambda _: 4),
        ("Year", lambda _: cohort.year + 1),
        ("UPN", lambda p: p.upn),
        ("Forename", lambda p: f"{p.forename} {p.middle_names}"),
        ("Surname", lambda p: p.surname),
        ("Day", lambda p: p.dob.day),
        ("Month", lambda p: p.dob.month),
        ("Year", lambda p: p.dob.year),
        ("Gender", lambda p: p.sex),
    ]


def alps(cohort: Cohort) -> Table:
    """The minimum expected grades of each student, with the band and the grade of ALPS."""
    rng = cohort.rng
    columns: list[Column] = [
        ("Subject", lambda _: rng.choice(_ALPS_SUBJECTS)),
        ("Teaching Set", lambda p: p.registration_group),
        ("Average GCSE Score", lambda _: round(rng.uniform(4, 8.5), 2)),
        ("Alps Band", lambda _: rng.randrange(1, 11)),
        ("MEG", lambda _: rng.choice(_GRADES)),
        ("MEP", lambda _: rng.randrange(60, 140)),
        ("Alps Grade", lambda _: rng.randrange(1, 10)),
        ("Monitoring Point", lambda _: "MP2"),
    ]
    return table(cohort, [*_STUDENT, *columns])


def learning_plus(cohort: Cohort) -> Table:
    """Value added at the level of a subject, as a dashboard exports it."""
    rng = cohort.rng
    columns: list[Column] = [
        ("Subject", lambda _: rng.choice(_ALPS_SUBJECTS)),
        ("Qualification", lambda _: "GCE A level"),
        ("Average GCSE Score", lambda _: round(rng.uniform(4, 8.5), 2)),
        ("Expected Points", lambda _: rng.randrange(20, 60)),
        ("Actual Points", lambda _: rng.randrange(20, 60)),
        ("Value Added", lambda _: round(rng.uniform(-1.5, 1.5), 2)),
    ]
    preamble: list[list[Cell]] = [["Learning Plus UK Data Dashboard"], [cohort.school.name, cohort.year + 1]]
    return table(cohort, [*_STUDENT, *columns], preamble)


_STUDENT: list[Column] = [
    ("UPN", lambda p: p.upn),
    ("Surname", lambda p: p.surname),
    ("Forename", lambda p: f"{p.forename} {p.middle_names}"),
    ("Gender", lambda p: p.sex),
]
