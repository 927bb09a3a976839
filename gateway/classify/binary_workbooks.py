"""Read the sheets of Excel's binary workbooks: XLSB, and XLS as written by Excel 97 to 2003.

Each part is checked record by record before calamine reads the cells: calamine loads a whole sheet into
memory, so a sheet with too many cells must never reach it.
"""

import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from typing import BinaryIO
from zipfile import ZipFile

import olefile
from python_calamine import CalamineError, CalamineWorkbook

from gateway.classify import archive
from gateway.classify.archive import check_package
from gateway.classify.cells import OUTSIDE_FORMULA, text_of
from gateway.classify.content import (
    LOCKED_DOCUMENT,
    OFFICE_PARTS,
    OUTLOOK_MESSAGE,
    Row,
    active,
    chunks,
    locked,
    malformed,
    other_document,
    packed_away,
    part_called,
    unknown,
)
from gateway.classify.delimited import Sheet, Shown
from gateway.home.settings import ClassifyLimits

XLS, XLSB = "XLS", "XLSB"
_LARGEST = 64 * 1024**2
_MOST_CELLS = 3_000_000
# Functions reaching outside, as written in binary workbooks: older ones by number, after one of three signs
# and the count of arguments (HYPERLINK, RTD, CALL, REGISTER.ID, EXEC); newer ones by name.
_NUMBERED = re.compile(rb"[\x22\x42\x62].(?:\x67\x01|\x7b\x01|\x96\x00|\x0b\x01|\x6e\x00)", re.DOTALL)
_NAMED = (b"WEBSERVICE", b"FILTERXML", b"STOCKHISTORY", b"_XLFN.IMAGE", b"_XLWS.PY")
_BROKEN = (CalamineError, OSError, ValueError, OverflowError, MemoryError)
_DAMAGED = "the workbook is damaged"
_SHOWN: dict[int, Shown] = {0: "visible", 1: "hidden"}


class _Extent:
    """The range of rows and columns, numbered from 0, that the filled cells of a sheet cover."""

    def __init__(self) -> None:
        self._first_row = 1 << 31
        self._last_row = self._last_column = -1

    def add(self, row: int, column: int) -> None:
        self._first_row, self._last_row = min(self._first_row, row), max(self._last_row, row)
        self._last_column = max(self._last_column, column)

    def check(self, limits: ClassifyLimits, format: str) -> None:  # noqa: A002
        """Raise Unreadable if the range has too many columns or cells. `format`: its name, for the error."""
        width, height = self._last_column + 1, self._last_row - self._first_row + 1
        if width > limits.columns:
            raise unknown("a table with more columns than this gateway reads", format=format)
        if width * height > _MOST_CELLS:
            raise unknown("a sheet with more cells than this gateway reads of such files", format=format)


def in_memory(content: BinaryIO, format: str) -> BytesIO:  # noqa: A002
    """Read a whole workbook or archive into memory. Raises Unreadable above 64 MiB."""
    if content.seek(0, 2) > _LARGEST:
        raise unknown("a binary workbook larger than this gateway reads; as XLSX it may be", format=format)
    return BytesIO(b"".join(chunks(content)))


def _names_outside(part: bytes) -> bool:
    letters = part.replace(b"\0", b"").upper()
    return any(name in letters for name in _NAMED)


def _sheets(content: BytesIO, format: str, shown: list[Shown], wrong: Exception) -> list[Sheet]:  # noqa: A002
    """Return the sheets of a workbook. `content`: the whole file; `shown`: the visibility of each sheet.
    Raises `wrong` if calamine finds more or fewer sheets than `shown` lists.
    """
    content.seek(0)
    with _calamine(format):
        book = CalamineWorkbook.from_filelike(content)
        names = list(book.sheet_names)
    if len(names) != len(shown):
        raise wrong
    found = zip(shown, names, strict=True)
    return [Sheet(how, partial(_rows, book, name, format), name) for how, name in found]


def _rows(book: CalamineWorkbook, name: str, format: str) -> Iterator[Row]:  # noqa: A002
    """Yield the rows of a sheet as text, from the first filled row on."""
    with _calamine(format):
        rows = book.get_sheet_by_name(name).to_python(skip_empty_area=True)
    for row in rows:
        yield [text_of(value) for value in row]


@contextmanager
def _calamine(format: str) -> Iterator[None]:  # noqa: A002
    """Raise any failure of calamine inside the `with` block as Unreadable."""
    try:
        yield
    except BaseException as reason:
        # A panic in calamine reaches Python as an exception class exported by no module.
        if isinstance(reason, _BROKEN) or type(reason).__name__ == "PanicException":
            raise malformed(_DAMAGED, format=format) from None
        raise


# XLSB: an archive of parts, each a sequence of records.

XLSB_PARTS = frozenset({"[Content_Types].xml", "xl/workbook.bin"})
"""Files making an archive a workbook in this form."""
_SHEET_PART = re.compile(r"xl/worksheets/sheet\d{1,3}\.bin")
_ROW = 0
_CELLS = range(1, 12)
_BUNDLE_SHEET = 156
_OUTSIDE_LINKS = frozenset({355, 360, 667})  # another workbook, its begin, an add-in; 357 to 359 are this one
_FORMULAS = range(8, 12)
_LAST_ROW = 1 << 20


def sheets_of_xlsb(content: BinaryIO, book: ZipFile, limits: ClassifyLimits) -> list[Sheet]:
    """Return the sheets of an XLSB workbook; `book` is the archive opened from `content`.
    Raises Unreadable for content other than sheets.
    """
    check_package(book, limits, XLSB)
    if sum(member.file_size for member in book.infolist()) > _LARGEST:
        raise unknown("a binary workbook larger than this gateway reads; as XLSX it may be", format=XLSB)
    shown = list(_shown(book.read("xl/workbook.bin")))
    parts = [name for name in archive.names(book) if _SHEET_PART.fullmatch(name)]
    for name in parts:
        extent, row = _Extent(), 0
        for kind, data in _records(book.read(name)):
            if kind == _ROW:
                row = int.from_bytes(data[:4], "little")
                if row >= _LAST_ROW:
                    raise malformed(_DAMAGED, format=XLSB)
            elif kind in _CELLS:
                extent.add(row, int.from_bytes(data[:4], "little"))
                if kind in _FORMULAS and _NUMBERED.search(data):
                    raise active(OUTSIDE_FORMULA, format=XLSB)
        extent.check(limits, XLSB)
    if len(parts) != len(shown):
        raise active("a sheet that the workbook does not name", format=XLSB)
    wrong = active("a sheet that is no table", format=XLSB)
    return _sheets(in_memory(content, XLSB), XLSB, shown, wrong)


def _shown(part: bytes) -> Iterator[Shown]:
    """Yield the visibility of each sheet, from the workbook part of an XLSB file.
    Raises Unreadable for a link to another file, or a formula that calls another program, service or file.
    """
    if _names_outside(part):
        raise active(OUTSIDE_FORMULA, format=XLSB)
    for kind, data in _records(part):
        if kind == _BUNDLE_SHEET:
            yield _SHOWN.get(int.from_bytes(data[:4], "little"), "very hidden")
        elif kind in _OUTSIDE_LINKS:
            raise active("links to other files", format=XLSB)


def _records(part: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type number and data of each record in a part of an XLSB file."""
    at, end = 0, len(part)
    while at < end:
        kind, at = _number(part, at, 2)
        length, at = _number(part, at, 4)
        if at + length > end:
            raise malformed(_DAMAGED, format=XLSB)
        yield kind, part[at : at + length]
        at += length


def _number(part: bytes, at: int, longest: int) -> tuple[int, int]:
    """Return the number stored from position `at` on, and the position after the number.
    An octet holds seven bits of the number, the lowest first; at most `longest` octets are read.
    """
    value = 0
    for place in range(longest):
        if at >= len(part):
            raise malformed(_DAMAGED, format=XLSB)
        octet = part[at]
        at += 1
        value |= (octet & 0x7F) << (7 * place)
        if octet < 0x80:  # noqa: PLR2004 - the bit that says: more follows
            break
    return value, at


# XLS: a small file system of streams. Only the workbook's own stream and the usual properties are allowed:
# macros, embedded objects and controls have streams or folders of their own.

STARTS = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_STREAMS = ("workbook", "book")
_ALLOWED = frozenset({*_STREAMS, "\x05summaryinformation", "\x05documentsummaryinformation", "\x01compobj"})
_LOCKED = "encryptedpackage"  # a workbook or document of any Office program since 2007
_OF_MESSAGES = "__properties_version1.0"
_BROKEN_FILE = (
    OSError, ValueError, struct.error, IndexError, KeyError, TypeError, OverflowError, MemoryError,
)  # fmt: skip
_BEGIN = 0x0809
_GLOBALS, _WORKSHEET = 0x0005, 0x0010  # kinds of streams that may begin
_SHEET, _NAME = 0x0085, 0x0018
_FORMULA, _MUL_RK, _MUL_BLANK = 0x0006, 0x00BD, 0x00BE
_XLS_CELLS = frozenset(
    {_FORMULA, 0x0203, 0x0204, 0x0205, 0x027E, 0x00FD, 0x00D6, 0x0001, 0x0002, 0x0003, 0x0004}
)
_SUPBOOK = 0x01AE
_SUPBOOK_OWN = (b"\x01\x04", b"\x01\x3a")  # this workbook itself; the functions of add-ins
_OBJECT = 0x005D
_DROP_DOWN = b"\x14\0"  # the arrow of a filter
_LINK = 0x01B8
_OUTSIDE = {
    0x002F: "a password",
    0x00D3: "macros",
    **dict.fromkeys((0x0051, 0x0876, 0x0803, 0x00CD), "connections to other sources of data"),
    _OBJECT: "pictures, controls or embedded objects",
    0x001C: "comments",
    0x00B0: "pivot tables, which hold copies of their data",
    _LINK: "links to other files",
}


def sheets_of_xls(content: BinaryIO, limits: ClassifyLimits) -> list[Sheet]:
    """Return the sheets of an XLS workbook.
    Raises Unreadable for other content, or for a workbook with anything besides sheets, such as macros.
    """
    whole = in_memory(content, XLS)
    try:
        with olefile.OleFileIO(whole) as ole:
            streams = [tuple(part.casefold() for part in entry) for entry in ole.listdir(storages=True)]
            there = {path[0] for path in streams}
            if _LOCKED in there:
                raise locked(LOCKED_DOCUMENT)
            if _OF_MESSAGES in there:
                raise packed_away(OUTLOOK_MESSAGE)
            for name, kind in OFFICE_PARTS["old_documents"].items():
                if name in there:
                    raise other_document(kind)
            for path in streams:
                if len(path) > 1 or path[0] not in _ALLOWED:
                    raise active(part_called(path[0], "old"), format=XLS)
            stream = next((n for n in _STREAMS if (n,) in streams), None)
            if stream is None:
                raise other_document("an Office document")
            octets = bytes(ole.openstream(stream).read())
    except _BROKEN_FILE:
        raise malformed(_DAMAGED, format=XLS) from None
    return _sheets(whole, XLS, _check(octets, limits), malformed(_DAMAGED, format=XLS))


def _check(stream: bytes, limits: ClassifyLimits) -> list[Shown]:
    """Return the visibility of each sheet in the workbook stream of an XLS file.
    Raises Unreadable for a forbidden record, or a sheet with too many columns or cells.
    """
    shown: list[Shown] = []
    extent = _Extent()
    for kind, data in _records_of_xls(stream):
        if kind == _BEGIN:
            extent.check(limits, XLS)
            extent = _Extent()
            if int.from_bytes(data[2:4], "little") not in (_GLOBALS, _WORKSHEET):
                raise active("macros or charts", format=XLS)
        elif kind == _SHEET:
            if data[5:6] != b"\0":
                raise active("macros or charts", format=XLS)
            shown.append(_SHOWN.get(data[4] & 3, "very hidden"))
        else:
            _check_record(kind, data)
            if kind in _XLS_CELLS or kind in (_MUL_RK, _MUL_BLANK):
                row, column = int.from_bytes(data[:2], "little"), int.from_bytes(data[2:4], "little")
                extent.add(row, column)
                if kind not in _XLS_CELLS and len(data) >= 6:  # noqa: PLR2004 - its last two octets name the last column
                    extent.add(row, int.from_bytes(data[-2:], "little"))
    extent.check(limits, XLS)
    return shown


def _check_record(kind: int, data: bytes) -> None:
    """Raise Unreadable if an XLS record has a password, link, comment or other active content, or a formula
    calling another program, service or file. `kind`: the record's type number.
    """
    if kind == _SUPBOOK and data[2:4] not in _SUPBOOK_OWN:
        raise active("links to other files", format=XLS)
    if kind in _OUTSIDE and not (kind == _OBJECT and data[4:6] == _DROP_DOWN):
        if _OUTSIDE[kind] == "a password":
            raise locked("a workbook", format=XLS)
        if kind != _LINK or b"m\0a\0i\0l\0t\0o\0:" not in data:  # a mail address becomes a link by itself
            raise active(_OUTSIDE[kind], format=XLS)
    if (kind == _FORMULA and _NUMBERED.search(data)) or (kind == _NAME and _names_outside(data)):
        raise active(OUTSIDE_FORMULA, format=XLS)


def _records_of_xls(stream: bytes) -> Iterator[tuple[int, bytes]]:
    at, end = 0, len(stream)
    while at + 4 <= end:
        kind, length = struct.unpack_from("<HH", stream, at)
        at += 4
        if at + length > end:
            raise malformed(_DAMAGED, format=XLS)
        yield kind, stream[at : at + length]
        at += length
        if kind == 0 and length == 0:  # the stream is padded with zeros
            break
