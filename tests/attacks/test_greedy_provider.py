"""One provider sends a heap: who comes after it waits for a turn, not for the heap."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlmodel import col, select

from gateway.registry.tables import EventRow
from tests.content import core_data
from tests.workshop import Desk

HEAP = 240


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with closing(Desk(tmp_path)) as found:
        yield found


def decided(desk: Desk) -> list[str]:
    """The references of the files that were decided, in that order."""
    with desk.registry.read() as session:
        events = session.exec(select(EventRow).order_by(col(EventRow.number))).all()
    return [event.subject for event in events if event.kind == "decided"]


def test_a_file_behind_a_heap_is_decided_long_before_its_end(desk: Desk) -> None:
    mallory, oak = desk.provider("mallory"), desk.provider("oak")
    heap = mallory.seal(core_data(), desk.certificate)
    for _ in range(HEAP):
        desk.land(mallory, heap)
    sent = desk.send(oak, core_data(seed=2))
    desk.process()
    order = decided(desk)
    assert len(order) == HEAP + 1
    assert order.index(sent) < HEAP * 2 / 3
