"""Which files a host that shares the work examines, and whether it leads."""

from __future__ import annotations

import asyncio

import pytest

from gateway.processor import worker
from gateway.processor.work import Share
from gateway.registry.hosts import Ownership
from tests.registry.test_deliveries import put
from tests.workshop import Desk


class Idle:
    """A worker that fetches no task."""

    def __init__(self, *_: object, **__: object) -> None: ...

    def start(self) -> None: ...


def test_a_host_examines_the_landed_files_of_its_tasks_until_it_lets_them_go(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "TaskWorker", Idle)
    desk.provider("school-a")
    mine, other = (put(desk.registry, number, None, opened=False) for number in (1, 2))

    async def work(share: Share) -> None:
        with desk.registry.read() as session:
            assert share.landed(session) == [mine, other]
            share.begin()
            assert share.landed(session) == []
            task = asyncio.create_task(share.take([mine, "261124-school-a-00009"]))
            await asyncio.sleep(0)
            assert share.landed(session) == [mine]
            assert not task.done()
            share.let_go([mine])
            await asyncio.wait_for(task, 10)
            assert share.landed(session) == []

    with desk.registrar() as registrar:
        asyncio.run(work(Share(registrar, Ownership(desk.registry), lambda: None)))


def test_of_hosts_that_share_one_leads_while_it_owns_the_registry(desk: Desk) -> None:
    with desk.registrar() as registrar:
        alone, shared = (
            Share(registrar, Ownership(desk.registry, shared=shared), lambda: None)
            for shared in (False, True)
        )
        assert (alone.leads, shared.leads) == (True, False)
