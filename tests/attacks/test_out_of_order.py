"""Writes out of their order cost the memory that is granted for them, and the same time each."""

from __future__ import annotations

import asyncio
import resource
import time
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.home.settings import IntakeLimits
from gateway.intake.unfinished import Label, new_unfinished
from gateway.intake.upload import AHEAD_BYTES, Memory, Receiving
from gateway.ssh.answers import Declined

MANY = 20_000


def upload(folder: Path, memory: Memory) -> Receiving:
    folder.mkdir()
    made = new_unfinished(folder, Label(folder="in", name="x", started_at=datetime.now(UTC)))
    limits = IntakeLimits(free_bytes=0)
    return Receiving(made, None, append=False, limits=limits, memory=memory, may_grow=lambda size: None)


async def ahead(receiving: Receiving, first: int, last: int) -> float:
    """Seconds of this process for writing one octet at every other place, beginning ahead of the end."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    for number in range(first, last):
        await receiving.write(1 + 2 * number, b"x")
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime - before


def test_the_thousandth_write_ahead_costs_what_the_first_does(tmp_path: Path) -> None:
    async def attack() -> tuple[float, float]:
        receiving = upload(tmp_path / "shelf", Memory())
        few = await ahead(receiving, 0, 2_000)
        await ahead(receiving, 2_000, MANY - 2_000)
        many = await ahead(receiving, MANY - 2_000, MANY)
        await receiving.release(whole=False)
        return few, many

    few, many = asyncio.run(attack())
    assert many < 5 * max(few, 0.005), (few, many)


async def many(receiving: Receiving) -> None:
    """Two octets at every third place, for as long as they are taken; each is an object of its own."""
    deadline = time.monotonic() + 30
    for number in range(AHEAD_BYTES):
        assert time.monotonic() < deadline
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
