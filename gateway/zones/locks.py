"""Whether somebody is at work on a file or folder: whoever is, holds an exclusive lock (flock) on it.

The lock, not the file, says so: it ends with the process, however that ends.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def is_locked(path: Path) -> bool:
    """Whether somebody holds `path`. FileNotFoundError where nothing is there.

    One that starts at this very moment is not disturbed for long.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
