"""Contents that arrive while they are read."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from gateway.examiner.classifier import PartialContent
from gateway.examiner.protocol import WHOLE


@contextmanager
def arriving(pieces: Sequence[bytes], said: bytes = WHOLE) -> Iterator[PartialContent]:
    """A content that comes in pieces; what is `said` of it once it is there."""
    memory, (ear, word) = os.memfd_create("arriving"), os.pipe()

    def write() -> None:
        for piece in pieces:
            os.write(memory, piece)
        os.write(word, said)
        os.close(word)

    sight = os.open(f"/proc/self/fd/{memory}", os.O_RDONLY)
    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield PartialContent(sight, ear)
    finally:
        writer.join()
        for descriptor in (memory, sight, ear):
            os.close(descriptor)


def cut(data: bytes, size: int) -> list[bytes]:
    """A content in pieces of this size."""
    return [data[start : start + size] for start in range(0, len(data), size)]
