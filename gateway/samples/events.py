"""Draw what happens to pupils: marks of attendance, absences, exclusions and results, each as values by name.

records.toml says how these values are written in a table ([columns]) or a register ([registers]).
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from random import Random

from lxml import etree

from gateway.samples import exams
from gateway.samples.drawing import (
    Cohort,
    Element,
    Given,
    SampleTable,
    Way,
    branch,
    cell,
    given,
    grow,
    leaf,
    rows_of,
)
from gateway.samples.people import Pupil, data

CODES = {
    "2024": ("L", "I", "M", "O", "U", "V", "B", "E", "C1", "C2", "J1", "K", "Q", "Y1", "Y5", "G", "N"),
    "2023": ("L", "I", "M", "O", "U", "F", "H", "J", "Y", "B", "E", "C", "G", "N", "P", "V", "W"),
    "short": ("L", "I", "M", "O", "U", "B", "E", "C", "G", "N", "P", "V", "W", "#", "-"),
}
UNKNOWN_MARK = "!"
_REASONS = ("PP", "PA", "VP", "VA", "BU", "RA", "DA", "DM", "TH", "DB", "MT", "OW", "PH", "LG")
_UNKNOWN_REASON = "QX"
_RECORDS = data("records")


def session_marks(rng: Random, days: int, *, faulty: bool, codes: str = "short") -> list[str]:
    """Return two marks a day, mostly present; with `faulty`, one mark is in no list of codes."""
    marks = [
        rng.choice(CODES[codes]) if rng.random() < 0.1 else present
        for _ in range(days)
        for present in ("/", "\\")
    ]
    if faulty:
        marks[rng.randrange(len(marks))] = UNKNOWN_MARK
    return marks


def _marks(
    cohort: Cohort, pupil: Pupil, *, codes: str = "short", weeks: int = 1, sessions: int = 0
) -> Iterator[Given]:
    """Yield an event with all marks; with `sessions`, one event from each so many sessions on.

    With the fault date:future the first day lies ahead. `codes`: a list in `CODES`; "2023" gives a week in
    June 2023, "2024" has codes of two characters, too.
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
    """Yield one or two exclusions; a permanent one has no end. `legacy`: of the category used before 2022."""
    rng = cohort.rng
    for n in range(1 if single or rng.random() >= 0.2 else 2):
        category = rng.choices(("FIXD" if legacy else "SUSP", "PERM", "LNCH"), weights=(85, 5, 10))[0]
        reasons = rng.sample(_REASONS, 1 if legacy else rng.choice((1, 2, 3)))
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
    yield from exams.entries(pupil, cohort.rng, kind, cohort.rng.choice((2, 3, 4)))


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
    """Draw a table with one row for each of the `events` of each pupil, with the columns named `columns`."""
    happened = [
        {"p": pupil, **event} for pupil in cohort.pupils for event in _EVENTS[events](cohort, pupil, **how)
    ]
    table = rows_of(cohort, _RECORDS["columns"][events][columns], happened)
    above = [[cell(way, given(cohort)) for way in line] for line in preamble]
    return SampleTable(header=table.header, rows=table.rows, preamble=above)


def draw_register(
    cohort: Cohort, *, events: str, root: str, tree: str, around: str = "", **how: Way
) -> Element:
    """Draw the XML of a school's own system: a header, and pupils with events, in the form `tree`.

    All events of a pupil stand in one element `around`, if that is given.
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
