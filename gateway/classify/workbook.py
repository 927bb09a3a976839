"""Read the sheets of an Excel workbook in XML form (XLSX), row by row.

Parts are read with the same bounded reader as any XML, because a workbook's statements on its size are not
trusted; openpyxl interprets cell formats and date numbers.
"""

import zipfile
from collections.abc import Iterator
from functools import lru_cache, partial
from posixpath import normpath

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format
from openpyxl.utils.cell import column_index_from_string
from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900, from_excel

from gateway.classify import archive, markup
from gateway.classify.archive import check_package
from gateway.classify.cells import check_formula, number_text, text_of
from gateway.classify.content import Row, Source, Unreadable, active, encoding_of, malformed, unknown
from gateway.classify.delimited import Sheet, Shown
from gateway.home.settings import ClassifyLimits

FORMAT = "XLSX"
WORKBOOK = "xl/workbook.xml"
PARTS = frozenset({"[Content_Types].xml", WORKBOOK})
"""Files that make an archive a workbook in this form."""
_RELATIONS = "xl/_rels/workbook.xml.rels"
_RELATION = "relationships}id"
_STRINGS_BYTES = 24 * 1024**2
_FIGURES, _TOO_MANY_LETTERS = "0123456789", 4
_RULES = ("cfRule", "dataValidation")  # display and validity of cells: formulas as well
_SHOWN: dict[str, Shown] = {"": "visible", "visible": "visible", "hidden": "hidden"}


def sheets_of(book: zipfile.ZipFile, limits: ClassifyLimits) -> list[Sheet]:
    """Return the sheets of the workbook. Raises Unreadable for any other content."""
    check_package(book, limits, FORMAT)
    parts = _Parts(book, limits)
    named = parts.sheets()
    for _, part, _ in named:
        if archive.says(book, part, _RULES, limits):
            for rule in parts.records(part, *_RULES):
                check_formula("".join(rule.itertext()), FORMAT)
    return [Sheet(shown, partial(parts.rows, part), name) for shown, part, name in named]


class _Parts:
    """The parts of one workbook: sheets, shared strings and cell formats."""

    def __init__(self, book: zipfile.ZipFile, limits: ClassifyLimits) -> None:
        self._book = book
        self._limits = limits
        self._names = set(archive.names(book))
        self._encodings: dict[str, str] = {}
        strings = "xl/sharedStrings.xml"
        if strings in self._names and book.getinfo(strings).file_size > _STRINGS_BYTES:
            raise malformed("a workbook with too much text", format=FORMAT)
        self._strings = [_text(element) for element in self.records(strings, "si")]
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

    def sheets(self) -> list[tuple[Shown, str, str]]:
        """Return visibility, part and name of each sheet, in order. Raises Unreadable if inconsistent."""
        targets = {r.get("Id"): r.get("Target", "") for r in self.records(_RELATIONS, "Relationship")}
        found = []
        for element in self.records(WORKBOOK, "sheet", "workbookPr", "definedName"):
            name = markup.local_name(element.tag)
            if name == "workbookPr":
                mac = element.get("date1904") in ("1", "true")
                self._epoch = CALENDAR_MAC_1904 if mac else CALENDAR_WINDOWS_1900
            elif name == "definedName":
                check_formula(element.text or "", FORMAT)
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
            raise malformed("the workbook is damaged", format=FORMAT)
        if there - named:
            raise active("a sheet that the workbook does not name", format=FORMAT)
        return found

    def rows(self, sheet: str) -> Iterator[Row]:
        """Yield the rows in a sheet's part, as text; blank rows may be missing there."""
        return map(self._row, self.records(sheet, "row"))

    def _row(self, row: markup.Element) -> Row:
        cells: Row = []
        most = self._limits.columns
        for cell in row.iterchildren("{*}c"):
            filled = len(cells)
            # Without a valid reference, a cell is in the next column.
            index = max(_column((cell.get("r") or "").rstrip(_FIGURES)[:_TOO_MANY_LETTERS]), filled + 1)
            if index > most:
                raise unknown("a table with more columns than this gateway reads", format=FORMAT)
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
            check_formula(formula, FORMAT)
            if not raw and (raw is None or kind == "n"):  # The saved value is the one read.
                why = "a formula whose value was not saved with the workbook"
                raise Unreadable("classify:not-calculated", why, format=FORMAT)
        if kind == "n":
            return self._number(raw, cell.get("s", "")) if raw else ""
        if kind == "s":
            try:
                return self._strings[int(raw or "")]
            except (ValueError, IndexError):
                raise malformed("the workbook is damaged", format=FORMAT) from None
        return _text(inline) if inline is not None else raw or ""

    def _number(self, raw: str, style: str) -> str:
        try:
            if style in self._dates:
                return text_of(from_excel(float(raw), self._epoch))
        except (ValueError, OverflowError):
            return raw
        return number_text(raw)

    def records(self, name: str, *elements: str) -> Iterator[markup.Element]:
        """Yield the elements of these names in a part; none where the part is missing."""
        if name not in self._names:
            return
        with archive.member(self._book, name) as part:
            known = self._encodings.get(name)
            source = Source(part, known or encoding_of(part), self._limits)
            if known is None:  # A sheet is read several times.
                self._encodings[name] = source.encoding
                markup.root_of(source)
            yield from markup.records(source, elements)


@lru_cache(1_000)
def _column(letters: str) -> int:
    """Return a column's number for its letters, from 1; 0 for no column."""
    try:
        return int(column_index_from_string(letters))
    except (ValueError, KeyError):
        return 0


def _text(element: markup.Element) -> str:
    """Return the text of a string, joined from its formatted pieces, without phonetic readings."""
    if len(element) == 1 and not len(element[0]):
        return element[0].text or ""
    runs = (t for t in element.iter("{*}t") if markup.local_name(t.getparent().tag) != "rPh")
    return "".join(t.text or "" for t in runs)
