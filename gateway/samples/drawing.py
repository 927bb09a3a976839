"""Make documents at random, of the three kinds of samples, from recipes in TOML files.

A document is an XML element, a `SampleTable`, or the lines of a fixed-width file. `presentation` turns each
kind into bytes. A recipe says how to make a value for a pupil. In this module, `of` holds a pupil's values,
by the names used in recipes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from operator import attrgetter
from random import Random
from typing import Any

from lxml import etree

from gateway.samples.people import Pupil, School, academic_year

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
