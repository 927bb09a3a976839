"""Receiving one upload: order, gaps, going back, a disk that fails."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest
from asyncssh import FXF_APPEND, FXF_CREAT
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.home.settings import IntakeLimits
from gateway.intake import upload as upload_module
from gateway.intake.answers import GAP, TAKEN_OVER, TOO_LARGE
from gateway.intake.box import Box
from gateway.intake.disk import Landed
from gateway.intake.upload import (
    AHEAD_BYTES,
    BLOCK_BYTES,
    Label,
    Memory,
    Receiving,
    new_unfinished,
    open_again,
)
from gateway.ssh.answers import Declined
from gateway.ssh.serving import LoggedIn
from gateway.zones.spool import Spool

LIMITS = IntakeLimits(free_bytes=0, sealed_bytes=64 * 1024 * 1024)


@pytest.fixture(autouse=True, scope="module")
def _anything_may_be_written_down() -> Iterator[None]:
    """What the content is does not matter here: of that, `test_sealing.py`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(upload_module, "judge_for", lambda _folder: lambda _start: True)
        yield


class Bench:
    """One upload on a real disk."""

    def __init__(self, folder: Path, *, append: bool = False, limits: IntakeLimits = LIMITS) -> None:
        folder.mkdir(exist_ok=True)
        label = Label(folder="in", name="x", started_at=datetime.now(UTC))
        self.upload = new_unfinished(folder, label)
        self.memory = Memory()
        self.append, self.limits = append, limits
        self.receiving = self.handle(None)

    def handle(self, descriptor: int | None) -> Receiving:
        receiving = Receiving(
            self.upload,
            descriptor,
            append=self.append,
            limits=self.limits,
            memory=self.memory,
            may_grow=lambda _size: None,
        )
        self.upload.receiving = receiving
        return receiving

    @property
    def content(self) -> bytes:
        return self.upload.data.read_bytes()


def on(folder: Path, work: Callable[[Bench], Awaitable[None]], **kwargs: object) -> Bench:
    async def run() -> Bench:
        bench = Bench(folder / "shelf", **kwargs)
        await work(bench)
        return bench

    return asyncio.run(run())


def test_in_order(tmp_path: Path) -> None:
    content = os.urandom(3 * BLOCK_BYTES + 17)

    async def work(bench: Bench) -> None:
        for offset in range(0, len(content), 100_000):
            await bench.receiving.write(offset, content[offset : offset + 100_000])
        await bench.receiving.release(whole=True)

    bench = on(tmp_path, work)
    assert bench.content == content
    assert bench.upload.size == len(content)
    assert bench.upload.sha256 is None
    assert bench.upload.label.whole
    assert bench.memory.held == 0


@settings(max_examples=40, deadline=None)
@given(st.permutations(range(12)), st.sampled_from([1_000, 300_000]))
def test_parallel_writes_in_any_order(tmp_path_factory, order: list[int], size: int) -> None:
    content = os.urandom(12 * size)

    async def work(bench: Bench) -> None:
        for number in order:
            await bench.receiving.write(number * size, content[number * size : (number + 1) * size])
        await bench.receiving.release(whole=True)

    bench = on(tmp_path_factory.mktemp("upload"), work)
    assert bench.content == content
    assert bench.upload.sha256 is None
    assert bench.memory.held == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3_000), st.binary(min_size=1, max_size=900)), max_size=12))
def test_what_is_on_the_disk_is_what_a_plain_file_would_hold(tmp_path_factory, writes) -> None:
    """Whenever the close is accepted, the content is that of pwrite() in the same order."""
    model = bytearray()
    for offset, data in writes:
        model.extend(bytes(max(0, offset + len(data) - len(model))))
        model[offset : offset + len(data)] = data
    declined: list[Declined] = []

    async def work(bench: Bench) -> None:
        for offset, data in writes:
            await bench.receiving.write(offset, data)
        try:
            await bench.receiving.release(whole=True)
        except Declined as error:
            declined.append(error)

    bench = on(tmp_path_factory.mktemp("upload"), work)
    assert bench.memory.held == 0
    assert [error.answer for error in declined] in ([], [GAP])
    if not declined and _without_overtaking(writes):
        assert bench.content == bytes(model)
        assert bench.upload.sha256 is None


def _without_overtaking(writes: list[tuple[int, bytes]]) -> bool:
    """Whether no write touches bytes that wait ahead of their turn."""
    end = 0
    ahead: list[range] = []
    for offset, data in writes:
        span = range(offset, offset + len(data))
        if any(span.start < other.stop and other.start < span.stop for other in ahead):
            return False
        if offset > end:
            ahead.append(span)
        else:
            end = max(end, span.stop)
    return True


def test_a_close_with_a_gap_is_refused_and_keeps_what_came_in_order(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        await bench.receiving.write(0, b"abc")
        await bench.receiving.write(5, b"xyz")
        with pytest.raises(Declined) as caught:
            await bench.receiving.release(whole=True)
        assert caught.value.answer is GAP

    bench = on(tmp_path, work)
    assert bench.content == b"abc"
    assert (bench.upload.size, bench.upload.sha256, bench.upload.label.whole) == (3, None, False)
    assert bench.memory.held == 0


@pytest.mark.parametrize("offset", [AHEAD_BYTES + 1, 2**40, 2**63])
def test_far_beyond_the_end_is_refused(tmp_path: Path, offset: int) -> None:
    async def work(bench: Bench) -> None:
        with pytest.raises(Declined) as caught:
            await bench.receiving.write(offset, b"x")
        assert caught.value.answer in {GAP, TOO_LARGE}
        await bench.receiving.release(whole=False)

    assert on(tmp_path, work).content == b""


def test_ahead_blocks_are_bounded_in_all(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        for number in range(1, 7):
            await bench.receiving.write(number * (1024**2) + 1, bytes(1024**2))
        with pytest.raises(Declined):
            await bench.receiving.write(7 * (1024**2) + 1, bytes(1024**2))
        assert bench.memory.held <= AHEAD_BYTES
        await bench.receiving.release(whole=False)
        assert bench.memory.held == 0

    on(tmp_path, work)


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        await bench.receiving.write(0, bytes(10))
        with pytest.raises(Declined) as caught:
            await bench.receiving.write(10, b"x")
        assert caught.value.answer is TOO_LARGE
        await bench.receiving.release(whole=False)

    assert on(tmp_path, work, limits=LIMITS.model_copy(update={"sealed_bytes": 10})).content == bytes(10)


def test_appending_ignores_the_offset(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        await bench.receiving.write(0, b"abc")
        await bench.receiving.write(0, b"def")
        await bench.receiving.release(whole=True)

    assert on(tmp_path, work, append=True).content == b"abcdef"


def test_a_resumed_upload_is_hashed_afresh(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        await bench.receiving.write(0, b"abc")
        await bench.receiving.release(whole=False)
        again = bench.handle(open_again(bench.upload))
        await again.write(3, b"def")
        await again.release(whole=True)

    bench = on(tmp_path, work)
    assert (bench.content, bench.upload.size, bench.upload.sha256) == (b"abcdef", 6, None)


def test_after_release_nothing_is_taken(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        await bench.receiving.release(whole=False)
        await bench.receiving.release(whole=False)
        with pytest.raises(Declined) as caught:
            await bench.receiving.write(0, b"x")
        assert caught.value.answer is TAKEN_OVER
        with pytest.raises(Declined):
            await bench.receiving.release(whole=True)

    on(tmp_path, work)


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_disk_that_fails_is_told_and_what_was_stored_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    real, calls = upload_module.store, 0

    def failing(*arguments: object) -> None:
        nonlocal calls
        calls += 1
        if calls > at:
            raise OSError(errno.ENOSPC, "full")
        real(*arguments)

    monkeypatch.setattr(upload_module, "store", failing)

    async def work(bench: Bench) -> None:
        told = []
        for number in range(4):
            try:
                await bench.receiving.write(number * BLOCK_BYTES, bytes(BLOCK_BYTES))
            except OSError as error:
                told.append(error.errno)
        with pytest.raises(OSError, match="full"):
            await bench.receiving.release(whole=True)
        assert set(told) <= {errno.ENOSPC}

    bench = on(tmp_path, work)
    assert bench.upload.size == len(bench.content) == at * BLOCK_BYTES
    assert not bench.upload.label.whole
    assert bench.memory.held == 0
    assert bench.upload.receiving is None


def test_a_close_that_is_cut_off_leaves_the_file_to_whom_is_writing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, begun, may_go_on = upload_module.store, threading.Event(), threading.Event()

    def slow(*arguments: object) -> None:
        begun.set()
        assert may_go_on.wait(10)
        real(*arguments)

    monkeypatch.setattr(upload_module, "store", slow)

    async def work(bench: Bench) -> None:
        for number in range(2):
            await bench.receiving.write(number * BLOCK_BYTES, bytes(BLOCK_BYTES))
        await asyncio.to_thread(begun.wait, 10)
        closing = asyncio.create_task(bench.receiving.release(whole=True))
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.wait([closing])
        may_go_on.set()
        assert closing.cancelled()

    bench = on(tmp_path, work)
    assert not bench.upload.label.whole
    assert bench.upload.busy


def test_a_failed_fsync_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_descriptor: int) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, "fsync", failing)

    async def work(bench: Bench) -> None:
        await bench.receiving.write(0, b"abc")
        with pytest.raises(OSError, match="broken"):
            await bench.receiving.release(whole=True)

    bench = on(tmp_path, work)
    assert bench.upload.worthless
    assert not bench.upload.label.whole


def test_small_writes_go_to_the_disk_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = Mock(side_effect=upload_module.store)
    monkeypatch.setattr(upload_module, "store", stored)

    async def work(bench: Bench) -> None:
        for number in range(60):
            await bench.receiving.write(number * 20_000, bytes(20_000))
        await bench.receiving.release(whole=True)

    assert len(on(tmp_path, work).content) == 60 * 20_000
    assert stored.call_count == 2


def test_with_little_memory_every_write_goes_to_the_disk(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        bench.memory.limit = 2_000
        for number in range(50):
            await bench.receiving.write(number * 1_000, bytes([number]) * 1_000)
            assert bench.memory.held <= 3_000
        await bench.receiving.release(whole=True)

    assert on(tmp_path, work).content == b"".join(bytes([number]) * 1_000 for number in range(50))


def test_an_upload_that_rests_too_long_is_erased(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for folder in (spool.partial("avon"), spool.landed, spool.recent):
        folder.mkdir(parents=True)

    async def work() -> None:
        box = Box("avon", spool, LIMITS, Landed(spool.landed), lambda: datetime.now(UTC))
        receiving = await box.receive("in", "x", FXF_CREAT | FXF_APPEND)
        await receiving.write(0, b"sealed")
        await box.cut_off(receiving)
        upload, hour = box.named["in", "x"], timedelta(hours=1)
        await box.expire(upload.touched_at + hour, hour)
        assert upload.data.exists()
        await box.expire(upload.touched_at + hour + timedelta(seconds=1), hour)
        assert (box.named, upload.data.exists(), upload.label_file.exists()) == ({}, False, False)

    asyncio.run(work())


def test_a_handle_that_was_taken_over_ends_nothing_of_the_one_that_hands_over(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for folder in (spool.partial("avon"), spool.landed, spool.recent):
        folder.mkdir(parents=True)
    by = LoggedIn("avon", "SHA256:test", "a client")
    resumed = FXF_CREAT | FXF_APPEND

    async def work() -> None:
        box = Box("avon", spool, LIMITS, Landed(spool.landed), lambda: datetime.now(UTC))
        older = await box.receive("in", "x", resumed)
        newer = await box.receive("in", "x", resumed)
        assert newer.upload is older.upload
        newer.upload.completing = True
        with pytest.raises(Declined) as caught:
            await box.close(older, by)
        assert caught.value.answer is TAKEN_OVER
        assert newer.upload.completing
        newer.upload.completing = False
        await newer.release(whole=False)

    asyncio.run(work())
