"""Read binary workbooks (XLSB and XLS) by calamine, which loads a whole sheet into memory at once.

So the extent of every sheet is first read from its own records, and a sheet with too large an extent is
never given to calamine.
"""

import re
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import BinaryIO, TypeVar

from python_calamine import CalamineError, CalamineWorkbook

from gateway.classify.cells import text_of
from gateway.classify.content import CHUNK, Row, malformed, size_of, unknown
from gateway.home.settings import ClassifyLimits

Answer = TypeVar("Answer")

LARGEST = 64 * 1024**2
_CELLS = 3_000_000
# Functions reaching outside, as written in binary workbooks: older ones by number, after one of three signs
# and the count of arguments; newer ones by name.
_NUMBERED = re.compile(rb"[\x22\x42\x62].(?:\x67\x01|\x7b\x01|\x96\x00|\x0b\x01|\x6e\x00)", re.DOTALL)
_NAMED = (b"WEBSERVICE", b"FILTERXML", b"STOCKHISTORY", b"_XLFN.IMAGE", b"_XLWS.PY")
_BROKEN = (CalamineError, OSError, ValueError, OverflowError, MemoryError)


def calls_outside(formula: bytes) -> bool:
    """Return True where a formula's octets may call HYPERLINK, RTD, CALL, REGISTER.ID or EXEC."""
    return _NUMBERED.search(formula) is not None


def names_outside(part: bytes) -> bool:
    """Return True where a part names a function fetching something."""
    letters = part.replace(b"\0", b"").upper()
    return any(name in letters for name in _NAMED)


class Extent:
    """Extent of the filled cells of a sheet."""

    def __init__(self) -> None:
        self._first_row = self._first_column = 1 << 31
        self._last_row = self._last_column = -1

    def add(self, row: int, column: int) -> None:
        """Add a cell, counted from 0."""
        self._first_row, self._last_row = min(self._first_row, row), max(self._last_row, row)
        self._first_column, self._last_column = (
            min(self._first_column, column),
            max(self._last_column, column),
        )

    def check(self, limits: ClassifyLimits, format: str) -> None:  # noqa: A002
        """Raise Unreadable where the extent exceeds the limits."""
        if self._last_row < 0:
            return
        width, height = self._last_column + 1, self._last_row - self._first_row + 1
        if width > limits.columns:
            raise unknown("a table with more columns than this gateway reads", format=format)
        if width * height > _CELLS:
            raise unknown("a sheet with more cells than this gateway reads of such files", format=format)


def in_memory(content: BinaryIO, format: str) -> BytesIO:  # noqa: A002
    """Return a whole binary workbook. Raises Unreadable above the size limit."""
    if size_of(content) > LARGEST:
        raise unknown("a binary workbook larger than this gateway reads; as XLSX it may be", format=format)
    content.seek(0)
    pieces = []
    while piece := content.read(CHUNK):
        pieces.append(piece)
    return BytesIO(b"".join(pieces))


class Calamine:
    """Workbook as read by calamine."""

    def __init__(self, content: BytesIO, format: str) -> None:  # noqa: A002
        self._format = format
        content.seek(0)
        self._book: CalamineWorkbook = self._ask(lambda: CalamineWorkbook.from_filelike(content))

    def names(self) -> list[str]:
        """Return the names of the sheets, in order."""
        return list(self._book.sheet_names)

    def rows(self, name: str) -> Iterator[Row]:
        """Yield the rows of a sheet as text, from the first filled row on."""
        sheet = self._ask(lambda: self._book.get_sheet_by_name(name))
        for row in self._ask(lambda: sheet.to_python(skip_empty_area=True)):
            yield [text_of(value) for value in row]

    def _ask(self, question: Callable[[], Answer]) -> Answer:
        try:
            return question()
        except _BROKEN:
            raise malformed("the workbook is damaged", format=self._format) from None
        except BaseException as reason:
            # A panic in calamine reaches Python as an exception class exported by no module.
            if type(reason).__name__ == "PanicException":
                raise malformed("the workbook is damaged", format=self._format) from None
            raise
