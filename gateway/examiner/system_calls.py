"""The system calls that isolated children may make, as a filter of libseccomp's."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import weakref
from collections.abc import Sequence
from functools import cache

from gateway.zones.memory import NEVER_RUN, can_be_kept_from_running

_NO_SUCH_CALL = -1
_ALLOWED, _REFUSED = 0x7FFF0000, 0x00050000 | errno.EPERM
_MASKED_EQUAL = 7
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
# What reading, computing and answering need, of what is open already.
_COMPUTING = (
    "brk", "clock_gettime", "clock_nanosleep", "close", "exit", "exit_group", "fstat", "futex", "getitimer",
    "getpid", "getrandom", "getrusage", "gettid", "gettimeofday", "lseek", "madvise", "mremap", "munmap",
    "poll", "ppoll", "pread64", "preadv", "read", "readv", "recvfrom", "recvmsg", "restart_syscall", "rseq",
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sched_getaffinity", "sched_yield", "sendmsg", "sendto",
    "set_robust_list", "setitimer", "sigaltstack", "write", "writev",
)  # fmt: skip
# Of these, only what makes no memory that can be run.
_MAPPING = {"mmap": 2, "mprotect": 2}
# What making a content in anonymous memory, and reading a descriptor afresh, needs besides.
_MAKING_MEMORY = ("dup", "fcntl", "ftruncate", "memfd_create")
# What no SOP program needs, and whoever captured one could use.
_NEEDED_BY_NO_PROGRAM = (
    "accept", "accept4", "acct", "add_key", "adjtimex", "bind", "bpf", "chmod", "chown", "chroot",
    "clock_adjtime", "clock_settime", "connect", "delete_module", "execveat", "fanotify_init", "fchmod",
    "fchmodat", "fchmodat2", "fchown", "fchownat", "finit_module", "fsconfig", "fsetxattr", "fsmount",
    "fsopen", "fspick", "futimesat", "init_module", "inotify_init", "inotify_init1", "io_setup",
    "io_uring_enter", "io_uring_register", "io_uring_setup", "ioperm", "iopl", "kcmp",
    "kexec_file_load", "kexec_load", "keyctl", "lchown", "link", "linkat", "listen", "lsetxattr",
    "memfd_secret", "mknod", "mknodat", "mount", "mount_setattr", "move_mount", "mq_open", "msgget",
    "name_to_handle_at", "open_by_handle_at", "open_tree", "perf_event_open", "personality",
    "pidfd_getfd", "pidfd_send_signal", "pivot_root", "process_madvise", "process_vm_readv",
    "process_vm_writev", "ptrace", "quotactl", "reboot", "removexattr", "request_key", "semget",
    "setdomainname", "sethostname", "setns", "setpgid", "setsid", "settimeofday", "setxattr", "shmget",
    "socket", "socketpair", "swapoff", "swapon", "symlink", "symlinkat", "syslog", "umount2", "unshare",
    "userfaultfd", "utime", "utimensat", "utimes", "vmsplice",
)  # fmt: skip


class _Compared(ctypes.Structure):
    """An argument of a call, and what is asked of it: struct scmp_arg_cmp."""

    _fields_ = (
        ("place", ctypes.c_uint),
        ("comparison", ctypes.c_int),
        ("mask", ctypes.c_uint64),
        ("value", ctypes.c_uint64),
    )


class CallFilter:
    """A list of system calls that is put in force by `load`, for good, in the process that calls it.

    `starts_programs`: a SOP program is to be started, so the list is of what is refused. `makes_memory`:
    contents are made in anonymous memory.
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
            self._add(_REFUSED, _NEEDED_BY_NO_PROGRAM)
            if can_be_kept_from_running():  # Landlock knows no rule for what has no path.
                self._add(_REFUSED, ["memfd_create"], _Compared(1, _MASKED_EQUAL, NEVER_RUN, 0))
        else:
            self._add(_ALLOWED, (*_COMPUTING, *(_MAKING_MEMORY if makes_memory else ())))
            for name, place in _MAPPING.items():
                self._add(_ALLOWED, [name], _Compared(place, _MASKED_EQUAL, mmap.PROT_EXEC, 0))

    def load(self) -> None:
        """Put it in force; nothing where the kernel filters no calls, or there is no libseccomp."""
        if self._library is not None:
            _check(self._library.seccomp_load(self._filter))

    def _add(self, action: int, names: Sequence[str], *compared: _Compared) -> None:
        """Decide on the calls of these names that this kind of machine has."""
        assert self._library is not None  # noqa: S101 - there is a filter
        arguments = (_Compared * len(compared))(*compared)
        for name in names:
            number = self._library.seccomp_syscall_resolve_name(name.encode("ascii"))
            if number != _NO_SUCH_CALL:
                _check(
                    self._library.seccomp_rule_add_array(
                        self._filter, action, number, len(compared), arguments
                    )
                )


def _check(answer: int) -> None:
    """OSError where libseccomp says what went wrong, as a negative number."""
    if answer < 0:
        raise OSError(-answer, os.strerror(-answer))


def kernel_filters() -> bool:
    """Whether the kernel lets a process filter its own system calls.

    One that does looks for the filter that is not given (EFAULT); one that does not knows no such request.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, None, 0, 0)
    return ctypes.get_errno() == errno.EFAULT


@cache
def libseccomp() -> ctypes.CDLL | None:
    """Return the library, as seccomp_init(3) and its kin describe it; None where it is not installed."""
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
        handle, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.POINTER(_Compared),
    )  # fmt: skip
    return library
