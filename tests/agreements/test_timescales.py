"""When what is due, by every agreement that ships: on time on its day, late after it, missing without."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from gateway.model import Arrival, Provider
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import Period, bank_holidays, plan
from gateway.policy.ratification import in_force, lapse_day, renewed_by, status_on, year_to_ratify
from gateway.policy.timescale import DutySpan, FlowStatus, status

ON = date(2027, 3, 3)
_NEVER = {"on-event", "continuous"}


def judged(
    catalogue: Catalogue, kind: str, came: list[Arrival], on: date
) -> dict[tuple[str, str], FlowStatus]:
    """The status of what one provider of a kind owes, expected of it one and all."""
    told = {entry.id: True for flow in catalogue.flows.flow for entry in flow.data_type}
    provider = Provider(id=kind, name=kind, kind=kind, ratified=True)
    found = status(provider, came, catalogue, on, DutySpan(expected=told))
    return {(each.data_type, each.timescale): each for each in found}


def owed(catalogue: Catalogue) -> list[tuple[str, str, str, str]]:
    """Each flow, data type, kind of sender and timescale by which it is due."""
    return [
        (flow.id, entry.id, kind, scale)
        for flow in catalogue.flows.flow
        for entry in flow.data_type
        for kind in flow.senders
        for scale in entry.timescales(kind)
    ]


def periods(catalogue: Catalogue, scale: str, data_type: str) -> list[Period]:
    return plan(catalogue.calendar, ((scale, data_type),), frozenset(), ON.year)[scale, data_type]


def arrival(flow: str, data_type: str, day: date) -> Arrival:
    return Arrival(flow, data_type, datetime.combine(day, time(15), UTC))


def test_each_timescale_has_periods_that_follow_on_one_another(catalogue: Catalogue) -> None:
    for _, data_type, _, scale in owed(catalogue):
        found = periods(catalogue, scale, data_type)
        assert bool(found) is (scale not in _NEVER), (data_type, scale)
        for one, other in pairwise(found):
            assert one.opens <= one.first <= one.due, (data_type, scale, one)
            assert one.closes + timedelta(days=1) == other.opens, (data_type, scale, one)
        assert len({each.name for each in found}) == len(found)


def test_what_comes_on_its_day_is_on_time_and_missing_without(catalogue: Catalogue) -> None:
    for flow, data_type, kind, scale in owed(catalogue):
        for period in [each for each in periods(catalogue, scale, data_type) if each.due.year == ON.year][:3]:
            came = judged(catalogue, kind, [arrival(flow, data_type, period.due)], period.due)
            assert came[data_type, scale].state == "on-time", (data_type, kind, scale, period)
            assert came[data_type, scale].period == period.name
            nothing = judged(catalogue, kind, [], period.due)
            assert nothing[data_type, scale].state == "due", (data_type, kind, scale, period)
            after = period.due + timedelta(days=1)
            if after <= period.closes:
                missing = judged(catalogue, kind, [], after)
                assert missing[data_type, scale].state == "missing", (data_type, kind, scale, period)
                late = judged(catalogue, kind, [arrival(flow, data_type, after)], after)
                assert late[data_type, scale].state == "late", (data_type, kind, scale, period)


def test_nothing_is_due_on_a_bank_holiday_of_its_nation(catalogue: Catalogue) -> None:
    days = [each.due for _, name, _, scale in owed(catalogue) if scale in {"daily", "weekly"}
            for each in periods(catalogue, scale, name)]  # fmt: skip
    assert not set(days) & bank_holidays(ON.year, catalogue.calendar.nation)


def test_a_ratification_counts_for_as_long_as_the_agreement_says(catalogue: Catalogue) -> None:
    said = catalogue.agreement.year
    year = year_to_ratify((), ON, catalogue)
    lapses = lapse_day(year, catalogue)
    assert lapses.year == int(year[:4]) + said.valid_years
    assert in_force([year], lapses - timedelta(days=1), catalogue)
    assert not in_force([year], lapses, catalogue)
    day_before = lapses - timedelta(days=1)
    assert year_to_ratify([year], day_before, catalogue) == renewed_by(year, catalogue)
    assert status_on([year], day_before, catalogue).warning == min(said.warn_days)
    assert status_on([year, renewed_by(year, catalogue)], day_before, catalogue).warning is None
