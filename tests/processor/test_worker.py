"""The worker that brings tasks: whatever goes wrong, it begins again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock

import pytest

from gateway.processor import worker as module
from gateway.processor.worker import TaskWorker
from gateway.record.registrar import Registrar
from tests.waiting import until


class Odd:
    """In the place of a registry: of where it is nobody can ask."""

    def __init__(self) -> None:
        self.asked = 0

    @property
    def url(self) -> str:
        self.asked += 1
        raise KeyError("nobody thought of this")


class Place:
    """In the place of a registrar."""

    def __init__(self) -> None:
        self.registry = Odd()


async def take(_: Sequence[str]) -> None:
    raise AssertionError


def test_an_error_that_nobody_thought_of_does_not_end_it() -> None:
    place: Any = Place()
    worker = TaskWorker(cast(Registrar, place), take, at_once=1)
    worker.start()
    until(lambda: place.registry.asked >= 2, "another attempt")
    worker.end()


def test_a_worker_has_so_many_tasks_at_once_and_its_host_is_dead_after_fifteen_seconds() -> None:
    app = SimpleNamespace(run_worker_async=AsyncMock())
    asyncio.run(module._one_worker(cast(Any, app), "files", 7))
    app.run_worker_async.assert_awaited_once_with(
        queues=["files"], concurrency=7, name="files", wait=True, fetch_job_polling_interval=1.0,
        update_heartbeat_interval=3.0, stalled_worker_timeout=15.0, shutdown_graceful_timeout=2.0,
        delete_jobs="always", install_signal_handlers=False,
    )  # fmt: skip


def test_once_one_of_both_queues_ends_the_other_is_ended_and_both_begin_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[str] = []
    ended: list[str] = []
    ends = asyncio.Event()

    async def work(_: Any, queue: str, __: int) -> None:
        begun.append(queue)
        try:
            await (ends.wait() if queue == "tend" else asyncio.Event().wait())
        finally:
            ended.append(queue)

    monkeypatch.setattr(module, "_one_worker", work)
    monkeypatch.setattr(module, "_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(TaskWorker, "_app", lambda _: SimpleNamespace(open_async=nullcontext))
    worker = TaskWorker(cast(Registrar, None), take, at_once=1)
    worker.start()
    until(lambda: len(begun) == 2, "both to begin")
    assert (sorted(begun), ended) == (["files", "tend"], [])
    worker._loop.call_soon_threadsafe(ends.set)
    until(lambda: len(begun) > 2, "both to begin again")
    assert sorted(ended[:2]) == ["files", "tend"]
    worker.end()
