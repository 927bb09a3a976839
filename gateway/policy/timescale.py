"""Judge from arrivals alone which data of a provider is due, has come in time, late, or not at all. Pure.

A file counts for the period stated in the file, else for the period of the arrival.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import Literal

from gateway.law import LawPack, NewRequirement, Reference, pack_on
from gateway.model import Arrival, Classified, Provider
from gateway.policy import dates
from gateway.policy.calendar_schema import CalendarFile
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import reference_period
from gateway.policy.schema import Flow, FlowDataType, Timescale


def owes_anything(provider: Provider) -> bool:
    """Return False for a provider that owes no data: suspended, or sending for schools and not a school
    itself.
    """
    no_school_itself = bool(provider.schools) and provider.dfe_number is None
    return not provider.suspended and not no_school_itself


def expected_of(
    provider: Provider, catalogue: Catalogue, told: Mapping[str, bool]
) -> Iterator[tuple[Flow, FlowDataType, bool | None]]:
    """Yield each data type that a provider may send: flow, entry, and True if the provider must send it.
    The third is False for optional data and for data sent on behalf of others, and None for data that an
    expectation excuses. `told`: by data type, the expectations on record. Data types never expected of
    providers of this kind or phase are left out, unless an expectation is on record.
    """
    number = (provider.dfe_number or "")[-4:]
    establishment = int(number) if number.isdecimal() else -1
    spared = {
        *catalogue.bodies.of(provider.kind).not_expected,
        *(
            data_type
            for phase in catalogue.calendar.phase
            if any(first <= establishment <= last for first, last in phase.establishments)
            for data_type in phase.not_expected
        ),
    }
    for flow in catalogue.flows.flow:
        sends = provider.kind in flow.senders
        for entry in flow.data_type:
            if not sends and provider.kind not in flow.on_behalf:
                continue
            if entry.id in told:
                yield flow, entry, sends if told[entry.id] else None
            elif entry.id not in spared:
                yield flow, entry, sends and entry.id not in catalogue.calendar.optional


Known = Literal["file", "arrival", "nil", "daily-update"]
"""How the period of an arrival is known: the file states it, the day of arrival is in it, a nil return is
about it, or a daily update of another data type counts for this one, too.
"""
State = Literal[
    "not-expected", "not-due", "due", "early", "on-time", "late", "nil", "missing", "received", "no-calendar"
]

_ONE_DAY = timedelta(days=1)
# The DfE takes a census for four weeks; an authority may ask for corrections as long.
_LONG_AFTER = timedelta(days=30)
BY_SCHOOL_DAYS: frozenset[Timescale] = frozenset({"daily", "weekly"})
"""Timescales of which every school day or week has a period."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowStatus:
    """The status of one data type of a provider on a day: whether it is due, came, or is missing.

    - `due`: the last day of the period judged. `period`: the name of the period. None without a period.
    - `state`: `not-expected` (the provider need not send the data), `not-due` (not due yet, or optional),
      `due` (to be sent now; nothing came yet), `early`, `on-time` or `late` (a file came), `nil` (the
      provider stated that there is nothing to send), `missing` (overdue; nothing came), `received` (due at no
      set time; something came this academic year), or `no-calendar` (calendar.toml lacks the terms).
    - `known_by`: how the period of the arrival is known. `last`: the time of the last file.
    - `missed`: the number of periods of this academic year that ended since the last arrival.
    - `asked`: the provider must send the data; False for data optional or sent on behalf of others.
    """

    flow: str
    data_type: str
    timescale: Timescale
    due: date | None
    state: State
    last: datetime | None
    missed: int
    period: str | None = None
    known_by: Known | None = None
    asked: bool = False

    @property
    def to_chase(self) -> bool:
        """True if the provider must send the data, and the data is overdue."""
        return self.asked and self.state == "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class DutySpan:
    """The time in which a provider has duties, and the expectations on record about the provider.

    `since`: the day of joining, before which nothing is missed. `until`: the last day of a closed provider.
    `expected`: by data type, True if expected, False if not; takes precedence over calendar and kind.
    """

    since: date = date.min
    until: date = date.max
    expected: Mapping[str, bool] = field(default_factory=dict)


def status(
    provider: Provider,
    received: Sequence[Arrival],
    catalogue: Catalogue,
    on: date,
    owed: DutySpan | None = None,
) -> list[FlowStatus]:
    """Return the status of each flow of the provider's kind at the end of the day `on`.
    `received` are the provider's accepted files and nil returns, in any order. Flows come in the order of
    Appendix B. Data the provider may send on behalf of others is included, but never missing. Suspended
    and closed providers owe nothing, nor does a body that sends for schools without being one.
    """
    owed = owed or DutySpan()
    starts = catalogue.school_year_starts
    first = dates.first_year(dates.academic_year(on, starts))
    has_terms = dates.school_year(catalogue.calendar, first) is not None
    counts_from = max(owed.since, dates.day_in(first, starts))
    takes_part = owes_anything(provider) and on <= owed.until
    return [
        _judge(row, on, owed.since, counts_from, has_terms=has_terms, takes_part=takes_part)
        for row in _rows(provider, received, catalogue, on, owed, year=on.year)
    ]


def due_within(
    provider: Provider,
    received: Sequence[Arrival],
    catalogue: Catalogue,
    span: tuple[date, date],
    *,
    on: date,
    owed: DutySpan | None = None,
) -> Iterator[tuple[Flow, FlowDataType, Timescale, date, State]]:
    """Yield the data that a provider had to send within `span`: flow, data type, timescale, due day, and
    the state at the end of the day `on`.
    The span lies in one academic year. A period counts even if another one has followed since. `received`:
    the provider's accepted files and nil returns. `owed`: the time in which the provider has duties.
    """
    owed = owed or DutySpan()
    first, last = max(span[0], owed.since), min(span[1], owed.until, on - _ONE_DAY)
    rows = _rows(provider, received, catalogue, on, owed, year=span[1].year)
    for row in rows if owes_anything(provider) else ():
        for index, period in enumerate(row.periods if row.must else ()):
            if first <= period.due <= last:
                yield row.flow, row.entry, row.scale, period.due, _state(period, row.came(index), on)


_Came = tuple[date, Arrival]
"""An arrival with its local day."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One data type of a provider on one timescale: its periods, and its arrivals in order (`own`).
    `placed`: for each period, by index, the arrivals that count for it. `told`: for each period, by index,
    the arrivals of another data type (`within`) that count for this one. `must`: True if the provider must
    send the data, False if the provider may, None if excused.
    """

    flow: Flow
    entry: FlowDataType
    scale: Timescale
    periods: list[dates.Period]
    must: bool | None
    own: list[_Came]
    placed: Mapping[int, list[_Came]]
    told: Mapping[int, list[_Came]]

    def came(self, index: int) -> list[_Came]:
        """Return the arrivals in the period with an index; if there are none, those in `told`."""
        return self.placed.get(index) or self.told.get(index, [])

    def known_by(self, index: int) -> Known | None:
        """Return how arrivals are known to be of the period with an index, such as "file"; None without
        arrivals.
        """
        own = [arrival for _, arrival in self.placed.get(index, ())]
        if files := [arrival for arrival in own if not arrival.nil]:
            return "file" if any(arrival.period for arrival in files) else "arrival"
        if own:
            return "nil"
        return "daily-update" if index in self.told else None


def _by_period(arrivals: list[_Came], periods: list[dates.Period]) -> dict[int, list[_Came]]:
    """Return arrivals by the index of the period that each counts for.
    Left out are arrivals that belong to no period, and files that came before their period opened.
    """
    found: dict[int, list[_Came]] = {}
    for day, arrival in arrivals:
        about = arrival.period
        index = dates.index_on(periods, day) if about is None else dates.index_of(periods, about)
        if index >= 0 and (arrival.nil or periods[index].opens <= day):
            found.setdefault(index, []).append((day, arrival))
    return found


def _rows(
    provider: Provider,
    received: Sequence[Arrival],
    catalogue: Catalogue,
    on: date,
    owed: DutySpan,
    *,
    year: int,
) -> Iterator[_Row]:
    """Yield a row for each data type a provider may send and each of its timescales, around a year."""
    calendar = catalogue.calendar
    # The arrivals up to the end of the day, in order of arrival.
    arrivals: defaultdict[str, list[_Came]] = defaultdict(list)
    for each in sorted(received, key=attrgetter("at")):
        if (day := dates.local_day(each.at, calendar.timezone)) <= on:
            arrivals[each.data_type].append((day, each))
    expected = [
        (flow, entry, scale, must)
        for flow, entry, must in expected_of(provider, catalogue, owed.expected)
        for scale in entry.timescales(provider.kind)
    ]
    entries = tuple((scale, entry.id) for _, entry, scale, _ in expected)
    planned = dates.plan(calendar, entries, _own_inset(provider, calendar), year)
    for flow, entry, scale, must in expected:
        own, telling = arrivals[entry.id], arrivals[entry.within or ""]
        if scale != entry.timescale:
            # A stated period counts only for the main timescale.
            own, telling = (
                [(day, arrival._replace(period=None)) for day, arrival in came] for came in (own, telling)
            )
        periods = planned[scale, entry.id]
        placed, told = _by_period(own, periods), _by_period(telling, periods)
        yield _Row(flow, entry, scale, periods, must, own, placed, told)


def period_on(provider: Provider, data_type: str, catalogue: Catalogue, on: date) -> dates.Period | None:
    """Return the period for a provider's data type open on a day; None if no period is."""
    periods = periods_around(provider, data_type, catalogue, on)
    at = dates.index_on(periods, on)
    return periods[at] if at >= 0 else None


def periods_around(provider: Provider, data_type: str, catalogue: Catalogue, on: date) -> list[dates.Period]:
    """Return the periods for a provider's data type in the years around a day; [] if due at no set time."""
    if (entry := catalogue.entries.get(data_type)) is None:
        return []
    due = (entry.timescales(provider.kind)[0], data_type)
    return dates.plan(catalogue.calendar, (due,), _own_inset(provider, catalogue.calendar), on.year)[due]


def days_opened(catalogue: Catalogue, on: date) -> date | None:
    """Return the day on which the daily or weekly period now open began, whichever is earlier.
    The training days of all providers count as closed, so the day is early enough for each provider.
    None if no daily or no weekly period is open on the day `on`, as before the first known term.
    """
    shut = frozenset(day for inset in catalogue.calendar.inset for day in inset.days)
    planned = dates.plan(catalogue.calendar, (("daily", ""), ("weekly", "")), shut, on.year).values()
    found = [periods[at].opens for periods in planned if (at := dates.index_on(periods, on)) >= 0]
    return min(found) if len(found) == len(planned) else None


def out_of_season(
    classified: Classified, provider: Provider, catalogue: Catalogue, day: date
) -> dates.Period | None:
    """Return the period of a file that comes out of season on a day; None for a file in season.
    The period is the one stated in the file or, if the calendar has no such period near the day, the one open
    on the day. A file is out of season if it comes before its period opens or more than 30 days after the due
    day, or if the calendar lacks the period that it states. Optional data has no season.
    """
    if classified.data_type in catalogue.calendar.optional:
        return None
    periods = periods_around(provider, classified.data_type, catalogue, day)
    stated = reference_period(classified, catalogue, day)
    today = period_on(provider, classified.data_type, catalogue, day)
    found = next((each for each in periods if each.name == stated), today)
    if found is None or (stated in {None, found.name} and found.opens <= day <= found.due + _LONG_AFTER):
        return None
    return found


def _own_inset(provider: Provider, calendar: CalendarFile) -> frozenset[date]:
    return frozenset(day for inset in calendar.inset if inset.provider == provider.id for day in inset.days)


def _judge(
    row: _Row, on: date, since: date, counts_from: date, *, has_terms: bool, takes_part: bool
) -> FlowStatus:
    """Return the status of a row at the end of the day `on`.
    `counts_from`: the day from which missed periods are counted. `since`: data due before this day is not
    missing. `has_terms`: True if the calendar has the terms of the year. `takes_part`: True if the provider
    owes data.
    """
    own, periods = row.own, row.periods
    due, missed, at, must = None, 0, -1, False
    state: State = "not-expected"
    if takes_part and row.must is not None:
        state, must, at = "not-due", row.must, dates.index_on(periods, on)
        if row.scale in BY_SCHOOL_DAYS and not has_terms:
            at, state = -1, "no-calendar"
        elif at >= 0:
            due, state = periods[at].due, _state(periods[at], row.came(at), on)
            # The ended periods since the last arrival, this one too where it is over.
            latest = max((index for index in {*row.placed, *row.told} if index <= at), default=-1)
            counted = bisect_left(periods, counts_from, key=lambda period: period.opens)
            missed = max(0, at - max(latest + 1, counted)) + (state == "missing")
        elif own and own[-1][0] >= counts_from:
            state = "received"
        if state == "missing" and (not must or (due is not None and due < since)):
            state = "not-due"
    return FlowStatus(
        flow=row.flow.id,
        data_type=row.entry.id,
        timescale=row.scale,
        due=due,
        state=state,
        last=max((arrival.at for _, arrival in own if not arrival.nil), default=None),
        missed=missed if must and state != "not-due" else 0,
        period=periods[at].name if at >= 0 else None,
        known_by=row.known_by(at) if at >= 0 else None,
        asked=must,
    )


def _state(period: dates.Period, came: list[_Came], on: date) -> State:
    days = [day for day, arrival in came if not arrival.nil]
    if any(period.first <= day <= period.due for day in days):
        return "on-time"
    if days:
        return "early" if days[0] < period.first else "late"
    if came:
        return "nil"
    if on < period.first:
        return "not-due"
    return "due" if on <= period.due else "missing"


_AHEAD = timedelta(days=400)
_TWO_WEEKS, _WEEK = 14, 7
_CAME = {
    "late": "came late, it was due on {day}",
    "early": "came early, it is due on {day}",
    "on-time": "came in time, it is due on {day}",
    "nil": "nothing to send, as you said; due on {day}",
}


def agenda(
    provider: Provider, flows: Sequence[FlowStatus], catalogue: Catalogue, today: date
) -> Iterator[tuple[FlowStatus, ...]]:
    """Yield for each flow of a provider its status today, and one status for each due day ahead.
    `flows`: the statuses at the end of `today`. Due days are looked for in the next 400 days, and come
    soonest first. A daily or weekly flow has no due day ahead, because every school day would be one. Left
    out are flows that are not expected or lack terms in the calendar, and due days after the provider's
    closure. If the status today is about a past due day on which the provider owed nothing, the next due day
    takes its place.
    """
    until = min(today + _AHEAD, provider.closed_on or date.max)
    for flow in (each for each in flows if each.state not in {"not-expected", "no-calendar"}):
        if provider.closed_on is not None and (flow.due is None or flow.due > until):
            continue
        often = flow.timescale in {"daily", "weekly"}
        later = [
            replace(flow, state="not-due", due=one.due, period=one.name, last=None, missed=0, known_by=None)
            for one in (() if often else periods_around(provider, flow.data_type, catalogue, today))
            if today <= one.due <= until and one.due != flow.due
        ]
        if flow.state == "not-due" and flow.due is not None and flow.due < today:
            if provider.closed_on is not None and not later:
                continue
            ahead = later.pop(0) if later else replace(flow, due=None, period=None)
            yield replace(ahead, last=flow.last), *later
        else:
            yield flow, *later


def in_words(flow: FlowStatus, today: date) -> str:
    """Return a flow's status on a day in words, such as "due in 12 weeks, on 21 January 2027"."""
    if flow.due is None:
        return "received" if flow.state == "received" else "due at no set time"
    day = dates.spoken(flow.due)
    left = (flow.due - today).days
    if flow.state in _CAME:
        return _CAME[flow.state].format(day=day)
    if flow.state == "missing" or left < 0:
        return f"late, it was due on {day}"
    if left <= 1:
        return f"due tomorrow, on {day}" if left else f"due today, {day}"
    if left < _TWO_WEEKS:
        return f"due in {left} days, on {day}"
    return f"due in {left // _WEEK} weeks, on {day}"


WARN_DAYS = 60
"""So many days before the last law pack ends, people are told to get the next one."""


def standing_of(pack: LawPack, packs: tuple[LawPack, ...], day: date) -> str:
    """Return the standing of a law pack on a day: past, in force, in force beyond its days, or coming."""
    if pack_on(packs, day) == pack:
        return "in force" if pack.first <= day <= pack.last else "in force beyond its days"
    return "coming" if pack.first > day else "past"


def ends_without_another(packs: tuple[LawPack, ...], day: date) -> date | None:
    """Return the last day of the last law pack, if it has passed or is within 60 days; else None."""
    return packs[-1].last if packs and packs[-1].last <= day + timedelta(days=WARN_DAYS) else None


def renamed_references(
    catalogue: Catalogue, day: date | None, text: str | None = None
) -> tuple[Reference, ...]:
    """Return the documents and systems that the agreement cites by old names, each with the present name.
    `day`: the day whose names count; None for the names of the last law pack. `text`: if given, return only
    old names in the text.
    """
    pack = pack_on(catalogue.law, day)
    return tuple(each for each in (pack.references if pack else ()) if text is None or each.cited in text)


def present_names(found: Iterable[Reference]) -> Iterator[str]:
    """Yield a sentence for each document or system cited by an old name, with the present name."""
    return (f"where the agreement says {each.cited}, it is today: {each.today}" for each in found)


def coming_requirements(catalogue: Catalogue, day: date) -> Iterator[tuple[NewRequirement, date | None]]:
    """Yield each new requirement of the law pack in force on a day, with the day of its census or None.
    Requirements of a census before the day are left out.
    """
    pack = pack_on(catalogue.law, day)
    if pack is not None and pack.first <= day <= pack.last:
        for each in pack.coming:
            on = pack.dates.census.get(each.term) if each.term else None
            if on is None or on >= day:
                yield each, on
