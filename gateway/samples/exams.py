"""Examination results: fixed-width result files of the awarding bodies, and result spreadsheets.

The fixed-width layout is inferred: records of 192 characters with the fields of the published entry
record, each option code followed by the grade where an entry has its status.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from gateway.samples.drawing import Cell, Cohort, Lines, SampleTable, data
from gateway.samples.people import Pupil

_RECORD = 192
_FIRST_OPTION = 108
_UNKNOWN_GRADE = "?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Qualification:
    """One kind of examination: code, series, grades, and subjects with option codes."""

    code: str
    series: str
    grades: Sequence[str]
    subjects: Sequence[tuple[str, str, str]]


_KINDS = {each["code"]: Qualification(**each) for each in data("records")["examinations"]}


@dataclass(frozen=True, slots=True)
class ExamEntry:
    """One result of one candidate."""

    kind: Qualification
    subject: str
    option: str
    accreditation: str
    grade: str


def _entries(pupil: Pupil, rng: Random, kind: Qualification, count: int) -> list[ExamEntry]:
    entries = [
        ExamEntry(kind, *subject, rng.choice(kind.grades)) for subject in rng.sample(kind.subjects, count)
    ]
    if pupil.fault == "code:unknown":
        first = entries[0]
        entries[0] = ExamEntry(kind, first.subject, first.option, first.accreditation, _UNKNOWN_GRADE)
    return entries


def result_file(cohort: Cohort, *, kinds: Sequence[tuple[str, int]], body: str = "70") -> Lines:
    """Return a result file of awarding body `body`, with a number of results a candidate of each kind."""
    of = cohort.school
    series, year = _KINDS[kinds[0][0]].series, f"{(cohort.year + 1) % 100:02d}"
    made = cohort.today.strftime("%d%m%y")
    records = [
        f"R1{body}{series}{year}{of.centre}{made}",
        f"R3{of.centre}{of.name.upper():<40}{series}{year}",
    ]
    for pupil in cohort.pupils:
        results = [e for kind, count in kinds for e in _entries(pupil, cohort.rng, _KINDS[kind], count)]
        records.append(_candidate(pupil, of.centre, results))
    count = f"{len(cohort.pupils):07d}"
    records += [f"R7{of.centre}{count}", f"R9{body}{count}"]
    return Lines([record.ljust(_RECORD)[:_RECORD] for record in records])


def _candidate(pupil: Pupil, centre: str, results: Sequence[ExamEntry]) -> str:
    name = f"{pupil.surname}:{pupil.forename} {pupil.middle_names}".upper()[:40]
    born = pupil.dob.strftime("%d%m%y")
    who = f"R5C{centre}{pupil.candidate:>4}{name:<40}{pupil.sex}{born}{pupil.uci}{pupil.upn}{pupil.uln}"
    options = "".join(f"{entry.option:<6}{_narrow(entry.grade)}" for entry in results)
    return who.ljust(_FIRST_OPTION) + options


def _narrow(grade: str) -> str:
    """Return a grade in one character: A* is written as a star."""
    return "*" if grade == "A*" else grade


def results_table(cohort: Cohort, *, kind: str) -> SampleTable:
    """Return one row for each result, with the candidate, the qualification and the series named."""
    header = ["Centre Number", "Candidate Number", "UPN", "UCI", "Surname", "Forename"]
    header += ["Qualification", "Series", "Subject", "QAN", "Grade"]
    return SampleTable(header=header, rows=[_row(cohort, p, e) for p, e in _each(cohort, kind)])


def _row(cohort: Cohort, pupil: Pupil, entry: ExamEntry) -> list[Cell]:
    who: list[Cell] = [cohort.school.centre, pupil.candidate, pupil.upn, pupil.uci, pupil.surname]
    series = f"{entry.kind.series}{(cohort.year + 1) % 100:02d}"
    what: list[Cell] = [entry.kind.code, series, entry.subject, entry.accreditation, entry.grade]
    return [*who, f"{pupil.forename} {pupil.middle_names}", *what]


def accreditation_table(cohort: Cohort, *, kind: str) -> SampleTable:
    """Return the shortest list: the day, the candidate, the accreditation number, the grade."""
    rows: list[list[Cell]] = [
        [cohort.today, pupil.uci, entry.accreditation, entry.grade, pupil.middle_names]
        for pupil, entry in _each(cohort, kind)
    ]
    return SampleTable(header=["Date", "UCI", "QAN", "Grade", "Candidate Group"], rows=rows)


def collector_table(cohort: Cohort, *, kind: str) -> SampleTable:
    """Return the template of the national consortium: the learner number, the series and the result."""
    header = ["Forename", "Surname", "ULN", "Result Series", "Result Year", "Subject", "Result"]
    rows: list[list[Cell]] = [
        [
            f"{pupil.forename} {pupil.middle_names}",
            pupil.surname,
            pupil.uln,
            entry.kind.series,
            cohort.year + 1,
            entry.subject,
            entry.grade,
        ]
        for pupil, entry in _each(cohort, kind)
    ]
    return SampleTable(header=header, rows=rows)


def syllabus_table(cohort: Cohort, *, kind: str) -> SampleTable:
    """Return the list of an international board: syllabus, option, centre, candidate, total, grade."""
    header = ["Syllabus", "Option Code", "Centre Number", "Candidate Number", "Candidate Name"]
    header += ["Syllabus Total", "Syllabus Grade"]
    rows: list[list[Cell]] = [
        [
            entry.option[:4],
            entry.option[4:] or "A",
            cohort.school.centre,
            pupil.candidate,
            f"{pupil.surname}:{pupil.forename} {pupil.middle_names}",
            cohort.rng.randrange(40, 200),
            entry.grade,
        ]
        for pupil, entry in _each(cohort, kind)
    ]
    return SampleTable(header=header, rows=rows)


def _each(cohort: Cohort, kind: str) -> list[tuple[Pupil, ExamEntry]]:
    """Return every result of every pupil: two to four each."""
    return [
        (pupil, entry)
        for pupil in cohort.pupils
        for entry in _entries(pupil, cohort.rng, _KINDS[kind], cohort.rng.choice((2, 3, 4)))
    ]
