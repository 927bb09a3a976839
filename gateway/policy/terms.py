"""The terms of an academic year: as written, or by rule for years not yet written."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from functools import lru_cache

from gateway.policy.calendar_schema import CalendarFile, DayRule, SchoolYear, Term
from gateway.policy.dates import academic_year, academic_year_from, day_by_rule, day_in, first_year
from gateway.policy.schema import MonthDay

_FIRST_MONTH = 8  # An academic year of schools begins in August or September.
A_YEAR = 365
"""Days before their end in which terms without a rule to follow them are a fault of the policies."""


def written(calendar: CalendarFile) -> dict[int, SchoolYear]:
    """Return the years with written terms, by the calendar year of their beginning."""
    return {first_year(each.academic_year): each for each in calendar.school_year}


def school_year(calendar: CalendarFile, first: int) -> SchoolYear | None:
    """Return the terms of the academic year beginning in `first`; None if unknown."""
    if (known := written(calendar).get(first)) is not None:
        return known
    return by_rule(calendar, first) if calendar.term_rule else None


def by_rule(calendar: CalendarFile, first: int) -> SchoolYear:
    """Return the terms given by the rules for the academic year beginning in `first`."""
    terms = tuple(
        Term(first=_day(rule.first, first), last=_day(rule.last, first)) for rule in calendar.term_rule
    )
    return SchoolYear(academic_year=academic_year_from(first), terms=terms)


@lru_cache(1024)
def _day(rule: DayRule, first: int) -> date:
    month = rule.month or (int(rule.on_or_after[:2]) if rule.on_or_after else 1)
    return day_by_rule(rule, (), first if month >= _FIRST_MONTH else first + 1)


def school_years(calendar: CalendarFile, firsts: Iterable[int] | None = None) -> tuple[SchoolYear, ...]:
    """Return the years beginning in `firsts` with known terms; by default all written years."""
    wanted = written(calendar) if firsts is None else firsts
    found = (school_year(calendar, first) for first in sorted(wanted))
    return tuple(year for year in found if year is not None)


def term_began(calendar: CalendarFile, on: date, starts: MonthDay) -> date:
    """Return the first day of the latest term begun by a day; that of the academic year without terms."""
    first = first_year(academic_year(on, starts))
    year = school_year(calendar, first)
    begun = (term.first for term in (year.terms if year else ()) if term.first <= on)
    return max(begun, default=day_in(first, starts))


def last_written(calendar: CalendarFile) -> date | None:
    """Return the last written school day."""
    return max((year.terms[-1].last for year in calendar.school_year), default=None)


def is_ending(calendar: CalendarFile, on: date) -> bool:
    """Return True if the next terms are due to be written; without rules for terms, a year ahead."""
    last, days = last_written(calendar), calendar.warn_days
    return last is None or on > last - timedelta(days=days if calendar.term_rule else max(days, A_YEAR))
