"""What is kept beside a leaf is what the leaf commits to, whatever an entry is made of."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pytest
from sqlmodel import select

from gateway.homes.audit.tree import faults_of
from gateway.log.checkpoint import LogKey
from gateway.registry import log
from gateway.registry.database import Registry
from gateway.registry.log import Entry
from gateway.registry.tables import EventRow
from tests.log import rfc

AT = datetime(2026, 9, 1, 8, 30, tzinfo=UTC)
SAID = (None, "", "said")


def test_empty_is_the_same_as_none(tmp_path: Path) -> None:
    registry = Registry(f"sqlite:///{tmp_path / 'registry.db'}")
    registry.migrate()
    entries = [
        Entry(kind="refused", subject="260901-oak-00000", actor=actor, name=name, note=note)
        for actor, name, note in product(SAID, repeat=3)
    ]
    with registry.write() as session:
        log.append(session, entries, AT)
        rows = session.exec(select(EventRow)).all()
        assert len(rows) == len(entries)
        assert [(row.number, list(faults_of(row))) for row in rows] == [
            (number, []) for number in range(len(entries))
        ]


def test_events_that_wait_for_a_head_are_never_lost_in_silence(tmp_path: Path) -> None:
    registry = Registry(f"sqlite:///{tmp_path / 'registry.db'}")
    registry.migrate()
    entry = Entry(kind="refused", subject="260901-oak-00000")
    with pytest.raises(AssertionError, match="a head that nobody has signed"), registry.write() as session:
        log.append(session, [entry], AT, before_head=True)
    with registry.write() as session:
        key = LogKey.load(LogKey.generate())
        log.append(session, [entry], AT, before_head=True)
        log.sign_head(session, key, "gateway.example/log", AT, carried=True)
    with registry.read() as session:
        assert log.size(session) == 1


@pytest.fixture(scope="module")
def long_log(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    registry = Registry(f"sqlite:///{tmp_path_factory.mktemp('log') / 'registry.db'}")
    registry.migrate()
    with registry.write() as session:
        log.append(session, [Entry(kind="refused", subject="260901-oak-00000")] * 600, AT)
    return registry


@pytest.mark.parametrize("size", [1, 255, 256, 257, 600])
def test_tiles_are_those_of_c2sp(long_log: Registry, size: int) -> None:
    with long_log.read() as session:
        leaves = list(log.leaves(session))[:size]
        tiles = dict(log.tiles(session, 0, size))
    hashes = [rfc.mth([leaf]) for leaf in leaves]
    whole, rest = divmod(size, 256)
    wanted = {f"0/{n:03}": b"".join(hashes[256 * n : 256 * n + 256]) for n in range(whole)}
    if rest:
        wanted[f"0/{whole:03}.p/{rest}"] = b"".join(hashes[256 * whole :])
    if whole:
        above = (rfc.mth(leaves[256 * n : 256 * n + 256]) for n in range(whole))
        wanted[f"1/000.p/{whole}"] = b"".join(above)
    assert tiles == wanted


def test_tiles_that_are_full_are_not_written_again(long_log: Registry) -> None:
    with long_log.read() as session:
        assert [name for name, _ in log.tiles(session, 512, 600)] == ["0/002.p/88", "1/000.p/2"]
