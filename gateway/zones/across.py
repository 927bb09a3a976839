"""Read files in folders writable by another zone. Anything at all may lie there.

Every such file is opened here: through no link, without waiting, regular files only.
"""

import errno
import os
import stat
import struct
from pathlib import Path

# A landed upload is one file: the content as sent, then its record, then the record's length. One file
# needs one fsync before its renaming, and one of the folder after. So a file under its final name is always
# complete, even after a power failure.

RECORD_BYTES = 16 * 1024
"""More than any record of intake's holds."""

_END = struct.Struct(">I4s")  # The length of the record, and the mark of its end.
_MARK = b"GWR1"


class BadFileError(ValueError):
    """A file intake should never have made. The text describes the fault, and repeats no content."""


def behind_content(record: bytes) -> bytes:
    """Return the bytes to write behind a content with this record."""
    return record + _END.pack(len(record), _MARK)


def divided(descriptor: int) -> tuple[int, bytes]:
    """Return the number of content bytes in a landed file, and its record. Read nowhere else.

    BadFileError for an end never written by intake.
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
