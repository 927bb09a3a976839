"""Read what arrived from each provider, and judge the state of the provider's flows: due, late and so on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Result, Select, Text, and_, bindparam, cast, func, select
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col

from gateway.model import Arrival, Provider
from gateway.policy import timescale
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import local_day, moment
from gateway.policy.schema import Flow, FlowDataType
from gateway.registry import agreements, providers
from gateway.registry.tables import (
    DeclarationRow,
    NilReturnRow,
    ProviderRow,
    SchoolOfTransferRow,
    TransferRow,
)
from gateway.registry.tables.row import execute_plain
from gateway.registry.vouched_rows import is_in

R = TypeVar("R", DeclarationRow, NilReturnRow)
# The period of a yearly flow and the academic year each reach back a year at most.
_ANYTHING_DUE = timedelta(days=800)
# A school day's period lasts until the next school day.
_LONGEST_HOLIDAY = timedelta(days=70)
# Arrivals later than this are after the day judged, in any time zone.
_NEXT_DAY = timedelta(days=2)


def statuses(
    session: Session, catalogue: Catalogue, day: date, only: Collection[str] | None = None, *,
    sees_all: bool = True,
) -> Iterator[tuple[Provider, list[timescale.FlowStatus]]]:  # fmt: skip
    """Yield each provider with the state of each of its flows in Appendix B on a day, by all files.
    `only`: the ids of the providers to yield; None for all. `sees_all`: False to tell in `last` of no file
    outside the session's sight.
    """
    judged = window_for(catalogue, day)
    ways = [judged] if sees_all else [judged, replace(judged, hidden=False)]
    for found in zip(*(_owing(session, catalogue, way, only) for way in ways), strict=True):
        flows, *seen = (timescale.status(one, came, catalogue, day, owed) for one, came, owed in found)
        pairs = zip(flows, *seen, strict=True)
        yield found[0][0], [replace(flow, last=one.last) for flow, one in pairs] if seen else flows


def overdue(
    session: Session, catalogue: Catalogue, span: tuple[date, date], day: date
) -> Iterator[tuple[Provider, Flow, FlowDataType, date]]:
    """Yield what providers had not sent by the end of `day`: provider, flow, data type, and the day it was
    due. `span`: the first and the last due day to look at. Daily and weekly flows are left out.
    """
    judged = window_for(catalogue, day)
    # For an earlier due day, the last file before `lately` does not tell of those before it.
    judged = replace(judged, lately=judged.since) if span[0] < span[1] else judged
    for provider, came, owed in _owing(session, catalogue, judged, None):
        was_due = timescale.due_within(provider, came, catalogue, span, on=day, owed=owed)
        for flow, entry, scale, due, state in was_due if day <= owed.until else ():
            if state == "missing" and scale not in timescale.BY_SCHOOL_DAYS:
                yield provider, flow, entry, due


def _owing(
    session: Session, catalogue: Catalogue, judged: Window, only: Collection[str] | None
) -> Iterator[tuple[Provider, Sequence[Arrival], timescale.DutySpan]]:
    """Yield each provider, its arrivals, and the days on which it owes data.
    `only`: the ids of the providers to yield; None for all.
    """
    came = arrivals(session, replace(judged, until=judged.since + _ANYTHING_DUE + _NEXT_DAY), only)
    added, told = providers.added(session), agreements.expectations(session)
    for provider in providers.list_providers(session):
        if only is None or provider.id in only:
            owed = owed_by(provider, added[provider.id], told.get(provider.id, {}), catalogue)
            yield provider, came.get(provider.id, ()), owed


def owed_by(
    provider: Provider, added: datetime, told: Mapping[str, bool], catalogue: Catalogue
) -> timescale.DutySpan:
    """Return the days on which a provider owes data: from its enrolment, at `added`, to its closure, if
    closed. `told`: for each data type with an expectation on record, True if the provider has to send the
    data.
    """
    since = local_day(added, catalogue.calendar.timezone)
    return timescale.DutySpan(since=since, until=provider.closed_on or date.max, expected=told)


def window_for(catalogue: Catalogue, day: date) -> Window:
    """Return the window of arrivals to read if every flow is to be judged on `day` or later."""
    opened, zone = timescale.days_opened(catalogue, day), catalogue.calendar.timezone
    often = [
        entry.id
        for flow in catalogue.flows.flow
        for entry in flow.data_type
        if not {"daily", "weekly"}.isdisjoint(entry.every_timescale())
    ]
    every = {entry.id for flow in catalogue.flows.flow for entry in flow.data_type}
    noon = datetime.combine(day, time(12), ZoneInfo(zone)).astimezone(UTC)
    return Window(
        since=noon - _ANYTHING_DUE,
        seldom=sorted(every.difference(often)),
        often=often,
        lately=noon - _LONGEST_HOLIDAY if opened is None else moment(opened, time(), zone),
        midnights=_midnights(zone, day),
    )


@lru_cache(maxsize=16)
def _midnights(zone: str, day: date) -> tuple[str, ...]:
    """Return the times of day in UTC, such as "23:00" but not "00:00", at which days in `zone` begin.
    Looks at some years around `day`, for summer and winter time.
    """
    days = (day + timedelta(days=n) for n in range(-_ANYTHING_DUE.days, _ANYTHING_DUE.days))
    return tuple(sorted({f"{moment(each, time(), zone):%H:%M}" for each in days} - {"00:00"}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The limits for reading arrivals: since when, until when, and of which data types.
    Only files landed from `since` until before `until` count. `often`: the data types due daily or weekly, of
    which only the files from `lately` on are read, and the last file before. `seldom`: all other data types.
    `midnights`: the times of day in UTC, such as "23:00", at which a day may begin in local time.
    `hidden`: True if files outside the session's sight count, as well as those inside.
    """

    since: datetime
    until: datetime | None = None
    seldom: Collection[str] = ()
    often: Collection[str] = ()
    lately: datetime | None = None
    midnights: Collection[str] = ()
    hidden: bool = True


def arrivals(
    session: Session, window: Window, only: Collection[str] | None = None
) -> Mapping[str, Sequence[Arrival]]:
    """Return accepted files, declared transfers and nil returns, by provider: of all, or of those in `only`.
    A file sent by one provider for several schools counts for each school with pupils in the file. Where a
    provider sent several files of one kind and period on a day, some of the earlier ones are left out.
    """
    found: defaultdict[str, list[Arrival]] = defaultdict(list)
    for ask in (_uploads, _told):
        for sender, arrival in ask(session, window, only):
            found[sender].append(arrival)
    return found


def _uploads(session: Session, window: Window, only: Collection[str] | None) -> Iterator[tuple[str, Arrival]]:
    """Yield (provider, Arrival) of accepted files: a provider's own files first, then files sent for another
    provider.
    """
    whom = "all" if only is None else "one" if len(only) == 1 else "some"
    shape = whom, window.until is not None, bool(window.seldom), tuple(window.midnights)
    given: dict[str, Any] = {
        "only": list(only or ()),
        "often": list(window.often),
        "seldom": list(window.seldom),
    }
    given |= {"since": window.since, "lately": window.lately or window.since, "until": window.until}

    def asked(query: Select[Any], **more: str) -> Result[*tuple[Any, ...]]:
        values = given | more
        return execute_plain(session, query, values) if window.hidden else session.execute(query, values)

    for query in (*_accepted(True, *shape), *_accepted(False, *shape)):
        for by, under, data_type, at, about in asked(query):
            yield by, Arrival(under or "", data_type or "", at, about)
    for kind in () if whom == "one" else window.often:
        for by, at, at_about, about in asked(_last(whom), kind=kind):
            for landed_at, told in ((at, None), (at_about, about)):
                if landed_at is not None:
                    yield by, Arrival("", kind, landed_at, told)


_OWN = ~col(TransferRow.sequence).in_(select(col(SchoolOfTransferRow.transfer)))


@cache
def _last(whom: str) -> Select[Any]:
    """Return the query for the last accepted file of one data type that each provider sent before `lately`.
    `whom`: "all" for every provider, "some" for the providers in the query's parameter `only`.
    """
    landed, period = col(TransferRow.landed_at), col(TransferRow.period)

    accepted = (
        col(TransferRow.state) == "accepted",
        col(TransferRow.data_type) == bindparam("kind"),
        col(TransferRow.provider) == col(ProviderRow.id),
        landed < bindparam("lately"),
        landed >= bindparam("since"),
        _OWN,
    )

    def sought(what: Mapped[Any], is_about: ColumnElement[bool]) -> Any:  # noqa: ANN401 - a column of any type
        return select(func.max(what)).where(*accepted, is_about).scalar_subquery()

    some, none = period.is_not(None), period.is_(None)
    query = select(col(ProviderRow.id), sought(landed, none), sought(landed, some), sought(period, some))
    return query.where(is_in(col(ProviderRow.id), "only")) if whom == "some" else query


@lru_cache(64)
def _accepted(own: bool, whom: str, until: bool, seldom: bool, midnights: tuple[str, ...]) -> list[Any]:
    """Return queries for the last accepted file of each provider, data type, period and day.
    `own`: True for a provider's own files, False for files that another provider sent for it.
    `whom`: "one", "some" or "all", the number of providers asked about. `until`, `seldom`: True
    if these fields of the `Window` are set. `midnights`: the field of the `Window`.
    """
    whose = col(TransferRow.provider) if own else col(SchoolOfTransferRow.provider)
    which = _OWN if own else col(SchoolOfTransferRow.transfer) == col(TransferRow.sequence)
    landed = col(TransferRow.landed_at)
    flow, data_type, period = col(TransferRow.flow), col(TransferRow.data_type), col(TransferRow.period)
    state: ColumnElement[str] = col(TransferRow.state)  # type: ignore[assignment] # a column is one
    if whom == "one":
        which = and_(which, is_in(whose, "only"))
        state = func.coalesce(state, None)  # Keeps the index of states out: a provider's files are few.
    elif whom == "some":  # Uses the index of states once for all these providers.
        which = and_(which, is_in(func.coalesce(whose, None), "only"))
    if until:
        which = and_(which, landed < bindparam("until"))
    accepted = and_(state == "accepted", data_type.is_not(None), which)
    often, since = is_in(data_type, "often"), landed >= bindparam("since")
    # Of frequent types, the last file and the last period suffice, as the later one counts.
    key = (whose, flow, data_type)
    last = select(*key, func.max(landed), func.max(period)).group_by(*key, period.is_(None))
    # Grouped by local day: by the UTC date, and by whether the time is past each local midnight.
    day = func.substr(cast(landed, Text), 1, 10)
    past = (func.substr(cast(landed, Text), 12, 5) >= midnight for midnight in midnights)
    every = select(*key, func.max(landed), period).group_by(*key, period, day, *past)
    asked: list[Any] = [every.where(often, landed >= bindparam("lately"))]
    if seldom:
        asked.append(every.where(is_in(data_type, "seldom"), since))
    if whom == "one" or not own:
        asked.append(last.where(often, landed < bindparam("lately"), since))
    return [query.where(accepted) for query in asked]


def _told(session: Session, window: Window, only: Collection[str] | None) -> Iterator[tuple[str, Arrival]]:
    """Yield each accepted declaration and nil return, as a provider and an Arrival."""

    def asked(row: type[R], *which: ColumnElement[bool]) -> Iterable[R]:
        some = () if only is None else (col(row.provider).in_(only),)
        return session.scalars(select(row).where(*which, *some))

    accepted = col(DeclarationRow.state) == "accepted"
    for one in asked(DeclarationRow, accepted, col(DeclarationRow.goes_at) >= window.since):
        for data_type in one.data_types.split():
            yield one.provider, Arrival(one.flow or "", data_type, one.goes_at)
    for row in asked(NilReturnRow, col(NilReturnRow.recorded_at) >= window.since):
        yield row.provider, Arrival("", row.data_type, row.recorded_at, row.period, nil=True)
