"""How each flow of each provider stands on a day, by what the registry has of its arrivals."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from gateway.model import Provider
from gateway.policy import timescale
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import local_day
from gateway.policy.timescale import FlowStatus
from gateway.registry import expectations, providers
from gateway.registry.arrivals import Window, arrivals

# A yearly flow's period reaches back a year at most, and an academic year as well.
_ANYTHING_DUE = timedelta(days=800)
# A school day's period lasts until the next school day.
_LONGEST_HOLIDAY = timedelta(days=70)


def statuses(
    session: Session, catalogue: Catalogue, day: date, only: str | None = None
) -> Iterator[tuple[Provider, FlowStatus]]:
    """Each flow of every provider, or of `only` one, as it stands at the end of a day."""
    enrolled = [providers.get_provider(session, only)] if only else providers.list_providers(session)
    yield from statuses_of(session, catalogue, day, enrolled, only)


def statuses_of(
    session: Session, catalogue: Catalogue, day: date, enrolled: Collection[Provider], only: str | None = None
) -> Iterator[tuple[Provider, FlowStatus]]:
    """The same of these providers."""
    zone = catalogue.calendar.timezone
    came = arrivals(session, _window(catalogue, day), only)
    added, told = providers.added(session), expectations.expectations(session)
    for provider in enrolled:
        owed = timescale.Owed(
            since=local_day(added[provider.id], zone),
            until=provider.closed_on or date.max,
            expected=told.get(provider.id, {}),
        )
        for each in timescale.status(provider, came.get(provider.id, ()), catalogue, day, owed):
            yield provider, each


def _window(catalogue: Catalogue, day: date) -> Window:
    """What has to be known to judge `day`: far less than all that ever came."""
    often = [
        entry.id
        for flow in catalogue.flows.flow
        for entry in flow.data_type
        if not {"daily", "weekly"}.isdisjoint(entry.every_timescale())
    ]
    noon = datetime.combine(day, time(12), ZoneInfo(catalogue.calendar.timezone)).astimezone(UTC)
    return Window(since=noon - _ANYTHING_DUE, often=often, lately=noon - _LONGEST_HOLIDAY)
