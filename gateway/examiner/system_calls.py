"""System calls allowed to isolated children, as a libseccomp filter."""

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
# Calls for reading, computing and answering with descriptors already open.
_COMPUTING = (
    "brk", "clock_gettime", "clock_nanosleep", "close", "exit", "exit_group", "fstat", "futex", "getitimer",
    "getpid", "getrandom", "getrusage", "gettid", "gettimeofday", "lseek", "madvise", "mremap", "munmap",
    "poll", "ppoll", "pread64", "preadv", "read", "readv", "recvfrom", "recvmsg", "restart_syscall", "rseq",
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sched_getaffinity", "sched_yield", "sendmsg", "sendto",
    "set_robust_list", "setitimer", "sigaltstack", "write", "writev",
)  # fmt: skip
# Allowed only without executable memory.
_MAPPING = {"mmap": 2, "mprotect": 2}
# Calls for making a content in anonymous memory and reading a descriptor afresh.
_MAKING_MEMORY = ("dup", "fcntl", "ftruncate", "memfd_create")
# Calls no SOP program needs, but an attacker in one could use.
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
    """Condition on an argument of a call: struct scmp_arg_cmp."""

    _fields_ = (
        ("place", ctypes.c_uint),
        ("comparison", ctypes.c_int),
        ("mask", ctypes.c_uint64),
        ("value", ctypes.c_uint64),
    )


class CallFilter:
    """Filter of system calls, put in force for good by `load` in the calling process.

    `starts_programs`: a SOP program is to be started, so the list names refused calls. `makes_memory`:
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
            if can_be_kept_from_running():  # Landlock has no rule for files without a path.
                self._add(_REFUSED, ["memfd_create"], _Compared(1, _MASKED_EQUAL, NEVER_RUN, 0))
        else:
            self._add(_ALLOWED, (*_COMPUTING, *(_MAKING_MEMORY if makes_memory else ())))
            for name, place in _MAPPING.items():
                self._add(_ALLOWED, [name], _Compared(place, _MASKED_EQUAL, mmap.PROT_EXEC, 0))

    def load(self) -> None:
        """Put the filter in force; does nothing where the kernel has no seccomp or libseccomp is missing."""
        if self._library is not None:
            _check(self._library.seccomp_load(self._filter))

    def _add(self, action: int, names: Sequence[str], *compared: _Compared) -> None:
        """Add a rule for each of these calls known on this architecture."""
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
    """Raise OSError for a negative answer of libseccomp."""
    if answer < 0:
        raise OSError(-answer, os.strerror(-answer))


def kernel_filters() -> bool:
    """Return True where the kernel lets a process filter its own system calls.

    A kernel with seccomp looks for the missing filter (EFAULT); one without rejects the request.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, None, 0, 0)
    return ctypes.get_errno() == errno.EFAULT


@cache
def libseccomp() -> ctypes.CDLL | None:
    """Return libseccomp, see seccomp_init(3); None where not installed."""
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
