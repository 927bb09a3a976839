"""The periods in which a provider owes a data type, by its own school days."""

from __future__ import annotations

from datetime import date

from gateway.model import Provider
from gateway.policy.calendar_schema import CalendarFile
from gateway.policy.catalogue import Catalogue
from gateway.policy.placing import index_on
from gateway.policy.schooldays import Period, plan


def period_on(provider: Provider, data_type: str, catalogue: Catalogue, on: date) -> Period | None:
    """The period of a data type that is open on a day; None where it is due at no set time then."""
    periods = periods_around(provider, data_type, catalogue, on)
    at = index_on(periods, on)
    return periods[at] if at >= 0 else None


def periods_around(provider: Provider, data_type: str, catalogue: Catalogue, on: date) -> list[Period]:
    """The periods of a data type in the years around a day; none where it is due at no set time."""
    flow = catalogue.flow_of(data_type)
    if flow is None:
        return []
    due = (flow.of(data_type).timescales(provider.kind)[0], data_type)
    return plan(catalogue.calendar, (due,), own_inset(provider, catalogue.calendar), on.year)[due]


def own_inset(provider: Provider, calendar: CalendarFile) -> frozenset[date]:
    """The training days that a provider chose for itself."""
    return frozenset(day for inset in calendar.inset if inset.provider == provider.id for day in inset.days)
