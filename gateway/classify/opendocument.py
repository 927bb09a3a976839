"""Read the sheets of an OpenDocument spreadsheet (ODS) row by row, in bounded memory.

Repeated cells and rows are written once with a count, so a small file can claim endless rows: blank ones are
skipped, and others may be repeated only up to a limit.
"""

import re
from collections.abc import Iterator
from functools import partial
from zipfile import ZipFile

from gateway.classify import archive, markup
from gateway.classify.cells import OUTSIDE_FORMULA, check_formula, number_text
from gateway.classify.content import (
    OFFICE_PARTS,
    Row,
    Unreadable,
    active,
    locked,
    malformed,
    part_called,
    unknown,
)
from gateway.classify.delimited import Sheet, Shown
from gateway.home.settings import ClassifyLimits

FORMAT = "ODS"
_CONTENT = "content.xml"
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


def is_spreadsheet(book: ZipFile) -> bool:
    """Return True where an archive is an OpenDocument spreadsheet."""
    names = archive.names(book)
    if not {"mimetype", _CONTENT} <= set(names):
        return False
    with archive.member(book, "mimetype") as part:
        return part.read(100).strip() == _MIMETYPE


def sheets_of(book: ZipFile, limits: ClassifyLimits) -> list[Sheet]:
    """Return the sheets of the spreadsheet. Raises Unreadable for any other content."""
    for member in book.infolist():
        # LibreOffice keeps empty folders for possible changes to its menus.
        if not member.is_dir() and not _ALLOWED.fullmatch(member.filename):
            raise active(part_called(member.filename, "opendocument"), format=FORMAT)
    if _MANIFEST in archive.names(book):
        for _ in archive.records(book, _MANIFEST, ("encryption-data",), limits):
            raise locked("a workbook", format=FORMAT)
    walker = _Walker(book, limits)
    tables = enumerate(walker.tables())
    return [Sheet(shown, partial(walker.rows, number), name) for number, (shown, name) in tables]


class _Walker:
    """Reader of content.xml, the part of an ODS with the sheets, row by row."""

    def __init__(self, book: ZipFile, limits: ClassifyLimits) -> None:
        self._book = book
        self._limits = limits

    def tables(self) -> list[tuple[Shown, str]]:
        """Return visibility and name of each table with rows, in order."""
        hidden: set[str] = set()
        found: list[tuple[Shown, str]] = []
        for number, record in self._walk("style"):
            if markup.local_name(record.tag) == "style":
                if any(_said(inner, "display") == "false" for inner in record.iter("{*}table-properties")):
                    hidden.add(_said(record, "name"))
            elif number == len(found):
                around = _table_around(record)
                style, name = ("" if around is None else _said(around, a) for a in ("style-name", "name"))
                found.append(("hidden" if style in hidden else "visible", name))
        return found

    def rows(self, wanted: int) -> Iterator[Row]:
        """Yield the filled rows of one table; a row with a repeat count comes that many times."""
        spare = _REPEATED_ROWS
        for number, record in self._walk():
            if number != wanted:
                continue
            row = self._row(record)
            if not any(row):
                continue
            often = _count(record, "number-rows-repeated")
            spare -= often - 1
            if spare < 0:
                raise unknown("a spreadsheet that repeats rows too often", format=FORMAT)
            for _ in range(often):
                yield list(row)

    def _walk(self, *others: str) -> Iterator[tuple[int, markup.Element]]:
        """Yield each row, and each element named in `others`, with the number of its table, from 0.
        Raises Unreadable for a forbidden element, such as a script, or a formula reaching outside.
        """
        number, table = -1, None
        wanted = ("table-row", *_FORBIDDEN, *_FORMULAS, *others)
        for record in archive.records(self._book, _CONTENT, wanted, self._limits):
            name = markup.local_name(record.tag)
            if name in _FORBIDDEN and (len(record) or record.attrib or name != "scripts"):
                raise active(_FORBIDDEN[name], format=FORMAT)
            if name in _FORMULAS:
                _check_formula(" ".join(record.attrib.values()))
            if name == "table-row":
                around = _table_around(record)
                number, table = (number, table) if around is table else (number + 1, around)
                yield number, record
            elif name in others:
                yield number, record

    def _row(self, record: markup.Element) -> Row:
        cells: Row = []
        blanks = 0
        for cell in record:
            if markup.local_name(cell.tag) not in ("table-cell", "covered-table-cell"):
                raise active("embedded objects", format=FORMAT)
            text, often = _value(cell), _count(cell, "number-columns-repeated")
            if not text:
                blanks += often  # a blank cell repeated to the right edge ends a row
                continue
            if len(cells) + blanks + often > self._limits.columns:
                raise unknown("a table with more columns than this gateway reads", format=FORMAT)
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
        raise malformed("the spreadsheet is damaged", format=FORMAT)
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
            raise Unreadable("classify:not-calculated", why, format=FORMAT)
    return text


def _check_formula(formula: str) -> None:
    check_formula(formula, FORMAT)
    if "file:" in formula:
        raise active(OUTSIDE_FORMULA, format=FORMAT)


def _text(paragraph: markup.Element) -> str:
    """Return the text of a paragraph in a cell. Raises Unreadable for elements other than text."""
    pieces = []
    for element in paragraph.iter():
        name = markup.local_name(element.tag)
        if name not in _TEXTS:
            raise active(_FORBIDDEN.get(name, "embedded objects"), format=FORMAT)
        if name == "a" and not _said(element, "href").casefold().startswith("mailto:"):
            raise active("links to other files", format=FORMAT)
        pieces.append(" " * min(_count(element, "c"), _SPACES) if name == "s" else element.text or "")
        if element is not paragraph:
            pieces.append(element.tail or "")
    return "".join(pieces)
