"""Define the models of calendar.toml: terms, rules for yearly days, results days and due dates of flows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, time
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field, model_validator

from gateway.home.settings_file import File
from gateway.law import LawPack
from gateway.policy.schema import TIMESCALES, MonthDay, Slug

SchoolTerm = Literal["autumn", "spring", "summer"]
_SUMMER, _AUTUMN = 4, 8  # The months in which these terms begin, at the earliest.
Nation = Literal["england", "wales", "scotland", "northern-ireland"]
Every = Literal["month", "half-term", "term", "last-week-of-term", "date"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday"]


def _in_order(days: tuple[date, ...]) -> tuple[date, ...]:
    if any(later <= earlier for earlier, later in pairwise(days)):
        raise ValueError("write each day once, in their order")
    return days


Days = Annotated[tuple[date, ...], AfterValidator(_in_order)]
"""Days in ascending order, each once."""


DayCount = (
    Annotated[int, Field(ge=0, le=366)] | Annotated[str, Field(pattern=r"^[1-9][0-9]{0,2} school days?$")]
)
"""A number of days, or "5 school days", which leave out weekends and holidays."""


class DayRule(File):
    """A rule that gives one day of each year.

    The day is a `weekday`, either the first one `on_or_after` a day or the `nth` one of a `month`; or it is
    `easter` days after Easter Sunday.
    """

    weekday: Weekday | None = None
    on_or_after: MonthDay | None = None
    month: int | None = Field(default=None, ge=1, le=12)
    nth: int | None = Field(default=None, ge=1, le=5)
    easter: int | None = Field(default=None, ge=-60, le=60)

    @model_validator(mode="after")
    def _one_form(self) -> DayRule:
        by_weekday = self.weekday is not None and (
            (self.on_or_after is None) != (self.month is None or self.nth is None)
        )
        if by_weekday == (self.easter is not None):
            raise ValueError("give either on_or_after, or month and nth, with a weekday; or easter alone")
        return self


class Results(File):
    """A yearly release of results. Until the moment of release, files with results of a data type are held.
    The moment is the local `time` on the results day: the day in `dates` of the year, else the day given by
    `rule`. `season`: the first day of the year on which a file may have results of that summer. If a data
    type has several releases, the latest ends the embargo; a law pack sets the day of the first.
    """

    data_type: Slug
    time: time
    season: MonthDay
    rule: DayRule
    dates: Days = ()


class Term(File):
    """A term, by its first and last school day."""

    first: date
    last: date

    @model_validator(mode="after")
    def _in_order(self) -> Term:
        if self.first > self.last:
            raise ValueError("the term ends before it begins")
        return self


class SchoolYear(File):
    """The terms of an academic year ("2026-27"). `inset`: days in term without pupils at any school."""

    academic_year: str = Field(pattern=r"^\d{4}-\d{2}$")
    terms: tuple[Term, ...] = Field(min_length=1)
    inset: Days = ()


class TermRule(File):
    """The rules for the first and last day of a term, for academic years whose terms are not written."""

    first: DayRule
    last: DayRule


class Inset(File):
    """The days in term on which one provider trains its staff and has no pupils."""

    provider: str
    days: Days


class Census(File):
    """A yearly census: its day, by `rule` or from `dates`, and its `term`, by default that of the day.
    The return is due `due_days` after the census day; or `local_days` after the census day, if the authority
    sets an earlier limit. A file that comes up to `open_days` before the census day counts as early.
    """

    term: SchoolTerm | None = None
    rule: DayRule
    dates: Days = ()
    due_days: DayCount
    local_days: DayCount | None = None
    open_days: int = Field(ge=0)

    @model_validator(mode="after")
    def _local_first(self) -> Census:
        local, due = self.local_days, self.due_days
        if isinstance(local, int) and isinstance(due, int) and local > due:
            raise ValueError("the authority asks for the file after the return is due")
        return self

    def term_on(self, day: date) -> SchoolTerm:
        """Return the census's term: `term`, else the one to which the month of the census day belongs."""
        if self.term is not None:
            return self.term
        if day.month >= _AUTUMN:
            return "autumn"
        return "spring" if day.month < _SUMMER else "summer"


class YearlyDue(File):
    """The time in which a yearly data type is due: from `first` to `last`, or within `days` of its results
    day. A file that comes up to `open_days` before that time is early.
    """

    data_type: Slug
    first: MonthDay | None = None
    last: MonthDay | None = None
    days: DayCount | None = None
    open_days: int = Field(ge=0)

    @model_validator(mode="after")
    def _one_form(self) -> YearlyDue:
        if (self.days is None) == (self.first is None or self.last is None):
            raise ValueError("give either days, or first and last")
        if self.first and self.last and self.first > self.last:
            raise ValueError("the last day comes before the first of the same calendar year")
        return self


class OwnTimescale(File):
    """A timescale that an agreement defines: data is due for every month, half-term or term, or by `dates`.
    `due_days`: how many days after the end of the month, half-term or term, or after the date, the file is
    due. A file that comes up to `open_days` before that end or date is early. If `every` is
    "last-week-of-term", a file of the last week is on time. `not_in`: the months (1 to 12) without a file.
    Terms end before Christmas and Easter, and in summer.
    """

    id: Slug
    every: Every
    dates: Days = ()
    not_in: tuple[Annotated[int, Field(ge=1, le=12)], ...] = ()
    due_days: DayCount
    open_days: int = Field(default=0, ge=0, le=366)

    @model_validator(mode="after")
    def _one_form(self) -> OwnTimescale:
        if (self.every == "date") != bool(self.dates) or (self.not_in and self.every != "month"):
            raise ValueError('dates are those of every = "date", not_in is that of every = "month"')
        if self.id in TIMESCALES:
            raise ValueError(f"{self.id} has a meaning already: choose another id")
        return self


Dated = TypeVar("Dated", Census, Results)


class Phase(File):
    """A phase of schools, such as primary. `establishments`: the ranges of DfE establishment numbers in the
    phase. `not_expected`: data types never expected of schools in the phase.
    """

    name: str
    establishments: tuple[tuple[int, int], ...]
    not_expected: tuple[Slug, ...]

    @model_validator(mode="after")
    def _upwards(self) -> Phase:
        if any(first > last for first, last in self.establishments):
            raise ValueError("a range of establishments ends before it begins")
        return self


class CalendarFile(File):
    """Model of calendar.toml. Bank holidays of `nation` are not school days.

    `year_starts` is the first day of a school year, if different from the agreement's year. `optional`: data
    types expected only of providers that have an expectation on record. From `warn_days` before the last
    written term ends, `doctor` asks for more terms.
    """

    timezone: str
    nation: Nation = "england"
    year_starts: MonthDay | None = None
    warn_days: int = Field(default=90, ge=0)
    results: tuple[Results, ...] = ()
    school_year: tuple[SchoolYear, ...] = ()
    term_rule: tuple[TermRule, ...] = ()
    inset: tuple[Inset, ...] = ()
    census: tuple[Census, ...] = ()
    due: tuple[YearlyDue, ...] = ()
    timescale: tuple[OwnTimescale, ...] = ()
    phase: tuple[Phase, ...] = ()
    optional: tuple[Slug, ...] = ()

    def __hash__(self) -> int:
        """Return a hash of the whole calendar; it is computed once, because caches ask for it often."""
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash(self.model_dump_json())

    def under(self, packs: tuple[LawPack, ...]) -> CalendarFile:
        """Return the calendar with the days and optional data types of law packs added.
        If calendar and pack set a day for the same year, the calendar's day counts.
        """
        if not packs:
            return self

        def dated(each: Dated, days: Iterable[date | None]) -> Dated:
            return each.model_copy(update={"dates": (*each.dates, *filter(None, days))})

        census = tuple(
            dated(each, (pack.dates.census.get(each.term) for pack in packs)) if each.term else each
            for each in self.census
        )
        first = {each.data_type: each for each in reversed(self.results)}
        results = tuple(
            dated(each, (pack.dates.results.get(each.data_type) for pack in packs))
            if each is first[each.data_type]
            else each
            for each in self.results
        )
        optional = tuple(dict.fromkeys((*self.optional, *(name for p in packs for name in p.optional))))
        return self.model_copy(update={"census": census, "results": results, "optional": optional})
