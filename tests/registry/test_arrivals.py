"""What arrived is told by days; of one provider it is found among its own files, however many others have."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from operator import itemgetter
from pathlib import Path

import pytest
from sqlalchemy import event

from gateway.model import Arrival, Provider
from gateway.policy.calendar_schema import Inset
from gateway.policy.catalogue import Catalogue, load_catalogue
from gateway.policy.dates import local_day
from gateway.policy.timescale import DutySpan, status
from gateway.registry import providers
from gateway.registry.database import Registry
from gateway.registry.flow_status import Window, arrivals, overdue, statuses, window_for
from gateway.registry.tables import TransferRow
from tests.costs import python_calls
from tests.policies import POLICIES

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


def test_one_providers_files_are_looked_through_and_not_all_that_were_accepted(tmp_path: Path) -> None:
    registry = Registry(f"sqlite:///{tmp_path}/registry.db")
    registry.migrate()
    asked: list[tuple[str, object]] = []
    with registry.read() as session:
        connection = session.connection()
        event.listen(connection, "before_cursor_execute", lambda *given: asked.append((given[2], given[3])))
        window = Window(since=NOW - timedelta(days=800), often=["attendance"], lately=NOW)
        assert arrivals(session, window, ["oak"]) == {}
        of_transfers = [
            one for one in asked if "FROM transfer" in one[0]
        ]  # As its own; others are found by theirs.
        assert len(of_transfers) == 2
        for statement, given in of_transfers:
            told = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)  # type: ignore[arg-type]
            steps = [str(row[3]) for row in told]
            assert any("(provider=?)" in step for step in steps), steps
            assert not any("SEARCH transfer" in step and "state=?" in step for step in steps), steps
    registry.close()


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(POLICIES)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("pg_ctlcluster"))])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    """Of either kind; whoever made the database is in Japan."""
    url = f"sqlite:///{tmp_path}/registry.db"
    if request.param == "postgresql":
        url = (
            request.getfixturevalue("cluster").database(tmp_path.name) + "&options=-c%20timezone%3DAsia/Tokyo"
        )
    made = Registry(url)
    made.migrate()
    with made.write() as session:
        for name in ("oak", "elm"):
            providers.add_provider(session, Provider(id=name, name=name, kind="school"), NOW)
    yield made
    made.close()


def _came(registry: Registry, sent: list[tuple[str, Arrival]]) -> None:
    with registry.write() as session:
        for number, (provider, one) in enumerate(sent):
            session.add(
                TransferRow(
                    reference=f"261124-{provider}-{number:05}", provider=provider, name="x", folder="in",
                    size=1, sha256="1" * 64, started_at=one.at, landed_at=one.at, ssh_key="k", client="c",
                    state="accepted", flow=one.flow, data_type=one.data_type, period=one.period,
                )
            )  # fmt: skip


def test_of_the_files_of_a_local_day_the_last_of_each_kind_and_period_is_told(
    registry: Registry, catalogue: Catalogue
) -> None:
    """Also in the weeks in which the clocks are changed, and in the hour that is of two days."""
    rng, zone = random.Random(7), catalogue.calendar.timezone
    first = datetime(2026, 10, 1, tzinfo=UTC)
    near = [datetime(2026, 10, day, 22, tzinfo=UTC) for day in (5, 24, 25, 26)]
    sent = []
    for _ in range(400):
        at = first + timedelta(seconds=rng.randrange(50 * 86_400))
        if rng.random() < 0.4:
            at = rng.choice(near) + timedelta(seconds=rng.randrange(4 * 3600))
        kind, period = rng.choice(("student-core", "exclusions")), rng.choice((None, "2026-10-05"))
        sent.append((rng.choice(("oak", "elm")), Arrival("student-core", kind, at, period)))
    _came(registry, sent)
    on = date(2026, 11, 24)
    last: dict[tuple[object, ...], datetime] = {}
    for provider, one in sent:
        of = (provider, one.data_type, one.period, local_day(one.at, zone))
        last[of] = max(last.get(of, one.at), one.at)
    with registry.read() as session:
        found = arrivals(session, replace(window_for(catalogue, on), lately=NOW - timedelta(days=70)))
    told = [
        ((provider, one.data_type, one.period, local_day(one.at, zone)), one.at)
        for provider, some in found.items()
        for one in some
    ]
    assert dict(sorted(told, key=itemgetter(1))) == last
    assert (
        max(Counter(of for of, _ in told).values()) <= 3
    )  # In UTC, a day in summer is of two; that with 25 hours, of three.
    for day in (date(2026, 10, 6), date(2026, 10, 25), on):
        for name in ("oak", "elm"):
            of_it = Provider(id=name, name=name, kind="school", ratified=True)
            whole = [one for provider, one in sent if provider == name]
            assert status(of_it, found[name], catalogue, day) == status(of_it, whole, catalogue, day)


def test_many_files_of_a_day_are_told_as_one(registry: Registry, catalogue: Catalogue) -> None:
    at = NOW - timedelta(days=1)
    _came(
        registry,
        [
            ("oak", Arrival("student-core", kind, at + timedelta(seconds=n)))
            for n in range(200)
            for kind in ("student-core", "school-census")
        ],
    )
    with registry.read() as session:
        found = arrivals(session, window_for(catalogue, NOW.date()))
    assert sorted((one.data_type, one.at - at) for one in found["oak"]) == [
        ("school-census", timedelta(seconds=199)), ("student-core", timedelta(seconds=199)),
    ]  # fmt: skip


def test_what_came_before_is_told_of_all_as_of_each(registry: Registry, catalogue: Catalogue) -> None:
    """Of all it is looked up in an index; of one provider it is found among its files."""
    rng = random.Random(11)
    kinds, periods = ("student-core", "exclusions", "attendance"), (None, "2026-03-02", "2026-05-04")
    sent = [
        (
            rng.choice(("oak", "elm")),
            Arrival("", rng.choice(kinds), NOW - timedelta(days=rng.randrange(60, 900)), rng.choice(periods)),
        )
        for _ in range(40)
    ]
    _came(registry, sent)
    asked = window_for(catalogue, NOW.date())
    with registry.read() as session:
        of_all = arrivals(session, asked)
        of_each = {name: arrivals(session, asked, [name])[name] for name in ("oak", "elm")}
        of_some = arrivals(session, asked, ["elm", "nobody"])
    assert of_some == {"elm": of_all["elm"]}
    assert {name: sorted(map(told, some)) for name, some in of_all.items()} == {
        name: sorted(map(told, some)) for name, some in of_each.items()
    }
    assert any(one.at < asked.since for _, one in sent)
    assert asked.lately is not None
    assert sum(one.at < asked.lately for some in of_all.values() for one in some) >= 6


def test_what_comes_after_a_day_is_not_read_for_it(registry: Registry, catalogue: Catalogue) -> None:
    sent = [("oak", Arrival("", "attendance", NOW + timedelta(days=number))) for number in range(-3, 9)]
    _came(registry, sent)
    day = NOW.date()
    with registry.read() as session:
        bounded = replace(window_for(catalogue, day), until=NOW + timedelta(days=2))
        last = [
            max(one.at for one in arrivals(session, each)["oak"])
            for each in (bounded, window_for(catalogue, day))
        ]
        for _, flows in statuses(session, catalogue, day, ["oak"]):
            (of_it,) = [one for one in flows if one.data_type == "attendance"]
    assert last == [NOW + timedelta(days=1), NOW + timedelta(days=8)]
    assert of_it.last == NOW


def told(arrival: Arrival) -> tuple[str, datetime, str]:
    return arrival.data_type, arrival.at, arrival.period or ""


def test_the_last_of_everybody_is_not_looked_for_among_all(tmp_path: Path) -> None:
    registry = Registry(f"sqlite:///{tmp_path}/registry.db")
    registry.migrate()
    asked: list[tuple[str, object]] = []
    with registry.read() as session:
        connection = session.connection()
        event.listen(connection, "before_cursor_execute", lambda *given: asked.append((given[2], given[3])))
        arrivals(session, Window(since=NOW - timedelta(days=800), often=["attendance"], lately=NOW))
        ((statement, given),) = [one for one in asked if "FROM provider" in one[0]]
        told_of = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)  # type: ignore[arg-type]
        steps = [str(row[3]) for row in told_of if "transfer USING" in str(row[3])]
    assert len(steps) == 3
    assert all("COVERING INDEX" in step and "provider=?" in step for step in steps), steps
    registry.close()


@pytest.mark.long
def test_a_day_is_judged_by_the_same_rules_from_the_files_since_its_period_began(
    registry: Registry, catalogue: Catalogue
) -> None:
    """On a day of school, at a weekend, after holidays, and where training days come before."""
    rng, zone = random.Random(5), catalogue.calendar.timezone
    kinds = ("student-core", "exclusions", "attendance", "school-census")
    sent = []
    for _ in range(600):
        at = NOW + timedelta(seconds=rng.randrange(-200 * 86_400, 60 * 86_400))
        about = rng.choice((None, local_day(at, zone).isoformat()))
        sent.append((rng.choice(("oak", "elm")), Arrival("student-core", rng.choice(kinds), at, about)))
    _came(registry, sent)
    before = (date(2026, 11, 20), date(2026, 11, 23))
    closed = catalogue.calendar.model_copy(update={"inset": (Inset(provider="elm", days=before),)})
    catalogue = catalogue.model_copy(update={"calendar": closed})
    days = [date(2026, 11, 24) + timedelta(days=number) for number in range(-80, 8)]
    with registry.read() as session:
        owed = providers.added(session)
        for day in days:
            judged = dict(statuses(session, catalogue, day))
            for provider, flows in judged.items():
                whole = [one for name, one in sent if name == provider.id]
                since = DutySpan(since=local_day(owed[provider.id], zone))
                assert flows == status(provider, whole, catalogue, day, since), (day, provider.id)


def test_judging_a_day_costs_as_much_however_many_files_came_before(
    registry: Registry, catalogue: Catalogue
) -> None:
    def daily(provider: str, days: int) -> list[tuple[str, Arrival]]:
        return [
            (provider, Arrival("", "attendance", NOW - timedelta(days=number))) for number in range(1, days)
        ]

    def judged(provider: str) -> int:
        return python_calls(lambda: list(statuses(session, catalogue, NOW.date(), [provider])))[1]

    _came(registry, [*daily("elm", 10), *daily("oak", 65)])
    with registry.read() as session:
        few, many = (min(judged(name) for _ in range(3)) for name in ("elm", "oak"))
    assert many <= few + 100  # Each of the 55 files more would cost 12.


def test_a_file_of_a_period_of_long_ago_is_not_late_though_others_came_since(registry: Registry) -> None:
    """Where other providers send the same data weekly: of these no more than the latest file is read."""
    catalogue = load_catalogue(POLICIES / "cwm-alarch")
    with registry.write() as session:
        unit = Provider(id="uned", name="uned", kind="pru")
        providers.add_provider(session, unit, datetime(2026, 1, 5, tzinfo=UTC))
    first = datetime(2026, 1, 12, 9, tzinfo=UTC)
    _came(registry, [("uned", Arrival("", "attendance", first + timedelta(days=7 * n))) for n in range(45)])
    with registry.read() as session:
        span = date(2026, 6, 1), date(2026, 11, 23)
        late = [
            due for provider, _, entry, due in overdue(session, catalogue, span, date(2026, 11, 24))
            if (provider.id, entry.id) == ("uned", "attendance")
        ]  # fmt: skip
    assert late == []
