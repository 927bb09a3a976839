"""Contents of sealed files, opened in memory for as long as somebody reads them.

Two people who read one file share one content. How many there are, and how large together, is
bounded; a content is gone with its last reader, however that reader leaves, or when nobody reads it
for a while.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from gateway.errors import Fault
from gateway.examiner.protocol import Reopen
from gateway.registry.deliveries import Delivery
from gateway.settings import MailboxLimits
from gateway.ssh.answers import Declined, failed

_log = logging.getLogger(__name__)

BUSY = failed("Too many files are being collected at the moment; try again in a minute.")
CANNOT_OPEN = failed(
    "The file cannot be opened at the moment; try again, then tell whoever runs the gateway."
)

CLOSED = failed("The file was closed because nobody read it for a while; open it again.")

Opened = tuple[int, int]


@dataclass(slots=True, eq=False)
class OpenContent:
    """One content in memory, or on its way there. `size` is in bytes, `read_at` in monotonic seconds."""

    reference: str
    size: int
    opening: asyncio.Future[Opened]
    read_at: float
    readers: int = 0
    closed: bool = False


class Contents:
    """Opens files with `reopen`, in the threads of `openers`, never on the loop.

    `clock` gives monotonic seconds.
    """

    def __init__(
        self,
        reopen: Callable[[Reopen], Opened],
        limits: MailboxLimits,
        openers: Executor,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reopen = reopen
        self._limits = limits
        self._openers = openers
        self._clock = clock
        self._open: dict[str, OpenContent] = {}
        # Also those that were given back while they were still being opened.
        self._count = 0
        self._bytes = 0

    async def borrow(self, delivery: Delivery) -> OpenContent:
        """The content of a delivery; whoever borrows it gives it back.

        Declined where too much is open already, or the file cannot be opened.
        """
        content = self._open.get(delivery.reference) or self._begin(delivery)
        content.readers += 1
        try:
            await asyncio.shield(content.opening)
        except Fault as fault:
            self.give_back(content)
            _log.error("%s: cannot be opened: %s", delivery.reference, fault)
            raise Declined(CANNOT_OPEN) from None
        except BaseException:
            self.give_back(content)
            raise
        return content

    def read(self, content: OpenContent, offset: int, length: int) -> bytes:
        """At most `length` bytes from `offset`; none at the end and beyond it.

        Declined where the content was closed because nobody read it.
        """
        if content.closed:
            raise Declined(CLOSED)
        content.read_at = self._clock()
        if offset >= content.size:
            return b""
        return os.pread(content.opening.result()[0], length, offset)

    def close_unread(self) -> None:
        """Close what nobody has read for `idle_seconds`, whoever still has it."""
        before = self._clock() - self._limits.idle_seconds
        for content in tuple(self._open.values()):
            if content.opening.done() and content.read_at < before:
                self._forget(content)
                _log.info("%s: closed, nobody reads it", content.reference)

    def give_back(self, content: OpenContent) -> None:
        """One reader less. The last one closes the content, or has it closed when it arrives."""
        content.readers -= 1
        if content.readers == 0 and not content.closed:
            self._forget(content)

    def _forget(self, content: OpenContent) -> None:
        content.closed = True
        del self._open[content.reference]
        if content.opening.done():
            self._close(content, content.opening)
        else:
            content.opening.add_done_callback(lambda opened: self._close(content, opened))

    def _begin(self, delivery: Delivery) -> OpenContent:
        self._check_room(delivery.content_size)
        request = Reopen(reference=delivery.reference, sha256=delivery.content_sha256)
        opening = asyncio.get_running_loop().run_in_executor(self._openers, self._reopen, request)
        content = OpenContent(delivery.reference, delivery.content_size, opening, self._clock())
        self._open[delivery.reference] = content
        self._count, self._bytes = self._count + 1, self._bytes + content.size
        return content

    def _check_room(self, size: int) -> None:
        """Declined where there is no room for one more; a single one may be larger than all together."""
        too_large = self._count and self._bytes + size > self._limits.open_bytes
        if too_large or self._count >= self._limits.open_files:
            raise Declined(BUSY)

    def _close(self, content: OpenContent, opened: asyncio.Future[Opened]) -> None:
        self._count, self._bytes = self._count - 1, self._bytes - content.size
        if not opened.cancelled() and opened.exception() is None:
            os.close(opened.result()[0])
