"""Make the view of one content. CSV stays CSV, XML stays XML, a workbook becomes a clean one."""

from contextlib import closing
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile

from gateway.classify import archive, jcq, json_records, old_workbook
from gateway.classify.calamine import in_memory
from gateway.classify.content import Source, encoding_of
from gateway.classify.delimited import Table, read_table
from gateway.classify.rules import Rules
from gateway.classify.sheets import Sheet, tables_in
from gateway.classify.views.jcq_view import read_results
from gateway.classify.views.markup_view import write_markup
from gateway.classify.views.sieve import Sieve
from gateway.classify.views.tables import Apart, CsvWriter, Cut, JsonWriter, TableWriter, Write
from gateway.classify.views.walk import other_records, record_names, start_of
from gateway.classify.views.workbook_out import Stream, WorkbookWriter, entry
from gateway.classify.workbooks import sheets_in
from gateway.home.settings import ClassifyLimits
from gateway.model import OTHER_RECORDS, Basis


def make_view(
    content: BinaryIO, basis: Basis, rules: Rules, limits: ClassifyLimits, write: Write
) -> tuple[tuple[str, ...], bool]:
    """Write the view of a classified content; return the labels left out, and True where nothing changed.

    `content` is seekable, read as a stream, in memory that does not grow with the content. The same
    content, basis and rules give the same bytes. Raises Unreadable where reading differs from
    classification.
    """
    sieve, without = Sieve(rules, basis), basis.without
    if basis.where is not None:
        others = other_records(content, rules, limits, basis.where)
        content.seek(0)
        if others:
            sieve.leave_out(OTHER_RECORDS)
            without = tuple(others.union(without))
    try:
        changed = _Maker(sieve, Apart(without), rules, limits).make(content, write)
    finally:
        rules.forget_values()
    return sieve.left_out, not (changed or sieve.changed)


class _Maker:
    """Make the view of one content, or of each file in an archive."""

    def __init__(self, sieve: Sieve, apart: Apart, rules: Rules, limits: ClassifyLimits) -> None:
        self._sieve = sieve
        self._apart = apart
        self._rules = rules
        self._limits = limits
        self._columns_before: int | None = 0

    def make(self, content: BinaryIO, write: Write) -> bool:
        """Write the view; return True where its form differs from the content's, apart from omissions."""
        if old_workbook.is_old_workbook(content):
            return self._workbook(old_workbook.sheets_of(content, self._limits), old_workbook.FORMAT, write)
        if not archive.is_archive(content):
            return self._plain(content, write)
        with archive.opened(content, self._limits) as packed:
            found = sheets_in(content, packed, archive.names(packed), self._limits)
            if found is not None:
                return self._workbook(*found, write)
            return self._archive(packed, write)

    def _workbook(self, sheets: list[Sheet], format: str, write: Write) -> bool:  # noqa: A002
        with closing(WorkbookWriter(write)) as book:
            for table in tables_in(sheets, self._rules, self._limits, format):
                self._table(table(), book)
        return True

    def _archive(self, packed: ZipFile, write: Write) -> bool:
        """Write an archive of views, with numbers as file names, because original names may name people."""
        with ZipFile(Stream(write), "w", ZIP_DEFLATED) as made:
            for number, name in enumerate(archive.files(packed, self._rules.sensitive), 1):
                with archive.member(packed, name) as content:
                    packed_too = archive.is_archive(content) or old_workbook.is_old_workbook(content)
                    with in_memory(content, archive.FORMAT) if packed_too else content as readable:
                        file = entry(f"{number}.{self._extension(readable)}")
                        with made.open(file, "w", force_zip64=True) as part:
                            self.make(readable, part.write)
        return True

    def _extension(self, content: BinaryIO) -> str:
        if archive.is_archive(content) or old_workbook.is_old_workbook(content):
            return "xlsx"
        start = start_of(content)
        return "xml" if start.startswith("<") else "json" if json_records.looks_like(start) else "csv"

    def _plain(self, content: BinaryIO, write: Write) -> bool:
        source = Source(content, encoding_of(content), self._limits)
        # Octets of ASCII words are other letters in UTF-16: some readers would show the words.
        respelt = source.encoding.startswith("utf-16")
        start = start_of(content)
        if start.startswith("<"):
            self._columns_before = None  # The classifier also numbers kinds of elements.
            write_markup(source, record_names(source, self._rules), self._sieve, self._apart, write)
            return respelt
        if jcq.looks_like(start, self._rules.data_types.jcq):
            self._table(read_results(source, self._rules), CsvWriter(write))
            return True
        if json_records.looks_like(start):
            self._table(json_records.read_table(source, self._rules), JsonWriter(write))
            return True  # Content beside the records, such as the number of pages, is lost.
        self._table(read_table(source, self._rules), CsvWriter(write))
        return respelt

    def _table(self, table: Table, writer: TableWriter) -> None:
        cut = Cut(table, self._sieve, self._apart, self._columns_before)
        writer.table(cut.header, cut.batches())
        if self._columns_before is not None:
            self._columns_before += cut.width
