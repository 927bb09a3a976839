"""Write a view as CSV for another system: a layout can show nothing the view does not contain."""

import csv
import io
import re
from collections.abc import Iterator
from typing import BinaryIO

from gateway.classify import markup
from gateway.classify.format_rules import plain
from gateway.classify.rules import Rules
from gateway.classify.views.tables import Write, inert
from gateway.classify.views.walk import OF_OTHERS, RecordWalk, Values
from gateway.home.settings import ClassifyLimits
from gateway.model import FileLayout, LaidColumn


def lay_out(
    view: BinaryIO, layout: FileLayout, rules: Rules, limits: ClassifyLimits, write: Write
) -> tuple[int, list[int]]:
    """Write a view as CSV (RFC 4180) in UTF-8; return the number of rows, and of filled cells by column.
    A row in which the view fills no cell is left out. Raises Unreadable for a faulty view.
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
    for cells in _rows(view, layout, rules, limits):
        put(cells)
        rows += 1
        filled = [count + bool(cell) for count, cell in zip(filled, cells, strict=True)]
    return rows, filled


def _rows(view: BinaryIO, layout: FileLayout, rules: Rules, limits: ClassifyLimits) -> Iterator[list[str]]:
    for values in _LayoutWalk(rules, limits, layout).walk(view):
        numbers = sorted({int(key.partition(" ")[0]) for key in values if " " in key})
        for number in numbers if layout.each else (0,):
            cells = [_cell(column, number, values) for column in layout.columns]
            if any(cell and not column.value for cell, column in zip(cells, layout.columns, strict=True)):
                yield cells


def _cell(column: LaidColumn, number: int, values: Values) -> str:
    if column.value:
        return column.value
    parts = [heading.partition("/") for heading in column.headings]
    named = [f"{number} {plain(name)}" if slash else f"={plain(part)}" for part, slash, name in parts]
    keys = [column.field] if column.field else named
    return inert(next((", ".join(values[key]) for key in keys if key in values), ""))


class _LayoutWalk(RecordWalk):
    """Reader of a record's values by field, by "=heading", and, in the Nth repeated part, by "N heading"."""

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

    def _of_element(self, record: markup.Element) -> Values:
        values: Values = {}
        self._collect(record, 0, values)
        return values

    def _collect(self, element: markup.Element, number: int, values: Values) -> None:
        """Add the values inside an element to `values`; `number`: of the repeated part, or 0 outside."""
        parent, met = markup.local_name(element.tag), 0
        for child in element:
            name = markup.local_name(child.tag)
            if len(child):
                met += name == self._each
                parts = {name, *(markup.local_name(inner.tag) for inner in child)}
                if name not in OF_OTHERS or self._each in parts:
                    self._collect(child, met if name == self._each else number, values)
            elif text := (child.text or "").strip():
                for key in self._keys_of(parent, name, number):
                    values.setdefault(key, []).append(text)

    def _keys_of(self, parent: str, name: str, number: int) -> Iterator[str]:
        heading = plain(name)
        if number:
            if heading in self._parts:
                yield f"{number} {heading}"
            return
        if (key := self._field(parent, name)) in self._wanted and key is not None:
            yield key
        if heading in self._whole:
            yield f"={heading}"
