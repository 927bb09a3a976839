"""Estimates and value added: FFT Aspire, ALPS and Learning Plus UK.

No export is public: columns follow the published vocabulary, and LPUK's are the least certain.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from gateway.samples.core import Column, table
from gateway.samples.drawing import Cell, Cohort, SampleTable

_SUBJECTS = ("English", "Maths", "Science")
_ALPS_SUBJECTS = ("Mathematics", "Physics", "History", "Psychology")
_GRADES = ("A*", "A", "B", "C", "D", "E")


def fft_estimates(cohort: Cohort) -> SampleTable:
    """Return the estimates of each pupil at three benchmarks, by subject."""
    estimates: list[Column] = [
        (f"{subject} {benchmark}", lambda _: cohort.rng.randrange(1, 10))
        for subject in _SUBJECTS
        for benchmark in ("FFT50", "FFT20", "FFT5")
    ]
    return table(cohort, [*_fft(cohort), *estimates])


def fft_chances(cohort: Cohort) -> SampleTable:
    """Return the chance of each grade in percent, with the benchmark named above."""
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
    """Return the published template, with two columns called Year: of the results, and of birth."""
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


def alps(cohort: Cohort) -> SampleTable:
    """Return the minimum expected grades of each student in each subject, with ALPS's band and grade."""
    header = ["Subject", "Teaching Set", "Average GCSE Score", "Alps Band", "MEG", "MEP", "Alps Grade"]
    return _by_subject(cohort, [*header, "Monitoring Point"], _alps_cells, [])


def _alps_cells(rng: Random) -> list[Cell]:
    score, band = round(rng.uniform(4, 8.5), 2), rng.randrange(1, 11)
    teaching_set = f"{rng.choice((12, 13))}{rng.choice('AB')}"
    meg, mep = rng.choice(_GRADES), rng.randrange(60, 140)
    return [teaching_set, score, band, meg, mep, rng.randrange(1, 10), "MP2"]


def learning_plus(cohort: Cohort) -> SampleTable:
    """Return value added by subject, as exported from a dashboard."""
    header = ["Subject", "Qualification", "Average GCSE Score", "Expected Points", "Actual Points"]
    preamble: list[list[Cell]] = [["Learning Plus UK Data Dashboard"], [cohort.school.name, cohort.year + 1]]
    return _by_subject(cohort, [*header, "Value Added"], _learning_plus_cells, preamble)


def _learning_plus_cells(rng: Random) -> list[Cell]:
    score, expected, actual = round(rng.uniform(4, 8.5), 2), rng.randrange(20, 60), rng.randrange(20, 60)
    return ["GCE A level", score, expected, actual, round(rng.uniform(-1.5, 1.5), 2)]


def _by_subject(
    cohort: Cohort, header: list[str], cells: Callable[[Random], list[Cell]], preamble: list[list[Cell]]
) -> SampleTable:
    """Return two or three rows for each student, one a subject: student, subject, and `cells`."""
    rng = cohort.rng
    rows: list[list[Cell]] = [
        [p.upn, p.surname, f"{p.forename} {p.middle_names}", p.sex, subject, *cells(rng)]
        for p in cohort.pupils
        for subject in rng.sample(_ALPS_SUBJECTS, rng.choice((2, 3)))
    ]
    return SampleTable(header=["UPN", "Surname", "Forename", "Gender", *header], rows=rows, preamble=preamble)
