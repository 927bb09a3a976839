"""A registry that another process keeps locked."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator

import pytest

from tests.faults.conftest import Note
from tests.faults.invariant import settled
from tests.faults.services import until
from tests.faults.yard import Yard


@pytest.mark.timeout(240)
def test_locked_for_a_minute(fresh_yard: Yard, note: Note) -> None:
    """Nobody notices but by the time it takes: uploads are told that they landed all the while."""
    with fresh_yard.up(fresh_yard.intake, fresh_yard.processor):
        with locked(fresh_yard):
            began = time.monotonic()
            names = fresh_yard.send_fresh(5)
            assert time.monotonic() - began < 30
            time.sleep(60 - (time.monotonic() - began))
            assert fresh_yard.states(*names) == []
        fresh_yard.await_decided(*names)
    assert "the registry did not answer" not in fresh_yard.processor.log.read_text()
    outcome = settled(fresh_yard)
    assert outcome.accepted == 5
    note("database locked by another process for 60 s", 1, outcome)


@pytest.mark.timeout(120)
def test_locked_for_longer_than_anybody_waits(fresh_yard: Yard, note: Note) -> None:
    fresh_yard.set(database=f"sqlite:///{fresh_yard.home.registry}?timeout=0.5")
    with fresh_yard.up():
        (first,) = fresh_yard.send_fresh(1)
        fresh_yard.await_decided(first)
        with locked(fresh_yard):
            names = fresh_yard.send_fresh(5)
            until(
                lambda: fresh_yard.processor.log.read_text().count("the registry did not answer") >= 2,
                "alarms",
            )
            with fresh_yard.jane.sftp(fresh_yard.mailboxes.place) as session:
                (shown,) = session.listdir("/central-data-team")
                # What cannot be put on record is not given out.
                with pytest.raises(OSError, match="cannot record this at the moment"):
                    session.open(f"/central-data-team/{shown}").read()
        fresh_yard.await_decided(*names)
    outcome = settled(fresh_yard)
    assert outcome.accepted == 6
    note("database locked for longer than is waited", 1, outcome)


@contextlib.contextmanager
def locked(yard: Yard) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(yard.home.registry, timeout=30, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
