"""What an isolated child gives up before it looks at anything hostile.

Files       Landlock: nothing can be opened, listed, made, changed or removed, but for what is named.
Calls       seccomp: a list of system calls that reading and computing need; no other. Where a SOP program
            is to be started, the list is the other way round: what no such program needs is refused.
Resources   memory, processor time, descriptors, and the size of what is written, by the kernel's own limits.
Others      no tracing, no signals to anybody outside, no memory of other processes, no core file, and no life
            after the service that asked.

Landlock and the limits hold from a child's start, before it is asked anything. The list of system calls is
the last thing to come into force, in the process that is made for one file.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.examiner import landlock
from gateway.examiner.landlock import SCOPES_SINCE, Access
from gateway.examiner.system_calls import CallFilter, kernel_filters, libseccomp
from gateway.secrets.process_memory import keep_to_itself

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
    """What one kind of child needs.

    `memory_bytes` bounds its memory, `writes_bytes` each file that it writes in anonymous memory. `program`
    is a SOP program that it starts; none for most.
    """

    memory_bytes: int
    writes_bytes: int = 0
    program: str | None = None


@dataclass(slots=True)
class Cell:
    """The confinement of one kind of child: prepared once, and closed in the process made for a file."""

    needs: Needs
    _calls: CallFilter | None = field(default=None, init=False)

    def prepare(self) -> None:
        """Give up files, the network, and memory beyond its share. Secrets and rules are loaded by now."""
        needs = self.needs
        self._calls = CallFilter(
            starts_programs=needs.program is not None, makes_memory=needs.writes_bytes > 0
        )
        _set_limit(resource.RLIMIT_AS, needs.memory_bytes)
        _set_limit(resource.RLIMIT_FSIZE, needs.writes_bytes)
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        if landlock.version():
            landlock.restrict(_program_files(needs.program) if needs.program else {})

    def close(self) -> None:
        """In a process that is made for files: its time is limited, and what it needs no more is given up."""
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        _set_limit(resource.RLIMIT_CPU, _LIFE_SECONDS)
        if self._calls is not None:
            self._calls.load()


def start_of_child() -> None:
    """What every child does first: no core file, no one looks in, no end but with the service's."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    _set_limit(resource.RLIMIT_NOFILE, 64)
    keep_to_itself()
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """Of an environment, what a child gets to know."""
    return {name: given[name] for name in ("GATEWAY_FAILPOINT", "PATH") if name in given} | {
        "LC_ALL": "C.UTF-8"
    }


def missing() -> list[str]:
    """What this machine cannot do to confine children, in sentences; empty where it can do it all."""
    lacking = []
    if not landlock.version():
        lacking.append(
            "the kernel has no Landlock, so examining children could open what their user may open"
        )
    elif landlock.version() < SCOPES_SINCE:
        lacking.append(
            f"the kernel's Landlock is of version {landlock.version()}: before {SCOPES_SINCE}, an opening "
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
    """What may be opened where a SOP program is started: it, its loader and its libraries."""
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
