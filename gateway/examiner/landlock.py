"""Landlock (Linux 5.13 and later): permanent limits on a process's access to files.

The C library has no functions for the three system calls. Their numbers are the same on every architecture;
landlock(7) and linux/landlock.h describe rights and structures.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from enum import IntFlag

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION = 1
_PATH_BENEATH = 1
_NETWORK_SINCE, SCOPES_SINCE = 4, 6
_BIND_AND_CONNECT, _SOCKETS_AND_SIGNALS = 0b11, 0b11
# Number of rights on files, by first Landlock version.
_RIGHTS = ((1, 13), (2, 14), (3, 15), (5, 16))


class Access(IntFlag):
    """Rights on files a process may keep; all others governed by Landlock are given up."""

    EXECUTE = 1 << 0
    WRITE_FILE = 1 << 1
    READ_FILE = 1 << 2
    READ_DIR = 1 << 3


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"  # Required for packed structures from Python 3.14 on.
    _fields_ = (("allowed", ctypes.c_uint64), ("beneath", ctypes.c_int32))


def version() -> int:
    """Return the version of the kernel's Landlock; 0 without Landlock."""
    try:
        return _call(_CREATE_RULESET, None, 0, _ASK_VERSION)
    except OSError:
        return 0


def restrict(allowed: Mapping[str, Access]) -> None:
    """Give up all files except below these paths, the network, and others' sockets and processes.

    Raises OSError where the kernel has no Landlock. The process must have given up new privileges before.
    """
    known = version()
    # A kernel rejects a longer structure than its own version's.
    size = 8 if known < _NETWORK_SINCE else 16 if known < SCOPES_SINCE else 24
    rights = next((1 << number) - 1 for since, number in reversed(_RIGHTS) if since <= known or since == 1)
    governed = _Ruleset(rights, _BIND_AND_CONNECT, _SOCKETS_AND_SIGNALS)
    ruleset = _call(_CREATE_RULESET, ctypes.byref(governed), size, 0)
    try:
        for path, access in allowed.items():
            beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
            try:
                rule = _PathBeneath(access, beneath)
                _call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
            finally:
                os.close(beneath)
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _call(number: int, *arguments: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    given = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    answer: int = libc.syscall(ctypes.c_long(number), *given)
    if answer < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return answer
