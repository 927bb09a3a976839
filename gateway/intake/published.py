"""Read published files: single files in single folders, never through a link."""

import errno
import os
import stat
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK the opening of a named pipe would wait for ever.
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NAME_BYTES = 255  # As long as any file system here lets a name be.


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file in a listing. `modified` in epoch seconds."""

    name: str
    size: int
    modified: int


def open_published(folder: Path, name: str) -> int:
    """Open a published file for reading. FileNotFoundError without such a regular file."""
    _check_plain(name)
    above = os.open(folder, _FOLDER_FLAGS)
    try:
        descriptor = os.open(name, _FILE_FLAGS, dir_fd=above)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO}:  # A link, a socket or a pipe.
            raise FileNotFoundError from None
        raise
    finally:
        os.close(above)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError
    return descriptor


def find_published(folder: Path, name: str) -> ListedFile | None:
    """Return the entry of one published file, or None."""
    try:
        _check_plain(name)
        status = (folder / name).lstat()
    except FileNotFoundError:
        return None
    return _entry(name, status) if stat.S_ISREG(status.st_mode) else None


def _check_plain(name: str) -> None:
    """Raise FileNotFoundError if `name` is hidden or not one plain path component."""
    if name.startswith(".") or "/" in name or "\0" in name or len(os.fsencode(name)) > _NAME_BYTES:
        raise FileNotFoundError


def scan_published(folder: Path) -> Generator[ListedFile, None, None]:
    """Yield the published files in `folder`, in disk order; none for a missing folder.

    Holds a descriptor until exhausted or closed.
    """
    try:
        entries = os.scandir(folder)
    except FileNotFoundError:
        return
    with entries:
        for entry in entries:
            if entry.name.startswith(".") or not entry.is_file(follow_symlinks=False):
                continue
            try:
                yield _entry(entry.name, entry.stat(follow_symlinks=False))
            except FileNotFoundError:
                continue  # Taken away by the inside meanwhile.


def _entry(name: str, status: os.stat_result) -> ListedFile:
    return ListedFile(name, status.st_size, int(status.st_mtime))
