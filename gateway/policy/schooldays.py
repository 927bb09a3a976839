"""School days, and the periods of due files."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from importlib.util import find_spec, module_from_spec

from dateutil.easter import easter
from dateutil.relativedelta import relativedelta

from gateway.policy.calendar_schema import (
    CalendarFile,
    Census,
    DayCount,
    Nation,
    OwnTimescale,
    SchoolYear,
    YearlyDue,
)
from gateway.policy.dates import academic_year_from, day_by_rule, day_in
from gateway.policy.schema import Timescale
from gateway.policy.terms import school_years

_DAY = timedelta(days=1)
_FRIDAY = 4
Due = tuple[Timescale, str]
"""A timescale, and a data type due accordingly."""


@dataclass(frozen=True, slots=True)
class Period:
    """One period of a due file. All days are inclusive, and `closes` meets the next `opens`.

    A file from `opens` on belongs to the period: before `first` it is early, after `due` late. `name` is the
    period as stated in files.
    """

    name: str
    opens: date
    first: date
    due: date
    closes: date


_SUBDIVISIONS: dict[Nation, str] = {
    "england": "ENG",
    "wales": "WLS",
    "scotland": "SCT",
    "northern-ireland": "NIR",
}


@lru_cache(maxsize=64)
def bank_holidays(year: int, nation: Nation = "england") -> frozenset[date]:
    """Return the bank holidays of a nation in a calendar year."""
    # The package loads every country of the world, for half a second: it is put in place without being run.
    if (spec := find_spec("holidays.countries")) is not None:
        sys.modules.setdefault("holidays.countries", module_from_spec(spec))
    # Takes a tenth of a second, wasted at the start of most services.
    from holidays.countries.united_kingdom import UnitedKingdom  # noqa: PLC0415

    return frozenset(UnitedKingdom(subdiv=_SUBDIVISIONS[nation], years=year))  # type: ignore[no-untyped-call]


def school_days(
    calendar: CalendarFile, shut: frozenset[date], firsts: Iterable[int] | None = None
) -> list[date]:
    """Return every school day in order, of the academic years beginning in `firsts`; by default of all
    written years.

    `shut` are the training days chosen by a provider.
    """
    return [day for day in _shared_days(school_years(calendar, firsts), calendar.nation) if day not in shut]


@lru_cache(maxsize=8)
def _shared_days(years: tuple[SchoolYear, ...], nation: Nation) -> tuple[date, ...]:
    return tuple(
        day
        for year in years
        for term in year.terms
        for day in (term.first + n * _DAY for n in range((term.last - term.first).days + 1))
        if day.weekday() <= _FRIDAY and day not in year.inset and day not in bank_holidays(day.year, nation)
    )


def day_after(day: date, count: DayCount, calendar: CalendarFile) -> date:
    """Return the day so many days, or so many school days, after another.

    Past the known terms every weekday counts as a school day.
    """
    if isinstance(count, int):
        return day + count * _DAY
    left, years = int(count.split()[0]), range(day.year - 1, day.year + 2)
    following = [each for each in school_days(calendar, frozenset(), years) if each > day]
    if left <= len(following):
        return following[left - 1]
    start = following[-1] if following else day
    weekdays = (start + n * _DAY for n in range(1, 2 * left + 7))
    return [each for each in weekdays if each.weekday() <= _FRIDAY][left - len(following) - 1]


def daily(days: list[date]) -> list[Period]:
    """Return one period for each school day; a file is late until the next one."""
    following = [*days[1:], date.max] if days else []
    pairs = zip(days, following, strict=True)
    return [Period(day.isoformat(), day, day, day, after - _DAY) for day, after in pairs]


def weekly(days: list[date]) -> list[Period]:
    """Return one period for each week with a school day, due on the last; late until the next such week."""
    weeks: dict[date, date] = {}
    for day in days:
        weeks[day - day.weekday() * _DAY] = day
    mondays = list(weeks)
    following = [*mondays[1:], date.max] if mondays else []
    pairs = zip(mondays, following, strict=True)
    return [Period(week_name(monday), monday, monday, weeks[monday], after - _DAY) for monday, after in pairs]


def week_name(day: date) -> str:
    """Return the ISO week of a day, as "2026-W47"."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def censuses(calendar: CalendarFile, years: Iterable[int]) -> list[Period]:
    """Return the periods of the census returns of some calendar years."""
    entries = calendar.census
    spans = [
        (
            day - entry.open_days * _DAY,
            day,
            day_after(day, entry.due_days if entry.local_days is None else entry.local_days, calendar),
            _census_name(entry, day),
        )
        for year in years
        for entry in entries
        for day in (day_by_rule(entry.rule, entry.dates, year),)
    ]
    return _joined(spans)


def _census_name(entry: Census, day: date) -> str:
    term = entry.term_on(day)
    return f"{academic_year_from(day.year if term == 'autumn' else day.year - 1)}-{term}"


def yearly(due: YearlyDue, calendar: CalendarFile, years: Iterable[int]) -> list[Period]:
    """Return the periods of a yearly data type in calendar years, each about the year ended last."""
    spans = []
    for year in years:
        first, last = _span(due, calendar, year)
        spans.append((first - due.open_days * _DAY, first, last, academic_year_from(year - 1)))
    return _joined(spans)


def _span(due: YearlyDue, calendar: CalendarFile, year: int) -> tuple[date, date]:
    if due.first is not None and due.last is not None:
        return day_in(year, due.first), day_in(year, due.last)
    releases = (each for each in calendar.results if each.data_type == due.data_type)
    day = max(day_by_rule(each.rule, each.dates, year) for each in releases)
    return day, day_after(day, due.days or 0, calendar)


def _joined(spans: list[tuple[date, date, date, str]]) -> list[Period]:
    """Return consecutive periods, each open until the next begins."""
    spans = sorted(spans)
    following = [opens for opens, _, _, _ in spans[1:]] + [date.max] if spans else []
    return [
        Period(name, opens, first, due, after - _DAY)
        for (opens, first, due, name), after in zip(spans, following, strict=True)
    ]


def by_rule(rule: OwnTimescale, calendar: CalendarFile, years: Sequence[int]) -> list[Period]:
    """Return the periods of a timescale defined by the agreement, in some calendar years."""
    if rule.every == "month":
        months = (date(year, n, 1) for year in years for n in range(1, 13) if n not in rule.not_in)
        ends = [(first + relativedelta(months=1) - _DAY, f"{first:%Y-%m}") for first in months]
    elif rule.every == "date":
        ends = [(day, day.isoformat()) for day in rule.dates]
    else:
        found = school_years(calendar, range(years[0] - 1, years[-1] + 1)) if years else ()
        ends = [end for year in found for end in _term_ends(year, halves=rule.every == "half-term")]
    spans = []
    for day, name in ends:
        first = day - day.weekday() * _DAY if rule.every == "last-week-of-term" else day
        due = day_after(day, rule.due_days, calendar)
        spans.append((first - rule.open_days * _DAY, first, due, name))
    return _joined(spans)


def _term_ends(year: SchoolYear, *, halves: bool) -> Iterator[tuple[date, str]]:
    """Yield the last day and the name of each half-term; or of each whole term, of half-terms or not."""
    if halves:
        for n, term in enumerate(year.terms, 1):
            yield term.last, f"{year.academic_year}-half-term-{n}"
        return
    easter_day: date = easter(year.terms[-1].last.year)
    ends: dict[str, date] = {}
    for term in year.terms:
        autumn = term.first.year < easter_day.year
        name = "autumn" if autumn else "spring" if term.first < easter_day else "summer"
        ends[name] = term.last
    for name, day in ends.items():
        yield day, f"{year.academic_year}-{name}"


@lru_cache(maxsize=1024)
def plan(
    calendar: CalendarFile,
    entries: tuple[Due, ...],
    shut: frozenset[date],
    year: int,
) -> dict[Due, list[Period]]:
    """Return the periods of each of `entries` around a calendar year; [] for data due at no set time.

    Cached, because many providers share one plan; do not change the value.
    """
    days = school_days(calendar, shut, range(year - 1, year + 1))
    by_days = {"daily": daily(days), "weekly": weekly(days)}
    return {
        (timescale, data_type): by_days[timescale]
        if timescale in by_days
        else _set_times(timescale, data_type, calendar, year)
        for timescale, data_type in entries
    }


def _set_times(timescale: Timescale, data_type: str, calendar: CalendarFile, year: int) -> list[Period]:
    around = range(year - 1, year + 2)
    if timescale == "termly":
        return censuses(calendar, around)
    if timescale == "annually":
        due = next(each for each in calendar.due if each.data_type == data_type)
        return yearly(due, calendar, around)
    own = next((each for each in calendar.timescale if each.id == timescale), None)
    return [] if own is None else by_rule(own, calendar, around)
