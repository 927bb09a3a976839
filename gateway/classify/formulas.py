"""Cells that a spreadsheet runs instead of showing: what they are, and which of them reach outside.

A formula that only computes does no harm by itself: it is told of, to the sender and to whoever collects
the file. One that calls another program, fetches or sends something is active content.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from gateway.classify.content import Row, active

# A cell that starts with an equals sign, or with another sign and calls a function or another program.
# Marks and phone numbers start with signs as well.
_SIGNS = ("=", "@", "+", "-")
_CALL = r"(?:[A-Za-z]\(|\|\s*')"
_FORMULA = re.compile(rf"\s*(?:=\s*\S|[@+-].*{_CALL})", re.DOTALL)
# Excel's own way to keep the noughts of a number: ="001200".
_TEXT = re.compile(r'="([^"]*)"')
_REACHES_OUT = re.compile(
    r"\b(?:HYPERLINK|WEBSERVICE|FILTERXML|IMPORT(?:DATA|XML|HTML|FEED|RANGE)|RTD|DDE|CALL|REGISTER|EXEC|IMAGE"
    r"|STOCKHISTORY|CUBE[A-Z]{3,20}|SQL\.REQUEST|COPILOT|PY)[ ]?\(|\||\[\d{1,4}\]|\[[^\[\]]{0,200}\.(?:xl|od)|://",
    re.IGNORECASE,
)
# A cheap look at a stretch of text before the exact one at its cells.
_SIGN_FIRST = re.compile(r"(?:\A|[,;\t|\"\n ])[=@+-]")
_ROWS_SHOWN = 20


def maybe_formulas(text: str) -> bool:
    """Whether a stretch of delimited text might hold a cell that is a formula."""
    return any(sign in text for sign in "=(|") and _SIGN_FIRST.search(text) is not None


def reaches_out(formula: str) -> bool:
    """Whether a formula calls a program or a service, or reads another file."""
    return _REACHES_OUT.search(formula) is not None


@dataclass(slots=True)
class Formulas:
    """The formulas met in one table: how many rows have one, and the first of these rows.

    `passed_over` are the lines under the table that a report prints by itself, which are no rows.
    """

    count: int = 0
    passed_over: int = 0
    rows: list[int] = field(default_factory=list)
    _seen: int = 0

    def settle(self, batch: list[Row]) -> list[Row]:
        """The rows with Excel's texts as texts; what remains a formula is counted.

        Raises Unreadable for one that reaches out.
        """
        settled = [_unwrapped(row) if any(map(_may_be_formula, row)) else row for row in batch]
        for number, row in enumerate(settled, self._seen + 1):
            if any(map(is_formula, row)):
                self._note(number, row)
        return settled

    def passed(self, rows: int) -> None:
        """So many rows have been given out as records."""
        self._seen += rows

    def _note(self, number: int, row: Row) -> None:
        if any(is_formula(cell) and reaches_out(cell) for cell in row):
            raise active("a formula that calls another program, service or file")
        self.count += 1
        if len(self.rows) < _ROWS_SHOWN:
            self.rows.append(number)


def _may_be_formula(cell: str) -> bool:
    return cell.lstrip()[:1] in _SIGNS


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet would run a cell of delimited text instead of showing it."""
    return _may_be_formula(cell) and _FORMULA.match(cell) is not None


def _unwrapped(row: Row) -> Row:
    return [found[1] if (found := _TEXT.fullmatch(cell)) else cell for cell in row]


def settled_header(rows: Iterable[Row]) -> Iterator[Row]:
    """Rows above a table, and its header. Raises Unreadable for a formula in them that reaches out."""
    for row in rows:
        if any(is_formula(cell) and reaches_out(cell) for cell in row):
            raise active("a formula that calls another program, service or file")
        yield _unwrapped(row)
