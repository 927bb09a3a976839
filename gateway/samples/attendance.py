"""Attendance: marks a session, strings of marks, weekly exports, termly totals, and their XML."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any, Literal

from lxml import etree

from gateway.samples.drawing import (
    Cell,
    Cohort,
    Element,
    SampleTable,
    branch,
    data,
    leaf,
    register,
    registered,
    rows_of,
)

CODES = {
    "2024": ("L", "I", "M", "O", "U", "V", "B", "E", "C1", "C2", "J1", "K", "Q", "Y1", "Y5", "G", "N"),
    "2023": ("L", "I", "M", "O", "U", "F", "H", "J", "Y", "B", "E", "C", "G", "N", "P", "V", "W"),
    "short": ("L", "I", "M", "O", "U", "B", "E", "C", "G", "N", "P", "V", "W", "#", "-"),
}
CodesName = Literal["2024", "2023", "short"]
UNKNOWN_MARK = "!"
_COLUMNS = data("records")["columns"]["attendance"]


def session_marks(rng: Random, days: int, *, faulty: bool, codes: CodesName = "short") -> list[str]:
    """Return two marks a day, mostly present; with `faulty`, one mark is unknown to every list."""
    marks = [
        rng.choice(CODES[codes]) if rng.random() < 0.1 else present
        for _ in range(days)
        for present in ("/", "\\")
    ]
    if faulty:
        marks[rng.randrange(len(marks))] = UNKNOWN_MARK
    return marks


def _marked(cohort: Cohort, days: Sequence[date], codes: CodesName = "short") -> list[dict[str, Any]]:
    """Return each pupil's marks on some days, the first in the future for a pupil with fault date:future."""
    ahead = date(cohort.today.year + 20, 1, 16)
    return [
        {
            "p": pupil,
            "days": [ahead if pupil.fault == "date:future" else days[0], *days[1:]],
            "marks": session_marks(cohort.rng, len(days), faulty=pupil.fault == "code:unknown", codes=codes),
        }
        for pupil in cohort.pupils
    ]


def sessions(cohort: Cohort, *, codes: CodesName) -> SampleTable:
    """Return one row for each session of a week.

    Some codes in force from August 2024 have two characters; those of 2023 are of a week in June 2023.
    """
    old = [date(2023, 6, 12) + timedelta(days=d) for d in range(5)]
    events = (
        {"p": one["p"], "day": one["days"][n // 2], "session": "PM" if n % 2 else "AM", "mark": mark}
        for one in _marked(cohort, old if codes == "2023" else cohort.school_days(1), codes)
        for n, mark in enumerate(one["marks"])
    )
    return rows_of(cohort, _COLUMNS["sessions"], events)


def days(cohort: Cohort) -> SampleTable:
    """Return one row for each day, with a mark for the morning and one for the afternoon, and no surnames."""
    events = (
        {"p": one["p"], "day": day, "marks": one["marks"][2 * n :]}
        for one in _marked(cohort, cohort.school_days(1), "2024")
        for n, day in enumerate(one["days"])
    )
    return rows_of(cohort, _COLUMNS["days"], events)


def mark_strings(cohort: Cohort, *, codes: CodesName) -> SampleTable:
    """Return one row for each pupil with two weeks of marks in one string."""
    events = (
        {"p": one["p"], "day": one["days"][0], "marks": "".join(one["marks"])}
        for one in _marked(cohort, cohort.school_days(2), codes)
    )
    return rows_of(cohort, _COLUMNS["mark_strings"], events)


def weekly(cohort: Cohort) -> SampleTable:
    """Return the weekly export of a school's system: a title, then a column for each session of the week."""
    week = cohort.school_days(1)
    title: list[Cell] = ["Weekly attendance", "Week commencing", week[0]]
    table = rows_of(cohort, _COLUMNS["weekly"], _marked(cohort, week, "2024"))
    return replace(table, preamble=[[cohort.school.name], title])


def xml_strings(cohort: Cohort) -> Element:
    """Return XML with a string of marks for each pupil, as pushed weekly by some systems."""
    week = cohort.school_days(1)
    root, holder = register(cohort, "AttendanceData")
    for one in _marked(cohort, week):
        node = registered(holder, one["p"])
        leaf(node, "DOB", one["p"].dob.isoformat())
        leaf(node, "AttendanceStartDate", week[0].isoformat())
        leaf(node, "AttendanceMarks", "".join(one["marks"]))
    return root


def xml_sessions(cohort: Cohort) -> Element:
    """Return XML with the sessions possible and the reasons of absence of each pupil."""
    root, holder = register(cohort, "AttendanceData")
    for pupil in cohort.pupils:
        node = registered(holder, pupil)
        leaf(node, "DOB", pupil.dob.isoformat())
        leaf(node, "SessionsPossible", 120)
        details = etree.SubElement(node, "SessionDetails")
        reasons = cohort.rng.sample(("I", "M", "O", "U", "E", "C1"), 2)
        if pupil.fault == "code:unknown":
            reasons[0] = "ZQ"
        for reason in reasons:
            branch(
                details, "SessionDetail", AttendanceReason=reason, AbsenceSessions=cohort.rng.randrange(1, 9)
            )
    return root
