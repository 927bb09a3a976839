"""Make the view of one content: CSV stays CSV, XML stays XML, a workbook becomes a new XLSX.

No formula, macro, link, hidden sheet or property of the original workbook is taken over. Each cell is an
inline string, which no spreadsheet program runs. Libraries that write workbooks hold all in memory or on
disk, and add the time of day; so the few parts are written here, by `zipfile`.
"""

import io
import re
import zipfile
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from html import escape
from typing import Any, BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile

from gateway.classify import archive, containers, jcq, json_records
from gateway.classify.content import Source, data, encoding_of
from gateway.classify.delimited import read_table, tables_in
from gateway.classify.rules import Rules
from gateway.classify.views.markup_view import write_markup
from gateway.classify.views.sieve import ViewFilter
from gateway.classify.views.tables import Batches, Write, write_csv, write_json, write_table
from gateway.classify.views.walk import other_records, read_results, record_names, start_of
from gateway.home.settings import ClassifyLimits
from gateway.model import Basis

# Each part of a workbook by its name, as text: the start, what stands once for each sheet, and the end.
_PARTS: dict[str, list[str]] = data("views/workbook")
_SHEET, _ROW, _CELL = (_PARTS.pop(part) for part in ("sheet", "row", "cell"))
_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")
_SINCE = (1980, 1, 1, 0, 0, 0)  # Equal at every reading.


class WorkbookWriter:
    """Write tables as the sheets of one XLSX workbook; `close` completes the workbook."""

    def __init__(self, write: Write) -> None:
        self._book = zipfile.ZipFile(Stream(write), "w", zipfile.ZIP_DEFLATED)
        self._sheets = 0

    def table(self, header: Sequence[str], batches: Batches) -> None:
        """Write one table as the next sheet."""
        self._sheets += 1
        name = f"xl/worksheets/sheet{self._sheets}.xml"
        with self._book.open(entry(name), "w", force_zip64=True) as part:
            part.write(f"{_SHEET[0]}{_row(header)}".encode())
            for columns in batches:
                part.write("".join(map(_row, zip(*columns, strict=True))).encode())
            part.write(_SHEET[-1].encode())

    def close(self) -> None:
        """Write the list of sheets and the end of the workbook."""
        for name, (start, each, end) in _PARTS.items():
            sheets = "".join(each.format(n=n) for n in range(1, self._sheets + 1))
            self._book.writestr(entry(name), f"{start}{sheets}{end}")
        self._book.close()


def _row(cells: Sequence[str]) -> str:
    written = [_CELL[0] + _written(text) + _CELL[-1] if text else "<c/>" for text in cells]
    return f"{_ROW[0]}{''.join(written)}{_ROW[-1]}" if cells else f"{_ROW[0].rstrip('>')}/>"


def _written(text: str) -> str:
    return escape(text if text.isprintable() else _UNWRITABLE.sub("", text), quote=False)


class Stream(io.RawIOBase):
    """Write-only stream that passes on each piece of an archive, so that no seeking is needed."""

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


def entry(name: str) -> zipfile.ZipInfo:
    """Return a ZIP entry for a file, with a fixed time, so that each view has the same bytes."""
    made = zipfile.ZipInfo(name, _SINCE)
    made.compress_type = zipfile.ZIP_DEFLATED
    made.external_attr = 0o600 << 16
    return made


def make_view(
    content: BinaryIO, basis: Basis, rules: Rules, limits: ClassifyLimits, write: Write
) -> tuple[tuple[str, ...], bool]:
    """Write the view of a classified content; return the labels left out, and True if nothing changed.
    `content` is seekable and read as a stream. The same content, basis and rules give the same bytes. Raises
    Unreadable for any content that `classify` would refuse.
    """
    sieve = ViewFilter(rules, basis)
    if basis.where is not None:
        sieve.leave_out_records(other_records(content, rules, limits, basis.where))
        content.seek(0)
    try:
        changed = _write(content, sieve, limits, write)
    finally:
        rules.forget_values()
    return sieve.left_out, not (changed or sieve.changed)


def _write(content: BinaryIO, sieve: ViewFilter, limits: ClassifyLimits, write: Write) -> bool:
    """Write the view of a content; return True if the view has another format, as for a workbook."""
    with containers.opened(content, limits) as found:
        if found is None:
            return _write_text(content, sieve, limits, write)
        if isinstance(found, ZipFile):
            return _write_archive(found, sieve, limits, write)
        with closing(WorkbookWriter(write)) as book:
            for table in tables_in(found.sheets, sieve.rules, limits, found.format):
                write_table(table(), sieve, book.table)
        return True


def _write_archive(packed: ZipFile, sieve: ViewFilter, limits: ClassifyLimits, write: Write) -> bool:
    """Write an archive of views, named by numbers, as file names may name people; return True."""
    with ZipFile(Stream(write), "w", ZIP_DEFLATED) as made:
        for number, name in enumerate(archive.files(packed, sieve.rules.sensitive), 1):
            with containers.file_in(packed, name) as content:
                start = "" if (is_book := containers.is_packed(content)) else start_of(content)
                of_text = "json" if json_records.looks_like(start) else "csv"
                extension = "xlsx" if is_book else "xml" if start.startswith("<") else of_text
                with made.open(entry(f"{number}.{extension}"), "w", force_zip64=True) as part:
                    _write(content, sieve, limits, part.write)
    return True


def _write_text(content: BinaryIO, sieve: ViewFilter, limits: ClassifyLimits, write: Write) -> bool:
    source, start, rules = Source(content, encoding_of(content), limits), start_of(content), sieve.rules
    # Octets of ASCII words are other letters in UTF-16: some readers would show the words.
    respelt = source.encoding.startswith("utf-16")
    if start.startswith("<"):
        write_markup(source, record_names(source, rules), sieve, write)
        return respelt
    if jcq.looks_like(start, rules.data_types.jcq):
        write_table(read_results(source, rules), sieve, partial(write_csv, write))
        return True
    if json_records.looks_like(start):
        write_table(json_records.read_table(source, rules), sieve, partial(write_json, write))
        return True  # Content beside the records, such as the number of pages, is lost.
    write_table(read_table(source, rules), sieve, partial(write_csv, write))
    return respelt
