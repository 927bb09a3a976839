"""Contents in memory: shared, bounded, and gone with their last reader, however it leaves."""

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.errors import Fault
from gateway.home.settings import MailboxLimits
from gateway.mailboxes.contents import Contents, FileOrder, Given, OpenContent
from gateway.registry.deliveries import Delivery
from gateway.ssh.answers import Declined
from gateway.zones.memory import in_memory
from tests.clock import Seconds
from tests.mailboxes.mailroom import open_memory
from tests.waiting import eventually

DELIVERY = Delivery(
    sequence=1, reference="261124-school-a-ABC12", provider="school-a", flow="school-census", extension="xml",
    content_size=10, content_sha256="0" * 64, landed_at=datetime(2026, 11, 23, tzinfo=UTC),
    decided_at=datetime(2026, 11, 24, tzinfo=UTC), team="sen",
)  # fmt: skip


class Opener:
    """Gives ten bytes for every file, once it may."""

    def __init__(self) -> None:
        self.may = threading.Event()
        self.may.set()
        self.fails = False
        self.asked: list[str] = []
        self.opened = 0

    def __call__(self, order: FileOrder) -> Given:
        self.asked.append(order.reference)
        assert self.may.wait(60)
        if self.fails:
            raise Fault("no")
        given = Given(in_memory(b"0123456789"), 10, "0" * 64)
        self.opened += 1
        return given


ORDER = FileOrder(DELIVERY.reference, None, DELIVERY)


def other(number: int, size: int = 10) -> FileOrder:
    delivery = DELIVERY._replace(reference=f"261124-school-a-ABC{number:02}", content_size=size)
    return FileOrder(delivery.reference, None, delivery)


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 60))


async def settled() -> None:
    """Until tasks and callbacks have done their part."""
    await asyncio.sleep(0.05)


async def closed_again(opener: Opener) -> None:
    """Until the one file that somebody had ordered was opened, by a thread, and is closed."""
    await asyncio.to_thread(eventually, lambda: opener.opened and not open_memory())


async def borrowed(contents: Contents, order: FileOrder) -> OpenContent:
    """A content, in the name of somebody who has no other."""
    return await contents.borrow(order, f"reader of {order.reference}")


def returned(contents: Contents, content: OpenContent) -> None:
    contents.give_back(content, f"reader of {content.order.reference}")


@pytest.fixture
def opener() -> Opener:
    return Opener()


def contents_of(opener: Opener, **limits: int) -> Contents:
    return Contents(opener, MailboxLimits(**limits), ThreadPoolExecutor(2))


def test_a_content_is_read_in_pieces_and_ends(opener: Opener):
    async def work() -> None:
        contents = contents_of(opener)
        content = await borrowed(contents, ORDER)
        assert contents.read(content, 0, 4) == b"0123"
        assert contents.read(content, 8, 4) == b"89"
        assert contents.read(content, 10, 4) == contents.read(content, 2**64 - 1, 4) == b""
        returned(contents, content)

    run(work())


def test_two_readers_share_one_content_until_both_are_done(opener: Opener):
    async def work() -> None:
        contents = contents_of(opener)
        one, two = await asyncio.gather(borrowed(contents, ORDER), borrowed(contents, ORDER))
        assert opener.asked == [DELIVERY.reference]
        returned(contents, one)
        await settled()
        assert contents.read(two, 0, 3) == b"012"
        returned(contents, two)
        await settled()
        assert open_memory() == []
        returned(contents, await borrowed(contents, ORDER))
        assert len(opener.asked) == 2

    run(work())


def test_a_reader_who_leaves_while_the_file_is_being_opened_leaves_nothing_behind(opener: Opener):
    async def work() -> None:
        contents = contents_of(opener)
        opener.may.clear()
        reader = asyncio.create_task(borrowed(contents, ORDER))
        await settled()
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        opener.may.set()
        await closed_again(opener)
        assert opener.asked == [DELIVERY.reference]
        assert open_memory() == []
        returned(contents, await borrowed(contents, ORDER))

    run(work())


def test_one_who_leaves_does_not_take_the_content_from_the_other(opener: Opener):
    async def work() -> None:
        contents = contents_of(opener)
        opener.may.clear()
        leaves, stays = (asyncio.create_task(borrowed(contents, ORDER)) for _ in range(2))
        await settled()
        leaves.cancel()
        await settled()
        opener.may.set()
        content = await stays
        assert contents.read(content, 0, 2) == b"01"
        returned(contents, content)

    run(work())


def test_a_failure_is_declined_and_forgotten(opener: Opener):
    async def work() -> None:
        contents = contents_of(opener, open_files=1)
        opener.fails = True
        for _ in range(3):
            with pytest.raises(Declined, match="cannot be opened"):
                await borrowed(contents, ORDER)
        opener.fails = False
        returned(contents, await borrowed(contents, ORDER))

    run(work())


def test_only_so_many_contents_are_open_at_once(opener: Opener):
    async def work() -> None:
        contents = contents_of(opener, open_files=2)
        held = [await borrowed(contents, other(number)) for number in (1, 2)]
        with pytest.raises(Declined, match="Too many files"):
            await borrowed(contents, other(3))
        same = await borrowed(contents, other(1))
        for content in (*held, same):
            returned(contents, content)
        await settled()
        returned(contents, await borrowed(contents, other(3)))

    run(work())


def test_only_so_many_bytes_are_open_at_once_but_one_large_file_always(opener: Opener):
    async def work() -> None:
        contents = contents_of(opener, open_bytes=25)
        large = await borrowed(contents, other(1, size=100))
        with pytest.raises(Declined, match="Too many files"):
            await borrowed(contents, other(2))
        returned(contents, large)
        await settled()
        small = [await borrowed(contents, other(number)) for number in (2, 3)]
        with pytest.raises(Declined, match="Too many files"):
            await borrowed(contents, other(4))
        for content in small:
            returned(contents, content)

    run(work())


def test_one_person_leaves_as_much_as_they_hold_to_others(opener: Opener):
    async def work() -> None:
        contents = contents_of(opener, open_files=8, open_bytes=100)
        held = [await contents.borrow(other(number), "jane") for number in range(4)]
        with pytest.raises(Declined, match="little room is left for others"):
            await contents.borrow(other(5), "jane")
        sena = await contents.borrow(other(6), "sena")
        with pytest.raises(Declined, match="little room is left for others"):
            await contents.borrow(other(5, size=45), "sena")
        contents.give_back(held.pop(), "jane")
        contents.give_back(sena, "sena")
        for content in (*held, await contents.borrow(other(5), "jane")):
            contents.give_back(content, "jane")

    run(work())


@pytest.mark.parametrize(("limits", "most"), [({"open_files": 7}, 4), ({"open_bytes": 70}, 4)])
def test_of_an_odd_number_one_person_may_hold_the_greater_half(
    opener: Opener, limits: dict[str, int], most: int
):
    async def work() -> None:
        contents = contents_of(opener, **limits)
        held = [await contents.borrow(other(number), "jane") for number in range(most)]
        with pytest.raises(Declined, match="little room is left for others"):
            await contents.borrow(other(most), "jane")
        for content in held:
            contents.give_back(content, "jane")

    run(work())


def test_an_abandoned_opening_still_counts_until_it_ends(opener: Opener):
    async def work() -> None:
        contents = contents_of(opener, open_bytes=15)
        opener.may.clear()
        reader = asyncio.create_task(borrowed(contents, other(1)))
        await settled()
        reader.cancel()
        await settled()
        with pytest.raises(Declined, match="Too many files"):
            await borrowed(contents, other(2))
        opener.may.set()
        await closed_again(opener)
        returned(contents, await borrowed(contents, other(2)))

    run(work())


def test_a_content_that_nobody_reads_is_closed_whoever_has_it(opener: Opener):
    async def work() -> None:
        clock, limits = Seconds(), MailboxLimits(idle_seconds=60, open_files=3)
        contents = Contents(opener, limits, ThreadPoolExecutor(2), clock)
        read, unread = await borrowed(contents, other(1)), await borrowed(contents, other(2))
        opener.may.clear()
        opening = asyncio.create_task(borrowed(contents, other(3)))
        await settled()
        clock.now += 40
        contents.read(read, 0, 1)
        clock.now += 40
        contents.close_unread()
        assert contents.read(read, 0, 2) == b"01"
        with pytest.raises(Declined, match="open it again"):
            contents.read(unread, 0, 1)
        again = asyncio.create_task(borrowed(contents, other(2)))
        opener.may.set()
        returned(contents, unread)
        assert contents.read(await again, 0, 1) == contents.read(await opening, 0, 1) == b"0"
        for content in (read, await again, await opening):
            returned(contents, content)
        await settled()
        assert open_memory() == []
        for content in [
            await borrowed(contents, other(number)) for number in range(3)
        ]:  # There is room for all.
            returned(contents, content)

    run(work())


def test_the_memory_is_what_the_other_tests_look_for():
    descriptor = in_memory(b"x")
    assert len(open_memory()) == 1
    os.close(descriptor)
