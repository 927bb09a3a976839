"""One provider sends a heap: who comes after it waits for a turn, not for the heap."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from sqlmodel import col, select

from gateway.home import provider_of
from gateway.processor.claim import claim_waiting
from gateway.registry import transfers
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


@pytest.mark.long
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


def test_two_heaps_are_taken_inside_in_batches_as_large_as_one(desk: Desk) -> None:
    """Who comes to both, later, has all the same what spares it the rest of them."""
    mallory, oak, elm = desk.provider("mallory"), desk.provider("oak"), desk.provider("elm")
    for number in range(40):
        desk.land(mallory, b"%d" % number)
        desk.land(oak, b"%d" % number)
    batches: list[list[str]] = []
    seen: set[str] = set()

    def after_a_batch() -> bool:
        with desk.registry.read() as session:
            landed = set(transfers.landed(session))
        batches.append(sorted(provider_of(one) for one in landed - seen))
        seen.update(landed)
        if len(batches) == 2:
            desk.land(elm, b"a small one")
        return True

    with desk.registrar() as registrar:
        claim_waiting(registrar, after_a_batch)
    assert batches[:2] == [["mallory"] * 8 + ["oak"] * 8] * 2
    assert "elm" in batches[2]


def test_who_comes_while_a_heap_is_taken_inside_is_in_the_next_batch(desk: Desk) -> None:
    """And a heap of large files is taken in small batches, however few they are."""
    mallory, oak = desk.provider("mallory"), desk.provider("oak")
    for number in range(HEAP):
        desk.land(mallory, b"%d" % number)
    batches: list[set[str]] = [set()]
    sent: list[str] = []

    def after_a_batch() -> bool:
        with desk.registry.read() as session:
            batches.append(set(transfers.landed(session)))
        if not sent:
            sent.append(desk.land(oak, b"a small one"))
        return True

    with desk.registrar() as registrar:
        # However long a batch takes: nobody is forgotten meanwhile.
        claim_waiting(registrar, after_a_batch)
        sizes = [len(later - before) for before, later in pairwise(batches)]
        assert sizes[0] == 16
        assert sent[0] in batches[2]
        assert max(sizes) == 16
        claim_waiting(registrar)  # It has left as much of the heap.
        assert not any(desk.home.spool.landed.glob("*.landed"))
        for number in range(4):
            desk.land(mallory, b"%d" % number * 1024**2)
        with desk.registry.read() as session:
            batches = [set(transfers.landed(session))]
        claim_waiting(registrar, after_a_batch)
    assert [len(later - before) for before, later in pairwise(batches)] == [1, 1, 1, 1]
