"""What a report prints around its table, and what a workbook keeps beside it, and is nobody's data."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from itertools import islice

from gateway.classify.content import Row

_TOKEN = re.compile(r"[^\W\d_]+|\d+")
_LONGEST = 100
_LONGEST_NUMBER = 6
_COVER_CELLS = 60
_TITLE_CELLS = 40
_TITLE_WORDS = 12
_TABLE_CELLS = 3
_WIDE_ROWS = 3
_LOOKUP_COLUMNS = 3
_LOOKUP_ROWS = 500
_LONGEST_MEANING = 60


class Title:
    """The rows above a table: a title, a date, a filter or two, and no table of their own."""

    def __init__(self, words: Collection[str]) -> None:
        self.crowded = False
        self._words = words
        self._cells = 0
        self._wide = 0

    def add(self, row: Row) -> None:
        """One more row."""
        cells = [cell for cell in row if cell.strip()]
        self._cells += len(cells)
        self._wide += len(cells) >= _TABLE_CELLS
        self.crowded |= self._cells > _TITLE_CELLS or self._wide > _WIDE_ROWS
        self.crowded |= any(_is_long(cell) and not is_furniture(cell, self._words) for cell in cells)


def _is_long(text: str) -> bool:
    return len(text) > _LONGEST or len(text.split()) > _TITLE_WORDS


def is_furniture(text: str, words: Collection[str]) -> bool:
    """Whether a line is what reports print by themselves: these words, dates and short numbers."""
    if len(text) > _LONGEST:
        return False
    tokens = _TOKEN.findall(text.casefold())
    return all(t in words or (t.isdigit() and len(t) <= _LONGEST_NUMBER) for t in tokens)


def are_furniture(cells: Iterable[str], words: Collection[str]) -> bool:
    """Whether all cells of a sheet are such lines, and not many."""
    first = list(islice(cells, _COVER_CELLS + 1))
    return len(first) <= _COVER_CELLS and all(is_furniture(cell, words) for cell in first)


def is_lookup(rows: Iterable[Row], codes: Collection[frozenset[str]]) -> bool:
    """Whether rows are a list of published codes and their meanings, with at most a heading above.

    The first cell of each is a code of one list, each there once; what stands beside it is short.
    """
    lists, counted, met = list(codes), 0, set[str]()
    for number, row in enumerate(rows):
        cells = [cell.strip() for cell in row if cell.strip()]
        if not cells:
            continue
        counted += 1
        if len(cells) > _LOOKUP_COLUMNS or counted > _LOOKUP_ROWS or max(map(len, cells)) > _LONGEST_MEANING:
            return False
        code = cells[0].upper()
        fitting = [known for known in lists if code in known and code not in met]
        if fitting:
            lists = fitting
            met.add(code)
        elif number > 0:
            return False
    return bool(met)
