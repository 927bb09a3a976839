"""Decisions on files write beside each other in PostgreSQL, and wait for each other at the log alone."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlmodel import Session, select

from gateway.errors import Fault
from gateway.home import Home
from gateway.home.settings import load_settings
from gateway.passage import conclude
from gateway.processor.service import open_registrar
from gateway.publish import projection
from gateway.record.rulings import land
from gateway.registry import database, locks, log, tables
from gateway.registry.database import Registry
from gateway.registry.log import Entry
from gateway.registry.tables import EventRow
from tests.bench.writers_place import Bench, Places, now
from tests.waiting import until

pytestmark = [pytest.mark.needs("pg_ctlcluster"), pytest.mark.xdist_group("postgresql")]
Opening = AbstractContextManager[Session]


@pytest.fixture
def registry(bench: Bench) -> Iterator[Registry]:
    home = Home(bench.site.home)
    made = Registry(load_settings(home).database_url(home))
    yield made
    made.close()


def somebody_waits(session: Session) -> bool:
    """Whether somebody waits for a place, as the server says."""
    asked = (
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    return bool(session.execute(text(asked)).scalar_one())


def waits(first: Opening, second: Callable[[], Opening], *, log_too: bool = False) -> bool:
    """Whether a second transaction that writes has to wait for the end of the first."""
    done = threading.Event()

    def write() -> None:
        with second() as session:
            if log_too:
                log.append(session, [Entry(kind="recorded", subject="registry")], now())
        done.set()

    with first as session:
        if log_too:
            log.append(session, [Entry(kind="recorded", subject="registry")], now())
        other = threading.Thread(target=write)
        other.start()
        until(lambda: done.is_set() or somebody_waits(session), "the second to be done, or to wait")
        waited = not done.is_set()
    other.join(60)
    assert done.is_set()
    return waited


def test_who_writes_on_other_subjects_waits_for_nobody(registry: Registry) -> None:
    assert not waits(registry.write_on({"oak", "elm"}), lambda: registry.write_on({"ash"}))
    assert waits(registry.write_on({"oak", "elm"}), lambda: registry.write_on({"ash", "elm"}))


def test_who_may_write_on_everything_is_alone(registry: Registry) -> None:
    assert waits(registry.write_on({"oak"}), registry.write)
    assert waits(registry.write(), lambda: registry.write_on({"oak"}))


def test_who_stands_still_while_keys_are_published_keeps_nobody_out_and_shows_no_older_keys(
    registry: Registry, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "IDLE", "200ms")
    published, wrote = Home(bench.site.home).published, list[Path]()

    def stopped(path: Path, _content: str) -> bool:
        wrote.append(path)
        with registry.write():
            pass
        return False

    monkeypatch.setattr(projection, "put_published", stopped)
    with pytest.raises(Fault, match="idle-in-transaction timeout"):
        projection.publish_access(registry, published, now())
    assert len(wrote) == 1


def test_a_trial_that_stands_still_keeps_nobody_out(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "IDLE", "200ms")
    ended = pytest.raises(Fault, match="idle-in-transaction timeout")
    with ended, registry.on_trial() as tried, tried.write(), registry.write():
        pass


def test_an_upgrade_that_stands_still_keeps_nobody_out(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "IDLE", "200ms")

    def stopped(_connection: Connection) -> None:
        with registry.write():
            pass

    monkeypatch.setattr(tables, "create_all", stopped)
    monkeypatch.setattr(database, "newest_revision", lambda: "9999")
    with pytest.raises(Fault, match="idle-in-transaction timeout"):
        registry.migrate()


def test_two_that_append_follow_each_other(registry: Registry) -> None:
    pair = registry.write_on({"oak"}), lambda: registry.write_on({"ash"})
    assert waits(*pair, log_too=True)


def test_many_who_decide_at_once_decide_each_file_once_and_the_log_fits(bench: Bench) -> None:
    """Each batch is given to two of them; all have files of every school."""
    with open_registrar(Home(bench.site.home), now) as registrar:
        bench.open(registrar)
        batches = []
        for _ in range(6):
            uploads, examinations = bench.files(4)
            land(registrar, uploads)
            batches.append(examinations)
        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(conclude, registrar, one) for one in batches for _ in range(2)]:
                done.result(60)
        with registrar.registry.read() as session:
            decided = Counter(session.exec(select(EventRow.subject).where(EventRow.kind == "decided")))
    wanted = {one.examined.reference for batch in batches for one in batch}
    assert {one: decided[one] for one in wanted} == dict.fromkeys(wanted, 1)
    assert "everything fits" in bench.site.gateway("log", "verify")
    published = list(bench.site.receipts("school1").glob("*.json"))
    assert len(published) == sum("school1" in one for one in decided)


@pytest.mark.parametrize("batch", [1, 16])
def test_what_is_asked_while_others_wait_does_not_grow_with_the_files(bench: Bench, batch: int) -> None:
    with open_registrar(Home(bench.site.home), now) as registrar:
        bench.open(registrar)
        places = Places(registrar)
        uploads, examinations = bench.files(batch)
        land(registrar, uploads)
        places.watch()
        conclude(registrar, examinations)
    assert places.statements <= 34
    assert places.in_rolls <= 6
    assert places.in_log <= 2
