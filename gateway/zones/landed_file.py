"""A landed upload is one file: the content as it was sent, behind it its record, and last how long that is.

One file needs one fsync before it gets its name, and one of the folder after it. So of a file that has its
name nothing is missing, whenever the power is lost.
"""

from __future__ import annotations

import os
import struct

RECORD_BYTES = 16 * 1024
"""More than any record of intake's holds."""

_END = struct.Struct(">I4s")  # How many bytes the record has, and what tells that this is the end of one.
_MARK = b"GWR1"


class BadFileError(ValueError):
    """Something that intake should never have made. The text says what, and repeats nothing of it."""


def behind_content(record: bytes) -> bytes:
    """What is written behind a content whose record this is."""
    return record + _END.pack(len(record), _MARK)


def divided(descriptor: int) -> tuple[int, bytes]:
    """How many bytes of the file of a landed upload are its content, and its record. It is read nowhere else.

    BadFileError where the end is none that intake writes.
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
