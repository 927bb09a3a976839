"""Make the view of one file: CSV stays CSV, XML stays XML, a workbook becomes a new XLSX.

No formula, macro, link, hidden sheet or property of the original workbook is taken over. Each cell is an
inline string, which no spreadsheet program runs. Libraries that write workbooks hold all in memory or on
disk, and add the time of day; so the few parts are written here, by `zipfile`.
"""

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from html import escape
from itertools import chain
from operator import itemgetter
from typing import Any, BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile

from gateway.classify import archive, json_records, workbook
from gateway.classify.content import Source, data, encoding_of
from gateway.classify.delimited import Table, tables_in
from gateway.classify.rules import Rules
from gateway.classify.value_kinds import Judge
from gateway.classify.views.markup_view import write_markup
from gateway.classify.views.sieve import ViewFilter
from gateway.classify.views.walk import RecordWalk, Write, table_in
from gateway.home.settings import ClassifyLimits
from gateway.model import OTHER_RECORDS, Basis
from gateway.words import inert

Row = Sequence[str]
Columns = Sequence[Sequence[str]]
WriteTable = Callable[[Row, Iterator[Columns]], None]
"""Function to write one table: its header, and batches of columns of one length."""

# Each part of a workbook by its name, as text: the start, what stands once for each sheet, and the end.
_PARTS: dict[str, list[str]] = data("views/workbook")
_SHEET, _ROW, _CELL = (_PARTS.pop(part) for part in ("sheet", "row", "cell"))
_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")
_SINCE = (1980, 1, 1, 0, 0, 0)  # Equal at every reading.


def make_view(
    content: BinaryIO, basis: Basis, rules: Rules, limits: ClassifyLimits, write: Write
) -> tuple[tuple[str, ...], bool]:
    """Write the view of a classified file; return the labels of items left out, and True if nothing changed.
    `content` is seekable and read as a stream. The same content, basis and rules give the same bytes. Raises
    Unreadable for any content that `classify` would refuse.
    """
    sieve = ViewFilter(rules, basis)
    if basis.where is not None:
        item, values = basis.where
        # Records without any of the values that the view is about are left out.
        keys = frozenset(k for k, one in (rules.items | rules.others).items() if one.label == item)
        records = enumerate(RecordWalk(rules, limits, keys).walk(content))
        wanted = {value.casefold() for value in values}
        met = (
            (number, {text.casefold() for each in values.values() for text in each})
            for number, values in records
        )
        if others := {number for number, texts in met if wanted.isdisjoint(texts)}:
            sieve.leave_out(OTHER_RECORDS)
            sieve.without |= others
        content.seek(0)
    try:
        changed = _write(content, sieve, limits, write)
    finally:
        # No value judged stays in memory.
        for judge in rules.judges.values():
            judge.forget()
    return sieve.left_out, not (changed or sieve.changed)


def _write(content: BinaryIO, sieve: ViewFilter, limits: ClassifyLimits, write: Write) -> bool:
    """Write the view of a file; return True if the view certainly differs from the file.
    The difference is in format, encoding, or content beside the records.
    """
    with workbook.opened(content, limits) as found:
        if isinstance(found, ZipFile):
            _write_archive(found, sieve, limits, write)
            return True
        if found is not None:
            with new_workbook(write) as write_sheet:
                for table in tables_in(found.sheets, sieve.rules, limits, found.format):
                    _write_table(table(), sieve, write_sheet)
            return True
        source = Source(content, encoding_of(content), limits)
        # Octets of ASCII words are other letters in UTF-16: some readers would show the words.
        respelt = source.encoding.startswith("utf-16")
        if source.start().lstrip().startswith("<"):
            write_markup(source, sieve, write)
            return respelt
        form, records = table_in(source, sieve.rules)
        write_rows = _write_json if form == json_records.FORMAT else _write_csv
        _write_table(records, sieve, partial(write_rows, write))
        # Content beside JSON records, such as the number of pages, is lost.
        return respelt or form != "CSV"


def _write_archive(packed: ZipFile, sieve: ViewFilter, limits: ClassifyLimits, write: Write) -> None:
    """Write an archive with a view of each file, named by a number, because file names may name people."""
    with ZipFile(Stream(write), "w", ZIP_DEFLATED) as made:
        for number, name in enumerate(archive.files(packed, sieve.rules.sensitive), 1):
            with workbook.file_in(packed, name) as content:
                is_book = workbook.is_packed(content)
                start = "" if is_book else Source(content, encoding_of(content), limits).start()
                of_text = "json" if json_records.looks_like(start) else "csv"
                extension = "xlsx" if is_book else "xml" if start.lstrip().startswith("<") else of_text
                with made.open(_entry(f"{number}.{extension}"), "w", force_zip64=True) as part:
                    _write(content, sieve, limits, part.write)


def _write_table(table: Table, sieve: ViewFilter, write: WriteTable) -> None:
    """Write the kept columns and rows of a table."""
    header = table.header
    kept = sieve.columns(header.names)
    if header.above.strip():
        sieve.leave_out()
    names = [header.names[index] for index, _ in kept]
    shown = sieve.rules.shown_headings(names)
    sieve.changed = sieve.changed or shown != names
    write(shown, _batches(table, sieve, kept))
    if table.skipped:
        sieve.leave_out()


def _batches(table: Table, sieve: ViewFilter, kept: Sequence[tuple[int, Judge]]) -> Iterator[Columns]:
    """Yield the kept columns, a batch of rows at a time, with formulas made inert."""
    names, own = len(table.header.names), sieve.own_rows(table.header.names)
    met, width = 0, names
    for batch in table.batches:
        lengths = {names, *map(len, batch)}
        width = max(width, *lengths)
        if max(lengths) > names and any(any(row[names:]) for row in batch):
            sieve.leave_out()
        if min(lengths) < names:
            batch = [row + [""] * (names - len(row)) for row in batch]  # noqa: PLW2901 - the same, filled up
        rows = [row for row in batch if sieve.next_stays()] if sieve.without else batch
        rows = list(filter(own, rows)) if own is not None else rows
        if rows and kept:
            stay = []
            columns = _columns(rows, [index for index, _ in kept])
            for (index, judge), column in zip(kept, columns, strict=True):
                whole = column if len(rows) == len(batch) else [row[index] for row in batch]
                others = sieve.others(judge, column, whole)
                stay.append([v if v not in others else "" for v in column] if others else column)
            if table.formulas > met:
                met, sieve.changed = table.formulas, True
                stay = [list(map(inert, column)) for column in stay]
            yield stay
    if sieve.columns_met is not None:
        sieve.columns_met += width


def _columns(rows: Sequence[Row], kept: Sequence[int]) -> Columns:
    if 1 < len(kept) < len(rows[0]) // 2:
        return list(zip(*map(itemgetter(*kept), rows), strict=True))
    columns = list(zip(*rows, strict=False))
    return [columns[index] for index in kept]


def _write_csv(write: Write, header: Row, batches: Iterator[Columns]) -> None:
    """Write one table as CSV (RFC 4180) in UTF-8. If there is only one column, a blank is written as ""."""
    for columns in chain([[[name] for name in header]], batches):
        written = []
        for values in columns:
            together, cells = "".join(values), values
            if '"' in together:
                cells = [value.replace('"', '""') for value in cells]
            if '"' in together or "," in together or "\n" in together or "\r" in together:
                cells = [f'"{v}"' if "," in v or "\n" in v or "\r" in v or '"' in v else v for v in cells]
            written.append([value or '""' for value in cells] if len(columns) == 1 else cells)
        lines = "\r\n".join(map(",".join, zip(*written, strict=True)))
        write(f"{lines}\r\n".encode("utf-8", "replace"))


def _write_json(write: Write, header: Row, batches: Iterator[Columns]) -> None:
    """Write one table as a JSON list of objects, one a line, in UTF-8 (RFC 8259), with texts as values."""
    between = "["
    for columns in batches:
        lines = []
        for row in zip(*columns, strict=True):
            record: dict[str, str] = {}
            for name, text in zip(header, row, strict=True):
                if text:  # Headings of a provider's own may be shown alike.
                    record[name] = f"{record[name]}; {text}" if name in record else text
            lines.append(f"{between}\n{json.dumps(record, ensure_ascii=False)}")
            between = ","
        write("".join(lines).encode("utf-8", "replace"))
    write(b"\n]\n" if between == "," else b"[]\n")


@contextmanager
def new_workbook(write: Write) -> Iterator[WriteTable]:
    """Yield a function to write a table as the next sheet of an XLSX workbook.
    The workbook is completed at the end of the `with` block.
    """
    sheets: list[str] = []
    with ZipFile(Stream(write), "w", ZIP_DEFLATED) as book:

        def write_sheet(header: Row, batches: Iterator[Columns]) -> None:
            sheets.append(f"xl/worksheets/sheet{len(sheets) + 1}.xml")
            with book.open(_entry(sheets[-1]), "w", force_zip64=True) as part:
                part.write(f"{_SHEET[0]}{_row(header)}".encode())
                for columns in batches:
                    part.write("".join(map(_row, zip(*columns, strict=True))).encode())
                part.write(_SHEET[-1].encode())

        yield write_sheet
        for name, (start, each, end) in _PARTS.items():
            listed = "".join(each.format(n=n) for n in range(1, len(sheets) + 1))
            book.writestr(_entry(name), f"{start}{listed}{end}")


def _row(cells: Row) -> str:
    plain = [text if text.isprintable() else _UNWRITABLE.sub("", text) for text in cells]
    written = [
        f"{_CELL[0]}{escape(shown, quote=False)}{_CELL[-1]}" if text else "<c/>"
        for text, shown in zip(cells, plain, strict=True)
    ]
    return f"{_ROW[0]}{''.join(written)}{_ROW[-1]}" if cells else f"{_ROW[0].rstrip('>')}/>"


class Stream(io.RawIOBase):
    """Write-only stream passing on each piece of an archive, so no seeking is needed."""

    def __init__(self, write: Write) -> None:
        super().__init__()
        self._give = write

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: Any, /) -> int:  # noqa: ANN401 - bytes in any form
        """Pass all of the data on and return the length."""
        self._give(bytes(data))
        return len(data)


def _entry(name: str) -> zipfile.ZipInfo:
    """Return a ZIP entry for a file, with a fixed time, so each view has the same bytes."""
    made = zipfile.ZipInfo(name, _SINCE)
    made.compress_type = zipfile.ZIP_DEFLATED
    made.external_attr = 0o600 << 16
    return made
