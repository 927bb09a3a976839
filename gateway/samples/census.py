"""The School Census return as XML: `Message` with its header, pupils on roll, and pupils who left."""

from datetime import date, timedelta
from typing import Literal

from lxml import etree

from gateway.samples.drawing import Cohort, Element, branch, given, grow, thursday
from gateway.samples.people import data

_ATTENDANCE = {"AUT": "SummerHalfTerm2Attendance", "SPR": "TermlyAttendance", "SUM": "TermlyAttendance"}
_RECORDS = data("records")["census"]
Term = Literal["AUT", "SPR", "SUM"]


def census_day(term: Term, year: int) -> date:
    """Return the census day of a term of the academic year beginning in `year`."""
    month, nth = {"AUT": (10, 1), "SPR": (1, 3), "SUM": (5, 3)}[term]
    return thursday(year + (term != "AUT"), month, nth)


def draw_census(
    cohort: Cohort,
    *,
    term: Term,
    sex_tag: Literal["Sex", "Gender"] = "Sex",
    software: str = "SIMS",
    leavers: bool = True,
) -> Element:
    """Draw the census return of a school for one term; with `leavers`, every tenth pupil is off roll."""
    day = census_day(term, cohort.year)
    of = given(cohort, term=term, day=day, software=software, count=len(cohort.pupils))
    of |= {"sex": sex_tag == "Sex", "gender": sex_tag == "Gender"}
    root = etree.Element("Message")
    grow(root, _RECORDS["header"], of)
    grow(root, _RECORDS["school"], of)
    body = etree.SubElement(root, "Pupils")
    on_roll = etree.SubElement(body, "PupilsOnRoll")
    gone = etree.SubElement(body, "PupilsNoLongerOnRoll") if leavers else None
    for number, pupil in enumerate(cohort.pupils):
        if gone is not None and number % 10 == 9:
            node, left = etree.SubElement(gone, "PupilNoLongerOnRoll"), day - timedelta(days=20)
        else:
            node, left = etree.SubElement(on_roll, "PupilOnRoll"), None
        grow(node, _RECORDS["pupil"], {**of, "p": pupil, "left": left})
        if cohort.rng.random() < 0.05:
            grow(node, _RECORDS["exclusion"], of)
        totals = branch(etree.SubElement(node, "Attendance"), _ATTENDANCE[term], SessionsPossible=120)
        details = etree.SubElement(totals, "SessionDetails")
        for reason in cohort.rng.sample(("I", "M", "O", "U"), 2):
            sessions = cohort.rng.randrange(1, 9)
            branch(details, "SessionDetail", AttendanceReason=reason, AbsenceSessions=sessions)
    return root
