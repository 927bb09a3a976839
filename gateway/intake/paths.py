"""Translate a client's path into an `IntakePlace` of the virtual tree. Pure.

The tree has one level of fixed folders; below /in, a client may make more for a while. Nothing here touches a
disk, and no path of a client ever becomes a path on disk.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import unicodedata
from collections.abc import Generator
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from gateway.intake.answers import NAME_CONTROL, NAME_NOT_UTF8, NAME_TOO_LONG
from gateway.model import Folder
from gateway.ssh.answers import NO_SUCH_FILE, Declined, parts_of

FolderName = Literal["in", "out", "receipts", "keys", "agreement"]
FOLDERS: tuple[FolderName, ...] = get_args(FolderName)
_FOLDER: dict[str, FolderName] = {name: name for name in FOLDERS}

# Pages published for one provider at the top of its tree; any other name there means an upload to /in.
PAGES = frozenset({"status.html", "status.html.asc", "calendar.ics"})

_TEMPORARY = re.compile(r"\..*|.+\.(filepart|part|tmp|partial)", re.IGNORECASE | re.DOTALL)


class IntakePlace(NamedTuple):
    """A place in a provider's tree: a file, a folder, a page, or the root.

    A file has folder and name; a folder has no name; a page, such as status.html, has no folder; the root has
    neither. Inside a folder MADE that a client made, a file's name is `MADE/NAME`.
    """

    folder: FolderName | None = None
    name: str | None = None

    @property
    def uploads(self) -> Folder | None:
        """The folder to which an upload at this place belongs; None where uploads are not accepted."""
        return self.folder if self.folder in {"in", "keys", "agreement"} else None

    @property
    def above(self) -> IntakePlace:
        """The enclosing folder."""
        if self.name is None:
            return ROOT
        return IntakePlace(self.folder, self.name.rpartition("/")[0] or None)


ROOT = IntakePlace()
_DEEPEST = 16


def components(raw: bytes) -> tuple[str, ...]:
    """Return the parts of a client's path from the root, without `.`, `..` and empty parts.

    Unicode is normalised to NFC, so a name typed on a Mac and its copy elsewhere are one name. Declined for a
    path with control characters or not in UTF-8.
    """
    try:
        text = unicodedata.normalize("NFC", raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise Declined(NAME_NOT_UTF8) from None
    if any(unicodedata.category(c) in {"Cc", "Zl", "Zp"} for c in text):
        raise Declined(NAME_CONTROL)
    return tuple(parts_of(text))


def place_of(raw: bytes) -> IntakePlace:
    """Return the place that the path `raw` names; a file directly in the root counts as a file in /in.

    Declined with "no such file" for a path of more than 16 parts.
    """
    parts = components(raw)
    if not parts:
        return ROOT
    if len(parts) > _DEEPEST:
        raise Declined(NO_SUCH_FILE)
    if len(parts) == 1 and parts[0] in PAGES:
        return IntakePlace(None, parts[0])
    folder = _FOLDER.get(parts[0])
    within = parts if folder is None else parts[1:]
    return IntakePlace(folder or "in", "/".join(within) or None)


def canonical(raw: bytes) -> bytes:
    """Return a client's path in its canonical form (SFTP REALPATH); nothing need exist at the path."""
    return ("/" + "/".join(components(raw))).encode("utf-8")


def checked_name(name: str, limit: int) -> str:
    """Return `name` unchanged; Declined where one of its parts is longer than `limit` bytes of UTF-8."""
    if any(len(part.encode("utf-8")) > limit for part in name.split("/")):
        raise Declined(NAME_TOO_LONG)
    return name


def is_temporary(name: str) -> bool:
    """Return True for a name that clients use until a rename: a dotfile, X.filepart, X.part and others."""
    return _TEMPORARY.fullmatch(name.rpartition("/")[2]) is not None


# Read published files: single files in single folders, never through a link.

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK the opening of a named pipe would wait for ever.
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NAME_BYTES = 255  # As long as any file system here lets a name be.


class ListedFile(NamedTuple):
    """A file in a listing. `modified` in epoch seconds."""

    name: str
    size: int
    modified: int


def open_published(folder: Path, name: str) -> int:
    """Open a published file for reading. FileNotFoundError if there is no regular file of this name."""
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
    """Return one published file as listed; None if there is no such regular file."""
    try:
        _check_plain(name)
        status = (folder / name).lstat()
    except FileNotFoundError:
        return None
    return _entry(name, status) if stat.S_ISREG(status.st_mode) else None


def _check_plain(name: str) -> None:
    """Raise FileNotFoundError if `name` is hidden or not a single path component."""
    if name.startswith(".") or "/" in name or "\0" in name or len(os.fsencode(name)) > _NAME_BYTES:
        raise FileNotFoundError


def scan_published(folder: Path) -> Generator[ListedFile, None, None]:
    """Yield the published files in `folder`, in disk order; none for a missing folder.

    The generator holds an open descriptor until exhausted or closed.
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
