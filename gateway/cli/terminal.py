"""The standard streams of a command: fit for any text, and never a trap where they are closed or full."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STREAMS = ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY))
_OUTPUT = "<output>"


class _Output(io.FileIO):
    """The output itself, so that what keeps it from being written can be told from other faults."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write; the OSError of a failure has `_OUTPUT` for its file, and what follows it is lost."""
        try:
            return super().write(data)
        except OSError as error:
            error.filename = _OUTPUT
            _lose(self.fileno())  # Python would try once more, at its end.
            raise


def _lose(number: int) -> None:
    """Let all that is written to a stream from now on go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


def prepare() -> None:
    """Make the streams able to take every character, those that they cannot show as escapes.

    A stream that was closed is opened again, so that no file of ours gets its number: what is written to
    the output fails then, and what is written to the errors is lost.
    """
    for number, way in _STREAMS:
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, way), True)
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors="backslashreplace")
    if sys.platform == "win32":  # Its console takes text through Python's own stream alone, in any encoding.
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
    """Whether the output can show every character."""
    return (sys.stdout.encoding or "").lower().startswith("utf")


def words(error: OSError) -> str:
    """What the operating system refused, in one line: the path and its own words, never a number alone."""
    told = error.strerror or str(error) or type(error).__name__
    path = error.filename
    if path == _OUTPUT:
        return f"the output cannot be written: {told}"
    return f"{os.fsdecode(path)}: {told}" if isinstance(path, str | bytes | os.PathLike) else told
