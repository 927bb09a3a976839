"""Writes out of their order cost the memory that is granted for them, and the same work each."""

from __future__ import annotations

import asyncio
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.home.settings import IntakeLimits
from gateway.intake.upload import AHEAD_BYTES, Label, Memory, Receiving, new_unfinished
from gateway.ssh.answers import Declined
from tests.costs import lines

MANY = 20_000


def upload(folder: Path, memory: Memory) -> Receiving:
    folder.mkdir()
    made = new_unfinished(folder, Label(folder="in", name="x", started_at=datetime.now(UTC)))
    limits = IntakeLimits(free_bytes=0)
    return Receiving(made, None, append=False, limits=limits, memory=memory, may_grow=lambda size: None)


async def ahead(receiving: Receiving, first: int, last: int) -> None:
    """Write one octet at every other place, beginning ahead of the end."""
    for number in range(first, last):
        await receiving.write(1 + 2 * number, b"x")


def test_the_thousandth_write_ahead_costs_what_the_first_does(tmp_path: Path) -> None:
    with asyncio.Runner() as runner:

        def cost(first: int, last: int) -> int:
            return lines(lambda: runner.run(ahead(receiving, first, last)))[1]

        receiving = upload(tmp_path / "shelf", Memory())
        cost(0, 1)  # What is made once.
        few = cost(1, 2_001)
        cost(2_001, MANY - 2_000)
        assert cost(MANY - 2_000, MANY) <= few
        runner.run(receiving.release(whole=False))


async def many(receiving: Receiving) -> None:
    """Two octets at every third place, for as long as they are taken; each is an object of its own."""
    for number in range(AHEAD_BYTES // 100):
        await receiving.write(1 + 3 * number, b"x%d" % (number % 10))


def test_pieces_of_two_octets_cost_no_more_memory_than_is_granted(tmp_path: Path) -> None:
    memory = Memory()

    async def attack() -> int:
        receiving = upload(tmp_path / "shelf", memory)
        tracemalloc.start()
        with pytest.raises(Declined):
            await many(receiving)
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        await receiving.release(whole=False)
        return held

    assert asyncio.run(attack()) < 1.5 * AHEAD_BYTES
    assert memory.held == 0
