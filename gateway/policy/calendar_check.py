"""Check calendar.toml against the flows, the time zones and its own entries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ValidationError

from gateway.home.settings_file import Location
from gateway.policy.calendar_schema import CalendarFile, SchoolYear
from gateway.policy.dates import academic_year_from, day_by_rule, day_in, first_year, terms_by_rule
from gateway.policy.faults import Contradiction
from gateway.policy.schema import Flow, FlowDataType, FlowsFile

_YEARS = range(2020, 2060)


def calendar_faults(calendar: CalendarFile, flows: FlowsFile) -> Iterator[Contradiction]:
    """Yield each fault of the calendar: the file to correct, the place in the file, and a message."""
    try:
        ZoneInfo(calendar.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield "calendar.toml", ("timezone",), "there is no such time zone"
    for n, year in enumerate(calendar.school_year):
        yield from (("calendar.toml", ("school_year", n, key), text) for key, text in _year_faults(year))
    yield from _rule_faults(calendar)
    # Results whose season begins on their day or later, so that none of a summer would wait.
    for n, each in enumerate(calendar.results):
        if any(day_in(y, each.season) >= day_by_rule(each.rule, each.dates, y) for y in _YEARS):
            yield "calendar.toml", ("results", n, "season"), "the season begins after the day of the results"
    # Phases that share establishment numbers.
    ranges = sorted(
        (first, last, n) for n, each in enumerate(calendar.phase) for first, last in each.establishments
    )
    for (_, last, _), (first, _, n) in pairwise(ranges):
        if first <= last:
            words = f"establishment {first} is in a range before this one, too"
            yield "calendar.toml", ("phase", n, "establishments"), words
    # Releases of results, and censuses, that say the same.
    results = [(each.data_type, each.time, each.rule, each.dates) for each in calendar.results]
    for name in sorted({one[0] for one in results if results.count(one) > 1}):
        yield "calendar.toml", ("results",), f"{name} is given twice"
    for term, count in Counter(each.term for each in calendar.census).items():
        if term is not None and count > 1:
            yield "calendar.toml", ("census",), f"the {term} census is given twice"
    yield from _missing_days(calendar, flows)


def _year_faults(year: SchoolYear) -> Iterator[tuple[str, str]]:
    try:
        first = first_year(year.academic_year)
    except ValueError:
        yield "academic_year", "write it as 2026-27"
        return
    if any(earlier.last >= later.first for earlier, later in pairwise(year.terms)):
        yield "terms", "the terms overlap or are out of order"
    if year.terms[0].first.year != first or year.terms[-1].last.year not in {first, first + 1}:
        yield "terms", f"the terms are not those of {year.academic_year}"


def _rule_faults(calendar: CalendarFile) -> Iterator[Contradiction]:
    """Yield faults of term rules: terms out of order in some year, for any date of Easter."""
    for first in _YEARS if calendar.term_rule else ():
        try:
            faults = [text for _, text in _year_faults(terms_by_rule(calendar, first))]
        except ValidationError:
            faults = ["a term ends before it begins"]
        if faults:
            yield "calendar.toml", ("term_rule",), f"in {academic_year_from(first)} {faults[0]}"
            return


def _timescale_faults(flow: Flow, entry: FlowDataType, place: Location) -> Iterator[Contradiction]:
    if entry.timescale in entry.also_due:
        yield "flows.toml", (*place, "also_due"), f"it is due {entry.timescale} already"
    for kind, name in entry.timescale_of.items():
        if kind not in flow.kinds or name == entry.timescale:
            words = f"it is due {name} already" if kind in flow.kinds else f"{kind} does not send it"
            yield "flows.toml", (*place, "timescale_of", kind), words


def _missing_days(calendar: CalendarFile, flows: FlowsFile) -> Iterator[Contradiction]:
    results = {each.data_type for each in calendar.results}
    due = {each.data_type: each for each in calendar.due}
    for n, flow in enumerate(flows.flow):
        for m, entry in enumerate(flow.data_type):
            place = ("flow", n, "data_type", m, "timescale")
            yield from _timescale_faults(flow, entry, place[:-1])
            if flow.embargo and entry.id not in results:
                yield "flows.toml", ("flow", n, "embargo"), f"calendar.toml has no results day of {entry.id}"
            scales = entry.every_timescale()
            if "annually" in scales and entry.id not in due:
                yield "flows.toml", place, f"calendar.toml does not say when {entry.id} is due"
            if "termly" in scales and not calendar.census:
                yield "flows.toml", place, "calendar.toml names no census"
    for n, each in enumerate(calendar.due):
        if each.days is not None and each.data_type not in results:
            yield "calendar.toml", ("due", n, "days"), f"there is no results day of {each.data_type}"
