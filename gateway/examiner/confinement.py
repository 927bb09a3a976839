"""Confinement of an isolated child before the first hostile content.

Files       Landlock: nothing can be opened, listed, made, changed or removed, except named paths.
Calls       seccomp: a list of system calls for reading and computing; no others. Where a SOP program is
            to be started, the list is inverted: calls no such program needs are refused.
Resources   kernel limits on memory, processor time, descriptors, and the size of written files.
Others      no tracing, no signals outside, no memory of other processes, no core file, and no life after
            the service.

Landlock and the limits hold from a child's start, before any request. The list of system calls comes into
force last, in the process made for the files of one provider.
"""

import ctypes
import errno
import mmap
import os
import resource
import signal
import struct
import tomllib
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path

from gateway.secrets.process_memory import keep_to_itself
from gateway.zones.memory import NEVER_RUN, can_be_kept_from_running, closing_descriptor

# System calls allowed to isolated children, as a libseccomp filter.

_NO_SUCH_CALL = -1
_ALLOWED, _REFUSED = 0x7FFF0000, 0x00050000 | errno.EPERM
_MASKED_EQUAL = 7
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_CALLS: dict[str, list[str]] = tomllib.loads(
    files("gateway.examiner").joinpath("system_calls.toml").read_text("ascii")
)
# Allowed only without executable memory.
_MAPPING = {"mmap": 2, "mprotect": 2}


# struct scmp_arg_cmp of seccomp_rule_add_array(3): place of an argument, comparison, mask and value.
_COMPARED = struct.Struct("@IiQQ")


class CallFilter:
    """A filter of system calls; `load` puts it in force in the calling process, for good.
    `starts_programs`: allow a SOP program (Stateless OpenPGP) to start; only listed calls are then refused,
    otherwise only listed calls are allowed. `makes_memory`: allow the calls to make anonymous memory.
    """

    def __init__(self, *, starts_programs: bool, makes_memory: bool) -> None:
        library = libseccomp() if kernel_filters() else None
        self._library = library
        if library is None:
            return
        self._filter = library.seccomp_init(_ALLOWED if starts_programs else _REFUSED)
        if not self._filter:
            raise OSError(errno.ENOMEM, "libseccomp makes no filter")
        weakref.finalize(self, library.seccomp_release, self._filter)
        if starts_programs:
            self._add(_REFUSED, _CALLS["needed_by_no_program"])
            if can_be_kept_from_running():  # Landlock has no rule for files without a path.
                self._add(_REFUSED, ["memfd_create"], _COMPARED.pack(1, _MASKED_EQUAL, NEVER_RUN, 0))
        else:
            self._add(_ALLOWED, [*_CALLS["computing"], *(_CALLS["making_memory"] if makes_memory else ())])
            for name, place in _MAPPING.items():
                self._add(_ALLOWED, [name], _COMPARED.pack(place, _MASKED_EQUAL, mmap.PROT_EXEC, 0))

    def load(self) -> None:
        """Put the filter in force; does nothing where the kernel has no seccomp or libseccomp is missing."""
        if self._library is not None:
            _check(self._library.seccomp_load(self._filter))

    def _add(self, action: int, names: Sequence[str], *compared: bytes) -> None:
        """Add a rule for each system call in `names` that this architecture knows.
        The kernel then does `action`, if the call's arguments match `compared`.
        """
        assert self._library is not None  # noqa: S101 - there is a filter
        for name in names:
            number = self._library.seccomp_syscall_resolve_name(name.encode("ascii"))
            if number != _NO_SUCH_CALL:
                rule = (self._filter, action, number, len(compared), b"".join(compared))
                _check(self._library.seccomp_rule_add_array(*rule))


def _check(answer: int) -> None:
    """Raise OSError if `answer`, the result of a call to libseccomp, is negative."""
    if answer < 0:
        raise OSError(-answer, os.strerror(-answer))


def kernel_filters() -> bool:
    """Return True if the kernel has seccomp: such a kernel rejects a missing filter with EFAULT."""
    _libc().prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, None, 0, 0)
    return ctypes.get_errno() == errno.EFAULT


@cache  # Loading it anew would cost a process for files a quarter of a millisecond.
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


@cache
def libseccomp() -> ctypes.CDLL | None:
    """Load and return the library libseccomp (see seccomp_init(3)); None if it is not installed."""
    try:
        library = ctypes.CDLL("libseccomp.so.2")
    except OSError:
        return None
    handle = ctypes.c_void_p
    library.seccomp_init.restype, library.seccomp_init.argtypes = handle, (ctypes.c_uint32,)
    library.seccomp_release.restype, library.seccomp_release.argtypes = None, (handle,)
    library.seccomp_load.argtypes = (handle,)
    library.seccomp_syscall_resolve_name.argtypes = (ctypes.c_char_p,)
    library.seccomp_rule_add_array.argtypes = (
        handle, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.c_char_p,
    )  # fmt: skip
    return library


_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION = 1
_PATH_BENEATH = 1
_NETWORK_SINCE, SCOPES_SINCE = 4, 6
_BIND_AND_CONNECT, _SOCKETS_AND_SIGNALS = 0b11, 0b11
# Number of rights on files, by first Landlock version.
_RIGHTS = ((1, 13), (2, 14), (3, 15), (5, 16))


# Access rights on files that a process may keep; Landlock takes all others away.
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
# struct landlock_ruleset_attr: the rights on files, network, and sockets and signals that a ruleset governs.
_RULESET = struct.Struct("=QQQ")
# struct landlock_path_beneath_attr: the rights on all below a path, and the path's descriptor.
_PATH_BENEATH_RULE = struct.Struct("=Qi")


def version() -> int:
    """Return the version of the kernel's Landlock; 0 without Landlock."""
    try:
        return _call(_CREATE_RULESET, None, 0, _ASK_VERSION)
    except OSError:
        return 0


def restrict(allowed: Mapping[str, int]) -> None:
    """Give up the network, access to other processes, and all files except the paths in `allowed`.
    `allowed` maps each path to the rights kept there, as bits. OSError where the kernel has no Landlock. The
    caller must have set PR_SET_NO_NEW_PRIVS.
    """
    known = version()
    # A kernel rejects a longer structure than its own version's.
    size = 8 if known < _NETWORK_SINCE else 16 if known < SCOPES_SINCE else 24
    rights = next((1 << number) - 1 for since, number in reversed(_RIGHTS) if since <= known or since == 1)
    governed = _RULESET.pack(rights, _BIND_AND_CONNECT, _SOCKETS_AND_SIGNALS)
    with closing_descriptor(_call(_CREATE_RULESET, governed, size, 0)) as ruleset:
        for path, access in allowed.items():
            with closing_descriptor(os.open(path, os.O_PATH | os.O_CLOEXEC)) as beneath:
                rule = _PATH_BENEATH_RULE.pack(access, beneath)
                _call(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
        _call(_RESTRICT_SELF, ruleset, 0)


def _call(number: int, *arguments: object) -> int:
    libc = _libc()
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
    "/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache",
)  # fmt: skip
_LOADERS = ("lib/ld-*", "lib64/ld-*", "lib/*/ld-*", "usr/lib64/ld-*")
_READ = _READ_FILE | _READ_DIR
_RUN = _READ_FILE | _EXECUTE
_USE = _READ_FILE | _WRITE_FILE


@dataclass(slots=True)
class Cell:
    """Confinement of one kind of child. Call `prepare` in the child, `close` in each process the child forks.
    `memory_bytes`: the most memory for a process. `writes_bytes`: the size of the largest anonymous file
    written by a process. `program`: the SOP program a process may start; None for none.
    """

    memory_bytes: int
    writes_bytes: int = 0
    program: str | None = None
    _calls: CallFilter | None = field(default=None, init=False)

    def prepare(self) -> None:
        """Give up files, network, and memory beyond the limit. Call once secrets and rules are loaded."""
        starts_programs, makes_memory = self.program is not None, self.writes_bytes > 0
        self._calls = CallFilter(starts_programs=starts_programs, makes_memory=makes_memory)
        _set_limit(resource.RLIMIT_AS, self.memory_bytes)
        _set_limit(resource.RLIMIT_FSIZE, self.writes_bytes)
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        if version():
            restrict(_program_files(self.program) if self.program else {})

    def close(self) -> None:
        """Confine a forked process: limit its processor time, filter system calls, end it with the parent."""
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        _set_limit(resource.RLIMIT_CPU, _LIFE_SECONDS)
        if self._calls is not None:
            self._calls.load()


def start_of_child() -> None:
    """Protect a child at its start: no core file, no tracing, and an end together with the service."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    _set_limit(resource.RLIMIT_NOFILE, 64)
    keep_to_itself()
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a child: a few of the variables in `given`, and a fixed locale."""
    kept = {name: given[name] for name in ("GATEWAY_FAILPOINT", "PATH") if name in given}
    return {**kept, "LC_ALL": "C.UTF-8"}


def missing() -> list[str]:
    """Return a sentence for each part of the confinement missing on this machine; [] if complete."""
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


def _program_files(program: str) -> dict[str, int]:
    """Return the paths that a SOP program may open, each with rights: program, loader, libraries, devices."""
    libraries = {os.path.realpath(path): _READ for path in _LIBRARIES if Path(path).exists()}
    files = {path: _READ_FILE for path in libraries if Path(path).is_file()}
    loaders = [os.path.realpath(path) for pattern in _LOADERS for path in Path("/").glob(pattern)]
    run = dict.fromkeys((os.path.realpath(program), *loaders), _RUN)
    return {**libraries, **files, **run, "/dev/null": _USE, "/dev/urandom": _READ_FILE}


def _prctl(option: int, value: int) -> None:
    _libc().prctl(option, value, 0, 0, 0)


def _set_limit(what: int, most: int) -> None:
    hard = resource.getrlimit(what)[1]
    value = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (value, value))
