"""The pool keeps a provider's children while more of it comes, no longer, and forget no file."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.examiner.child import Child
from gateway.examiner.parent import Examiners
from gateway.examiner.protocol import FileLost, Job
from gateway.processor import worker_pool as module
from gateway.processor.claim import claim_waiting
from gateway.processor.worker_pool import A_COMMIT, WORTH_A_COMMIT, Finished, WorkerPool
from gateway.record.conclude import assignments
from tests.clock import THIS_YEAR
from tests.content import core_data
from tests.processor.test_turns import NOW, file
from tests.waiting import until
from tests.workshop import Desk

WORKERS = 2


class Watched:
    """An examiner that finds nothing, and tells what it was asked for."""

    def __init__(self, told: list[str]) -> None:
        self.told = told
        self.together: threading.Barrier | None = None

    def start(self) -> None:
        """Nothing needs to be."""

    def examine(self, job: Job) -> FileLost:
        """Wait until as many files as `together` says are looked at at once."""
        if self.together is not None:
            self.together.wait(60)
        self.told.append(f"{threading.get_ident()} looks")
        return FileLost(reference=job.reference)

    def rest(self) -> None:
        """As if its processes ended."""
        self.told.append(f"{threading.get_ident()} rests")


class Watchable:
    """One examiner for all threads, with what happened to it."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.one = Watched(self.told)
        self.failing = threading.Semaphore(0)

    def mine(self) -> Watched:
        """The only one, once the disk answers."""
        if self.failing.acquire(blocking=False):
            raise OSError("the disk does not answer")
        return self.one

    def close(self) -> None:
        """Nothing to end."""


@pytest.fixture
def examiners() -> Watchable:
    return Watchable()


@pytest.fixture
def pool(examiners: Watchable) -> Iterator[WorkerPool]:
    found = WorkerPool(WORKERS, lambda: NOW, examiners)  # type: ignore[arg-type] # as far as they are asked
    with found.at_work():
        yield found


def finished(pool: WorkerPool, count: int) -> Counter[str]:
    """The references of so many files that are out of hand."""
    found: Counter[str] = Counter()
    until(lambda: found.update(one.reference for one in pool.wait(1)[0]) or found.total() >= count, "all", 60)
    return found


def words(examiners: Watchable) -> list[str]:
    return [one.split()[1] for one in examiners.told]


def test_one_transaction_takes_no_more_than_it_may_and_providers_take_turns(pool: WorkerPool) -> None:
    for number in range(A_COMMIT + 9):
        pool._inbox.put(Finished(f"261124-mallory-{number:05}"))
    pool._inbox.put(Finished("261124-oak-00001"))
    first, woken = pool.wait(0)
    assert len(first) == A_COMMIT
    assert "261124-oak-00001" in {one.reference for one in first[:2]}
    assert not woken
    assert len(pool.wait(0)[0]) == 10


def test_results_wait_for_the_others_in_hand_to_share_a_transaction(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "A_COMMIT_SECONDS", 600.0)
    pool.in_hand = {"261124-oak-00001", "261124-oak-00002"}
    pool._inbox.put(Finished("261124-oak-00001"))
    assert pool.wait(0.01) == ([], False)
    pool._inbox.put(Finished("261124-oak-00002"))
    assert [one.reference for one in pool.wait(None)[0]] == ["261124-oak-00001", "261124-oak-00002"]


def test_results_wait_for_no_more_files_than_are_worth_a_transaction(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "A_COMMIT_SECONDS", 600.0)
    pool.in_hand = {f"261124-oak-{number:05}" for number in range(2 * WORTH_A_COMMIT)}
    for reference in sorted(pool.in_hand)[:WORTH_A_COMMIT]:
        pool._inbox.put(Finished(reference))
    assert len(pool.wait(None)[0]) == WORTH_A_COMMIT


def test_the_more_is_in_hand_the_longer_a_result_waits_to_share_a_transaction(pool: WorkerPool) -> None:
    pool._here, pool._here_since = [Finished("261124-oak-00001")], 0.0
    waits = []
    for files in (2, 2 * WORTH_A_COMMIT):
        pool.in_hand = {f"261124-oak-{number:05}" for number in range(files)}
        waits.append(pool._shared_until())
    assert 0 < 2 * waits[0] < waits[1]


def test_results_wait_for_others_for_a_moment_only(pool: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "A_COMMIT_SECONDS", 0.01)
    pool.in_hand = {"261124-oak-00001", "261124-oak-00002"}
    pool._inbox.put(Finished("261124-oak-00001"))
    assert [one.reference for one in pool.wait(600)[0]] == ["261124-oak-00001"]


def test_a_wait_ends_when_somebody_wants_a_look_and_after_its_time(pool: WorkerPool) -> None:
    assert pool.wait(0.01) == ([], False)
    pool.wake()
    assert pool.wait(None) == ([], True)


def test_something_else_is_done_where_no_file_waits(pool: WorkerPool) -> None:
    done = threading.Event()
    pool.do(done.set)
    assert done.wait(60)


def test_files_that_follow_each_other_are_looked_at_by_one_worker_that_rests_in_the_end(
    pool: WorkerPool, examiners: Watchable
) -> None:
    for number in range(5):
        pool.give(file("oak", number), struck=False)
        finished(pool, 1)
    until(lambda: "rests" in words(examiners), "its rest")
    assert words(examiners) == [*["looks"] * 5, "rests"]
    assert len({one.split()[0] for one in examiners.told}) == 1


def test_whoever_rests_looks_again_later_than_whoever_waits_for_the_next_file_of_a_provider(
    pool: WorkerPool, examiners: Watchable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOOKS_AGAIN_SECONDS", 600.0)
    for number in range(2):
        pool.give(file("oak", number), struck=False)
        finished(pool, 1)
        until(lambda: words(examiners)[-1] == "rests", "its rest", 10)


def test_where_others_are_about_each_rests_at_once(
    pool: WorkerPool, examiners: Watchable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "A_MOMENT_SECONDS", 60)
    for name in ("oak", "elm"):
        pool.give(file(name), struck=False)
    finished(pool, 2)
    until(lambda: Counter(words(examiners))["rests"] > 0, "a rest")


@pytest.mark.long
def test_no_process_that_a_worker_keeps_is_given_a_file_of_another_provider(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners, ask = dict[object, list[str]](), Child.ask

    def noted(self: Child, owner: str, *given: Any) -> tuple[bytes, tuple[int, ...]]:
        answer = ask(self, owner, *given)
        owners.setdefault(self._process, []).append(owner)
        return answer

    monkeypatch.setattr(Child, "ask", noted)
    monkeypatch.setattr(module, "A_MOMENT_SECONDS", 60.0)
    monkeypatch.setattr(module, "_ABOUT_SECONDS", 0.0)  # As if the others' files came long before.
    schools = [desk.provider(name, years=THIS_YEAR) for name in ("oak", "elm")]
    order = [schools[turn] for turn in (0, 0, 1, 1, 0)]
    landed = [desk.send(school, core_data(number)) for number, school in enumerate(order, 1)]
    with desk.registrar() as registrar:
        claim_waiting(registrar)
        pool = WorkerPool(1, desk.clock, Examiners(desk.home))
        with pool.at_work():
            for reference in landed:
                (one,) = assignments(registrar, [reference], desk.now)
                pool.give(one, struck=False)
                assert finished(pool, 1) == {reference: 1}
    assert sorted(owners.values()) == sorted(2 * [["elm", "elm"], ["oak"], ["oak", "oak"]])


def test_however_files_come_each_is_looked_at_once(
    pool: WorkerPool, examiners: Watchable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where one comes at the very moment in which a worker stops waiting for it."""
    monkeypatch.setattr(module, "A_MOMENT_SECONDS", 0.001)
    draw = random.Random(5)
    for number in range(600):
        pool.give(file("oak", number), struck=False)
        if not draw.randrange(3):
            time.sleep(draw.choice([0.0005, 0.001, 0.0012, 0.002]))
    found = finished(pool, 600)
    assert len(found) == 600
    assert set(found.values()) == {1}


def test_as_many_are_looked_at_at_once_as_there_are_workers(pool: WorkerPool, examiners: Watchable) -> None:
    examiners.one.together = threading.Barrier(WORKERS)
    for number in range(10 * WORKERS):
        pool.give(file("oak", number), struck=False)
    finished(pool, 10 * WORKERS)
    assert len({one.split()[0] for one in examiners.told}) == WORKERS


def test_a_worker_whose_examiner_cannot_be_made_at_the_start_makes_it_for_the_first_file(
    examiners: Watchable,
) -> None:
    examiners.failing.release(WORKERS)
    pool = WorkerPool(WORKERS, lambda: NOW, examiners)  # type: ignore[arg-type] # as far as they are asked
    with pool.at_work(warm=True):
        until(lambda: not examiners.failing._value, "each worker to fail")
        pool.give(file("oak"), struck=False)
        assert finished(pool, 1)


def test_the_end_waits_for_nobody_who_lingers(examiners: Watchable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "A_MOMENT_SECONDS", 600)
    before = set(threading.enumerate())
    pool = WorkerPool(WORKERS, lambda: NOW, examiners)  # type: ignore[arg-type] # as far as they are asked
    with pool.at_work():
        pool.give(file("oak"), struck=False)
        finished(pool, 1)
    assert set(threading.enumerate()) <= before


def test_a_signal_that_wakes_the_pool_while_it_is_asked_stops_nothing(pool: WorkerPool) -> None:
    """SIGTERM may come in the middle of `wait`, whose locks the same thread then holds."""
    woken = [0]

    def wake(*_: object) -> None:
        woken[0] += 1
        pool.wake()

    before = signal.signal(signal.SIGALRM, wake)
    signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.0001)
    try:
        while woken[0] < 2000:
            pool.wait(0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
