"""Prepare the standard streams of a command for any text, and for outputs that are closed or full."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import cause_of

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STREAMS = ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY))
_OUTPUT = "<output>"


class _Output(io.FileIO):
    """Standard output. A failed write raises OSError with the file name `_OUTPUT`, for `words` to explain."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write; after a failure, discard all later output."""
        try:
            return super().write(data)
        except OSError as error:
            error.filename = _OUTPUT
            nowhere = os.open(os.devnull, os.O_WRONLY)  # Python would write again at exit.
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            raise


def prepare() -> None:
    """Make the standard streams accept every character; one that cannot be shown is written as an escape.
    A closed stream is opened as the null device, so that no file opened later gets its number: writes to
    standard output then fail, and writes to standard error are lost.
    """
    for number, way in _STREAMS:
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, way), True)
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors="backslashreplace")
    if sys.platform == "win32":  # The Windows console needs Python's own stream.
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        return
    encoding = sys.stdout.encoding if sys.stdout else "utf-8"
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(_Output(1, "w", closefd=False)),
        encoding=encoding,
        errors="backslashreplace",
        line_buffering=os.isatty(1),
    )


def shows_all() -> bool:
    """Return True if the output can show every character."""
    return (sys.stdout.encoding or "").lower().startswith("utf")


def words(error: OSError) -> str:
    """Return an OSError as one line: the path, and the cause."""
    told = cause_of(error) if error.strerror else str(error) or type(error).__name__
    path = error.filename
    if path == _OUTPUT:
        return f"the output cannot be written: {error.strerror}"
    if not isinstance(path, str | bytes | os.PathLike):
        return told
    if isinstance(error, FileNotFoundError) and Path(os.fsdecode(path)).is_symlink():
        told = "a link to a file that is not there: copy a folder of policies by cp -rL"
    return f"{os.fsdecode(path)}: {told}"
