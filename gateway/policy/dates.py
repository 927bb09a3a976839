"""Days by rule: results days and census days, academic years, and local moments as UTC."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from dateutil.easter import easter
from dateutil.relativedelta import FR, MO, TH, TU, WE, relativedelta

from gateway.policy.calendar_schema import DayRule
from gateway.policy.schema import MonthDay

_WEEKDAYS = {"monday": MO, "tuesday": TU, "wednesday": WE, "thursday": TH, "friday": FR}


@lru_cache(maxsize=4096)
def day_in(year: int, month_day: MonthDay) -> date:
    """Return the day `month_day` of `year`; 29 February becomes 28 in a common year."""
    month, day = map(int, month_day.split("-"))
    found: date = date(year, month, 1) + relativedelta(day=day)
    return found


def day_by_rule(rule: DayRule, set_days: Iterable[date], year: int) -> date:
    """Return the day of `year` among `set_days`, else the day given by the rule."""
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
    """Return the academic year of `day`, as "2026-27"."""
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
    """Return a local day and time as a moment in UTC."""
    return datetime.combine(day, at, ZoneInfo(zone)).astimezone(UTC)


def local_day(at: datetime, zone: str) -> date:
    """Return the calendar day of an aware moment in `zone`."""
    return at.astimezone(ZoneInfo(zone)).date()


def spoken(day: date) -> str:
    """Return a day in English, as "3 March 2027"."""
    return f"{day.day} {day:%B %Y}"


def spoken_minute(at: datetime, zone: str) -> str:
    """Return a moment in `zone` in English, as "3 March 2027, 14:05"."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{spoken(local)}, {local:%H:%M}"
