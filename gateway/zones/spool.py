"""The hand-over from intake to the processor: one file, complete once it appears under its final name.

`REF.landed` holds content and record, both durable before the rename. Both zones use this module, which needs
no secrets and no registry.

This module opens every file in a folder another zone can write to: through no link, without waiting,
regular files only.
"""

import errno
import os
import secrets
import stat
import struct
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter

from gateway.home import Spool, checked_reference
from gateway.model import Upload
from gateway.zones.failpoints import passing

# A landed upload is one file: the content as sent, then its record, then the record's length. One file
# needs one fsync before its renaming, and one of the folder after. So a file under its final name is always
# complete, even after a power failure.

RECORD_BYTES = 16 * 1024
"""More than any record of intake's holds."""

_END = struct.Struct(">I4s")  # The length of the record, and the mark of its end.
_MARK = b"GWR1"


class BadFileError(ValueError):
    """Raised for a file intake never makes. The text describes the fault, and repeats no content."""


def behind_content(record: bytes) -> bytes:
    """Return the bytes to append to a content: the record, its length and an end mark."""
    return record + _END.pack(len(record), _MARK)


def divided(descriptor: int) -> tuple[int, bytes]:
    """Return the number of content bytes in a landed file, and its record. The only reader of the format.

    BadFileError for an end that intake never writes.
    """
    size = os.fstat(descriptor).st_size
    end = os.pread(descriptor, _END.size, max(0, size - _END.size))
    if len(end) != _END.size:
        raise BadFileError("it has no record")
    length, mark = _END.unpack(end)
    content = size - _END.size - length
    if mark != _MARK or content < 0:
        raise BadFileError("it has no record")
    if length > RECORD_BYTES:
        raise BadFileError("its record is too long")
    return content, os.pread(descriptor, length, content)


FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK, opening a named pipe or a file under a lease would wait for its maker.
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
# A link; a socket or pipe; a file under a lease; an unreadable file; a device without a driver.
_NO_FILE_OF_OURS = frozenset(
    {errno.ELOOP, errno.ENXIO, errno.EAGAIN, errno.EACCES, errno.EPERM, errno.ENODEV, errno.EOPNOTSUPP}
)


def open_regular(folder: int, name: str, what: str = "it") -> int:
    """Open a regular file in an open folder. FileNotFoundError if gone.

    BadFileError, beginning with `what`, for any other kind of file.
    """
    try:
        descriptor = os.open(name, _FILE_FLAGS, dir_fd=folder)
    except OSError as error:
        if error.errno in _NO_FILE_OF_OURS:
            raise BadFileError(f"{what} is no file that can be read") from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise BadFileError(f"{what} is no regular file")
    return descriptor


def read_small(path: Path, most: int) -> bytes:
    """Return a whole file of at most `most` bytes. FileNotFoundError if gone.

    BadFileError for larger files and other kinds.
    """
    folder = os.open(path.parent, FOLDER_FLAGS)
    try:
        descriptor = open_regular(folder, path.name)
    finally:
        os.close(folder)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        content = file.read(most + 1) or b""
    if len(content) > most:
        raise BadFileError("it is too long")
    return content


def read_words(path: Path, most: int) -> str:
    """Return a small file as text, with "?" for invalid UTF-8 and unprintable characters."""
    text = read_small(path, most).decode("utf-8", "replace")
    return "".join(c if c.isprintable() and c != "\ufffd" else "?" for c in text)


# Crockford's base32: no I, L, O or U, for clear dictation on the telephone.
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_UPLOAD = TypeAdapter(Upload)


def new_reference(provider: str, now: datetime) -> str:
    """Return a fresh reference `YYMMDD-PROVIDER-XXXXX`; the caller ensures its uniqueness."""
    return checked_reference(f"{now:%y%m%d}-{provider}-{encoded_tail(secrets.token_bytes(5))}")


def reserve_reference(spool: Spool, provider: str, now: datetime) -> str:
    """Return a reference unused in the spool, reserved by an empty file.

    Without a reservation, among some two thousand uploads of one provider a day, two would share a reference
    once in seventeen days, and the later one would replace the other.
    """
    while True:
        reference = new_reference(provider, now)
        names = (spool.upload(reference), spool.record(reference), spool.sealed(reference))
        if any(map(os.path.lexists, names)):
            continue
        try:
            os.close(os.open(spool.half(reference), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640))
        except FileExistsError:
            continue
        return reference


def encoded_tail(octets: bytes) -> str:
    """Return the last part of a reference, made of five octets or more."""
    return "".join(_CROCKFORD[octet % 32] for octet in octets[:5])


def fsync_folder(folder: Path) -> None:
    """Make the names of files in `folder` durable. OSError if the disk fails."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def private_mode(folder: Path) -> int:
    """Return the mode of a new private file in `folder`: for its owner, and a group sharing the folder.

    A folder is shared if its set-group-ID bit is set. Its group then gets the folder's group rights on the
    file, so that two users of the inside zone can share files.
    """
    mode = folder.stat().st_mode
    return 0o600 | (mode & 0o060 if mode & stat.S_ISGID else 0)


def write_durably(path: Path, content: bytes, *, mode: int = 0o640) -> None:
    """Write a file completely or not at all: write aside, fsync, rename into place, fsync the folder."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.rename(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    fsync_folder(path.parent)


class NotDurableError(OSError):
    """Raised if a file could not be made durable: its content on disk is unknown and unusable."""


def hand_over(spool: Spool, upload: Upload, content: Path) -> None:
    """Give a finished `content` file, not yet durable, to the processor as `upload`.

    Moves `content` within the spool's file system. After return the upload is durable. An OSError leaves no
    upload behind, and `content` as before, so the processor never sees half an upload; NotDurableError if the
    content is then unknown.
    """
    content.rename(spool.half(upload.reference))
    passing("hand-over.moved")
    complete(spool, upload, content)


def complete(spool: Spool, upload: Upload, content: Path) -> None:
    """Hand over an upload whose content is in the file that reserves its reference.

    After an OSError that file is moved to the path `content`.
    """
    half, whole = spool.half(upload.reference), spool.upload(upload.reference)
    size = half.stat().st_size
    try:
        _append_durably(half, behind_content(_UPLOAD.dump_json(upload)))
        passing("hand-over.durable")
        half.rename(whole)
        fsync_folder(spool.landed)
    except BaseException:
        if os.path.lexists(whole):  # Only the last fsync failed.
            whole.rename(half)
        os.truncate(half, size)
        half.rename(content)
        raise
    passing("hand-over.recorded")


def _append_durably(path: Path, octets: bytes) -> None:
    """Append to a file and make it durable. NotDurableError if durability is unknown."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC), "ab") as file:
        file.write(octets)
        file.flush()
        try:
            os.fsync(file.fileno())
        except OSError as error:
            raise NotDurableError(error.errno, error.strerror) from None
