"""What a process that holds secrets gives up, so that they stay in its memory and nowhere else."""

from __future__ import annotations

import ctypes
import resource

_PR_SET_DUMPABLE = 4
_MCL_CURRENT, _MCL_ONFAULT = 1, 4


def keep_to_itself() -> None:
    """No core file, and no other process of the same user may look into this one."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def keep_in_memory() -> bool:
    """Keep what this process holds now from being swapped out; False where it may not lock so much.

    Called once the keys are loaded. Contents of files come later and are not locked: they are large.
    """
    locked: int = ctypes.CDLL(None, use_errno=True).mlockall(_MCL_CURRENT | _MCL_ONFAULT)
    return locked == 0
