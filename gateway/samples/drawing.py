"""The input and output of layouts: the cohort to draw, and the three kinds of document.

A document is an XML element, a `Table`, or the lines of a fixed-width file. `presentation` turns any of them
into bytes.
"""

import calendar
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any

from lxml import etree

from gateway.samples.people import Pupil, School, academic_year

Element = Any  # lxml publishes no types
Cell = str | int | float | date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """The pupils of one file, their school, and the day of making."""

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
        """The moment of making, as written in CTF and census files."""
        return datetime.combine(self.today, time(7, 30)).isoformat()

    def school_days(self, weeks: int) -> list[date]:
        """Return the weekdays of the last `weeks` whole weeks before this one, oldest first."""
        monday = self.today - timedelta(days=self.today.weekday() + 7 * weeks)
        return [monday + timedelta(days=7 * w + d) for w in range(weeks) for d in range(5)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleTable:
    """Rows under one header. `preamble` are the lines printed above by some systems."""

    header: list[str]
    rows: list[list[Cell]]
    preamble: list[list[Cell]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Lines:
    """The records of a fixed-width text file, without their line ends."""

    records: list[str]


Document = Element | SampleTable | Lines


def leaf(parent: Element, tag: str, text: object) -> None:
    """Add a child `tag` holding `text`; nothing for None."""
    if text is not None:
        etree.SubElement(parent, tag).text = str(text)


def branch(parent: Element, tag: str, **leaves: object) -> Element:
    """Add a child `tag` with a leaf for each keyword, in order, leaving out None."""
    child = etree.SubElement(parent, tag)
    for name, text in leaves.items():
        leaf(child, name, text)
    return child


def thursday(year: int, month: int, nth: int) -> date:
    """Return the `nth` Thursday of a month: census days are the 1st of October, 3rd of January and of May."""
    days = calendar.Calendar().itermonthdates(year, month)
    return [day for day in days if day.month == month and day.weekday() == calendar.THURSDAY][nth - 1]
