"""The tables in a spreadsheet workbook (XLSX), row by row.

The parts are read with the same bounded walker as any XML, because a workbook's own claims about
its size cannot be believed; what cell formats and date numbers mean is openpyxl's knowledge.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import datetime, time
from itertools import islice
from posixpath import normpath
from typing import Any

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format
from openpyxl.utils.cell import column_index_from_string
from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900, from_excel

from gateway.classify import archive, markup
from gateway.classify.content import Source, Unreadable, encoding_of, malformed, unknown
from gateway.classify.delimited import (
    KNOWN_COLUMNS,
    Header,
    Row,
    Table,
    batches,
    find_header,
    refuse_formulas,
)
from gateway.classify.rules import Rules
from gateway.settings import ClassifyLimits

FORMAT = "XLSX"
WORKBOOK = "xl/workbook.xml"
_SIGNATURE_PARTS = frozenset({"[Content_Types].xml", WORKBOOK})
_RELATIONS = "xl/_rels/workbook.xml.rels"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_SHEETS = 50
_STRINGS_BYTES = 24 * 1024**2


def is_workbook(names: list[str]) -> bool:
    """Whether an archive with files of these names is a workbook."""
    return _SIGNATURE_PARTS.issubset(names)


def read_workbook(book: zipfile.ZipFile, rules: Rules, limits: ClassifyLimits) -> Table:
    """The one table of the workbook. Raises Unreadable where it has none, or several."""
    if any("vbaproject" in name.casefold() for name in book.namelist()):
        raise malformed("a workbook with macros", format=FORMAT)
    parts = _Parts(book, limits)
    tables = []
    for sheet in parts.sheets()[:_SHEETS]:
        score, header = find_header(parts.rows(sheet), rules, limits)
        if header is not None and score >= KNOWN_COLUMNS:
            tables.append((sheet, header))
    if not tables:
        raise unknown("a workbook without a row of known column names", format=FORMAT)
    if len(tables) > 1:
        raise Unreadable("classify:ambiguous", f"a workbook with {len(tables)} tables", format=FORMAT)
    sheet, header = tables[0]
    refuse_formulas(islice(parts.rows(sheet), header.position + 1))
    return Table(header, batches(_below(header, parts.rows(sheet)), limits, lambda: True))


def _below(header: Header, rows: Iterator[Row]) -> Iterator[Row]:
    for position, row in enumerate(rows):
        if position > header.position:
            yield row


class _Parts:
    """The parts of one workbook: its sheets, shared strings and cell formats."""

    def __init__(self, book: zipfile.ZipFile, limits: ClassifyLimits) -> None:
        self._book = book
        self._limits = limits
        self._names = set(archive.names(book))
        self._strings = list(self._read_strings())
        self._dates = self._read_date_formats()
        self._epoch = CALENDAR_WINDOWS_1900

    def sheets(self) -> list[str]:
        """The names of the parts that are visible worksheets, in the workbook's order."""
        targets = {r.get("Id"): r.get("Target", "") for r in self._records(_RELATIONS, "Relationship")}
        found = []
        for element in self._records(WORKBOOK, "sheet", "workbookPr"):
            if markup.local_name(element.tag) == "workbookPr":
                mac = element.get("date1904") in ("1", "true")
                self._epoch = CALENDAR_MAC_1904 if mac else CALENDAR_WINDOWS_1900
            else:
                found.append(_part_name(targets.get(element.get(_RELATION), "")))
        return [name for name in found if name in self._names]

    def rows(self, sheet: str) -> Iterator[Row]:
        """The rows of a sheet as text; rows that the sheet leaves out are left out here."""
        for row in self._records(sheet, "row"):
            yield self._row(row)

    def _row(self, row: markup.Element) -> Row:
        cells: Row = []
        for cell in row.iterchildren("{*}c"):
            index = _column(cell.get("r"), len(cells))
            if index > self._limits.columns:
                raise unknown("a table with more columns than this gateway reads", format=FORMAT)
            cells.extend("" for _ in range(len(cells), index - 1))
            cells.append(self._value(cell))
        return cells

    def _value(self, cell: markup.Element) -> str:
        strip = markup.namespace_length(cell.tag)
        raw, inline = "", None
        for part in cell:
            name = part.tag[strip:]
            if name == "f":
                raise malformed("a cell holds a formula, which a spreadsheet would run", format=FORMAT)
            if name == "v":
                raw = part.text or ""
            elif name == "is":
                inline = part
        kind = cell.get("t", "n")
        if kind == "n":
            return self._number(raw, cell.get("s", "")) if raw else ""
        if kind == "s":
            return self._shared(raw)
        return _text(inline) if inline is not None else raw

    def _shared(self, raw: str) -> str:
        try:
            return self._strings[int(raw)]
        except (ValueError, IndexError):
            raise malformed("the workbook is damaged", format=FORMAT) from None

    def _number(self, raw: str, style: str) -> str:
        try:
            number = float(raw)
            if style in self._dates:
                return _date_text(from_excel(number, self._epoch))
        except (ValueError, OverflowError):
            return raw
        return str(int(number)) if number.is_integer() else raw

    def _read_strings(self) -> Iterator[str]:
        name = "xl/sharedStrings.xml"
        if name in self._names and self._book.getinfo(name).file_size > _STRINGS_BYTES:
            raise malformed("a workbook with too much text", format=FORMAT)
        return (_text(element) for element in self._records(name, "si"))

    def _read_date_formats(self) -> frozenset[str]:
        """The numbers, as text, of the cell formats that show a number as a date."""
        formats = {str(number): code for number, code in BUILTIN_FORMATS.items()}
        dates: set[str] = set()
        for element in self._records("xl/styles.xml", "numFmts", "cellXfs"):
            if markup.local_name(element.tag) == "numFmts":
                formats |= {f.get("numFmtId", ""): f.get("formatCode", "") for f in element}
            else:
                shown = (formats.get(xf.get("numFmtId", ""), "") for xf in element)
                dates = {str(number) for number, code in enumerate(shown) if is_date_format(code)}
        return frozenset(dates)

    def _records(self, name: str, *elements: str) -> Iterator[markup.Element]:
        if name not in self._names:
            return
        with archive.member(self._book, name) as part:
            source = Source(part, encoding_of(part), self._limits)
            markup.root_of(source)
            yield from markup.records(source, elements)


def _part_name(target: str) -> str:
    return normpath(target.lstrip("/") if target.startswith("/") else f"xl/{target}")


def _column(reference: str | None, filled: int) -> int:
    """The column of a cell from 1; a cell without a reference, or with a wrong one, is the next."""
    letters = (reference or "").rstrip("0123456789")
    try:
        return max(int(column_index_from_string(letters)), filled + 1)
    except (ValueError, KeyError):
        return filled + 1


def _text(element: markup.Element) -> str:
    """The text of a string; one in several runs is put together, its phonetic readings left out."""
    if len(element) == 1 and not len(element[0]):
        return element[0].text or ""
    runs = (t for t in element.iter("{*}t") if markup.local_name(t.getparent().tag) != "rPh")
    return "".join(t.text or "" for t in runs)


def _date_text(value: Any) -> str:  # noqa: ANN401 - openpyxl gives a date, a time or a span
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat()
    return str(value)
