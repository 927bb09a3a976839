"""What a review counts of all providers, asked of a registry."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from gateway.model import Provider, Released
from gateway.policy.discrepancies import Discrepancy, RollRow
from gateway.registry import agreements, discrepancies, markers, providers, register, review
from gateway.registry.database import Registry
from gateway.registry.flow_status import Window, arrivals
from gateway.registry.tables import RatificationRow, TransferRow
from tests.policies import why
from tests.registry.test_deliveries import HELD, NOTHING, NOW, TRIAGE, put, registry

__all__ = ["registry"]
CENSUS = Released(flow="f", teams=("sen",), reasons=(), data_type="school-census")
TICK = timedelta(seconds=1)


def test_files_and_faults_are_counted_by_provider_and_kind_of_what_landed_in_the_span(
    registry: Registry,
) -> None:
    decisions = (CENSUS, CENSUS, CENSUS, replace(CENSUS, data_type=None), HELD, CENSUS, CENSUS)
    for number, decision in enumerate(decisions, 1):
        put(registry, number, decision)
    two, none = '{"findings":[{"count":2},{"count":3}]}', '{"findings":[]}'
    with registry.write() as session:
        providers.add_provider(session, Provider(id="elm", name="Elm", kind="school"), NOW)
        found = session.exec(select(TransferRow).order_by("sequence")).all()
        for row, content in zip(found, (two, two, none, two, two, two, two), strict=True):
            row.content = content
        found[1].provider, found[5].folder, found[6].landed_at = "elm", "keys", NOW + TICK
    with registry.read() as session:
        files, faults = review.files(session, NOW, NOW + TICK), review.faults(session, NOW, NOW + TICK)
        assert review.faults(session, NOW - TICK, NOW) == review.files(session, NOW - TICK, NOW) == {}
    assert files == {
        "school-a": {("school-census", "accepted"): 2, ("", "accepted"): 1, ("school-census", "held"): 1},
        "elm": {("school-census", "accepted"): 1},
    }
    assert faults == {"school-a": {"school-census": [1, 5], "": [1, 5]}, "elm": {"school-census": [1, 5]}}


def test_nobody_s_review_counts_a_file_that_they_may_not_know_of(registry: Registry) -> None:
    few = replace(HELD, reasons=(*HELD.reasons, why("policy:sensitive", topics="health")))
    for number, decision in enumerate((HELD, few, CENSUS), 1):
        put(registry, number, decision)
    with registry.write() as session:
        markers.place(session, "restricted", {b"1" * 16}, people=(), transfers={3}, by="d", why="w", at=NOW)
        for row in session.exec(select(TransferRow)):
            row.content = '{"findings":[{"count":2}]}'
        row = RollRow(provider="school-a", pupil="aa", on_roll=True, at=NOW, reference="1")
        differ = Discrepancy(kind="birth-date", key=("aa",), rows=(row, replace(row, reference="3")))
        discrepancies.open_discrepancies(session, [differ], {"1": 1, "3": 3}, NOW)
    with registry.read() as session:
        assert sum(review.files(session, NOW, NOW + TICK)["school-a"].values()) == 3
        assert review.discrepancies(session, NOW, NOW + TICK) == ({"school-a": (1, 1)}, (1, 1))
    with registry.within(lambda _: replace(TRIAGE, marked=False)).read() as session:
        assert review.files(session, NOW, NOW + TICK) == {"school-a": {("school-census", "held"): 1}}
        assert review.faults(session, NOW, NOW + TICK) == {}
        assert review.discrepancies(session, NOW, NOW + TICK) == ({}, (0, 0))


@pytest.mark.parametrize("lately", [NOW - TICK, NOW + TICK])
def test_what_a_reader_may_not_know_of_is_no_arrival_in_a_review(
    registry: Registry, lately: datetime
) -> None:
    put(registry, 1, CENSUS)
    put(registry, 2, replace(CENSUS, data_type="attendance"))
    window = Window(since=NOW - TICK, seldom=["school-census"], often=["attendance"], lately=lately)
    asked = {hidden: replace(window, hidden=hidden) for hidden in (True, False)}
    limited = registry.within(lambda _: replace(TRIAGE, marked=False))
    with registry.read() as session:
        assert len(arrivals(session, asked[False])["school-a"]) == 2
    with registry.write() as session:
        markers.place(
            session, "restricted", {b"1" * 16}, people=(), transfers={1, 2}, by="d", why="w", at=NOW
        )
    with limited.read() as session:
        assert len(arrivals(session, asked[True])["school-a"]) == 2
        assert arrivals(session, asked[False]) == {}


def test_a_ratification_without_a_file_is_known_to_those_from_whom_some_file_is_kept(
    registry: Registry,
) -> None:
    put(registry, 1, CENSUS)
    with registry.write() as session:
        markers.place(session, "restricted", {b"1" * 16}, people=(), transfers={1}, by="d", why="w", at=NOW)
        row = RatificationRow(
            provider="school-a", academic_year="2026-27", signatory="The Head", ratified_on=NOW.date(),
            recorded_at=NOW, recorded_by="kim",
        )  # fmt: skip
        session.add(row)
    with registry.within(lambda _: replace(TRIAGE, marked=False)).read() as session:
        assert [one.provider for one in agreements.ratifications(session)] == ["school-a"]
        assert register.of(session).years("school-a") == {"2026-27"}
    with registry.read() as session:  # What a limited reader read is kept for everybody.
        assert register.of(session).years("school-a") == {"2026-27"}
    with registry.write() as session:
        session.get_one(RatificationRow, ("school-a", "2026-27")).reference = "261124-school-a-00001"
    with registry.within(lambda _: NOTHING).read() as session:
        assert register.of(session).years("school-a") == {"2026-27"}
