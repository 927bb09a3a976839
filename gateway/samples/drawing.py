"""Make documents at random, of the three kinds of samples, from recipes in TOML files.

A document is an XML element, a `SampleTable`, or the lines of a fixed-width file. `presentation` turns each
kind into bytes. A recipe says how to make a value for a pupil. In this module, `of` holds a pupil's values,
by the names used in recipes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from operator import attrgetter
from random import Random
from typing import Any

from lxml import etree

from gateway.samples.people import Pupil, School, academic_year, data

Element = Any  # lxml publishes no types
Cell = str | int | float | date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """The input for drawing a file: its pupils, the school, the day of making it, and a source of chance."""

    school: School
    pupils: tuple[Pupil, ...]
    today: date
    rng: Random

    @property
    def year(self) -> int:
        """The year in which the academic year began."""
        return academic_year(self.today)

    @property
    def made_at(self) -> str:
        """The moment of making the file, as stated in CTF and census files."""
        return datetime.combine(self.today, time(7, 30)).isoformat()

    def school_days(self, weeks: int) -> list[date]:
        """Return the weekdays of the last `weeks` whole weeks before this one, oldest first."""
        monday = self.today - timedelta(days=self.today.weekday() + 7 * weeks)
        return [monday + timedelta(days=7 * w + d) for w in range(weeks) for d in range(5)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleTable:
    """A table to write as a sample file. `preamble`: lines printed above the header, as by some systems."""

    header: list[str]
    rows: list[list[Cell]]
    preamble: list[list[Cell]] = field(default_factory=list)


Lines = list[str]
"""The records of a fixed-width text file, without their line ends."""
Document = Element | SampleTable | Lines


def leaf(parent: Element, tag: str, text: object) -> None:
    """Add a child `tag` with the content `text`; add nothing if `text` is None."""
    if text is not None:
        etree.SubElement(parent, tag).text = str(text)


def branch(parent: Element, tag: str, **leaves: object) -> Element:
    """Add and return a child `tag` with a leaf for each keyword whose value is not None, in order."""
    child = etree.SubElement(parent, tag)
    for name, text in leaves.items():
        leaf(child, name, text)
    return child


# Draw tables and XML from data: a recipe (`way`) says what a cell or element holds. A recipe is a number; a
# path such as `p.surname`, or a text with paths in braces, read from the values that `given` lists, such as
# the pupil `p`, the `school` and the academic year; or a table of one of the forms listed in `cell`. A recipe
# with `faulty` gives the unknown code for a pupil with that fault.

UNKNOWN_RESULT = "QQQ"
Way = Any
Given = Mapping[str, Any]


def given(cohort: Cohort, **more: object) -> dict[str, Any]:
    """Return by name the values that recipes may use: the cohort, its school and dates, and `more`."""
    began = cohort.year
    return {
        "cohort": cohort,
        "school": cohort.school,
        "today": cohort.today,
        "made_at": cohort.made_at,
        "year": began,
        "next_year": began + 1,
        "yy": f"{(began + 1) % 100:02d}",
        "monday": cohort.school_days(1)[0],
        **more,
    }


def draw_table(
    cohort: Cohort,
    *,
    columns: Sequence[tuple[str, Way]],
    prefix: str = "",
    preamble: Sequence[Sequence[Way]] = (),
    subjects: Sequence[str] = (),
) -> SampleTable:
    """Draw a table with a row for each pupil. `prefix`: put before each heading.
    `subjects`: if given, each pupil has two or three rows, each on another subject.
    """
    rows = (
        {"p": pupil, "number": number, "subject": subject}
        for number, pupil in enumerate(cohort.pupils, 1)
        for subject in (cohort.rng.sample(subjects, cohort.rng.choice((2, 3))) if subjects else ("",))
    )
    return rows_of(cohort, [(prefix + heading, way) for heading, way in columns], rows, preamble)


def rows_of(
    cohort: Cohort,
    columns: Sequence[tuple[str, Way]],
    events: Iterable[Given],
    preamble: Sequence[Sequence[Way]],
) -> SampleTable:
    """Draw a table with one row for each of `events`; an event has by name the values special to its row."""
    rows: list[list[Cell]] = []
    for event in events:
        row: list[Cell] = []
        for _, way in columns:
            row.append(cell(way, given(cohort, **event), row))
        rows.append(row)
    above = [[cell(way, given(cohort)) for way in line] for line in preamble]
    return SampleTable(header=[heading for heading, _ in columns], rows=rows, preamble=above)


def grow(parent: Element, tree: Mapping[str, Way], of: Given) -> None:
    """Add elements to an XML element, by recipes; an element whose value is None is left out.
    `tree`: by the name of an element, its content. The content is a recipe for a text, a table of the
    elements inside, whose names begin with a capital, or a list of contents, for several elements. A recipe
    for several texts gives as many elements. An element whose `where` is false is left out.
    """
    for name, ways in tree.items():
        for way in ways if isinstance(ways, list) else (ways,):
            if not isinstance(way, Mapping) or not any(key[0].isupper() for key in way):
                found: Any = cell(way, of)
                for text in found if isinstance(found, tuple) else (found,):
                    leaf(parent, name, text)
            elif "where" not in way or at(way["where"], of):
                inside = {key: each for key, each in way.items() if key != "where"}
                grow(etree.SubElement(parent, name), inside, of)


def cell(way: Way, of: Given, before: Sequence[Any] = ()) -> Cell:
    """Return the cell described by the recipe `way`, None for `{}`. `before`: the row's cells so far."""
    found: Cell = None
    match way:
        case {"faulty": True} if of["p"].fault == "code:unknown":
            found = UNKNOWN_RESULT
        case {"choice": _} | {"between": _} | {"near": _} | {"day_of_weeks": _}:
            found = _drawn(way, of["cohort"])
        case {"passed": threshold}:
            found = "WA" if before[-1] >= threshold else "WT"
        case {"is": found}:
            pass
        case {"of": path, "where": condition}:
            found = cell(path, of) if at(condition, of) else None
        case dict():
            found = _written(way, of)
        case str():
            found = way.format_map(of) if "{" in way else at(way, of)
        case int() | float():
            found = way
    return found


def _drawn(way: Way, cohort: Cohort) -> Way:
    """Return a random value by a recipe: one of several, a number in a range, or a recent school day."""
    rng = cohort.rng
    match way:
        case {"choice": values}:
            return rng.choice(values)
        case {"between": [low, high], "seldom": others}:
            return rng.choices((rng.randint(low, high), *others), weights=(90, *(5 for _ in others)))[0]
        case {"between": [low, high]}:
            return rng.randint(low, high)
        case {"day_of_weeks": weeks}:
            return rng.choice(cohort.school_days(weeks))
        case _:
            return round(rng.uniform(*way["near"]), way["digits"])


def _written(way: Way, of: Given) -> Way:
    """Return a value in the form set by a recipe: "Y" or "N", "true" or "false", a number, a mapped text."""
    match way:
        case {"yes": path}:
            return "Y" if at(path, of) else "N"
        case {"true": path}:
            return "true" if at(path, of) else "false"
        case {"int": path}:
            return int(at(path, of))
        case {"map": path, "to": texts}:
            return texts.get(at(path, of), way.get("else"))
        case _:
            return None


def at(path: str, of: Given) -> Way:
    """Return the value at a path such as `p.surname`: an attribute of one of the values of `given`."""
    name, _, attributes = path.partition(".")
    return attrgetter(attributes)(of[name]) if attributes else of[name]


# Draw what happens to pupils: marks of attendance, absences, exclusions and results, each as values by name.
# records.toml says how these values are written in a table ([columns]) or a register ([registers]). The
# layout of the awarding bodies' fixed-width result files is inferred: records of 192 characters with the
# fields of the published entry record, each option code followed by the grade where an entry has its status.

UNKNOWN_MARK = "?"
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


def _examined(cohort: Cohort, pupil: Pupil, *, kind: str) -> Iterator[Given]:
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
    "results": _examined,
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
