"""Appending to the log and proving from it asks the database a fixed number of times, however long it is.

`python -m tests.bench.bench_log` measures the time of it, with a million entries.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlmodel import Session

from gateway.log.checkpoint import LogKey
from gateway.registry import log
from gateway.registry.log import Entry
from tests.bench import bench_log


@contextmanager
def statements(session: Session) -> Iterator[list[str]]:
    """The statements that a session has executed on the tree's nodes."""
    seen: list[str] = []
    connection = session.connection()

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "log_node" in statement:
            seen.append(statement.split(maxsplit=1)[0])

    event.listen(connection, "before_cursor_execute", note)
    yield seen
    event.remove(connection, "before_cursor_execute", note)


@pytest.mark.parametrize("size", [5, 1000, 1023, 1024, 4097])
def test_one_question_for_an_append_and_one_for_a_proof(size: int, tmp_path: Path) -> None:
    registry = bench_log.filled(tmp_path / "log.db", size)
    key = LogKey.load(LogKey.generate())
    entry = Entry(kind="landed", subject="261124-oak-0000A", fields=bench_log.FIELDS)
    with registry.write() as session, statements(session) as seen:
        log.append(session, [entry] * 5, bench_log.AT)
        assert seen == ["SELECT", "INSERT"]
        log.sign_head(session, key, bench_log.ORIGIN, bench_log.AT)
        assert seen == ["SELECT", "INSERT"]  # The root is made of nodes that are known by now.
    with registry.read() as session, statements(session) as seen:
        log.inclusion_proofs(session, [0, size // 2, size - 1], size)
        assert len(seen) == 1
    with registry.read() as session, statements(session) as seen:
        log.consistency_proofs(session, [max(1, size // 2)], size)
        assert len(seen) <= 1
    registry.close()
