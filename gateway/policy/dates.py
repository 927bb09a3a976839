"""Compute days by rule, terms, school days, the periods for which data is due, and the ends of embargoes.

The name of a period sorts by time, and is safe in file names: a day is "2026-11-24", a week "2026-W47", an
academic year "2026-27", the census of a term "2026-27-autumn", a month "2026-11", a half-term
"2026-27-half-term-2".
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib.util import find_spec, module_from_spec
from operator import attrgetter
from zoneinfo import ZoneInfo

from dateutil.easter import easter
from dateutil.relativedelta import FR, MO, TH, TU, WE, relativedelta

from gateway.model import Classified, ContentRefused, Facts, Reason
from gateway.policy.calendar_schema import (
    CalendarFile,
    DayCount,
    DayRule,
    Nation,
    OwnTimescale,
    SchoolYear,
    Term,
    YearlyDue,
)
from gateway.policy.catalogue_schema import Catalogue
from gateway.policy.schema import TIMESCALES, Flow, MonthDay, Timescale

_WEEKDAYS = {"monday": MO, "tuesday": TU, "wednesday": WE, "thursday": TH, "friday": FR}


@lru_cache(maxsize=4096)
def day_in(year: int, month_day: MonthDay) -> date:
    """Return the day `month_day` of `year`; 29 February becomes the 28th in a common year."""
    month, day = map(int, month_day.split("-"))
    found: date = date(year, month, 1) + relativedelta(day=day)
    return found


def day_by_rule(rule: DayRule, set_days: Iterable[date], year: int) -> date:
    """Return the day of a yearly event: of `set_days` the day in `year`, if any; else the day given by the
    rule.
    """
    for day in set_days:
        if day.year == year:
            return day
    if rule.easter is not None:
        sunday: date = easter(year)
        return sunday + timedelta(days=rule.easter)
    start = day_in(year, rule.on_or_after) if rule.on_or_after else date(year, rule.month or 1, 1)
    found: date = start + relativedelta(weekday=_WEEKDAYS[rule.weekday or "monday"](rule.nth or 1))
    return found


def academic_year(day: date, starts: MonthDay) -> str:
    """Return the academic year of `day`, as "2026-27"; `starts`: the month and day of its beginning."""
    return academic_year_from(day.year if day >= day_in(day.year, starts) else day.year - 1)


def academic_year_from(first: int) -> str:
    """Return the academic year beginning in a calendar year, as "2026-27"."""
    return f"{first}-{(first + 1) % 100:02}"


def first_year(academic: str) -> int:
    """Return the calendar year in which an academic year begins; ValueError unless written "2026-27"."""
    match = re.fullmatch(r"(\d{4})-(\d{2})", academic, re.ASCII)
    if match and int(match[2]) == (int(match[1]) + 1) % 100:
        return int(match[1])
    raise ValueError("not an academic year")


def moment(day: date, at: time, zone: str) -> datetime:
    """Return a day and time in the time zone `zone` as a moment in UTC."""
    return datetime.combine(day, at, ZoneInfo(zone)).astimezone(UTC)


def typed_moment(given: datetime, zone: str) -> datetime:
    """Return as an aware moment the time that a person typed. `zone`: the time zone of a time typed without
    one.
    A day typed alone, without a zone, means noon of the day.
    """
    if given.tzinfo is not None:
        return given
    local = datetime.combine(given, time(12)) if given.time() == time() else given
    return local.replace(tzinfo=ZoneInfo(zone))


def local_day(at: datetime, zone: str) -> date:
    """Return the calendar day of an aware moment in `zone`."""
    return at.astimezone(ZoneInfo(zone)).date()


def spoken(day: date) -> str:
    """Format a day in English, as "3 March 2027"."""
    return f"{day.day} {day:%B %Y}"


def spoken_minute(at: datetime, zone: str) -> str:
    """Format a moment in `zone` in English, as "3 March 2027, 14:05"."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{spoken(local)}, {local:%H:%M}"


_FIRST_MONTH = 8  # An academic year of schools begins in August or September.
A_YEAR = 365
"""So many days before the last written term ends, policies without term rules are at fault."""


def written(calendar: CalendarFile) -> dict[int, SchoolYear]:
    """Return the school years whose terms are written, by the calendar year in which each begins."""
    return {first_year(each.academic_year): each for each in calendar.school_year}


def school_year(calendar: CalendarFile, first: int) -> SchoolYear | None:
    """Return the terms of the academic year that begins in `first`: as written, else by rule, else None."""
    known = written(calendar).get(first)
    return terms_by_rule(calendar, first) if known is None and calendar.term_rule else known


@lru_cache(1024)
def terms_by_rule(calendar: CalendarFile, first: int) -> SchoolYear:
    """Return the terms of the academic year that begins in the calendar year `first`, by the term rules."""

    def day(rule: DayRule) -> date:
        month = rule.month or int((rule.on_or_after or "01")[:2])
        return day_by_rule(rule, (), first + (month < _FIRST_MONTH))

    terms = tuple(Term(first=day(rule.first), last=day(rule.last)) for rule in calendar.term_rule)
    return SchoolYear(academic_year=academic_year_from(first), terms=terms)


def term_began(calendar: CalendarFile, on: date, starts: MonthDay) -> date:
    """Return the first day of the last term begun by the day `on`, or of the academic year if none has begun.
    `starts`: the month and day of the first day of every academic year.
    """
    first = first_year(academic_year(on, starts))
    year = school_year(calendar, first)
    begun = (term.first for term in (year.terms if year else ()) if term.first <= on)
    return max(begun, default=day_in(first, starts))


def last_written(calendar: CalendarFile) -> date | None:
    """Return the last day of the written terms; None if none are written."""
    return max((year.terms[-1].last for year in calendar.school_year), default=None)


def is_ending(calendar: CalendarFile, on: date) -> bool:
    """Return True if no terms are written, or the last of them ends within `warn_days` of the day `on`.
    Without term rules for later years, also return True if the last term ends within a year.
    """
    last, days = last_written(calendar), calendar.warn_days
    return last is None or on > last - timedelta(days=days if calendar.term_rule else max(days, A_YEAR))


_DAY = timedelta(days=1)
_FRIDAY = 4
_FOUR_WEEKS: DayCount = "20 school days"
_AT_LEAST = timedelta(days=20)
Due = tuple[Timescale, str]
"""A timescale, and a data type due by it."""


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time for which data is due once, such as a term or week. All days are inclusive.

    A file belongs to the period if it comes from `opens` to `closes`, the day before the next period opens.
    It is early before `first`, and late after `due`. `name`: the name by which files state the period.
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
    """Return the school days, in order, of the academic years that begin in the calendar years `firsts`.
    By default: the years whose terms are written. `shut`: a provider's training days, to be left out.
    """
    wanted = written(calendar) if firsts is None else firsts
    found = (school_year(calendar, first) for first in sorted(wanted))
    days = _shared_days(tuple(year for year in found if year is not None), calendar.nation)
    return [day for day in days if day not in shut]


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
    """Return the day that comes `count` days after `day`, or `count` school days, such as "5 school days".
    After the last known term every weekday counts as a school day.
    """
    if isinstance(count, int):
        return day + count * _DAY
    left, years = int(count.split()[0]), range(day.year - 1, day.year + 2)
    following = [each for each in school_days(calendar, frozenset(), years) if each > day]
    start = following[-1] if following else day
    beyond = (start + n * _DAY for n in range(1, 2 * left + 7))
    return [*following, *(each for each in beyond if each.weekday() <= _FRIDAY)][left - 1]


def is_of_the_past(day: date, landed: date, calendar: CalendarFile) -> bool:
    """Return True if data up to `day` was more than four school weeks old when landed.
    Younger data may be the latest, as on a Monday or after a holiday.
    """
    return landed > day + _AT_LEAST and landed > day_after(day, _FOUR_WEEKS, calendar)


def weekly(days: list[date]) -> list[Period]:
    """Return a period for each week that has one of the school days `days`, due on its last school day."""
    weeks: dict[date, date] = {}
    for day in days:
        weeks[day - day.weekday() * _DAY] = day
    return _joined([(monday, monday, last, week_name(monday)) for monday, last in weeks.items()])


def week_name(day: date) -> str:
    """Return the name of the ISO week of a day, as "2026-W47"."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


@lru_cache(64)  # Asked of every file that comes.
def censuses(calendar: CalendarFile, years: range) -> list[Period]:
    """Return the periods of the censuses taken in the calendar years `years`."""
    spans = [
        (
            day - entry.open_days * _DAY,
            day,
            day_after(day, entry.due_days if entry.local_days is None else entry.local_days, calendar),
            f"{academic_year_from(day.year - (entry.term_on(day) != 'autumn'))}-{entry.term_on(day)}",
        )
        for year in years
        for entry in calendar.census
        for day in (day_by_rule(entry.rule, entry.dates, year),)
    ]
    return _joined(spans)


def yearly(due: YearlyDue, calendar: CalendarFile, years: Iterable[int]) -> list[Period]:
    """Return the periods of a yearly data type due in the calendar years `years`.
    A period is about, and named by, the academic year begun in the calendar year before.
    """
    spans = []
    for year in years:
        if due.first is not None and due.last is not None:
            first, last = day_in(year, due.first), day_in(year, due.last)
        else:
            releases = (each for each in calendar.results if each.data_type == due.data_type)
            first = max(day_by_rule(each.rule, each.dates, year) for each in releases)
            last = day_after(first, due.days or 0, calendar)
        spans.append((first - due.open_days * _DAY, first, last, academic_year_from(year - 1)))
    return _joined(spans)


def _joined(spans: list[tuple[date, date, date, str]]) -> list[Period]:
    """Return periods made of spans: opens, first, due and name of each. A period closes as the next one
    opens.
    """
    spans = sorted(spans)
    following = [opens for opens, _, _, _ in spans[1:]] + [date.max] if spans else []
    return [
        Period(name, opens, first, due, after - _DAY)
        for (opens, first, due, name), after in zip(spans, following, strict=True)
    ]


def periods_by_rule(rule: OwnTimescale, calendar: CalendarFile, years: Iterable[int]) -> list[Period]:
    """Return the periods, in some calendar years, of a timescale defined by the agreement (`rule`)."""
    ends: dict[str, date] = {}
    if rule.every == "month":
        months = (date(year, n, 1) for year in years for n in range(1, 13) if n not in rule.not_in)
        ends = {f"{first:%Y-%m}": first + relativedelta(months=1) - _DAY for first in months}
    elif rule.every == "date":
        ends = {day.isoformat(): day for day in rule.dates}
    else:
        around = sorted({first for year in years for first in (year - 1, year)})
        for year in filter(None, (school_year(calendar, each) for each in around)):
            sunday: date = easter(year.terms[-1].last.year)
            for n, term in enumerate(year.terms, 1):
                by_easter = "spring" if term.first < sunday else "summer"
                name = "autumn" if term.first.year < sunday.year else by_easter
                name = f"half-term-{n}" if rule.every == "half-term" else name
                ends[f"{year.academic_year}-{name}"] = term.last
    spans = []
    for name, day in ends.items():
        first = day - day.weekday() * _DAY if rule.every == "last-week-of-term" else day
        due = day_after(day, rule.due_days, calendar)
        spans.append((first - rule.open_days * _DAY, first, due, name))
    return _joined(spans)


@lru_cache(maxsize=1024)
def plan(
    calendar: CalendarFile, entries: tuple[Due, ...], shut: frozenset[date], year: int
) -> dict[Due, list[Period]]:
    """Return the periods, from `year` - 1 to `year` + 1, of each of `entries`, pairs of a timescale and a
    data type. The list is empty for data due at no set time. `shut`: days without school. Daily and weekly
    periods end with the academic year that begins in `year`. The result is cached: a caller must not change
    it.
    """
    days, around = school_days(calendar, shut, range(year - 1, year + 1)), range(year - 1, year + 2)
    daily = _joined([(day, day, day, day.isoformat()) for day in days])
    fixed = {"daily": daily, "weekly": weekly(days), "termly": censuses(calendar, around)}
    fixed |= {own.id: periods_by_rule(own, calendar, around) for own in calendar.timescale}
    every_year = {due.data_type: due for due in calendar.due}
    return {
        (timescale, data_type): yearly(every_year[data_type], calendar, around)
        if timescale == "annually"
        else fixed.get(timescale, [])
        for timescale, data_type in entries
    }


def index_on(periods: list[Period], day: date) -> int:
    """Return the index of the period open on a day; -1 if none is."""
    index = bisect_right(periods, day, key=attrgetter("opens")) - 1
    return index if index >= 0 and day <= periods[index].closes else -1


def index_of(periods: list[Period], name: str) -> int:
    """Return the index of the period with a name, or open on the day that `name` is; -1 if there is none."""
    try:
        return index_on(periods, date.fromisoformat(name))
    except ValueError:
        return next((n for n, period in enumerate(periods) if period.name == name), -1)


def release_moment(
    kinds: Collection[str | None], facts: Facts, catalogue: Catalogue, now: datetime,
    carried: Collection[str | None] = (),
) -> datetime | None:  # fmt: skip
    """Return the moment (UTC) when the last embargo on a file with results ends; None if there is none.
    `kinds`: the data types of the file. `carried`: types of results that a file of another type holds
    besides. If `facts` state no year, or a later one for carried results, the results count as those of the
    latest season of which results are possible at `now`. After a season of a stated year has begun,
    the results are not of a later season of the year.
    """
    moments = []
    calendar, said = catalogue.calendar, exam_year(facts)
    today = local_day(now, calendar.timezone)
    for kind in {*kinds, *carried}:
        seasons = [each for each in calendar.results if each.data_type == kind]
        begun = [each for each in seasons if said and today >= day_in(said, each.season)]
        for results in (begun if kind in kinds else ()) or seasons:
            year = said
            if year is None or kind not in kinds:
                latest = today.year - (today < day_in(today.year, results.season))
                year = min(year or latest, latest)
            day = day_by_rule(results.rule, results.dates, year)
            moments.append(moment(day, results.time, calendar.timezone))
    return max(moments, default=None)


def exam_year(facts: Facts) -> int | None:
    """Return the calendar year in whose summer a file's examinations were taken; None if not stated.
    `facts.academic_year` is "2026/27", "2026-27" or "2026"; the reference date is that of the exam series.
    """
    said = facts.academic_year or ""
    if match := re.match(r"(19|20|21)\d\d(?=[-/]|$)", said, re.ASCII):
        return int(match[0]) + 1
    return facts.reference_date.year if facts.reference_date else None


def embargo_reason(flow: Flow, catalogue: Catalogue, until: datetime) -> Reason:
    """Return the reason to hold a file of a flow under an embargo until a moment."""
    local = until.astimezone(ZoneInfo(catalogue.calendar.timezone))
    return catalogue.reason_under(flow.clause, "policy:embargo", until=f"{local:%H:%M} on {spoken(local)}")


def reference_period(
    content: Classified | ContentRefused, catalogue: Catalogue, arrival: date | datetime
) -> str | None:
    """Return the name of the period stated in a file; None if the file states none.
    `arrival`: an aware moment, or the local day; later dates in the file are ignored. The latest day in a
    file of attendance states the period only if it is weeks ago: a newer day may just be that of the last
    school week.
    """
    if not isinstance(content, Classified) or (flow := catalogue.flow_of(content.data_type)) is None:
        return None
    facts, zone = content.facts, catalogue.calendar.timezone
    landed = local_day(arrival, zone) if isinstance(arrival, datetime) else arrival
    day = facts.reference_date if facts.reference_date and facts.reference_date <= landed else None
    latest = facts.latest_day
    if day is None and latest is not None and is_of_the_past(latest, landed, catalogue.calendar):
        day = latest
    scale = flow.of(content.data_type).timescale
    match scale:
        case "daily":
            period = day.isoformat() if day else None
        case "weekly":
            period = week_name(day) if day else None
        case "termly":
            period = _census(facts, catalogue.calendar, landed)
        case "annually" if flow.embargo:  # The academic year ending in the summer of the results.
            summer = exam_year(facts)
            results = (each for each in catalogue.calendar.results if each.data_type == content.data_type)
            # Results of November are none of the coming summer's.
            if summer is None or any(landed < day_in(summer, each.season) for each in results):
                return None
            period = academic_year_from(summer - 1)
        case "annually":
            period = _year(facts) or (day.isoformat() if day else None)
        case _ if scale in TIMESCALES:
            period = _year(facts)
        case _:
            period = _own_period(scale, day, catalogue.calendar)
    return period


def _own_period(timescale: Timescale, day: date | None, calendar: CalendarFile) -> str | None:
    """Return the name of the period that contains a day, in a timescale defined by the agreement; None if
    there is none. For months, it is the month of the day; otherwise the first period of which the due time
    begins on the day or later.
    """
    rule = next((each for each in calendar.timescale if each.id == timescale), None)
    if rule is None or day is None:
        return None
    if rule.every == "month":
        return f"{day:%Y-%m}"
    if rule.every == "last-week-of-term":  # Such a period begins on the Monday of the week.
        day -= day.weekday() * _DAY
    periods = periods_by_rule(rule, calendar, range(day.year - 1, day.year + 2))
    return next((each.name for each in periods if each.first >= day), None)


def _year(facts: Facts) -> str | None:
    """Return as "2026-27" the academic year stated in a file (with "/" or "-"); None if none is stated."""
    said = re.match(r"(20\d\d)[-/]\d\d", facts.academic_year or "", re.ASCII)
    return academic_year_from(int(said[1])) if said else None


def _census(facts: Facts, calendar: CalendarFile, landed: date) -> str | None:
    """Return the census, day or year that a file states; None if the file states too little.
    Year and term together name the census. A term alone means the latest census of that term open by
    `landed`. Without a term, a reference date means the census open on that date or, if none was, the date.
    A year alone means the year; but None if the latest census open by `landed` is of the same year.
    """
    year = _year(facts)
    if facts.term is not None and year is not None:
        return f"{year}-{facts.term}"
    # The censuses opened by then, from two years before on.
    planned = censuses(calendar, range(landed.year - 2, landed.year + 2))
    taken = planned[: bisect_right(planned, landed, key=lambda each: each.opens)]
    if facts.term is not None:
        return next((each.name for each in reversed(taken) if each.name.endswith(facts.term)), None)
    if facts.reference_date is not None:
        day = facts.reference_date
        return next((each.name for each in taken if each.opens <= day <= each.closes), day.isoformat())
    current = taken[-1].name if taken else ""
    return year if year is not None and not current.startswith(year) else None
