"""Whether each flow of a provider arrived when it was due: a question put to the receipts, no more.

Nothing is remembered between questions. `status` answers for one provider and one day.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from gateway.model import Provider
from gateway.policy.calendar_schema import CalendarFile
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import academic_year, day_in, first_year, local_day
from gateway.policy.schema import Flow, FlowDataType, Timescale
from gateway.policy.schooldays import Period, plan

State = Literal["not-due", "due", "early", "on-time", "late", "missing", "received", "no-calendar"]
Received = tuple[str, str, datetime]
Arrivals = list[tuple[date, datetime]]

_BY_SCHOOL_DAYS: frozenset[Timescale] = frozenset({"daily", "weekly"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowStatus:
    """How one data type of a flow stands on a day.

    `due` is the last day of the period that is judged, None where there is none. `state`:
    `not-due` (its time has not come, or it need not come), `due` (its time is now, nothing yet),
    `early`, `on-time`, `late` (it came, then), `missing` (its time is over, nothing came),
    `received` (due at no set time; something came this academic year), `no-calendar` (calendar.toml
    lacks the terms). `last` is when the last file came. `missed` counts the periods of this academic
    year that have ended without a file since the last one came.
    """

    flow: str
    data_type: str
    timescale: Timescale
    due: date | None
    state: State
    last: datetime | None
    missed: int


@dataclass(frozen=True, slots=True)
class _Day:
    """The day on which all is judged, and what counts on it.

    `counts_from` is the first day of its academic year, or the day from which the provider takes part
    (`since`) if that is later.
    """

    on: date
    counts_from: date
    since: date
    has_terms: bool


def status(
    provider: Provider,
    received: Sequence[Received],
    catalogue: Catalogue,
    on: date,
    *,
    since: date | None = None,
) -> list[FlowStatus]:
    """How each flow that names the provider's kind as sender stands at the end of the day `on`.

    `received` are (flow, data type, moment of landing, aware) of this provider's accepted files, in
    any order. Flows come in the order of Appendix B. What an operator may deposit on behalf of
    another sender is shown too, but never missing. What was due before `since`, the day from which
    the provider takes part, is not missed.
    """
    calendar = catalogue.calendar
    arrivals = _by_data_type(received, calendar, on)
    expected = list(_expected(provider, catalogue))
    entries = tuple((entry.timescale, entry.id) for _, entry, _ in expected)
    planned = plan(calendar, entries, _own_inset(provider, calendar), on.year)
    day = _day(on, since or date.min, catalogue)
    return [
        _judge(flow, entry, planned[entry.id], arrivals[entry.id], day, must=must)
        for flow, entry, must in expected
    ]


def _day(on: date, since: date, catalogue: Catalogue) -> _Day:
    starts = catalogue.agreement.year.starts
    year = academic_year(on, starts)
    terms = any(each.academic_year == year for each in catalogue.calendar.school_year)
    return _Day(on, max(since, day_in(first_year(year), starts)), since, terms)


def _by_data_type(
    received: Sequence[Received], calendar: CalendarFile, on: date
) -> defaultdict[str, Arrivals]:
    arrivals: defaultdict[str, Arrivals] = defaultdict(list)
    for _, data_type, at in received:
        day = local_day(at, calendar.timezone)
        if day <= on:
            arrivals[data_type].append((day, at))
    for each in arrivals.values():
        each.sort()
    return arrivals


def _own_inset(provider: Provider, calendar: CalendarFile) -> frozenset[date]:
    return frozenset(day for inset in calendar.inset if inset.provider == provider.id for day in inset.days)


def _expected(provider: Provider, catalogue: Catalogue) -> Iterator[tuple[Flow, FlowDataType, bool]]:
    """What the provider may send, and whether it must."""
    spared = _not_expected(provider, catalogue.calendar)
    for flow in catalogue.flows.flow:
        sends = provider.kind in flow.senders
        for entry in flow.data_type:
            if (sends or provider.kind in flow.on_behalf) and entry.id not in spared:
                yield flow, entry, sends and entry.id not in catalogue.calendar.optional


def _not_expected(provider: Provider, calendar: CalendarFile) -> frozenset[str]:
    number = (provider.dfe_number or "")[-4:]
    if not number.isdecimal():
        return frozenset()
    establishment = int(number)
    return frozenset(
        data_type
        for phase in calendar.phase
        if any(first <= establishment <= last for first, last in phase.establishments)
        for data_type in phase.not_expected
    )


def _judge(
    flow: Flow, entry: FlowDataType, periods: list[Period], arrivals: Arrivals, day: _Day, *, must: bool
) -> FlowStatus:
    days = [arrived for arrived, _ in arrivals]
    at = bisect_right(periods, day.on, key=lambda period: period.opens) - 1
    due, missed = None, 0
    state: State = "not-due"
    if entry.timescale in _BY_SCHOOL_DAYS and not day.has_terms:
        state = "no-calendar"
    elif at >= 0:
        due, state = periods[at].due, _state(periods[at], days, day.on)
        missed = _missed(periods, at, days, day, over=state == "missing")
    elif days and days[-1] >= day.counts_from:
        state = "received"
    if state == "missing" and (not must or (due is not None and due < day.since)):
        state = "not-due"
    return FlowStatus(
        flow=flow.id,
        data_type=entry.id,
        timescale=entry.timescale,
        due=due,
        state=state,
        last=arrivals[-1][1] if arrivals else None,
        missed=missed if must and state != "not-due" else 0,
    )


def _state(period: Period, days: list[date], on: date) -> State:
    came = days[bisect_left(days, period.opens) : bisect_right(days, period.closes)]
    if any(period.first <= day <= period.due for day in came):
        return "on-time"
    if came:
        return "early" if came[0] < period.first else "late"
    if on < period.first:
        return "not-due"
    return "due" if on <= period.due else "missing"


def _missed(periods: list[Period], at: int, days: list[date], day: _Day, *, over: bool) -> int:
    """Periods before the one at `at` that have ended since the last file; that one too when it is `over`."""
    if days and days[-1] >= day.counts_from:
        first = bisect_right(periods, days[-1], key=lambda period: period.opens)
    else:
        first = bisect_left(periods, day.counts_from, key=lambda period: period.opens)
    return max(0, at - first) + (1 if over else 0)
