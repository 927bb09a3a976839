"""The system calls that isolated children may make, as a filter of libseccomp's."""

from __future__ import annotations

import ctypes
import errno
import mmap
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

_NO_SUCH_CALL = -1
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
    "clock_adjtime", "clock_settime", "connect", "delete_module", "fanotify_init", "fchmod", "fchmodat",
    "fchmodat2", "fchown", "fchownat", "finit_module", "fsconfig", "fsetxattr", "fsmount", "fsopen", "fspick",
    "futimesat", "init_module", "inotify_init", "inotify_init1", "io_setup", "io_uring_enter",
    "io_uring_register", "io_uring_setup", "ioperm", "iopl", "kcmp", "kexec_file_load", "kexec_load",
    "keyctl", "lchown", "link", "linkat", "listen", "lsetxattr", "mknod", "mknodat", "mount", "mount_setattr",
    "move_mount", "mq_open", "msgget", "name_to_handle_at", "open_by_handle_at", "open_tree",
    "perf_event_open", "personality", "pidfd_getfd", "pidfd_send_signal", "pivot_root", "process_madvise",
    "process_vm_readv", "process_vm_writev", "ptrace", "quotactl", "reboot", "removexattr", "request_key",
    "semget", "setdomainname", "sethostname", "setns", "setpgid", "setsid", "settimeofday", "setxattr",
    "shmget", "socket", "socketpair", "swapoff", "swapon", "symlink", "symlinkat", "syslog", "umount2",
    "unshare", "userfaultfd", "utime", "utimensat", "utimes", "vmsplice",
)  # fmt: skip


class CallFilter:
    """A list of system calls that is put in force by `load`, for good, in the process that calls it.

    `starts_programs`: a SOP program is to be started, so the list is of what is refused. `makes_memory`:
    contents are made in anonymous memory.
    """

    def __init__(self, *, starts_programs: bool, makes_memory: bool) -> None:
        self._seccomp: Any = libseccomp() if kernel_filters() else None
        if self._seccomp is None:
            return
        refused = self._seccomp.ERRNO(errno.EPERM)
        self._filter = self._seccomp.SyscallFilter(self._seccomp.ALLOW if starts_programs else refused)
        if starts_programs:
            self._add(refused, _NEEDED_BY_NO_PROGRAM)
        else:
            self._add(self._seccomp.ALLOW, (*_COMPUTING, *(_MAKING_MEMORY if makes_memory else ())))
            self._allow_mapping()

    def load(self) -> None:
        """Put it in force; nothing where the kernel filters no calls, or there is no libseccomp."""
        if self._seccomp is not None:
            self._filter.load()

    def _allow_mapping(self) -> None:
        seccomp = self._seccomp
        for name, place in _MAPPING.items():
            argument = seccomp.Arg(place, seccomp.MASKED_EQ, mmap.PROT_EXEC, 0)
            self._filter.add_rule(seccomp.ALLOW, name, argument)

    def _add(self, action: int, names: Sequence[str]) -> None:
        for name in self._known(names):
            self._filter.add_rule(action, name)

    def _known(self, names: Sequence[str]) -> Iterator[str]:
        """The system calls of these names that this kind of machine has."""
        machine = self._seccomp.system_arch()
        return (name for name in names if self._seccomp.resolve_syscall(machine, name) != _NO_SUCH_CALL)


def kernel_filters() -> bool:
    """Whether the kernel lets a process filter its own system calls.

    One that does looks for the filter that is not given (EFAULT); one that does not knows no such request.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, None, 0, 0)
    return ctypes.get_errno() == errno.EFAULT


def libseccomp() -> ModuleType | None:
    """The library; None where it is not installed."""
    try:
        import pyseccomp  # noqa: PLC0415 - it looks for the C library when it is imported
    except (RuntimeError, OSError):
        return None
    module: ModuleType = pyseccomp
    return module
