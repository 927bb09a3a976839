"""The state of every flow of every provider on a day, computed by policy from rows of the registry."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from sqlmodel import Session

from gateway.model import Provider
from gateway.policy import timescale
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import local_day, moment
from gateway.registry import expectations, providers
from gateway.registry.arrivals import Window, arrivals

# A yearly flow's period reaches back a year at most, and an academic year as well.
_ANYTHING_DUE = timedelta(days=800)
# A school day's period lasts until the next school day.
_LONGEST_HOLIDAY = timedelta(days=70)
# What comes after the day judged, in any zone, tells nothing of it.
_NEXT_DAY = timedelta(days=2)


def statuses(
    session: Session, catalogue: Catalogue, day: date, only: Collection[str] | None = None
) -> Iterator[tuple[Provider, list[timescale.FlowStatus]]]:
    """Yield providers, all or `only` some, each with the states of its flows in the order of Appendix B."""
    judged = window_from(catalogue, day)
    came = arrivals(session, replace(judged, until=judged.since + _ANYTHING_DUE + _NEXT_DAY), only)
    added, told = providers.added(session), expectations.expectations(session)
    for provider in providers.list_providers(session):
        if only is not None and provider.id not in only:
            continue
        owed = owed_by(provider, added[provider.id], told.get(provider.id, {}), catalogue)
        yield provider, timescale.status(provider, came.get(provider.id, ()), catalogue, day, owed)


def owed_by(
    provider: Provider, added: datetime, told: Mapping[str, bool], catalogue: Catalogue
) -> timescale.DutySpan:
    """Return the first and the last day of a provider's duty to send data, and people's expectations."""
    return timescale.DutySpan(
        since=local_day(added, catalogue.calendar.timezone),
        until=provider.closed_on or date.max,
        expected=told,
    )


def window_from(catalogue: Catalogue, day: date) -> Window:
    """Return the bounds of the arrivals for judging flows on `day` and later days, but on none before."""
    judged, opened = window(catalogue, day), timescale.days_opened(catalogue, day)
    if opened is None:
        return judged
    return replace(judged, lately=moment(opened, time(), catalogue.calendar.timezone))


def window(catalogue: Catalogue, day: date) -> Window:
    """Return the bounds of the arrivals for judging flows on `day`, and on days since the last holidays."""
    often = [
        entry.id
        for flow in catalogue.flows.flow
        for entry in flow.data_type
        if not {"daily", "weekly"}.isdisjoint(entry.every_timescale())
    ]
    every = {entry.id for flow in catalogue.flows.flow for entry in flow.data_type}
    noon = datetime.combine(day, time(12), ZoneInfo(catalogue.calendar.timezone)).astimezone(UTC)
    return Window(
        since=noon - _ANYTHING_DUE,
        seldom=sorted(every.difference(often)),
        often=often,
        lately=noon - _LONGEST_HOLIDAY,
        midnights=_midnights(catalogue.calendar.timezone, day),
    )


@lru_cache(maxsize=16)
def _midnights(zone: str, day: date) -> tuple[str, ...]:
    """Return the UTC times of local midnights near `day`, as "23:00"; 00:00 is left out."""
    days = (day + timedelta(days=n) for n in range(-_ANYTHING_DUE.days, _ANYTHING_DUE.days))
    return tuple(sorted({f"{moment(each, time(), zone):%H:%M}" for each in days} - {"00:00"}))
