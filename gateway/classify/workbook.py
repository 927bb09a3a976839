"""Open workbooks and archives, and read the sheets of XLSX and OpenDocument (ODS) workbooks row by row.

Parts are read with the same bounded reader as any XML, because a workbook's statements on its size are not
trusted; openpyxl interprets cell formats and date numbers.

In an ODS, repeated cells and rows are written once with a count, so a small file can claim endless rows:
blank rows are skipped, and other rows may be repeated only up to a limit.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from posixpath import normpath
from typing import BinaryIO, NamedTuple
from zipfile import ZipFile

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format
from openpyxl.utils.cell import column_index_from_string
from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900, from_excel

from gateway.classify import archive, binary_workbooks, markup
from gateway.classify.archive import Place, check_package
from gateway.classify.cells import OUTSIDE_FORMULA, check_formula, number_text, text_of
from gateway.classify.content import (
    OFFICE_PARTS,
    Row,
    Unreadable,
    active,
    head_of,
    locked,
    malformed,
    part_called,
    unknown,
)
from gateway.classify.delimited import Sheet, Shown
from gateway.home.settings import ClassifyLimits

_XLSX, _ODS = "XLSX", "ODS"
_WORKBOOK, _CONTENT = "xl/workbook.xml", "content.xml"


class Workbook(NamedTuple):
    """The sheets of a workbook, its format, and the texts shown beside cells."""

    sheets: list[Sheet]
    format: str
    beside: Iterable[tuple[Place, str]] = ()


@contextmanager
def opened(content: BinaryIO, limits: ClassifyLimits) -> Iterator[Workbook | ZipFile | None]:
    """Yield the workbook or archive in `content`; None for content of another kind.
    Raises Unreadable for a faulty workbook or archive.
    """
    if not is_packed(content):
        yield None
    elif head_of(content, len(archive.STARTS)) != archive.STARTS:
        yield Workbook(binary_workbooks.sheets_of_xls(content, limits), binary_workbooks.XLS)
    else:
        with archive.opened(content, limits) as packed:
            names, beside = archive.names(packed), archive.texts_in(packed, limits)
            if {"[Content_Types].xml", _WORKBOOK}.issubset(names):
                yield Workbook(_Parts(packed, limits).sheets(), _XLSX, beside)
            elif binary_workbooks.XLSB_PARTS.issubset(names):
                yield Workbook(
                    binary_workbooks.sheets_of_xlsb(content, packed, limits), binary_workbooks.XLSB, beside
                )
            elif {"mimetype", _CONTENT}.issubset(names) and _is_spreadsheet(packed):
                yield Workbook(_sheets_of_ods(packed, limits), _ODS, beside)
            else:
                yield packed


@contextmanager
def file_in(packed: ZipFile, name: str) -> Iterator[BinaryIO]:
    """Open a file of an archive. An archive within the archive is unpacked into memory, for quick seeking."""
    with archive.member(packed, name) as content:
        if not is_packed(content):
            yield content
            return
        with binary_workbooks.in_memory(content, archive.FORMAT) as unpacked:
            yield unpacked


def is_packed(content: BinaryIO) -> bool:
    """Return True for a ZIP archive, or a file in the format of Office programs before 2007."""
    return head_of(content, len(binary_workbooks.STARTS)).startswith(
        (archive.STARTS, binary_workbooks.STARTS)
    )


# XLSX.

_RELATIONS = "xl/_rels/workbook.xml.rels"
_RELATION = "relationships}id"
_STRINGS_BYTES = 24 * 1024**2
_FIGURES, _TOO_MANY_LETTERS = "0123456789", 4
_RULES = ("cfRule", "dataValidation")  # display and validity of cells: formulas as well
_SHOWN: dict[str, Shown] = {"": "visible", "visible": "visible", "hidden": "hidden"}


class _Parts:
    """The parts of one XLSX workbook: sheets, shared strings and cell formats."""

    def __init__(self, book: ZipFile, limits: ClassifyLimits) -> None:
        check_package(book, limits, _XLSX)
        self._book = book
        self._limits = limits
        self._names = set(archive.names(book))
        self._encodings: dict[str, str] = {}
        strings = "xl/sharedStrings.xml"
        if strings in self._names and book.getinfo(strings).file_size > _STRINGS_BYTES:
            raise malformed("a workbook with too much text", format=_XLSX)
        self._strings = [_string(element) for element in self.records(strings, "si")]
        # The numbers, as text, of cell formats showing a number as a date.
        formats = {str(number): code for number, code in BUILTIN_FORMATS.items()}
        dates: set[str] = set()
        for element in self.records("xl/styles.xml", "numFmts", "cellXfs"):
            if markup.local_name(element.tag) == "numFmts":
                formats |= {f.get("numFmtId", ""): f.get("formatCode", "") for f in element}
            else:
                shown = (formats.get(xf.get("numFmtId", ""), "") for xf in element)
                dates = {str(number) for number, code in enumerate(shown) if is_date_format(code)}
        self._dates = frozenset(dates)
        self._epoch = CALENDAR_WINDOWS_1900

    def sheets(self) -> list[Sheet]:
        """Return the sheets, in order. Raises Unreadable for content other than sheets."""
        targets = {r.get("Id"): r.get("Target", "") for r in self.records(_RELATIONS, "Relationship")}
        found = []
        for element in self.records(_WORKBOOK, "sheet", "workbookPr", "definedName"):
            name = markup.local_name(element.tag)
            if name == "workbookPr":
                mac = element.get("date1904") in ("1", "true")
                self._epoch = CALENDAR_MAC_1904 if mac else CALENDAR_WINDOWS_1900
            elif name == "definedName":
                check_formula(element.text or "", _XLSX)
            else:
                said = next((v for k, v in element.attrib.items() if k.endswith(_RELATION)), None)
                shown = _SHOWN.get(element.get("state", ""), "very hidden")
                target = targets.get(said, "")
                part = normpath(target.lstrip("/") if target.startswith("/") else f"xl/{target}")
                found.append((shown, part, element.get("name", "")))
        # Check that sheet parts and the workbook's sheets are the same.
        named = {part for _, part, _ in found}
        there = {n for n in self._names if n.startswith("xl/worksheets/") and n.endswith(".xml")}
        if named - self._names:
            raise malformed("the workbook is damaged", format=_XLSX)
        if there - named:
            raise active("a sheet that the workbook does not name", format=_XLSX)
        for _, part, _ in found:
            if archive.contains_word(self._book, part, _RULES, self._limits):
                for rule in self.records(part, *_RULES):
                    check_formula("".join(rule.itertext()), _XLSX)
        return [Sheet(shown, partial(self._rows, part), name) for shown, part, name in found]

    def _rows(self, sheet: str) -> Iterator[Row]:
        """Yield the rows written in a sheet's part, as text; blank rows may be unwritten."""
        return map(self._row, self.records(sheet, "row"))

    def _row(self, row: markup.Element) -> Row:
        cells: Row = []
        most = self._limits.columns
        for cell in row.iterchildren("{*}c"):
            filled = len(cells)
            # Without a valid reference, a cell is in the next column.
            index = max(_column((cell.get("r") or "").rstrip(_FIGURES)[:_TOO_MANY_LETTERS]), filled + 1)
            if index > most:
                raise unknown("a table with more columns than this gateway reads", format=_XLSX)
            if index > filled + 1:
                cells += [""] * (index - 1 - filled)
            cells.append(self._value(cell))
        return cells

    def _value(self, cell: markup.Element) -> str:
        raw, inline, formula = None, None, None
        for part in cell:
            name = part.tag.rpartition("}")[2]
            if name == "v":
                raw = part.text or ""
            elif name == "is":
                inline = part
            elif name == "f":
                formula = part.text or ""
        kind = cell.get("t", "n")
        if formula is not None:
            check_formula(formula, _XLSX)
            if not raw and (raw is None or kind == "n"):  # The saved value is the one read.
                why = "a formula whose value was not saved with the workbook"
                raise Unreadable("classify:not-calculated", why, format=_XLSX)
        if kind == "n":
            return self._number(raw, cell.get("s", "")) if raw else ""
        if kind == "s":
            try:
                return self._strings[int(raw or "")]
            except (ValueError, IndexError):
                raise malformed("the workbook is damaged", format=_XLSX) from None
        return _string(inline) if inline is not None else raw or ""

    def _number(self, raw: str, style: str) -> str:
        try:
            if style in self._dates:
                return text_of(from_excel(float(raw), self._epoch))
        except (ValueError, OverflowError):
            return raw
        return number_text(raw)

    def records(self, name: str, *elements: str) -> Iterator[markup.Element]:
        """Yield the elements of these names in a part; none where the part is missing."""
        if name in self._names:  # A sheet is read several times.
            yield from archive.records(self._book, name, elements, self._limits, self._encodings)


@lru_cache(1_000)
def _column(letters: str) -> int:
    """Return the number, from 1, of a column with these letters, such as 27 for AA; 0 for no column."""
    try:
        return int(column_index_from_string(letters))
    except (ValueError, KeyError):
        return 0


def _string(element: markup.Element) -> str:
    """Return the text of a string, joined from its formatted pieces, without phonetic readings."""
    if len(element) == 1 and not len(element[0]):
        return element[0].text or ""
    runs = (t for t in element.iter("{*}t") if markup.local_name(t.getparent().tag) != "rPh")
    return "".join(t.text or "" for t in runs)


# ODS.

_MANIFEST = "META-INF/manifest.xml"
_MIMETYPE = b"application/vnd.oasis.opendocument.spreadsheet"
_REPEATED_ROWS = 100_000
_ALLOWED = re.compile(
    r"mimetype|content\.xml|styles\.xml|meta\.xml|settings\.xml|manifest\.rdf|META-INF/manifest\.xml"
    r"|Thumbnails/thumbnail\.png"
)
_FORBIDDEN = OFFICE_PARTS["opendocument_elements"]
_FORMULAS = ("named-expression", "content-validation")
_NUMBERS = frozenset({"float", "percentage", "currency"})
_LONGEST_COUNT = 8
_SPACES = 100
_TEXTS = frozenset({"p", "span", "s", "tab", "line-break", "a", "h"})


def _is_spreadsheet(book: ZipFile) -> bool:
    with archive.member(book, "mimetype") as part:
        return part.read(100).strip() == _MIMETYPE


def _sheets_of_ods(book: ZipFile, limits: ClassifyLimits) -> list[Sheet]:
    """Return the sheets of an ODS workbook. Raises Unreadable for content other than sheets."""
    for member in book.infolist():
        # LibreOffice keeps empty folders for possible changes to its menus.
        if not member.is_dir() and not _ALLOWED.fullmatch(member.filename):
            raise active(part_called(member.filename, "opendocument"), format=_ODS)
    if _MANIFEST in archive.names(book):
        for _ in archive.records(book, _MANIFEST, ("encryption-data",), limits):
            raise locked("a workbook", format=_ODS)
    hidden, found = set[str](), list[Sheet]()
    for number, record in _walk(book, limits, "style"):
        if markup.local_name(record.tag) == "style":
            if any(_said(inner, "display") == "false" for inner in record.iter("{*}table-properties")):
                hidden.add(_said(record, "name"))
        elif number == len(found):
            around = _table_around(record)
            style, name = ("" if around is None else _said(around, a) for a in ("style-name", "name"))
            shown: Shown = "hidden" if style in hidden else "visible"
            found.append(Sheet(shown, partial(_rows, book, limits, number), name))
    return found


def _rows(book: ZipFile, limits: ClassifyLimits, wanted: int) -> Iterator[Row]:
    """Yield the filled rows of table number `wanted`, from 0, each as often as its repeat count says."""
    spare = _REPEATED_ROWS
    for number, record in _walk(book, limits):
        row = _row(record, limits) if number == wanted else []
        if any(row):
            often = _count(record, "number-rows-repeated")
            spare -= often - 1
            if spare < 0:
                raise unknown("a spreadsheet that repeats rows too often", format=_ODS)
            for _ in range(often):
                yield list(row)


def _walk(book: ZipFile, limits: ClassifyLimits, *others: str) -> Iterator[tuple[int, markup.Element]]:
    """Yield each row, and each element named in `others`, with the number, from 0, of its table.
    Raises Unreadable for a forbidden element, such as a script, or a formula reaching outside the workbook.
    """
    number, table = -1, None
    wanted = ("table-row", *_FORBIDDEN, *_FORMULAS, *others)
    for record in archive.records(book, _CONTENT, wanted, limits):
        name = markup.local_name(record.tag)
        if name in _FORBIDDEN and (len(record) or record.attrib or name != "scripts"):
            raise active(_FORBIDDEN[name], format=_ODS)
        if name in _FORMULAS:
            _check_formula(" ".join(record.attrib.values()))
        if name == "table-row":
            around = _table_around(record)
            number, table = (number, table) if around is table else (number + 1, around)
        if name == "table-row" or name in others:
            yield number, record


def _row(record: markup.Element, limits: ClassifyLimits) -> Row:
    cells: Row = []
    blanks = 0
    for cell in record:
        if markup.local_name(cell.tag) not in ("table-cell", "covered-table-cell"):
            raise active("embedded objects", format=_ODS)
        text, often = _value(cell), _count(cell, "number-columns-repeated")
        if not text:
            blanks += often  # a blank cell repeated to the right edge ends a row
            continue
        if len(cells) + blanks + often > limits.columns:
            raise unknown("a table with more columns than this gateway reads", format=_ODS)
        cells += [*[""] * blanks, *[text] * often]
        blanks = 0
    return cells


def _table_around(row: markup.Element) -> markup.Element:
    return next(reversed(list(row.iterancestors("{*}table"))), None)


def _said(element: markup.Element, name: str) -> str:
    return next((v for k, v in element.attrib.items() if markup.local_name(k) == name), "")


def _count(element: markup.Element, name: str) -> int:
    said = _said(element, name) or "1"
    if not said.isascii() or not said.isdigit() or len(said) > _LONGEST_COUNT:
        raise malformed("the spreadsheet is damaged", format=_ODS)
    return max(1, int(said))


def _value(cell: markup.Element) -> str:
    said = {markup.local_name(k): v for k, v in cell.attrib.items()}
    text = "\n".join(_text(inner) for inner in cell)
    if said.get("value-type") in _NUMBERS:
        text = number_text(said.get("value", text))
    else:
        text = next((said[key] for key in ("date-value", "string-value", "time-value") if key in said), text)
    if said.get("value-type") == "date":
        text = text.removesuffix("T00:00:00")
    if "formula" in said:
        _check_formula(said["formula"])
        if not text and "value-type" not in said:
            why = "a formula whose value was not saved with the spreadsheet"
            raise Unreadable("classify:not-calculated", why, format=_ODS)
    return text


def _check_formula(formula: str) -> None:
    check_formula(formula, _ODS)
    if "file:" in formula:
        raise active(OUTSIDE_FORMULA, format=_ODS)


def _text(paragraph: markup.Element) -> str:
    """Return the text of a paragraph in a cell. Raises Unreadable for elements other than text."""
    pieces = []
    for element in paragraph.iter():
        name = markup.local_name(element.tag)
        if name not in _TEXTS:
            raise active(_FORBIDDEN.get(name, "embedded objects"), format=_ODS)
        if name == "a" and not _said(element, "href").casefold().startswith("mailto:"):
            raise active("links to other files", format=_ODS)
        pieces.append(" " * min(_count(element, "c"), _SPACES) if name == "s" else element.text or "")
        if element is not paragraph:
            pieces.append(element.tail or "")
    return "".join(pieces)
