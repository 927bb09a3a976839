"""Keep the contents of sealed files open in memory while people read.

Readers of the same file, or the same view, share one content. The number and total size of open contents are
limited. A person may not hold more than remains free for all others. A content is closed after the last
reader, however the reader leaves, or when nobody has read for some time.
"""

import asyncio
import logging
import os
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field

from gateway.errors import Fault
from gateway.home.settings import MailboxLimits
from gateway.model import Basis, Counting
from gateway.registry.deliveries import Delivery
from gateway.ssh.answers import Declined, failed

_log = logging.getLogger(__name__)

BUSY = failed("Too many files are being collected at the moment; try again in a minute.")
SHARE = failed(
    "You have so many files open that little room is left for others; close one, then open this one."
)
CANNOT_OPEN = failed(
    "The file cannot be opened at the moment; try again, then tell whoever runs the gateway."
)

CLOSED = failed("The file was closed because nobody read it for a while; open it again.")

_SIZES_REMEMBERED = 10_000
_Shown = tuple[str, str | None, frozenset[int]]


def _shown(delivery: Delivery) -> _Shown:
    """Return what identifies the view of a delivery; the size of the view is remembered under this key."""
    return delivery.reference, delivery.team, delivery.apart


@dataclass(frozen=True, slots=True)
class Given:
    """An opened file or view in anonymous memory; `left_out`: labels of the items missing in a view."""

    descriptor: int
    size: int
    sha256: str
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileOrder:
    """A request to open a delivery. `basis`: the part of the file that the view shows; None for the file as
    sent. `apart`: the digests of the children whose records are left out. `policies`: the digest of the
    policies by which that was decided, and by which the view is made.
    """

    reference: str
    basis: Basis | Counting | None
    delivery: Delivery = field(compare=False)
    apart: frozenset[bytes] = frozenset()
    policies: str = ""


@dataclass(slots=True, eq=False)
class OpenContent:
    """A content in memory, or being opened; `room` is its maximum size in bytes.

    `read_at`: the time of the last reading, in monotonic seconds. `readers`: how often each person
    has the content open.
    """

    order: FileOrder
    room: int
    opening: asyncio.Future[Given]
    read_at: float
    readers: Counter[str] = field(default_factory=Counter)
    closed: bool = False

    @property
    def given(self) -> Given:
        """The opened content. Raises the error of opening, and InvalidStateError while being opened."""
        return self.opening.result()


class Contents:
    """The open contents. Files are opened by `fetch` in the threads of `openers`, never in the event loop.

    `clock` gives monotonic seconds.
    """

    def __init__(
        self,
        fetch: Callable[[FileOrder], Given],
        limits: MailboxLimits,
        openers: Executor,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._limits = limits
        self._openers = openers
        self._clock = clock
        self._open: dict[FileOrder, OpenContent] = {}
        self._sizes: dict[_Shown, int] = {}
        self._in_memory: set[OpenContent] = set()  # Also those given back while still being opened.

    def size_of(self, delivery: Delivery) -> int | None:
        """Return the size in bytes of a delivery's file or view; None for a view never opened here."""
        if delivery.whole:
            return delivery.content_size
        return self._sizes.get(_shown(delivery))

    def forget_sizes(self) -> None:
        """Forget the sizes of views, also of those being opened now: other policies give other views."""
        self._sizes = {}

    async def borrow(self, order: FileOrder, person: str) -> OpenContent:
        """Open a content for a person, or share an open content; every borrower must call `give_back`.
        Declined if all people together, or this person, have too much open, or if the file cannot be opened.
        """
        content = self._open.get(order) or self._begin(order, person)
        sizes = self._sizes
        content.readers[person] += 1
        try:
            given = await asyncio.shield(content.opening)
        except Fault as fault:
            self.give_back(content, person)
            _log.error("%s: cannot be opened: %s", order.reference, fault)
            raise Declined(CANNOT_OPEN) from None
        except BaseException:
            self.give_back(content, person)
            raise
        # Remember the size of a view, for listings before the view is opened again.
        if len(sizes) >= _SIZES_REMEMBERED:
            sizes.clear()
        sizes[_shown(order.delivery)] = given.size
        return content

    def read(self, content: OpenContent, offset: int, length: int) -> bytes:
        """Return at most `length` bytes from `offset`; b"" at the end and beyond.
        Declined for a content closed after idling.
        """
        if content.closed:
            raise Declined(CLOSED)
        content.read_at = self._clock()
        given = content.given
        if offset >= given.size:
            return b""
        return os.pread(given.descriptor, length, offset)

    def close_unread(self) -> None:
        """Close all contents that were last read more than `idle_seconds` ago."""
        before = self._clock() - self._limits.idle_seconds
        for content in tuple(self._open.values()):
            if content.opening.done() and content.read_at < before:
                self._forget(content)
                _log.info("%s: closed, nobody reads it", content.order.reference)

    def give_back(self, content: OpenContent, person: str) -> None:
        """End a reader's use of a content; close the content after the last reader."""
        content.readers[person] -= 1
        if not content.readers.total() and not content.closed:
            self._forget(content)

    def _forget(self, content: OpenContent) -> None:
        content.closed = True
        del self._open[content.order]
        if content.opening.done():
            self._close(content, content.opening)
        else:
            content.opening.add_done_callback(lambda opened: self._close(content, opened))

    def _begin(self, order: FileOrder, person: str) -> OpenContent:
        size = order.delivery.content_size
        # Raise Declined without room for one more content; a single one may exceed the total.
        free = self._limits.open_files - len(self._in_memory)
        free_bytes = self._limits.open_bytes - sum(one.room for one in self._in_memory)
        if free <= 0 or (self._in_memory and size > free_bytes):
            raise Declined(BUSY)
        # Declined where a person would hold more than is free for everybody else; one file always fits.
        held = [one.room for one in self._in_memory for _ in range(one.readers[person])]
        if held and (len(held) + 1 > free or sum(held) + size > free_bytes):
            raise Declined(SHARE)
        opening = asyncio.get_running_loop().run_in_executor(self._openers, self._fetch, order)
        content = OpenContent(order, size, opening, self._clock())
        self._open[order] = content
        self._in_memory.add(content)
        return content

    def _close(self, content: OpenContent, opened: asyncio.Future[Given]) -> None:
        self._in_memory.remove(content)
        if not opened.cancelled() and opened.exception() is None:
            os.close(opened.result().descriptor)
