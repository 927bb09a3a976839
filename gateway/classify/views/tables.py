"""The columns of a table that belong into a view, written as CSV, as JSON or as a sheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from gateway.classify.delimited import Table
from gateway.classify.field_tally import distinct
from gateway.classify.formulas import is_formula
from gateway.classify.views.sieve import Sieve

Write = Callable[[bytes], object]
Row = Sequence[str]
Rows = Iterator[Sequence[Row]]


class TableWriter(Protocol):
    """Writes one table: its header, and batches of rows under it."""

    def table(self, header: Row, rows: Rows) -> None:
        """Write a whole table."""
        ...


class Apart:
    """The records of a content that are left out as a whole, counted from 0 over all its parts."""

    def __init__(self, without: tuple[int, ...]) -> None:
        self._without = frozenset(without)
        self._met = 0

    def next_stays(self) -> bool:
        """Whether the next record stays."""
        self._met += 1
        return self._met - 1 not in self._without

    def stay_of(self, batch: list[list[str]]) -> list[list[str]]:
        """Those of the next records that stay."""
        return [row for row in batch if self.next_stays()] if self._without else batch


class Cut:
    """The columns of one table that stay."""

    def __init__(self, table: Table, sieve: Sieve, apart: Apart, before: int | None) -> None:
        self._table = table
        self._sieve = sieve
        self._apart = apart
        self._kept = sieve.columns(table.header.names, before)
        self._own = sieve.own_rows(table.header.names)
        self.width = len(table.header.names)
        if table.header.above.strip():
            sieve.leave_out()

    @property
    def header(self) -> Row:
        """The names of the columns that stay, as the file writes them."""
        return [self._table.header.names[index] for index, _ in self._kept]

    def batches(self) -> Rows:
        """The rows, cut, and their formulas made inert; rows may be wider than the header."""
        names, formulas = len(self._table.header.names), self._table.formulas
        met = 0
        for batch in self._table.batches:
            widest = max(map(len, batch), default=0)
            self.width = max(self.width, widest)
            if widest > names and any(any(row[names:]) for row in batch):
                self._sieve.leave_out()
            if min(map(len, batch), default=names) < names:
                batch = [row + [""] * (names - len(row)) for row in batch]  # noqa: PLW2901 - the same, filled up
            stay = self._apart.stay_of(batch)
            rows = self._cut(stay if self._own is None else self._own.of(stay))
            if formulas.count > met:
                met, self._sieve.changed = formulas.count, True
                rows = [list(map(inert, row)) for row in rows]
            yield rows

    def _cut(self, rows: Sequence[Row]) -> Sequence[Row]:
        """The columns that stay of some rows; cells are blank whose value is not what their column is for."""
        if not rows or not self._kept:
            return [() for _ in rows]
        columns = list(zip(*rows, strict=False))
        stay = []
        for index, judge in self._kept:
            values = columns[index]
            others = self._sieve.others(judge, distinct(values))
            stay.append(["" if value in others else value for value in values] if others else values)
        return list(zip(*stay, strict=True))


def inert(cell: str) -> str:
    """A cell as text that no spreadsheet runs: with an apostrophe before what it would take for a formula."""
    return f"'{cell}" if is_formula(cell) else cell


class CsvWriter:
    """Writes one table as CSV (RFC 4180) in UTF-8."""

    def __init__(self, write: Write) -> None:
        self._write = write

    def table(self, header: Row, rows: Rows) -> None:
        """Write a whole table."""
        self._lines([header])
        for batch in rows:
            self._lines(batch)

    def _lines(self, rows: Sequence[Row]) -> None:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\r\n").writerows(rows)
        self._write(text.getvalue().encode("utf-8", "replace"))


class JsonWriter:
    """Writes one table as a JSON list of objects, one a line, in UTF-8 (RFC 8259). Every value is a text."""

    def __init__(self, write: Write) -> None:
        self._write = write

    def table(self, header: Row, rows: Rows) -> None:
        """Write a whole table."""
        between = "["
        for batch in rows:
            lines = []
            for row in batch:
                record = {name: text for name, text in zip(header, row, strict=True) if text}
                lines.append(f"{between}\n{json.dumps(record, ensure_ascii=False)}")
                between = ","
            self._write("".join(lines).encode("utf-8", "replace"))
        self._write(b"\n]\n" if between == "," else b"[]\n")
