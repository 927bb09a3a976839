"""Files that others may have prepared a place for: read, made anew and moved without following a link.

A watched folder is often shared. Whoever may write to it may leave a link where a file or a folder of ours is
expected, to have the kit write over its own keys or read them out.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from gateway.errors import GatewayError

PRIVATE_FILE, SHARED_FILE = 0o600, 0o666
_HERE = os.supports_dir_fd >= {os.open, os.rename, os.unlink}
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_BINARY = getattr(os, "O_BINARY", 0)


class IsLink(GatewayError):  # noqa: N818 - reads as what happened
    """A link lies where a file or folder was expected."""


def make_anew(path: Path, content: bytes, mode: int = PRIVATE_FILE) -> None:
    """Write a file whole or not at all, durably: made aside as a new file, then renamed into place.

    What lies at `path` is replaced, a link itself and not what it leads to. IsLink where the folder is one.
    """
    aside = f".{hashlib.sha256(path.name.encode()).hexdigest()[:16]}.new"
    with _folder(path.parent) as folder:
        with suppress(FileNotFoundError):
            os.unlink(_within(path.parent, aside, folder), dir_fd=folder)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW | _BINARY
        descriptor = os.open(_within(path.parent, aside, folder), flags, mode, dir_fd=folder)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(
            _within(path.parent, aside, folder), _within(path.parent, path.name, folder),
            src_dir_fd=folder, dst_dir_fd=folder,
        )  # fmt: skip


def move(file: Path, target: Path) -> None:
    """Rename a file. IsLink where its new folder is a link, FileExistsError where one lies there."""
    with _folder(target.parent) as folder:
        if os.path.lexists(target):
            raise FileExistsError(f"{target} is there already")
        os.replace(file, _within(target.parent, target.name, folder), dst_dir_fd=folder)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file to read it, without waiting. IsLink for a link, OSError for what is no file."""
    if path.is_symlink():
        raise IsLink(f"{path.name} is a link: put the file itself there")
    flags = os.O_RDONLY | _NOFOLLOW | _BINARY | getattr(os, "O_NONBLOCK", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(f"{path.name} is no plain file")
        yield file


def check_folder(path: Path) -> None:
    """IsLink where a folder of ours is a link."""
    with _folder(path):
        pass


@contextmanager
def _folder(path: Path) -> Iterator[int | None]:
    """Hold a folder by a descriptor, so that no link takes its place; None where a system has none."""
    if path.is_symlink() or _is_junction(path):
        raise IsLink(f"{path} is a link: remove it, so that a folder can be made there")
    if not _HERE:
        yield None
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | _NOFOLLOW)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_junction(path: Path) -> bool:
    attributes = getattr(path.lstat(), "st_file_attributes", 0)
    return bool(attributes & getattr(stat, "FILE_ATTRIBUTE_REPARSE_POINT", 0))


def _within(parent: Path, name: str, folder: int | None) -> Path | str:
    return parent / name if folder is None else name
