"""Sheets of a workbook in Excel's binary form (XLSB): checked record by record, read by calamine."""

import re
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO
from zipfile import ZipFile

from gateway.classify import archive
from gateway.classify.archive import check_package
from gateway.classify.calamine import LARGEST, Calamine, Extent, calls_outside, in_memory, names_outside
from gateway.classify.content import active, malformed, unknown
from gateway.classify.delimited import Sheet, Shown
from gateway.home.settings import ClassifyLimits

FORMAT = "XLSB"
WORKBOOK = "xl/workbook.bin"
_SIGNATURE_PARTS = frozenset({"[Content_Types].xml", WORKBOOK})
_SHEET = re.compile(r"xl/worksheets/sheet\d{1,3}\.bin")
_SHOWN: dict[int, Shown] = {0: "visible", 1: "hidden"}

# Record numbers as published for the format.
_ROW = 0
_CELLS = range(1, 12)
_BUNDLE_SHEET = 156
_OUTSIDE_LINKS = frozenset({355, 360, 667})  # another workbook, its begin, an add-in; 357 to 359 are this one
_FORMULAS = range(8, 12)
_LAST_ROW = 1 << 20


def is_workbook(names: list[str]) -> bool:
    """Return True where these file names make an archive a binary workbook."""
    return _SIGNATURE_PARTS.issubset(names)


def sheets_of(content: BinaryIO, book: ZipFile, limits: ClassifyLimits) -> list[Sheet]:
    """Return the sheets of the workbook. Raises Unreadable for content other than sheets."""
    check_package(book, limits, FORMAT)
    if sum(member.file_size for member in book.infolist()) > LARGEST:
        raise unknown("a binary workbook larger than this gateway reads; as XLSX it may be", format=FORMAT)
    shown = list(_shown(book))
    parts = [name for name in archive.names(book) if _SHEET.fullmatch(name)]
    for name in parts:
        part = _part(book, name)
        extent, row = Extent(), 0
        for kind, data in _records(part):
            if kind == _ROW:
                row = int.from_bytes(data[:4], "little")
                if row >= _LAST_ROW:
                    raise malformed("the workbook is damaged", format=FORMAT)
            elif kind in _CELLS:
                extent.add(row, int.from_bytes(data[:4], "little"))
                if kind in _FORMULAS and calls_outside(data):
                    raise active("a formula that calls another program, service or file", format=FORMAT)
        extent.check(limits, FORMAT)
    if len(parts) != len(shown):
        raise active("a sheet that the workbook does not name", format=FORMAT)
    calamine = Calamine(in_memory(content, FORMAT), FORMAT)
    names = calamine.names()
    if len(names) != len(shown):
        raise active("a sheet that is no table", format=FORMAT)
    return [Sheet(how, partial(calamine.rows, name), name) for how, name in zip(shown, names, strict=True)]


def _part(book: ZipFile, name: str) -> bytes:
    with archive.member(book, name) as part:
        return part.read()


def _shown(book: ZipFile) -> Iterator[Shown]:
    part = _part(book, WORKBOOK)
    if names_outside(part):
        raise active("a formula that calls another program, service or file", format=FORMAT)
    for kind, data in _records(part):
        if kind == _BUNDLE_SHEET:
            yield _SHOWN.get(int.from_bytes(data[:4], "little"), "very hidden")
        elif kind in _OUTSIDE_LINKS:
            raise active("links to other files", format=FORMAT)


def _records(part: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield each record of a part: its number and its data."""
    at, end = 0, len(part)
    while at < end:
        kind, at = _number(part, at, 2)
        length, at = _number(part, at, 4)
        if at + length > end:
            raise malformed("the workbook is damaged", format=FORMAT)
        yield kind, part[at : at + length]
        at += length


def _number(part: bytes, at: int, longest: int) -> tuple[int, int]:
    """Read a number of seven bits an octet, lowest first; return the number and its end."""
    value = 0
    for place in range(longest):
        if at >= len(part):
            raise malformed("the workbook is damaged", format=FORMAT)
        octet = part[at]
        at += 1
        value |= (octet & 0x7F) << (7 * place)
        if octet < 0x80:  # noqa: PLR2004 - the bit that says: more follows
            break
    return value, at
