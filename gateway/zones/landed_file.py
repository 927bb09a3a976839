"""A landed upload is one file: the content as sent, then its record, then the record's length.

One file needs one fsync before its renaming, and one of the folder after. So a file under its final name is
always complete, even after a power failure.
"""

import os
import struct

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
