"""Make anonymous memory: a nameless file, not executable on Linux 6.3 and later; close descriptors."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

NEVER_RUN = 0x8
"""MFD_NOEXEC_SEAL of memfd_create(2), unnamed in Python: the file can never be executed."""


def anonymous_memory(name: str, flags: int = os.MFD_CLOEXEC) -> int:
    """Return a descriptor of a new nameless file in memory, never executable on Linux 6.3 and later.
    `flags`: of memfd_create(2). OSError if the kernel gives no memory.
    """
    return os.memfd_create(name, flags | (NEVER_RUN if can_be_kept_from_running() else 0))


def in_memory(data: bytes) -> int:
    """Return a descriptor, for the caller to close, of anonymous memory holding `data`, at offset 0."""
    with os.fdopen(anonymous_memory("input"), "wb") as file:
        file.write(data)
        file.flush()
        descriptor = os.dup(file.fileno())  # Closed with the file where a write fails.
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


@contextmanager
def closing_descriptor(descriptor: int) -> Iterator[int]:
    """Yield a descriptor, and close it at the end of the context."""
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@cache
def can_be_kept_from_running() -> bool:
    """Return True if the kernel supports non-executable anonymous memory (Linux 6.3 and later)."""
    try:
        os.close(os.memfd_create("asked", os.MFD_CLOEXEC | NEVER_RUN))
    except OSError as error:
        if error.errno == errno.EINVAL:
            return False
        raise
    return True
