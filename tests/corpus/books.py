"""Workbooks of four kinds and archives, as small as they can be, made for the corpus.

A sheet is a name and its rows. Each kind is written by code of its own here, so that what a sheet hides or
holds besides its cells can be put in.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

import openpyxl
import xlwt

Cells = Sequence[Sequence[object]]
Members = Mapping[str, bytes | str]

_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


@dataclass(frozen=True)
class Page:
    """One sheet. `shown` is visible, hidden or veryHidden."""

    rows: Cells
    name: str = "Sheet"
    shown: str = "visible"


def zipped(members: Members) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def with_member(content: bytes, name: str, change: Callable[[bytes], bytes | str]) -> bytes:
    """The archive with one member changed, or added where `change` gets nothing."""
    with zipfile.ZipFile(io.BytesIO(content)) as old:
        members: dict[str, bytes | str] = {each: old.read(each) for each in old.namelist()}
    known = members.get(name, b"")
    assert isinstance(known, bytes)
    return zipped({**members, name: change(known)})


def xlsx(*pages: Page) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, page in enumerate(pages, 1):
        sheet = book.create_sheet(f"{page.name} {number}")
        sheet.sheet_state = page.shown
        for row in page.rows:
            sheet.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def xls(*pages: Page, change: Callable[[xlwt.Workbook], None] = lambda _: None) -> bytes:
    book = xlwt.Workbook()
    for number, page in enumerate(pages, 1):
        sheet = book.add_sheet(f"{page.name} {number}")
        sheet.visibility = ["visible", "hidden", "veryHidden"].index(page.shown)
        for y, row in enumerate(page.rows):
            for x, value in enumerate(row):
                if value not in ("", None):
                    sheet.write(y, x, value)
    change(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _record(kind: int, data: bytes = b"") -> bytes:
    head = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
    length, size = len(data), b""
    while length >= 0x80:
        size, length = size + bytes([length & 0x7F | 0x80]), length >> 7
    return head + size + bytes([length]) + data


def _wide(text: str) -> bytes:
    return struct.pack("<I", len(text.encode("utf-16-le")) // 2) + text.encode("utf-16-le")


def _xlsb_cell(column: int, value: object) -> bytes:
    start = struct.pack("<II", column, 0)
    if isinstance(value, int | float):
        return _record(5, start + struct.pack("<d", value))
    return _record(6, start + _wide(str(value)))


def xlsb_sheet(rows: Cells, first_row: int = 0) -> bytes:
    corners = struct.pack("<IIII", first_row, first_row + len(rows), 0, 40)
    parts = [_record(129), _record(148, corners), _record(145)]
    for y, row in enumerate(rows, first_row):
        parts.append(_record(0, struct.pack("<IIHHBI", y, 0, 300, 0, 0, 0)))
        parts += [_xlsb_cell(x, value) for x, value in enumerate(row) if value not in ("", None)]
    return b"".join([*parts, _record(146), _record(130)])


def xlsb(*pages: Page, more: Members | None = None) -> bytes:
    bundles = [
        _record(
            156,
            struct.pack("<II", ["visible", "hidden", "veryHidden"].index(page.shown), number)
            + _wide(f"rId{number}")
            + _wide(f"{page.name} {number}"),
        )
        for number, page in enumerate(pages, 1)
    ]
    relations = "".join(
        f'<Relationship Id="rId{n}" Type="{_RELATION}/worksheet" Target="worksheets/sheet{n}.bin"/>'
        for n in range(1, len(pages) + 1)
    )
    sheets = {f"xl/worksheets/sheet{n}.bin": xlsb_sheet(page.rows) for n, page in enumerate(pages, 1)}
    return zipped(
        {
            "[Content_Types].xml": "<Types/>",
            "_rels/.rels": f'<Relationships><Relationship Id="rId1" Type="{_RELATION}/officeDocument"'
            ' Target="xl/workbook.bin"/></Relationships>',
            "xl/workbook.bin": b"".join([_record(131), _record(143), *bundles, _record(144), _record(132)]),
            "xl/_rels/workbook.bin.rels": f"<Relationships>{relations}</Relationships>",
            **sheets,
            **(more or {}),
        }
    )


_ODS = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
    ' xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
    ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
    ' xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0"'
    ' xmlns:script="urn:oasis:names:tc:opendocument:xmlns:script:1.0"'
    ' xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"'
    ' xmlns:xlink="http://www.w3.org/1999/xlink"'
)


def ods_cell(value: object, formula: str = "") -> str:
    said = f" table:formula={quoteattr(formula)}" if formula else ""
    if value in ("", None):
        return f"<table:table-cell{said}/>"
    if isinstance(value, int | float):
        return f'<table:table-cell office:value-type="float" office:value="{value}"{said}/>'
    text = escape(str(value))
    return f'<table:table-cell office:value-type="string"{said}><text:p>{text}</text:p></table:table-cell>'


def ods_rows(rows: Cells) -> str:
    made = ("".join(map(ods_cell, row)) for row in rows)
    blank = '<table:table-cell table:number-columns-repeated="16000"/>'
    last = f'<table:table-row table:number-rows-repeated="1048000">{blank}</table:table-row>'
    return "".join(f"<table:table-row>{row}{blank}</table:table-row>" for row in made) + last


def ods(*pages: Page, body: str = "", more: Members | None = None) -> bytes:
    """`body` stands before the tables."""
    styles = "".join(
        f'<style:style style:name="t{n}" style:family="table"><style:table-properties'
        f' table:display="{"true" if page.shown == "visible" else "false"}"/></style:style>'
        for n, page in enumerate(pages)
    )
    tables = "".join(
        f'<table:table table:name="{page.name}" table:style-name="t{n}">{ods_rows(page.rows)}</table:table>'
        for n, page in enumerate(pages)
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {_ODS}><office:scripts/>'
        f"<office:automatic-styles>{styles}</office:automatic-styles><office:body><office:spreadsheet>{body}"
        f"{tables}</office:spreadsheet></office:body></office:document-content>"
    )
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "content.xml": content,
            "META-INF/manifest.xml": "<manifest/>",
            **(more or {}),
        }
    )


def compound(streams: Mapping[str, bytes]) -> bytes:
    """A file of old Office programs, with these streams of at least 4,096 octets at its root."""
    sectors: list[bytes] = []
    chains: list[int] = []
    starts = []
    for content in streams.values():
        padded = content + bytes(-len(content) % 512)
        starts.append(len(sectors))
        count = len(padded) // 512
        chains += [*range(len(sectors) + 1, len(sectors) + count), 0xFFFFFFFE]
        sectors += [padded[n * 512 : n * 512 + 512] for n in range(count)]
    entries = [_entry("Root Entry", 5, child=1)]
    for number, ((name, content), start) in enumerate(zip(streams.items(), starts, strict=True), 1):
        after = number + 1 if number < len(streams) else 0xFFFFFFFF
        entries.append(_entry(name, 2, start=start, size=len(content), right=after))
    directory = b"".join(entries)
    directory += bytes(-len(directory) % 512)
    first = len(sectors)
    count = len(directory) // 512
    chains += [*range(first + 1, first + count), 0xFFFFFFFE]
    sectors += [directory[n * 512 : n * 512 + 512] for n in range(count)]
    table = len(sectors)
    chains.append(0xFFFFFFFD)
    sectors.append(struct.pack("<128I", *chains, *[0xFFFFFFFF] * (128 - len(chains))))
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<5H", 0x3E, 3, 0xFFFE, 9, 6)
    head += bytes(6) + struct.pack("<9I", 0, 1, first, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    return head + struct.pack("<109I", table, *[0xFFFFFFFF] * 108) + b"".join(sectors)


def _entry(
    name: str, kind: int, *, child: int = 0xFFFFFFFF, right: int = 0xFFFFFFFF, start: int = 0, size: int = 0
) -> bytes:
    encoded = name.encode("utf-16-le") + b"\0\0"
    start = start if kind == 2 else 0xFFFFFFFE
    return (
        encoded.ljust(64, b"\0")
        + struct.pack("<HBBIII", len(encoded), kind, 1, 0xFFFFFFFF, right, child)
        + bytes(36)
        + struct.pack("<IQ", start, size)
    )
