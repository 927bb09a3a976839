"""Draw what happens to pupils: marks of attendance, absences, exclusions and results, each as values by name.

records.toml says how these values are written in a table ([columns]) or a register ([registers]). The
layout of the awarding bodies' fixed-width result files is inferred: records of 192 characters with the
fields of the published entry record, each option code followed by the grade where an entry has its status.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from random import Random
from typing import Any

from lxml import etree

from gateway.samples.drawing import (
    Cohort,
    Element,
    Given,
    Lines,
    SampleTable,
    Way,
    branch,
    given,
    grow,
    leaf,
    rows_of,
)
from gateway.samples.people import Pupil, data

UNKNOWN_MARK = "!"
_UNKNOWN_REASON = "QX"
_RECORDS = data("records")
_EXAMINATIONS: Mapping[str, Mapping[str, Any]] = {each["code"]: each for each in _RECORDS["examinations"]}
_RESULT_RECORD, _FIRST_OPTION = 192, 108
_UNKNOWN_GRADE = "?"


def session_marks(rng: Random, days: int, *, faulty: bool, codes: str = "short") -> list[str]:
    """Return two marks of attendance a day, mostly "present". `faulty`: True to make one an unknown code."""
    marks = [
        rng.choice(_RECORDS["codes"][codes]) if rng.random() < 0.1 else present
        for _ in range(days)
        for present in ("/", "\\")
    ]
    if faulty:
        marks[rng.randrange(len(marks))] = UNKNOWN_MARK
    return marks


def _marks(
    cohort: Cohort, pupil: Pupil, *, codes: str = "short", weeks: int = 1, sessions: int = 0
) -> Iterator[Given]:
    """Yield one event with all marks of a pupil or, if `sessions` is set, one event for that many sessions.
    For a pupil with the fault date:future the first day lies in the future. `codes`: the name of a list of
    codes in records.toml; "2023" gives a week in June 2023, "2024" has codes of two characters, too.
    """
    days = cohort.school_days(weeks)
    if codes == "2023":
        days = [date(2023, 6, 12) + timedelta(days=d) for d in range(5)]
    began = days[0]
    if pupil.fault == "date:future":
        days[0] = _ahead(cohort)
    marks = session_marks(cohort.rng, len(days), faulty=pupil.fault == "code:unknown", codes=codes)
    for n in range(0, len(marks), sessions or len(marks)):
        session = "PM" if n % 2 else "AM"
        yield {
            "day": days[n // 2],
            "session": session,
            "marks": marks[n:],
            "all": "".join(marks),
            "began": began,
        }


def _absences(cohort: Cohort, pupil: Pupil) -> Iterator[Given]:
    """Yield one event with two reasons of absence."""
    reasons = cohort.rng.sample(("I", "M", "O", "U", "E", "C1"), 2)
    yield {"reasons": ["ZQ", reasons[1]] if pupil.fault == "code:unknown" else reasons}


def _exclusions(
    cohort: Cohort, pupil: Pupil, *, legacy: bool = False, single: bool = False
) -> Iterator[Given]:
    """Yield one or two exclusions; a permanent one has no end. `legacy`: by the categories before 2022."""
    rng = cohort.rng
    for n in range(1 if single or rng.random() >= 0.2 else 2):
        category = rng.choices(("FIXD" if legacy else "SUSP", "PERM", "LNCH"), weights=(85, 5, 10))[0]
        reasons = rng.sample(_RECORDS["reasons"], 1 if legacy else rng.choice((1, 2, 3)))
        if not n and pupil.fault == "code:unknown":
            reasons[0] = _UNKNOWN_REASON
        start = cohort.today - timedelta(days=rng.randrange(10, 200))
        days = rng.randrange(1, 6)
        end = None if category == "PERM" else start + timedelta(days=days)
        if not n and pupil.fault == "date:future":
            start = _ahead(cohort)
        told = {"category": category, "reasons": tuple(reasons), "start": start, "end": end}
        yield {**told, "ended": end or "", "days": days, "sessions": 2 * days}


def _results(cohort: Cohort, pupil: Pupil, *, kind: str) -> Iterator[Given]:
    """Yield two to four results of a kind of examination."""
    yield from _entries(pupil, cohort.rng, kind, cohort.rng.choice((2, 3, 4)))


def _entries(pupil: Pupil, rng: Random, code: str, count: int) -> list[dict[str, Any]]:
    """Return `count` examination results of a candidate, as values by name; `code`: the examination."""
    kind = _EXAMINATIONS[code]
    entries = [
        {
            "p": pupil, "code": code, "series": kind["series"], "subject": subject, "option": option,
            "variant": option[4:] or "A", "accreditation": accreditation, "grade": rng.choice(kind["grades"]),
        }
        for subject, option, accreditation in rng.sample(kind["subjects"], count)
    ]  # fmt: skip
    if pupil.fault == "code:unknown":
        entries[0]["grade"] = _UNKNOWN_GRADE
    return entries


def _ahead(cohort: Cohort) -> date:
    return date(cohort.today.year + 20, 1, 16)


_EVENTS: dict[str, Callable[..., Iterator[Given]]] = {
    "marks": _marks,
    "absences": _absences,
    "exclusions": _exclusions,
    "results": _results,
}


def draw_rows(
    cohort: Cohort, *, events: str, columns: str, preamble: Sequence[Sequence[Way]] = (), **how: Way
) -> SampleTable:
    """Draw a table with one row for each event of each pupil. `events`: the kind, such as "marks".
    `columns`: the name of a list of columns in records.toml. `how`: passed to the function of the kind.
    """
    happened = [
        {"p": pupil, **event} for pupil in cohort.pupils for event in _EVENTS[events](cohort, pupil, **how)
    ]
    return rows_of(cohort, _RECORDS["columns"][events][columns], happened, preamble)


def draw_register(
    cohort: Cohort, *, events: str, root: str, tree: str, around: str = "", **how: Way
) -> Element:
    """Draw the XML of a school's own system: a header, and pupils with events.
    `root`: the name of the root element. `tree`: the name of a form in records.toml. `around`: the name of an
    element around all events of a pupil; "" for none.
    """
    made, of = etree.Element(root), cohort.school
    branch(made, "Header", LEA=of.la, Estab=of.establishment, SchoolName=of.name, DateTime=cohort.made_at)
    holder = etree.SubElement(made, "Pupils")
    for pupil in cohort.pupils:
        node = branch(holder, "Pupil", UPN=pupil.upn, Surname=pupil.surname, Forename=pupil.forename)
        leaf(node, "MiddleNames", pupil.middle_names)
        node = etree.SubElement(node, around) if around else node
        for event in _EVENTS[events](cohort, pupil, **how):
            grow(node, _RECORDS["registers"][tree], given(cohort, p=pupil, **event))
    return made


def result_file(cohort: Cohort, *, kinds: Sequence[tuple[str, int]], body: str = "70") -> Lines:
    """Return a result file of the awarding body with the number `body`.
    `kinds`: examinations, each with the number of results that every candidate has.
    """
    of = cohort.school
    series, year = _EXAMINATIONS[kinds[0][0]]["series"], f"{(cohort.year + 1) % 100:02d}"
    records = [
        f"R1{body}{series}{year}{of.centre}{cohort.today:%d%m%y}",
        f"R3{of.centre}{of.name.upper():<40}{series}{year}",
    ]
    for pupil in cohort.pupils:
        results = [e for kind, count in kinds for e in _entries(pupil, cohort.rng, kind, count)]
        name = f"{pupil.surname}:{pupil.forename} {pupil.middle_names}".upper()[:40]
        who = f"R5C{of.centre}{pupil.candidate:>4}{name:<40}{pupil.sex}{pupil.dob:%d%m%y}"
        who += f"{pupil.uci}{pupil.upn}{pupil.uln}"
        # A grade has one character.
        options = (f"{entry['option']:<6}{entry['grade'].replace('A*', '*')}" for entry in results)
        records.append(who.ljust(_FIRST_OPTION) + "".join(options))
    count = f"{len(cohort.pupils):07d}"
    records += [f"R7{of.centre}{count}", f"R9{body}{count}"]
    return [record.ljust(_RESULT_RECORD)[:_RESULT_RECORD] for record in records]
