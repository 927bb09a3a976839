"""The terms of an academic year: as written down, or by rule where they are not written down yet."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from functools import lru_cache

from gateway.policy.calendar_schema import CalendarFile, DayRule, SchoolYear, Term
from gateway.policy.dates import academic_year_from, day_by_rule, first_year

_FIRST_MONTH = 8  # An academic year of schools begins in August or September.


def written(calendar: CalendarFile) -> dict[int, SchoolYear]:
    """The years whose terms are written down, by the calendar year in which they begin."""
    return {first_year(each.academic_year): each for each in calendar.school_year}


def school_year(calendar: CalendarFile, first: int) -> SchoolYear | None:
    """The terms of the academic year that begins in `first`; None where nothing tells them."""
    if (known := written(calendar).get(first)) is not None:
        return known
    return by_rule(calendar, first) if calendar.term_rule else None


def by_rule(calendar: CalendarFile, first: int) -> SchoolYear:
    """The terms that the rules give for the academic year that begins in `first`."""
    terms = tuple(
        Term(first=_day(rule.first, first), last=_day(rule.last, first)) for rule in calendar.term_rule
    )
    return SchoolYear(academic_year=academic_year_from(first), terms=terms)


@lru_cache(1024)
def _day(rule: DayRule, first: int) -> date:
    month = rule.month or (int(rule.on_or_after[:2]) if rule.on_or_after else 1)
    return day_by_rule(rule, (), first if month >= _FIRST_MONTH else first + 1)


def school_years(calendar: CalendarFile, firsts: Iterable[int] | None = None) -> tuple[SchoolYear, ...]:
    """The years that begin in `firsts`, as far as anything tells their terms; or all those written down."""
    wanted = written(calendar) if firsts is None else firsts
    found = (school_year(calendar, first) for first in sorted(wanted))
    return tuple(year for year in found if year is not None)


def last_written(calendar: CalendarFile) -> date | None:
    """The last school day that is written down."""
    return max((year.terms[-1].last for year in calendar.school_year), default=None)


def is_ending(calendar: CalendarFile, on: date) -> bool:
    """Whether it is time to write the next terms down."""
    last = last_written(calendar)
    return last is None or on > last - timedelta(days=calendar.warn_days)
