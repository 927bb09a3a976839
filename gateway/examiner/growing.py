"""A content that is read while it is still being written: whoever reads it waits where it ends so far."""

from __future__ import annotations

import os
import select
import time

WHOLE = b"whole"
"""What the service says through the pipe once the content is whole and its signature is good."""

_PAUSE_MS = 5


class Growing:
    """The content behind a descriptor, and the pipe `word`, through which the service says that it is whole.

    It reads as a finished content does: as much as was asked for, and less at its end alone. Where the pipe
    is closed without the word, nobody wants to know any more what the content is, and the process ends.
    """

    def __init__(self, content: int, word: int) -> None:
        self._content = content
        self._word = word
        self._poll = select.poll()
        self._poll.register(word, select.POLLIN)
        self._is_whole = False
        self._position = 0
        self._waited = 0.0

    def clock(self) -> float:
        """Seconds, without those in which there was nothing to read."""
        return time.monotonic() - self._waited

    def read(self, size: int = -1) -> bytes:
        """Read, waiting until there is so much or no more to come; by default, all that is left."""
        if size < 0:
            size = self._size() - self._position
        whole = self._has_the_word(0)  # Before the look: what was there by then is all of it.
        while len(piece := os.pread(self._content, size, self._position)) < size and not whole:
            whole = self._has_the_word(_PAUSE_MS)
        self._position += len(piece)
        return piece

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position; to go by the end waits for it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position}
        self._position = offset + (self._size() if whence == os.SEEK_END else base[whence])
        return self._position

    def tell(self) -> int:
        """The position."""
        return self._position

    def wait(self) -> None:
        """Wait for the word."""
        while not self._has_the_word(_PAUSE_MS):
            pass

    def _size(self) -> int:
        self.wait()
        return os.fstat(self._content).st_size

    def _has_the_word(self, wait_ms: int) -> bool:
        """Whether the word has come, or comes within so many milliseconds. SystemExit where it never will."""
        if self._is_whole:
            return True
        begun = time.monotonic()
        said = self._poll.poll(wait_ms)
        self._waited += time.monotonic() - begun
        if said:
            self._is_whole = os.read(self._word, len(WHOLE)) == WHOLE
            if not self._is_whole:
                raise SystemExit
        return self._is_whole
