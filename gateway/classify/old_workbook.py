"""Sheets of a workbook of Excel 97 to 2003 (XLS): checked record by record, read by calamine.

The file is a small file system of streams. Only the workbook's own stream and the usual properties are
allowed: macros, embedded objects and controls have streams or folders of their own.
"""

import struct
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from typing import BinaryIO

import olefile

from gateway.classify.calamine import Calamine, Extent, calls_outside, in_memory, names_outside
from gateway.classify.content import (
    LOCKED_DOCUMENT,
    OFFICE_PARTS,
    OUTLOOK_MESSAGE,
    active,
    head_of,
    locked,
    malformed,
    other_document,
    packed_away,
    part_called,
)
from gateway.classify.delimited import Sheet, Shown
from gateway.home.settings import ClassifyLimits

FORMAT = "XLS"
_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_STREAMS = ("workbook", "book")
_ALLOWED = frozenset({*_STREAMS, "\x05summaryinformation", "\x05documentsummaryinformation", "\x01compobj"})
_LOCKED = "encryptedpackage"  # a workbook or document of any Office program since 2007
_OF_MESSAGES = "__properties_version1.0"
_BROKEN = (OSError, ValueError, struct.error, IndexError, KeyError, TypeError, OverflowError, MemoryError)

# Record numbers as published for the format.
_BEGIN, _END = 0x0809, 0x000A
_SUBSTREAM_GLOBALS = 0x0005
_WORKSHEET_STREAM = 0x0010
_SHEET, _NAME = 0x0085, 0x0018
_FORMULA, _MUL_RK, _MUL_BLANK = 0x0006, 0x00BD, 0x00BE
_CELLS = frozenset({_FORMULA, 0x0203, 0x0204, 0x0205, 0x027E, 0x00FD, 0x00D6, 0x0001, 0x0002, 0x0003, 0x0004})
_SHOWN: dict[int, Shown] = {0: "visible", 1: "hidden"}
_SUPBOOK = 0x01AE
_SUPBOOK_OWN = (b"\x01\x04", b"\x01\x3a")  # this workbook itself; the functions of add-ins
_OBJECT = 0x005D
_DROP_DOWN = b"\x14\0"  # the arrow of a filter
_LINK = 0x01B8
_OUTSIDE = {
    0x002F: "a password",
    0x00D3: "macros",
    0x0051: "connections to other sources of data",
    0x0876: "connections to other sources of data",
    0x0803: "connections to other sources of data",
    0x00CD: "connections to other sources of data",
    _OBJECT: "pictures, controls or embedded objects",
    0x001C: "comments",
    0x00B0: "pivot tables, which hold copies of their data",
    _LINK: "links to other files",
}


def is_old_workbook(content: BinaryIO) -> bool:
    """Return True where a content starts like a file of an old Office program."""
    return head_of(content, len(_MAGIC)) == _MAGIC


def sheets_of(content: BinaryIO, limits: ClassifyLimits) -> list[Sheet]:
    """Return the sheets of the workbook. Raises Unreadable for any other content."""
    whole = in_memory(content, FORMAT)
    shown = _check(_stream_of(whole), limits)
    calamine = Calamine(whole, FORMAT)
    names = calamine.names()
    if len(names) != len(shown):
        raise malformed("the workbook is damaged", format=FORMAT)
    return [Sheet(how, partial(calamine.rows, name), name) for how, name in zip(shown, names, strict=True)]


def _stream_of(whole: BytesIO) -> bytes:
    """Return the workbook's stream. Raises Unreadable for every stream not allowed."""
    try:
        with olefile.OleFileIO(whole) as ole:
            streams = [tuple(part.casefold() for part in entry) for entry in ole.listdir(storages=True)]
            there = {path[0] for path in streams}
            if _LOCKED in there:
                raise locked(LOCKED_DOCUMENT)
            if _OF_MESSAGES in there:
                raise packed_away(OUTLOOK_MESSAGE)
            for stream, kind in OFFICE_PARTS["old_documents"].items():
                if stream in there:
                    raise other_document(kind)
            for path in streams:
                if len(path) > 1 or path[0] not in _ALLOWED:
                    raise active(part_called(path[0], "old"), format=FORMAT)
            name = next((n for n in _STREAMS if (n,) in streams), None)
            if name is None:
                raise other_document("an Office document")
            return bytes(ole.openstream(name).read())
    except _BROKEN:
        raise malformed("the workbook is damaged", format=FORMAT) from None


def _check(stream: bytes, limits: ClassifyLimits) -> list[Shown]:
    """Return the visibility of each sheet. Raises Unreadable for records with more than cells."""
    shown: list[Shown] = []
    extent, own = Extent(), 0
    for kind, data in _records(stream):
        if kind == _BEGIN:
            extent.check(limits, FORMAT)
            extent, own = Extent(), int.from_bytes(data[2:4], "little")
            if own not in (_SUBSTREAM_GLOBALS, _WORKSHEET_STREAM):
                raise active("macros or charts", format=FORMAT)
        elif kind == _SHEET:
            if data[5:6] != b"\0":
                raise active("macros or charts", format=FORMAT)
            shown.append(_SHOWN.get(data[4] & 3, "very hidden"))
        else:
            _check_record(kind, data)
            if kind in _CELLS or kind in (_MUL_RK, _MUL_BLANK):
                row, column = int.from_bytes(data[:2], "little"), int.from_bytes(data[2:4], "little")
                extent.add(row, column)
                if kind not in _CELLS and len(data) >= 6:  # noqa: PLR2004 - its last two octets name the last column
                    extent.add(row, int.from_bytes(data[-2:], "little"))
    extent.check(limits, FORMAT)
    return shown


def _check_record(kind: int, data: bytes) -> None:
    if kind == _SUPBOOK and data[2:4] not in _SUPBOOK_OWN:
        raise active("links to other files", format=FORMAT)
    if kind in _OUTSIDE and not (kind == _OBJECT and data[4:6] == _DROP_DOWN):
        if _OUTSIDE[kind] == "a password":
            raise locked("a workbook", format=FORMAT)
        if kind != _LINK or b"m\0a\0i\0l\0t\0o\0:" not in data:  # a mail address becomes a link by itself
            raise active(_OUTSIDE[kind], format=FORMAT)
    if (kind == _FORMULA and calls_outside(data)) or (kind == _NAME and names_outside(data)):
        raise active("a formula that calls another program, service or file", format=FORMAT)


def _records(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield each record of the stream: its number and its data."""
    at, end = 0, len(stream)
    while at + 4 <= end:
        kind, length = struct.unpack_from("<HH", stream, at)
        at += 4
        if at + length > end:
            raise malformed("the workbook is damaged", format=FORMAT)
        yield kind, stream[at : at + length]
        at += length
        if kind == 0 and length == 0:  # the stream is padded with zeros
            break
