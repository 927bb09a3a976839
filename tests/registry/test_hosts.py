"""Of several hosts on one registry of PostgreSQL, one has its processor at work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import Session

from gateway.errors import Fault
from gateway.registry import locks, log
from gateway.registry.database import Registry
from gateway.registry.hosts import Ownership
from tests.registry.cluster import Cluster
from tests.waiting import until

pytestmark = [pytest.mark.needs("pg_ctlcluster"), pytest.mark.xdist_group("postgresql")]


@pytest.fixture(scope="module")
def url(cluster: Cluster) -> str:
    return cluster.database("owned")


@contextmanager
def owned(registry: Registry, **more: float) -> Iterator[Ownership]:
    """Own it, once the server has ended the session of whoever did: it takes a moment over that."""
    with ExitStack() as stack:
        yield until(lambda: _entered(stack, registry, **more), "it to be free")


def _entered(stack: ExitStack, registry: Registry, **more: float) -> Ownership | None:
    try:
        return stack.enter_context(Ownership(registry, **more))
    except Fault:
        return None


def is_free(registry: Registry) -> bool:
    with ExitStack() as stack:
        return _entered(stack, registry) is not None


def holds(ownership: Ownership) -> bool:
    try:
        ownership.hold()
    except Fault:
        return False
    return True


@pytest.fixture
def two(url: str) -> Iterator[tuple[Registry, Registry]]:
    registries = Registry(url), Registry(url)
    yield registries
    for one in registries:
        one.close()


def test_one_at_a_time_and_then_the_next(two: tuple[Registry, Registry]) -> None:
    one, other = two
    with owned(one) as held:
        with pytest.raises(Fault, match="of another host is at work"), Ownership(other):
            pass
        held.hold()
        assert not is_free(other)
    with owned(other):
        assert not is_free(one)


def test_whoever_lost_it_holds_it_again_unless_another_does(
    two: tuple[Registry, Registry], cluster: Cluster
) -> None:
    one, other = two
    with owned(one, report_seconds=0.05) as held:
        cluster.break_connections()
        with owned(other):
            until(lambda: held._connection is None, "the former owner to notice")
            with pytest.raises(Fault, match="another host"):
                held.hold()
        until(lambda: holds(held), "it again, once the server has ended the other's session")
        assert not is_free(other)


def test_one_that_says_nothing_is_not_waited_for(
    two: tuple[Registry, Registry], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a process that stands still: the server ends its session."""
    monkeypatch.setattr("gateway.registry.hosts._SETTING", "SET idle_session_timeout = '2s'")
    still, other = two
    with owned(still, report_seconds=600):
        assert not is_free(other)
        until(lambda: is_free(other), "the next one")


def test_a_leader_that_stood_still_asks_whether_it_leads_still(
    two: tuple[Registry, Registry], cluster: Cluster
) -> None:
    """Its own thread, which would tell it, stood still with it."""
    leader = Ownership(two[0], report_seconds=0.05, shared=True)
    until(lambda: holds(leader) and leader.leads(), "the lead")
    assert leader.terms == 1
    confirmed = leader.confirmed_at
    assert time.time() - 60 < confirmed <= time.time()
    time.sleep(0.2)
    assert leader.leads()
    assert leader.confirmed_at > confirmed
    cluster.break_connections()
    time.sleep(0.2)
    assert not leader.leads()
    until(lambda: holds(leader) and leader.leads(), "the lead again")
    assert leader.terms == 2
    leader._lose()


def test_a_writer_that_stands_still_keeps_others_out_for_a_while_only(
    two: tuple[Registry, Registry], monkeypatch: pytest.MonkeyPatch
) -> None:
    for registry in two:
        registry.migrate()
    monkeypatch.setattr(locks, "IDLE", "1s")

    def stands_still(writing: AbstractContextManager[Session]) -> None:
        with writing as still:
            with two[1].write() as session:
                assert log.size(session) == 0
            log.size(still)

    for writing in (two[0].write(), two[0].write_on(["a"])):
        with pytest.raises(Fault, match="did not answer"):
            stands_still(writing)


def test_a_machine_that_is_gone_is_noticed_at_both_ends(two: tuple[Registry, Registry]) -> None:
    with two[0].read() as session:
        driver = session.connection().connection.driver_connection
        assert driver is not None
        asked = driver.info.get_parameters()
    assert {asked[name] for name in ("keepalives_idle", "tcp_user_timeout")} == {"10", "30000"}
    assert "tcp_keepalives_idle=10" in asked["options"]


def test_a_report_that_the_database_does_not_take_is_a_fault(two: tuple[Registry, Registry]) -> None:
    one, other = two

    def fault() -> str:
        with pytest.raises(Fault) as told:
            Ownership(one, report=lambda connection: connection.execute(text("SELECT 1 FROM gone"))).hold()
        return str(told.value)

    # The server takes a moment to end the session of whoever held it before.
    until(lambda: "did not answer" in fault(), "the database's word")
    until(lambda: is_free(other), "it to be free again")


def test_a_host_whose_disk_fails_once_reports_again(two: tuple[Registry, Registry]) -> None:
    failures, reports = [OSError(24, "Too many open files")], list[float]()

    def report(_connection: object) -> None:
        if reports and failures:
            raise failures.pop()
        reports.append(time.monotonic())

    held = until(lambda: _one(two[0], report), "it to be free")
    with held:
        until(lambda: not failures and held._connection is None, "the loss")
        until(lambda: holds(held), "it again")
        before = len(reports)
        until(lambda: len(reports) > before, "its next report")


def _one(registry: Registry, report: Callable[[object], None]) -> Ownership | None:
    held = Ownership(registry, report_seconds=0.05, report=report)
    return held if holds(held) else None


def test_a_database_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    gone = Registry(f"postgresql+psycopg://gateway@/gone?host={tmp_path}")
    with pytest.raises(Fault), Ownership(gone):
        pass


def test_a_file_has_one_host(tmp_path: Path) -> None:
    registry = Registry(f"sqlite:///{tmp_path / 'registry.db'}")
    with Ownership(registry) as one, Ownership(registry):
        one.hold()
