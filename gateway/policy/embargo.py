"""The embargo on results: the official release moment of a results file."""

import re
from collections.abc import Collection
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.model import Facts, Reason
from gateway.policy.calendar_schema import CalendarFile, Results
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import day_by_rule, day_in, local_day, moment
from gateway.policy.schema import Flow


def release_moment(
    kinds: Collection[str | None], facts: Facts, catalogue: Catalogue, now: datetime
) -> datetime | None:
    """Return the moment (UTC) ending the embargo on results of these kinds; None without an embargo.

    A file holding two kinds of results waits for the later moment.
    """
    moments = [
        _moment(results, catalogue.calendar, facts, now)
        for results in catalogue.calendar.results
        if results.data_type in kinds
    ]
    return max(moments, default=None)


def _moment(results: Results, calendar: CalendarFile, facts: Facts, now: datetime) -> datetime:
    year = exam_year(facts)
    if year is None:
        # The latest summer with possible results at `now`.
        today = local_day(now, calendar.timezone)
        year = today.year if today >= day_in(today.year, results.season) else today.year - 1
    day = day_by_rule(results.rule, results.dates, year)
    return moment(day, results.time, calendar.timezone)


def exam_year(facts: Facts) -> int | None:
    """Return the summer of a file's results, if stated.

    `academic_year` is "2026/27", "2026-27" or "2026"; the reference date is the date of the exam series.
    """
    said = facts.academic_year or ""
    if match := re.match(r"(19|20|21)\d\d(?=[-/]|$)", said, re.ASCII):
        return int(match[0]) + 1
    return facts.reference_date.year if facts.reference_date else None


def embargo_reason(flow: Flow, catalogue: Catalogue, until: datetime) -> Reason:
    """Return the reason for the wait, with the moment in the calendar's time zone."""
    local = until.astimezone(ZoneInfo(catalogue.calendar.timezone))
    return catalogue.reason_under(
        flow.clause, "policy:embargo", until=f"{local:%H:%M on} {local.day} {local:%B %Y}"
    )
