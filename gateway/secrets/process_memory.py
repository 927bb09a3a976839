"""Keep secrets within the memory of the process that holds them."""

import ctypes
import resource

_PR_SET_DUMPABLE = 4
_MCL_CURRENT, _MCL_ONFAULT = 1, 4


def keep_to_itself() -> None:
    """Disable core files, and prevent other processes of the same user from reading this process's memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def keep_in_memory() -> bool:
    """Lock the process's present memory against swapping; return False if a limit of the system forbids that.
    Call after loading the keys. Contents of files come later and are not locked: they are large.
    """
    locked: int = ctypes.CDLL(None, use_errno=True).mlockall(_MCL_CURRENT | _MCL_ONFAULT)
    return locked == 0
