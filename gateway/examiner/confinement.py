"""Confinement of an isolated child before the first hostile content.

Files       Landlock: nothing can be opened, listed, made, changed or removed, except named paths.
Calls       seccomp: a list of system calls for reading and computing; no others. Where a SOP program is
            to be started, the list is inverted: calls no such program needs are refused.
Resources   kernel limits on memory, processor time, descriptors, and the size of written files.
Others      no tracing, no signals outside, no memory of other processes, no core file, and no life after
            the service.

Landlock and the limits hold from a child's start, before any request. The list of system calls comes into
force last, in the process made for one file.
"""

import ctypes
import os
import resource
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntFlag
from pathlib import Path

from gateway.examiner.system_calls import CallFilter, kernel_filters, libseccomp
from gateway.secrets.process_memory import keep_to_itself

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


_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_LIFE_SECONDS = 900

_LIBRARIES = (
    "/lib",
    "/lib32",
    "/lib64",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
)
_LOADERS = ("lib/ld-*", "lib64/ld-*", "lib/*/ld-*", "usr/lib64/ld-*")
_READ = Access.READ_FILE | Access.READ_DIR
_RUN = Access.READ_FILE | Access.EXECUTE
_USE = Access.READ_FILE | Access.WRITE_FILE


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """Needs of one kind of child.

    `memory_bytes` limits memory, `writes_bytes` each file written in anonymous memory. `program` is a SOP
    program to start; None for most.
    """

    memory_bytes: int
    writes_bytes: int = 0
    program: str | None = None


@dataclass(slots=True)
class Cell:
    """Confinement of one kind of child: prepared once, closed in the process made for a file."""

    needs: Needs
    _calls: CallFilter | None = field(default=None, init=False)

    def prepare(self) -> None:
        """Give up files, network and surplus memory. Secrets and rules are loaded by now."""
        needs = self.needs
        self._calls = CallFilter(
            starts_programs=needs.program is not None, makes_memory=needs.writes_bytes > 0
        )
        _set_limit(resource.RLIMIT_AS, needs.memory_bytes)
        _set_limit(resource.RLIMIT_FSIZE, needs.writes_bytes)
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        if version():
            restrict(_program_files(needs.program) if needs.program else {})

    def close(self) -> None:
        """Limit the processor time of a process for files and put the filter of system calls in force."""
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        _set_limit(resource.RLIMIT_CPU, _LIFE_SECONDS)
        if self._calls is not None:
            self._calls.load()


def start_of_child() -> None:
    """Protect a child at its start: no core file, no tracing, an end only together with the service."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    _set_limit(resource.RLIMIT_NOFILE, 64)
    keep_to_itself()
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """Return the part of an environment passed to a child."""
    return {name: given[name] for name in ("GATEWAY_FAILPOINT", "PATH") if name in given} | {
        "LC_ALL": "C.UTF-8"
    }


def missing() -> list[str]:
    """Return sentences about the confinement this machine lacks; empty where complete."""
    lacking = []
    if not version():
        lacking.append(
            "the kernel has no Landlock, so examining children could open what their user may open"
        )
    elif version() < SCOPES_SINCE:
        lacking.append(
            f"the kernel's Landlock is of version {version()}: before {SCOPES_SINCE}, an opening "
            "child that starts a SOP program can signal processes of its own user"
        )
    if not kernel_filters():
        lacking.append(
            "the kernel filters no system calls (seccomp), so examining children could make any of them"
        )
    elif libseccomp() is None:
        lacking.append(
            "libseccomp is not installed (Debian: libseccomp2), so examining children could make any system "
            "call"
        )
    return lacking


def _program_files(program: str) -> dict[str, Access]:
    """Return the paths a SOP program may open: the program, its loader and its libraries."""
    libraries = {os.path.realpath(path): _READ for path in _LIBRARIES if Path(path).exists()}
    files = {path: Access.READ_FILE for path in libraries if Path(path).is_file()}
    loaders = [os.path.realpath(path) for pattern in _LOADERS for path in Path("/").glob(pattern)]
    run = dict.fromkeys((os.path.realpath(program), *loaders), _RUN)
    return {**libraries, **files, **run, "/dev/null": _USE, "/dev/urandom": Access.READ_FILE}


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _set_limit(what: int, most: int) -> None:
    hard = resource.getrlimit(what)[1]
    value = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (value, value))
