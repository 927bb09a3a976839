"""Compute the period of a return from the file's statements, and the release time of results.

The written form of a period sorts, and is safe in file names: a day "2026-11-24", a week "2026-W47", an
academic year "2026-27", the census of a term "2026-27-autumn", a month "2026-11", a half-term
"2026-27-half-term-2".
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection
from datetime import date, datetime
from zoneinfo import ZoneInfo

from gateway.model import Classified, ContentRefused, Facts, Reason
from gateway.policy import dates
from gateway.policy.calendar_schema import CalendarFile
from gateway.policy.catalogue import Catalogue
from gateway.policy.schema import TIMESCALES, Flow, Timescale


def release_moment(
    kinds: Collection[str | None], facts: Facts, catalogue: Catalogue, now: datetime
) -> datetime | None:
    """Return the moment (UTC) at which the embargo on results of these kinds ends; None without one.

    A file holding two kinds of results waits for the later moment.
    """
    moments = []
    calendar = catalogue.calendar
    for results in calendar.results:
        if results.data_type in kinds:
            year = exam_year(facts)
            if year is None:
                # The latest summer with possible results at `now`.
                today = dates.local_day(now, calendar.timezone)
                year = today.year - (today < dates.day_in(today.year, results.season))
            day = dates.day_by_rule(results.rule, results.dates, year)
            moments.append(dates.moment(day, results.time, calendar.timezone))
    return max(moments, default=None)


def exam_year(facts: Facts) -> int | None:
    """Return the summer in which a file's results were taken; None if not stated.

    `academic_year` is "2026/27", "2026-27" or "2026"; the reference date is the date of the exam series.
    """
    said = facts.academic_year or ""
    if match := re.match(r"(19|20|21)\d\d(?=[-/]|$)", said, re.ASCII):
        return int(match[0]) + 1
    return facts.reference_date.year if facts.reference_date else None


def embargo_reason(flow: Flow, catalogue: Catalogue, until: datetime) -> Reason:
    """Return the reason for an embargo, with its end in the calendar's time zone."""
    local = until.astimezone(ZoneInfo(catalogue.calendar.timezone))
    return catalogue.reason_under(
        flow.clause, "policy:embargo", until=f"{local:%H:%M on} {local.day} {local:%B %Y}"
    )


def reference_period(
    content: Classified | ContentRefused, catalogue: Catalogue, arrival: date | datetime
) -> str | None:
    """Return the period a file states; None if unstated.

    `arrival` is an aware moment, or the local day: a file cannot be about a later day.
    """
    if not isinstance(content, Classified) or (flow := catalogue.flow_of(content.data_type)) is None:
        return None
    facts, zone = content.facts, catalogue.calendar.timezone
    landed = dates.local_day(arrival, zone) if isinstance(arrival, datetime) else arrival
    day = facts.reference_date if facts.reference_date and facts.reference_date <= landed else None
    scale = flow.of(content.data_type).timescale
    match scale:
        case "daily":
            period = day.isoformat() if day else None
        case "weekly":
            period = dates.week_name(day) if day else None
        case "termly":
            period = _census(facts, catalogue.calendar, landed)
        case "annually" if flow.embargo:  # The academic year ending in the summer of the results.
            summer = exam_year(facts)
            period = None if summer is None else dates.academic_year_from(summer - 1)
        case "annually":
            period = _year(facts) or (day.isoformat() if day else None)
        case _ if scale in TIMESCALES:
            period = _year(facts)
        case _:
            period = _own(scale, day, catalogue.calendar)
    return period


def _own(timescale: Timescale, day: date | None, calendar: CalendarFile) -> str | None:
    """Return the name of the period containing a day, in a timescale of the agreement; None without one."""
    rule = next((each for each in calendar.timescale if each.id == timescale), None)
    if rule is None or day is None:
        return None
    if rule.every == "month":
        return f"{day:%Y-%m}"
    periods = dates.periods_by_rule(rule, calendar, range(day.year - 1, day.year + 2))
    return next((each.name for each in periods if each.first >= day), None)


def _year(facts: Facts) -> str | None:
    """Return the academic year a file names as "2026/27" or "2026-27"; None for none."""
    said = re.match(r"(20\d\d)[-/]\d\d", facts.academic_year or "", re.ASCII)
    return dates.academic_year_from(int(said[1])) if said else None


def _census(facts: Facts, calendar: CalendarFile, landed: date) -> str | None:
    """Return a termly census's period. A term without a year means the latest census possible by then.

    A year without a term counts only if different from the year of the census being taken.
    """
    year = _year(facts)
    if facts.term is not None and year is not None:
        return f"{year}-{facts.term}"
    # The censuses opened by then, from two years before on.
    planned = dates.censuses(calendar, range(landed.year - 2, landed.year + 2))
    taken = planned[: bisect_right(planned, landed, key=lambda each: each.opens)]
    if facts.term is not None:
        return next((each.name for each in reversed(taken) if each.name.endswith(facts.term)), None)
    if facts.reference_date is not None:
        day = facts.reference_date
        return next((each.name for each in taken if each.opens <= day <= each.closes), day.isoformat())
    current = taken[-1].name if taken else ""
    return year if year is not None and not current.startswith(year) else None
