"""Delimited text as a header and batches of rows, whatever the delimiter and whatever stands above.

The header is the row, among the first, with the most column names that the rules know. Rows are
given in batches, so that memory does not grow with the file.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import IncrementalNewlineDecoder
from itertools import chain, islice
from typing import BinaryIO

from gateway.classify.content import malformed, text_chunks, unknown
from gateway.classify.rules import Rules
from gateway.settings import ClassifyLimits

BATCH = 1_000
HEADER_WITHIN = 40
KNOWN_COLUMNS = 2
_DELIMITERS = (",", ";", "\t", "|")

# A cell that a spreadsheet would run instead of show. Marks and phone numbers may start with a sign,
# so a sign alone is no formula.
_FORMULA = re.compile(r"\s*(?:[=@]\s*\S|[+-].*(?:[A-Za-z]\(|!|\|))")
_MAYBE_FORMULA = re.compile(r"(?:\A|[,;\t|\"\n])[ \"]*(?:[=@]|[+-][^,;\t\n]*(?:[A-Za-z]\(|!|\|))")

Rows = Iterator[list[str]]


@dataclass(frozen=True, slots=True)
class Table:
    """A header and the rows under it. `preamble` is the number of rows above the header."""

    header: tuple[str, ...]
    batches: Iterator[list[list[str]]]
    preamble: int


def read_table(content: BinaryIO, encoding: str, rules: Rules, limits: ClassifyLimits) -> Table:
    """The table in a text. Raises Unreadable where no row looks like a header, now or while reading."""
    sample = _sample(content, encoding, limits)
    delimiter, header, above = max(
        (_header(list(_rows(sample, d)), rules, d) for d in _DELIMITERS), key=lambda found: found[3]
    )[:3]
    if header is None:
        raise unknown("no row of known column names", format="text")
    watch = _FormulaWatch()
    rows = _rows(chain.from_iterable(_lines(content, encoding, limits, watch)), delimiter)
    below = islice(rows, above + 1, None)
    return Table(tuple(header), batches(below, limits, watch), above)


def _sample(content: BinaryIO, encoding: str, limits: ClassifyLimits) -> list[str]:
    lines = chain.from_iterable(_lines(content, encoding, limits, _FormulaWatch()))
    return list(islice(lines, HEADER_WITHIN * 2))


def _header(rows: list[list[str]], rules: Rules, delimiter: str) -> tuple[str, list[str] | None, int, int]:
    number, row = best_header(rows[:HEADER_WITHIN], rules)
    return delimiter, row, number, _score(row, rules) if row else 0


def best_header(rows: Iterable[list[str]], rules: Rules) -> tuple[int, list[str] | None]:
    """The row with the most known column names and its number from 0; None where none has enough."""
    scored = [(_score(row, rules), -number, row) for number, row in enumerate(rows)]
    best = max(scored, key=lambda entry: entry[:2], default=(0, 0, []))
    return (-best[1], best[2]) if best[0] >= KNOWN_COLUMNS else (0, None)


def _score(row: list[str], rules: Rules) -> int:
    return len({key for name in row if len(name) <= 100 and (key := rules.column_field(name))})  # noqa: PLR2004


def _lines(
    content: BinaryIO, encoding: str, limits: ClassifyLimits, watch: _FormulaWatch
) -> Iterator[list[str]]:
    # str.splitlines would also split at characters that are no line ends in a CSV.
    newlines = IncrementalNewlineDecoder(None, translate=True)
    rest = ""
    for piece in text_chunks(content, encoding):
        text = rest + newlines.decode(piece)
        watch.look(text)
        *lines, rest = text.split("\n")
        if len(rest) > limits.text_bytes:
            raise malformed("a line is too long", format="text")
        yield lines
    yield [rest + newlines.decode("", final=True)]


def _rows(lines: Iterable[str], delimiter: str) -> Rows:
    # An unclosed quotation mark runs into csv's own limit on the size of a cell.
    try:
        yield from csv.reader((line + "\n" for line in lines), delimiter=delimiter)
    except csv.Error:
        raise malformed("a cell is too long, or a quotation mark is never closed", format="CSV") from None


class _FormulaWatch:
    """Whether anything read so far might be a formula; a cheap look before the exact one."""

    def __init__(self) -> None:
        self.alarmed = False

    def look(self, text: str) -> None:
        if not self.alarmed and ("=" in text or "@" in text or "(" in text or "!" in text or "|" in text):
            self.alarmed = _MAYBE_FORMULA.search(text) is not None


def batches(
    rows: Rows, limits: ClassifyLimits, watch: _FormulaWatch | None = None
) -> Iterator[list[list[str]]]:
    """The rows that hold more than one cell, in batches. Raises Unreadable beyond the limits."""
    seen = 0
    while batch := list(islice(rows, BATCH)):
        seen += len(batch)
        if seen > limits.rows:
            raise malformed("the table has too many rows", format="CSV")
        if max(map(len, batch)) > limits.columns:
            raise malformed("the table has too many columns", format="CSV")
        if watch is None or watch.alarmed:
            refuse_formulas(batch)
        yield [row for row in batch if any(row[1:])]


def refuse_formulas(rows: Iterable[list[str]]) -> None:
    """Raise Unreadable where any cell is one that a spreadsheet would run."""
    if any(_FORMULA.match(cell) for row in rows for cell in row if cell and cell.lstrip()[:1] in "=@+-"):
        raise malformed("a cell holds a formula, which a spreadsheet would run")
