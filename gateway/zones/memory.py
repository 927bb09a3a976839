"""Anonymous memory: a file without a name, which nobody can run as a program."""

from __future__ import annotations

import errno
import os
from functools import cache

NEVER_RUN = 0x8
"""MFD_NOEXEC_SEAL of memfd_create(2), which Python has no name for: its mode never lets it be run."""


def anonymous_memory(name: str, flags: int = os.MFD_CLOEXEC) -> int:
    """Return a new descriptor, not to be run from Linux 6.3 on. OSError where there is no memory for it."""
    return os.memfd_create(name, flags | (NEVER_RUN if can_be_kept_from_running() else 0))


@cache
def can_be_kept_from_running() -> bool:
    """Does the kernel know of anonymous memory that cannot be run (Linux 6.3 and later)?"""
    try:
        os.close(os.memfd_create("asked", os.MFD_CLOEXEC | NEVER_RUN))
    except OSError as error:
        if error.errno == errno.EINVAL:
            return False
        raise
    return True
