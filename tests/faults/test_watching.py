"""Whatever becomes of the hints of inotify, what landed is found within seconds."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.model import Upload
from gateway.processor.loop import Watch
from gateway.zones.spool import hand_over, reserve_reference, waiting
from tests.faults.conftest import Note
from tests.faults.invariant import settled
from tests.faults.services import until
from tests.faults.yard import Yard

QUEUE = Path("/proc/sys/fs/inotify/max_queued_events")
MANY = 2_000
AT_ONCE_SECONDS = 5


@pytest.mark.timeout(120)
def test_files_that_landed_while_down(fresh_yard: Yard, note: Note) -> None:
    with fresh_yard.up(fresh_yard.intake):
        names = fresh_yard.send_fresh(30)
    with fresh_yard.up(fresh_yard.processor):
        fresh_yard.await_decided(*names)
    outcome = settled(fresh_yard)
    assert outcome.accepted == 30
    note("files landed while the processor was down", 30, outcome)


@pytest.mark.timeout(180)
def test_it_is_stopped_with_much_still_to_do(fresh_yard: Yard, note: Note) -> None:
    """It ends at once, not when all is done, and what it has not come to waits for the next start."""
    with fresh_yard.up(fresh_yard.intake):
        names = fresh_yard.send_fresh(10)
    for number in range(MANY):
        land_in_the_clear(fresh_yard, number)
    fresh_yard.processor.start()
    until(lambda: fresh_yard.decided() > 0, "the first of them")
    began = time.monotonic()
    assert fresh_yard.processor.stop() == 0
    assert time.monotonic() - began < AT_ONCE_SECONDS
    assert any(waiting(fresh_yard.home.spool)), "all of it was taken inside first"
    outcome = settled(fresh_yard)
    assert (outcome.accepted, outcome.refused) == (len(names), MANY)
    note("stopped with two thousand files in the spool", 1, outcome)


@pytest.mark.root
@pytest.mark.timeout(300)
def test_the_queue_of_inotify_overflows(fresh_yard: Yard, note: Note) -> None:
    """Ten sealed files among two thousand that are refused at once, landed while nobody empties the queue."""
    with short_queue():
        fresh_yard.processor.start()
    with contextlib.closing(fresh_yard):
        processor = fresh_yard.processor.running
        processor.send_signal(signal.SIGSTOP)
        with fresh_yard.up(fresh_yard.intake):
            names = fresh_yard.send_fresh(10)
        for number in range(MANY):
            land_in_the_clear(fresh_yard, number)
        processor.send_signal(signal.SIGCONT)
        began = time.monotonic()
        try:
            fresh_yard.await_decided(*names, seconds=60)
            until(lambda: fresh_yard.decided() == MANY + 10, "all of them", 200)
        except AssertionError:
            processor.send_signal(signal.SIGUSR1)  # Its log tells where every thread is.
            time.sleep(1)
            print(fresh_yard.processor.log.read_text()[-20_000:])
            raise
        print(f"decided {MANY + 10} in {time.monotonic() - began:.0f} s")
    outcome = settled(fresh_yard)
    assert (outcome.accepted, outcome.refused) == (10, MANY)
    note("inotify queue overflows", 1, outcome)


@pytest.mark.timeout(120)
def test_the_watched_folder_is_replaced(fresh_yard: Yard, note: Note) -> None:
    landed = fresh_yard.home.spool.landed
    with fresh_yard.up(fresh_yard.intake, fresh_yard.processor):
        fresh_yard.await_decided(*fresh_yard.send_fresh(2))
        landed.rename(landed.with_name("replaced"))
        landed.mkdir(mode=0o755)
        fresh_yard.await_decided(*fresh_yard.send_fresh(2), seconds=10)
        # What is decided is taken out of the spool a moment later.
        until(lambda: not any(landed.iterdir()), "the spool to be empty")
        landed.rmdir()
        time.sleep(1)
        landed.mkdir(mode=0o755)
        fresh_yard.await_decided(*fresh_yard.send_fresh(2), seconds=10)
    outcome = settled(fresh_yard)
    assert outcome.accepted == 6
    note("watched folder replaced, and gone for a second", 2, outcome)


def test_a_watch_follows_the_name_of_its_folder(tmp_path: Path) -> None:
    folder, woken = tmp_path / "landed", threading.Event()
    folder.mkdir()
    with contextlib.closing(Watch(folder, woken.set)) as watch:
        watch.renew()
        folder.rename(tmp_path / "away")
        watch.renew()
        folder.mkdir()
        watch.renew()
        woken.clear()
        (folder / "a.landed").touch()
        assert woken.wait(5)


@contextlib.contextmanager
def short_queue() -> Iterator[None]:
    """Whoever begins to watch something now gets a queue of 64 events."""
    usual = QUEUE.read_text()
    QUEUE.write_text("64")
    try:
        yield
    finally:
        QUEUE.write_text(usual)


def land_in_the_clear(yard: Yard, number: int) -> None:
    """Hand over what came without encryption, as intake does: all but its digest is forgotten."""
    now = datetime.now(UTC)
    content = yard.home.spool.root / "empty"
    content.touch()
    upload = Upload(
        reference=reserve_reference(yard.home.spool, "oak", now),
        provider="oak",
        name=f"clear {number:05}.csv",
        folder="in",
        size=1000,
        sha256=hashlib.sha256(os.urandom(8)).hexdigest(),
        started_at=now,
        landed_at=now,
        ssh_key="SHA256:" + 43 * "A",
        withheld=True,
    )
    hand_over(yard.home.spool, upload, content)
