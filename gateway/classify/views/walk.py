"""Read a file's records in the order of a view: the values of some fields, or the UPNs and names of persons.

`lay_out` writes a view as CSV for another system: the CSV shows nothing the view does not contain.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO
from zipfile import ZipFile

from gateway.classify import archive, jcq, json_records, markup, workbook
from gateway.classify.content import Source, encoding_of
from gateway.classify.delimited import Table, read_table, tables_in
from gateway.classify.identifiers import is_upn, name_keys
from gateway.classify.pupil_xml import record_names
from gateway.classify.rules import OTHERS, Rules
from gateway.classify.sensitive import plain
from gateway.classify.value_kinds import read_date
from gateway.home.settings import ClassifyLimits
from gateway.model import FileLayout, LaidColumn
from gateway.words import inert

Values = dict[str, list[str]]
"""Values of a record by field: all filled texts, in order."""
Write = Callable[[bytes], object]

HEADER = "Header"


def table_in(source: Source, rules: Rules) -> tuple[str, Table]:
    """Return the format of a text other than XML, and its records as a table."""
    start = source.start()
    if jcq.looks_like(start, rules.data_types.jcq):
        return jcq.FORMAT, jcq.read_table(source, rules)
    if json_records.looks_like(start):
        return json_records.FORMAT, json_records.read_table(source, rules)
    return "CSV", read_table(source, rules)


class RecordWalk:
    """Reader of a file's records; yields for each record the values of the `wanted` fields."""

    _each = ""  # name of an element that repeats in a record; "" to read a record as a whole

    def __init__(self, rules: Rules, limits: ClassifyLimits, wanted: frozenset[str]) -> None:
        self._rules = rules
        self._limits = limits
        self._wanted = wanted
        self._elements: dict[tuple[str, str], str | None] = {}

    def walk(self, content: BinaryIO) -> Iterator[Values]:
        """Yield the wanted values of each record in a file. Raises Unreadable for faulty content."""
        with workbook.opened(content, self._limits) as found:
            if isinstance(found, ZipFile):
                for name in archive.files(found, self._rules.sensitive):
                    with workbook.file_in(found, name) as member:
                        yield from self.walk(member)
            elif found is not None:
                for table in tables_in(found.sheets, self._rules, self._limits, found.format):
                    yield from self._rows(table())
            else:
                source = Source(content, encoding_of(content), self._limits)
                if not source.start().lstrip().startswith("<"):
                    yield from self._rows(table_in(source, self._rules)[1])
                    return
                for record in markup.pupil_records(source, record_names(markup.root_of(source), self._rules)):
                    if markup.local_name(record.tag) != HEADER:
                        values: Values = {}
                        self._collect(record, 0, values)
                        yield values

    def _rows(self, table: Table) -> Iterator[Values]:
        columns = [(index, key) for index, name in enumerate(table.header.names) for key in self._keys(name)]
        for batch in table.batches:
            for row in batch:
                values: Values = {}
                for index, key in columns:
                    if index < len(row) and (text := row[index].strip()):
                        values.setdefault(key, []).append(text)
                yield values

    def _collect(self, element: markup.Element, number: int, values: Values) -> None:
        """Add the texts in an element to `values`. `number`: 0, or the number, from 1, of the repeated part
        that contains the element.
        """
        parent, met = markup.local_name(element.tag), 0
        for child in element:
            name = markup.local_name(child.tag)
            if len(child):
                met += name == self._each
                parts = {name, *(markup.local_name(inner.tag) for inner in child)} if self._each else ()
                if name not in OTHERS or self._each in parts:
                    self._collect(child, met if name == self._each else number, values)
            elif text := (child.text or "").strip():
                for key in self._keys_within(parent, name, number):
                    values.setdefault(key, []).append(text)

    def _keys(self, name: str) -> Iterator[str]:
        """Yield the key under which `Values` hold the texts of the column `name`: its field; nothing if not
        wanted.
        """
        if (key := self._rules.column_field(name)) in self._wanted and key is not None:
            yield key

    def _keys_within(self, parent: str, name: str, number: int) -> Iterator[str]:
        """Yield the key under which `Values` hold the texts of an element (`parent`, `name`): its field, if
        wanted. Yield nothing inside a repeated part (`number` above 0).
        """
        if number:
            return
        pair = parent, name
        if pair not in self._elements:
            self._elements[pair] = self._rules.element_field(parent, name)
        if (key := self._elements[pair]) in self._wanted and key is not None:
            yield key


_NUMBERS = ("upn", "former-upn")
_NAMES = ("surname", "forename", "full-name")
_WANTED = frozenset((*_NUMBERS, *_NAMES, "birth-date"))


def named_records(
    content: BinaryIO, rules: Rules, limits: ClassifyLimits
) -> Iterator[tuple[list[str], list[str]]]:
    """Yield for each record, in the order of a view, its UPNs and its name keys (see
    `identifiers.name_keys`). Both lists are empty for a record naming nobody. Raises Unreadable for faulty
    content.
    """
    for values in RecordWalk(rules, limits, _WANTED).walk(content):
        numbers = {text.upper() for key in _NUMBERS for text in values.get(key, ())}
        born = {read_date(text) for text in values.get("birth-date", ())}
        surname, forename, full = (values.get(key, [""])[0] for key in _NAMES)
        names = set[str]().union(*(name_keys(surname, forename, full, day) for day in born))
        yield sorted(filter(is_upn, numbers)), sorted(names)


def lay_out(
    view: BinaryIO, layout: FileLayout, rules: Rules, limits: ClassifyLimits, write: Write
) -> tuple[int, list[int]]:
    """Write a view as CSV (RFC 4180) in UTF-8. Return the number of rows, and the number of filled cells by
    column. A row in which the view fills no cell is left out. Raises Unreadable for a faulty view.
    """
    line = io.StringIO()
    table = csv.writer(line, lineterminator="\r\n")

    def put(cells: list[str]) -> None:
        table.writerow(cells)
        write(line.getvalue().encode("utf-8", "replace"))
        line.seek(0)
        line.truncate()

    put([column.name for column in layout.columns])
    rows, filled = 0, [0] * len(layout.columns)
    for values in _LayoutWalk(rules, limits, layout).walk(view):
        numbers = sorted({int(key.partition(" ")[0]) for key in values if " " in key})
        for number in numbers if layout.each else (0,):
            cells = [_cell(column, number, values) for column in layout.columns]
            if any(cell and not column.value for cell, column in zip(cells, layout.columns, strict=True)):
                put(cells)
                rows += 1
                filled = [count + bool(cell) for count, cell in zip(filled, cells, strict=True)]
    return rows, filled


def _cell(column: LaidColumn, number: int, values: Values) -> str:
    if column.value:
        return column.value
    parts = [heading.partition("/") for heading in column.headings]
    named = [f"{number} {plain(name)}" if slash else f"={plain(part)}" for part, slash, name in parts]
    keys = [column.field] if column.field else named
    return inert(next((", ".join(values[key]) for key in keys if key in values), ""))


class _LayoutWalk(RecordWalk):
    """Reader of the values for an output file, record by record. Values are found by key: the key of their
    field, "=heading" for a value by its heading, or "N heading" for a value in the Nth repeated part of the
    record.
    """

    def __init__(self, rules: Rules, limits: ClassifyLimits, layout: FileLayout) -> None:
        super().__init__(rules, limits, frozenset(column.field for column in layout.columns))
        headings = {heading for column in layout.columns for heading in column.headings}
        self._whole = {plain(heading) for heading in headings if "/" not in heading}
        self._parts = {plain(heading.partition("/")[2]) for heading in headings if "/" in heading}
        self._each = layout.each
        names = "|".join(map(re.escape, sorted(self._parts, key=len, reverse=True)))
        self._numbered = re.compile(rf"{re.escape(plain(self._each))}([0-9]{{1,3}})({names})")

    def _keys(self, name: str) -> Iterator[str]:
        yield from super()._keys(name)
        heading = plain(name)
        if heading in self._whole:
            yield f"={heading}"
        if self._each and (found := self._numbered.fullmatch(heading)):
            yield f"{int(found[1])} {found[2]}"

    def _keys_within(self, parent: str, name: str, number: int) -> Iterator[str]:
        heading = plain(name)
        if number:
            if heading in self._parts:
                yield f"{number} {heading}"
            return
        yield from super()._keys_within(parent, name, number)
        if heading in self._whole:
            yield f"={heading}"
