"""What is kept beside a leaf is what the leaf commits to, whatever an entry is made of."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from pathlib import Path

from sqlmodel import select

from gateway.homes.audit.tree import Forgotten, faults_of
from gateway.registry import log
from gateway.registry.database import Registry
from gateway.registry.log import Entry
from gateway.registry.tables import EventRow

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
        nothing = Forgotten(texts=frozenset(), salts=frozenset())
        rows = session.exec(select(EventRow)).all()
        assert len(rows) == len(entries)
        assert [(row.number, list(faults_of(row, nothing))) for row in rows] == [
            (number, []) for number in range(len(entries))
        ]
