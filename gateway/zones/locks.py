"""Test for exclusive locks (flock) held by processes working on a file or folder.

The lock, not the file, is the sign: it ends with the process, however the process ends.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def is_locked(path: Path) -> bool:
    """Return True if a process holds `path`. FileNotFoundError if nothing is there.

    The test may delay a process just starting, for a moment.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
