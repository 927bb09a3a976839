"""Read, make and move files without following links, in folders shared with others.

Anybody allowed to write to a watched folder could put a link in the place of a file or folder, to make the
kit overwrite or disclose the keys.
"""

import errno
import hashlib
import os
import secrets
import signal
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from gateway.errors import GatewayError

PRIVATE_FILE, SHARED_FILE = 0o600, 0o666
_HERE = os.supports_dir_fd >= {os.open, os.rename, os.unlink}
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_BINARY = getattr(os, "O_BINARY", 0)
_SHARING_VIOLATION = 32
_WRITTEN_SECONDS = 600
"""Seconds after which nobody writes to a file under its temporary name any more."""


class IsLink(GatewayError):  # noqa: N818 - named after the event
    """Raised if a link lies where a file or folder should be."""


class DiskFull(GatewayError):  # noqa: N818 - named after the event
    """Raised if the disk has no room for a file of the kit."""

    exit_code = 5

    def __init__(self, path: Path) -> None:
        super().__init__(f"the disk of {path.parent} is full: make room, and send again")


class InUse(GatewayError):  # noqa: N818 - named after the event
    """Raised if another program is still writing to a file."""


def make_anew(path: Path, content: bytes, mode: int = PRIVATE_FILE) -> None:
    """Write a file whole or not at all, durably: under a temporary name, then renamed.

    A file or link at `path` is replaced, but never a link's target. IsLink if the folder is a link. Two
    processes may write the same file at once: the later one wins.
    """
    known = f".{hashlib.sha256(path.name.encode()).hexdigest()[:16]}"
    aside = f"{known}.{secrets.token_hex(4)}.new"
    with _folder(path.parent) as folder:
        _remove_old(path.parent, known, folder)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW | _BINARY
        descriptor = os.open(_within(path.parent, aside, folder), flags, mode, dir_fd=folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except BaseException as error:
            os.unlink(_within(path.parent, aside, folder), dir_fd=folder)
            if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise DiskFull(path) from None
            raise
        os.replace(
            _within(path.parent, aside, folder), _within(path.parent, path.name, folder),
            src_dir_fd=folder, dst_dir_fd=folder,
        )  # fmt: skip


def _remove_old(parent: Path, known: str, folder: int | None) -> None:
    """Remove files with temporary names that begin with `known`, which a process that was killed left."""
    for name in (path.name for path in parent.glob(f"{known}*")):
        place = _within(parent, name, folder)
        with suppress(FileNotFoundError):
            written_at = os.stat(place, dir_fd=folder, follow_symlinks=False).st_mtime
            if abs(time.time() - written_at) > _WRITTEN_SECONDS:
                os.unlink(place, dir_fd=folder)


def move(file: Path, target: Path) -> None:
    """Rename a file. IsLink if the new folder is a link, FileExistsError if the target exists."""
    with _folder(target.parent) as folder:
        if os.path.lexists(target):
            raise FileExistsError(f"{target} is there already")
        os.replace(file, _within(target.parent, target.name, folder), dst_dir_fd=folder)


@dataclass(frozen=True, slots=True)
class Mark:
    """The inode number, size and modification time of a file, to detect a change or replacement."""

    number: int
    size: int
    changed_ns: int

    @classmethod
    def of(cls, file: BinaryIO) -> Self:
        """Return the inode number, size and modification time of an open file."""
        status = os.fstat(file.fileno())
        return cls(status.st_ino, status.st_size, status.st_mtime_ns)


@contextmanager
def unwritten(path: Path) -> Iterator[tuple[BinaryIO, bool]]:
    """Yield a file, opened for reading, that no program writes or locks; writers wait until the block ends.
    The second value is False if the system cannot tell whether a program writes, as for network folders.
    InUse if a program writes or locks the file. Linux uses locks (flock and fcntl) and a lease, Windows share
    modes.
    """
    with _sharing_no_writing(path) as file:
        if sys.platform == "win32":
            yield file, True
            return
        import fcntl  # noqa: PLC0415 - missing on Windows

        for lock in (fcntl.flock, fcntl.lockf):
            try:
                lock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):
                raise InUse("somebody has locked it") from None
            except OSError as error:
                if error.errno not in {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}:
                    raise  # A file system without locks has nobody's.
        is_leased = sys.platform == "linux"
        if is_leased:
            # The kernel signals that a writer opens it; another signal than SIGURG would end the process.
            fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
            try:
                fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            except BlockingIOError:
                raise InUse("somebody has it open to write to") from None
            except OSError:
                is_leased = False  # A network folder, or a file of somebody else's.
        try:
            yield file, is_leased
        finally:
            if is_leased:
                fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)


@contextmanager
def _sharing_no_writing(path: Path) -> Iterator[BinaryIO]:
    if sys.platform != "win32":
        with opened(path) as file:
            yield file
        return
    import ctypes  # noqa: PLC0415
    import msvcrt  # noqa: PLC0415

    if path.is_symlink():
        raise IsLink(f"{path.name} is a link: put the file itself there")
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel.CreateFileW.restype = ctypes.c_void_p
    read, share_read_delete, existing, no_reparse = 0x80000000, 0x1 | 0x4, 3, 0x00200000
    handle = kernel.CreateFileW(str(path), read, share_read_delete, None, existing, no_reparse, None)
    if handle == ctypes.c_void_p(-1).value:
        if ctypes.get_last_error() == _SHARING_VIOLATION:
            raise InUse("somebody has it open to write to")
        raise ctypes.WinError(ctypes.get_last_error())
    with os.fdopen(msvcrt.open_osfhandle(handle, os.O_RDONLY | os.O_BINARY), "rb") as file:
        yield file


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Yield a regular file, opened for reading. Never wait, as for the writer of a pipe.

    IsLink for a link, InUse if another program has a lease to write, OSError for a folder, pipe or device.
    """
    if path.is_symlink():
        raise IsLink(f"{path.name} is a link: put the file itself there")
    flags = os.O_RDONLY | _NOFOLLOW | _BINARY | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(path, flags)
    except BlockingIOError:
        raise InUse("somebody has it open to write to") from None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(f"{path.name} is no plain file")
        yield file


def check_folder(path: Path) -> None:
    """Raise IsLink if a folder is a link."""
    with _folder(path):
        pass


@contextmanager
def _folder(path: Path) -> Iterator[int | None]:
    """Keep a folder open, so no link can replace it; yield the descriptor, None if not supported."""
    attributes = getattr(path.lstat(), "st_file_attributes", 0)
    if path.is_symlink() or attributes & getattr(stat, "FILE_ATTRIBUTE_REPARSE_POINT", 0):
        raise IsLink(f"{path} is a link: remove it, so that a folder can be made there")
    if not _HERE:
        yield None
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | _NOFOLLOW)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _within(parent: Path, name: str, folder: int | None) -> Path | str:
    return parent / name if folder is None else name
