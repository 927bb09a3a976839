"""Content read while still being written: a reader waits at the current end."""

import os
import select
import time

WHOLE = b"whole"
"""What the service writes to the pipe once the content is whole and its signature good."""

_PAUSE_MS = 5


class PartialContent:
    """A content still being decrypted, read like a file. On the pipe `word` the service says that the content
    is whole and its signature good. Reads return the full size asked for, less only at the end. If the pipe
    is closed without that message, the process ends without an answer.
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
        """Return monotonic seconds, without the time spent waiting for data."""
        return time.monotonic() - self._waited

    def read(self, size: int = -1) -> bytes:
        """Read `size` bytes, or (-1) all up to the end; block until these have been written."""
        if size < 0:
            size = self._size() - self._position
        whole = self._has_the_word(0)  # Checked before reading: after the word nothing is added.
        while len(piece := os.pread(self._content, size, self._position)) < size and not whole:
            whole = self._has_the_word(_PAUSE_MS)
        self._position += len(piece)
        return piece

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the position; counting from the end waits for the end."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position}
        self._position = offset + (self._size() if whence == os.SEEK_END else base[whence])
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def wait(self) -> None:
        """Wait for the service's confirmation of the signature."""
        while not self._has_the_word(_PAUSE_MS):
            pass

    def _size(self) -> int:
        self.wait()
        return os.fstat(self._content).st_size

    def _has_the_word(self, wait_ms: int) -> bool:
        """Return True once the service has confirmed; wait `wait_ms`. SystemExit if the pipe is closed."""
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
