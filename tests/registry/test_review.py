"""What a review counts of all providers, asked of a registry."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlmodel import select

from gateway.model import Held, Provider, Released
from gateway.policy.discrepancies import Discrepancy, RollRow
from gateway.registry import discrepancies, markers, providers, review
from gateway.registry.database import Registry
from gateway.registry.tables import TransferRow
from tests.policies import why
from tests.registry.test_deliveries import HELD, NOW, TRIAGE, put, registry

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


def test_what_somebody_may_not_know_of_is_in_no_number_of_theirs(registry: Registry) -> None:
    sensitive, marked = (
        Held(reasons=(why("policy:sensitive", topics="health"),)),
        replace(TRIAGE, marked=False),
    )
    found = [put(registry, number, one) for number, one in enumerate((CENSUS, sensitive, CENSUS), 1)]
    said = [
        RollRow(provider=one, pupil="0" * 32, on_roll=True, at=NOW, reference=found[2], record=1)
        for one in ("school-a", "elm")
    ]
    with registry.write() as session:
        providers.add_provider(session, Provider(id="elm", name="Elm", kind="school"), NOW)
        for row in session.exec(select(TransferRow)).all():
            row.content = '{"findings":[{"count":2}]}'
        two = Discrepancy(kind="two-rolls", key=("0" * 32,), rows=tuple(said))
        discrepancies.open_discrepancies(session, [two], {found[2]: 3}, NOW)
        markers.place(session, "restricted", {b"1" * 16}, people=(), transfers={3}, by="dpo", why="w", at=NOW)
    until = NOW + TICK
    with registry.within(lambda _: marked).read() as session:
        assert review.files(session, NOW, until) == {"school-a": {("school-census", "accepted"): 1}}
        assert review.faults(session, NOW, until) == {"school-a": {"school-census": [1, 2]}}
        assert review.discrepancies(session, NOW, until) == ({}, (0, 0))
    with registry.read() as session:
        assert sum(review.files(session, NOW, until)["school-a"].values()) == 3
        assert review.discrepancies(session, NOW, until)[1] == (1, 1)
