"""Write a view as CSV for another system: a layout can show nothing the view does not contain."""

import csv
import io
import re
from collections.abc import Iterator
from typing import BinaryIO

from gateway.classify.rules import Rules
from gateway.classify.sensitive import plain
from gateway.classify.views.view import inert
from gateway.classify.views.walk import RecordWalk, Values, Write
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

    def _keys_within(self, parent: str, name: str, number: int) -> Iterator[str]:
        heading = plain(name)
        if number:
            if heading in self._parts:
                yield f"{number} {heading}"
            return
        yield from super()._keys_within(parent, name, number)
        if heading in self._whole:
            yield f"={heading}"
