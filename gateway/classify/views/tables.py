"""Columns of a table for a view, written as CSV, as JSON or as a sheet."""

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from operator import itemgetter

from gateway.classify.cells import is_formula
from gateway.classify.delimited import Table
from gateway.classify.value_kinds import Judge
from gateway.classify.views.sieve import ViewFilter

Write = Callable[[bytes], object]
Row = Sequence[str]
Columns = Sequence[Sequence[str]]
Batches = Iterator[Columns]


WriteTable = Callable[[Row, Batches], None]
"""Function that writes one table: its header, and batches of columns of one length."""


def write_table(table: Table, sieve: ViewFilter, write: WriteTable) -> None:
    """Write the columns and rows of a table that a view keeps."""
    header = table.header
    kept = sieve.columns(header.names)
    if header.above.strip():
        sieve.leave_out()
    write([header.names[index] for index, _ in kept], _batches(table, sieve, kept))
    if table.formulas.passed_over:
        sieve.leave_out()


def _batches(table: Table, sieve: ViewFilter, kept: Sequence[tuple[int, Judge]]) -> Batches:
    """Yield the kept columns, a batch of rows at a time, with formulas made inert."""
    names, formulas, own = len(table.header.names), table.formulas, sieve.own_rows(table.header.names)
    met, width = 0, names
    for batch in table.batches:
        lengths = {names, *map(len, batch)}
        width = max(width, *lengths)
        if max(lengths) > names and any(any(row[names:]) for row in batch):
            sieve.leave_out()
        if min(lengths) < names:
            batch = [row + [""] * (names - len(row)) for row in batch]  # noqa: PLW2901 - the same, filled up
        rows = [row for row in batch if sieve.next_stays()] if sieve.leaves_records_out else batch
        rows = list(filter(own, rows)) if own is not None else rows
        if rows and kept:
            stay = []
            columns = _columns(rows, [index for index, _ in kept])
            for (_, judge), column in zip(kept, columns, strict=True):
                others = sieve.others(judge, column)
                stay.append([v if v not in others else "" for v in column] if others else column)
            if formulas.count > met:
                met, sieve.changed = formulas.count, True
                stay = [list(map(inert, column)) for column in stay]
            yield stay
    if sieve.columns_met is not None:
        sieve.columns_met += width


def _columns(rows: Sequence[Row], kept: Sequence[int]) -> Columns:
    if 1 < len(kept) < len(rows[0]) // 2:
        return list(zip(*map(itemgetter(*kept), rows), strict=True))
    columns = list(zip(*rows, strict=False))
    return [columns[index] for index in kept]


def inert(cell: str) -> str:
    """Return a cell that spreadsheets show as text: a possible formula gets an apostrophe in front."""
    return f"'{cell}" if is_formula(cell) else cell


def write_csv(write: Write, header: Row, batches: Batches) -> None:
    """Write one table as CSV (RFC 4180) in UTF-8."""
    for columns in chain([[[name] for name in header]], batches):
        written = [_quoted(column, alone=len(columns) == 1) for column in columns]
        lines = "\r\n".join(map(",".join, zip(*written, strict=True)))
        write(f"{lines}\r\n".encode("utf-8", "replace"))


def _quoted(values: Sequence[str], *, alone: bool) -> Sequence[str]:
    """Return a column's cells quoted for CSV; a blank in the only column (`alone`) becomes ""."""
    together = "".join(values)
    if '"' in together or "," in together or "\n" in together or "\r" in together:
        if '"' in together:
            values = [value.replace('"', '""') for value in values]
        values = [f'"{v}"' if "," in v or "\n" in v or "\r" in v or '"' in v else v for v in values]
    return [value or '""' for value in values] if alone else values


def write_json(write: Write, header: Row, batches: Batches) -> None:
    """Write one table as a JSON list of objects, one a line, in UTF-8 (RFC 8259), with texts as values."""
    between = "["
    for columns in batches:
        lines = []
        for row in zip(*columns, strict=True):
            record = {name: text for name, text in zip(header, row, strict=True) if text}
            lines.append(f"{between}\n{json.dumps(record, ensure_ascii=False)}")
            between = ","
        write("".join(lines).encode("utf-8", "replace"))
    write(b"\n]\n" if between == "," else b"[]\n")
