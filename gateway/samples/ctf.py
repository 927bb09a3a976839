"""Make the XML files of the DfE: Common Transfer Files (also for admissions) and School Census returns."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Any, Literal

from dateutil.relativedelta import TH, relativedelta
from lxml import etree

from gateway.samples import drawing
from gateway.samples.people import data

_RECORDS = data("records")
_OFTEN_RETAKEN = 0.33


def draw_ctf(
    cohort: drawing.Cohort,
    *,
    modules: Sequence[str],
    header: Mapping[str, Any] | None = None,
    results: Sequence[str] = (),
    retaken: Sequence[str] = (),
) -> drawing.Element:
    """Return a CTF of every pupil of `cohort`: identifying fields, then the sections named in `modules`.
    The section "results" has the key stages `results`, and for every third pupil or so also those `retaken`.
    """
    envelope = {**_RECORDS["ctf_header"]["usual"], **(header or {})}
    version = envelope.get("version", f"{cohort.year - 2000}.0")  # A new one each September.
    root = etree.Element("CTfile")
    drawing.grow(
        root,
        _RECORDS["ctf_header"]["tree"],
        drawing.given(
            cohort, **envelope | {"version": version, "unknown_source": not envelope["known_source"]}
        ),
    )
    body = etree.SubElement(root, envelope["body"])
    for pupil in cohort.pupils:
        forename = f"{pupil.forename} {pupil.middle_names}" if envelope["bare"] else pupil.forename
        node = drawing.branch(body, "Pupil", UPN=pupil.upn, Surname=pupil.surname, Forename=forename)
        drawing.leaf(node, "DOB", pupil.dob.isoformat())
        drawing.leaf(node, envelope["sex_tag"], pupil.sex)
        moved, left = pupil.entry_date + timedelta(days=300), cohort.today - timedelta(days=3)
        days = {"moved": moved, "since": moved + timedelta(days=3), "left": left}
        of = drawing.given(cohort, p=pupil, guardian=pupil.guardian.split(" ", 1), **days)
        for module in modules:
            match module:
                case "results":
                    _stage_assessments(node, of, results, retaken)
                case "attendance_year":
                    drawing.grow(node, _RECORDS["ctf"]["attendance"], of | _attendance(cohort))
                case "attendance_marks":
                    week = cohort.school_days(2)
                    marks = drawing.session_marks(cohort.rng, len(week), faulty=pupil.fault == "code:unknown")
                    told = _attendance(cohort) | {"start": week[0], "marks": "".join(marks)}
                    drawing.grow(node, _RECORDS["ctf"]["attendance"], of | told)
                case _:
                    tree = dict(_RECORDS["ctf"][module])
                    if drawing.at(tree.pop("where", "p"), of):
                        drawing.grow(node, tree, of)
    return root


def _attendance(cohort: drawing.Cohort) -> dict[str, Any]:
    """Return a pupil's attendance this year as counts of sessions, without a mark for each session."""
    absent, truant = cohort.rng.randrange(12), cohort.rng.randrange(4)
    counts = {"absent": absent, "truant": truant, "attended": 310 - absent - truant}
    return {**counts, "start": None, "marks": None}


def _stage_assessments(
    node: drawing.Element, of: drawing.Given, stages: Sequence[str], retaken: Sequence[str]
) -> None:
    """Add a pupil's results to `node`: a KeyStage for each of `stages` and, by chance, each of `retaken`."""
    rows = [row for stage in stages for row in _results(stage, of)]
    if retaken and of["cohort"].rng.random() < _OFTEN_RETAKEN:
        again = (row for stage in retaken for row in _results(stage, of))
        rows += [
            row for row in again if row[-1] != drawing.UNKNOWN_RESULT
        ]  # The code is planted once a pupil.
    holder = etree.SubElement(node, "StageAssessments")
    for stage, group in groupby(rows, key=lambda row: row[0]):
        key_stage = drawing.branch(holder, "KeyStage", Stage=stage)
        for _, subject, component, method, qualifier, result in group:
            told = {"subject": subject, "component": component, "method": method, "qualifier": qualifier}
            drawing.grow(key_stage, _RECORDS["assessment"], {**of, **told, "result": result})


def _results(stage: str, of: drawing.Given) -> Iterator[tuple[drawing.Cell, ...]]:
    """Yield a pupil's results of a key stage: stage, subject, component, method, qualifier and result."""
    before: list[drawing.Cell] = []
    for *named, way in _RECORDS["results"][stage]:
        before.append(drawing.cell(way, of, before))
        yield (*named, before[-1])


_ATTENDANCE = {"AUT": "SummerHalfTerm2Attendance", "SPR": "TermlyAttendance", "SUM": "TermlyAttendance"}
Term = Literal["AUT", "SPR", "SUM"]


def draw_census(
    cohort: drawing.Cohort,
    *,
    term: Term,
    sex_tag: Literal["Sex", "Gender"] = "Sex",
    software: str = "SIMS",
    leavers: bool = True,
) -> drawing.Element:
    """Draw the census return of a school for one term. `leavers`: True if every tenth pupil is off roll."""
    month, nth = {"AUT": (10, 1), "SPR": (1, 3), "SUM": (5, 3)}[term]
    day: date = date(cohort.year + (term != "AUT"), month, 1) + relativedelta(weekday=TH(nth))
    of = drawing.given(cohort, term=term, day=day, software=software, count=len(cohort.pupils))
    of |= {"sex": sex_tag == "Sex", "gender": sex_tag == "Gender"}
    root = etree.Element("Message")
    drawing.grow(root, _RECORDS["census"]["header"], of)
    drawing.grow(root, _RECORDS["census"]["school"], of)
    body = etree.SubElement(root, "Pupils")
    on_roll = etree.SubElement(body, "PupilsOnRoll")
    gone = etree.SubElement(body, "PupilsNoLongerOnRoll") if leavers else None
    for number, pupil in enumerate(cohort.pupils):
        if gone is not None and number % 10 == 9:
            node, left = etree.SubElement(gone, "PupilNoLongerOnRoll"), day - timedelta(days=20)
        else:
            node, left = etree.SubElement(on_roll, "PupilOnRoll"), None
        drawing.grow(node, _RECORDS["census"]["pupil"], {**of, "p": pupil, "left": left})
        if cohort.rng.random() < 0.05:
            drawing.grow(node, _RECORDS["census"]["exclusion"], of)
        totals = drawing.branch(etree.SubElement(node, "Attendance"), _ATTENDANCE[term], SessionsPossible=120)
        details = etree.SubElement(totals, "SessionDetails")
        for reason in cohort.rng.sample(("I", "M", "O", "U"), 2):
            sessions = cohort.rng.randrange(1, 9)
            drawing.branch(details, "SessionDetail", AttendanceReason=reason, AbsenceSessions=sessions)
    return root
