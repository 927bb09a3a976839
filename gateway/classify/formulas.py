"""Formulas in cells of delimited text: find them, and those reaching outside.

A formula that only computes is harmless, and reported to the sender and to the person collecting the file.
A formula calling another program, fetching or sending is active content.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from gateway.classify.content import Row, active

# Cells starting with an equals sign, or with another sign and a call of a function or program. Marks and
# phone numbers start with signs as well.
_SIGNS = ("=", "@", "+", "-")
_CALL = r"(?:[A-Za-z]\(|\|\s*')"
_FORMULA = re.compile(rf"\s*(?:=\s*\S|[@+-].*{_CALL})", re.DOTALL)
# Excel's way of keeping a number's leading zeros: ="001200".
_TEXT = re.compile(r'="([^"]*)"')
_REACHES_OUT = re.compile(
    r"\b(?:HYPERLINK|WEBSERVICE|FILTERXML|IMPORT(?:DATA|XML|HTML|FEED|RANGE)|RTD|DDE|CALL|REGISTER|EXEC|IMAGE"
    r"|STOCKHISTORY|CUBE[A-Z]{3,20}|SQL\.REQUEST|COPILOT|PY)[ ]?\(|\||\[\d{1,4}\]|\[[^\[\]]{0,200}\.(?:xl|od)|://",
    re.IGNORECASE,
)
# Cheap check of a stretch of text before the exact check of its cells.
_SIGN_FIRST = re.compile(r"(?:\A|[,;\t|\"\n ])[=@+-]")
_ROWS_SHOWN = 20


def maybe_formulas(text: str) -> bool:
    """Return True where a stretch of delimited text might hold a formula."""
    return any(sign in text for sign in "=(|") and _SIGN_FIRST.search(text) is not None


def reaches_out(formula: str) -> bool:
    """Return True where a formula calls a program or service, or reads another file."""
    return _REACHES_OUT.search(formula) is not None


@dataclass(slots=True)
class Formulas:
    """Formulas in one table: number of rows with a formula, and the first of them.

    `passed_over` counts lines printed by a report under the table, not being rows.
    """

    count: int = 0
    passed_over: int = 0
    rows: list[int] = field(default_factory=list)
    _seen: int = 0

    def settle(self, batch: list[Row]) -> list[Row]:
        """Unwrap Excel's texts in the rows, and count the remaining formulas.

        Raises Unreadable for a formula reaching outside.
        """
        settled = [_unwrapped(row) if any(map(_may_be_formula, row)) else row for row in batch]
        for number, row in enumerate(settled, self._seen + 1):
            if any(map(is_formula, row)):
                if any(is_formula(cell) and reaches_out(cell) for cell in row):
                    raise active("a formula that calls another program, service or file")
                self.count += 1
                if len(self.rows) < _ROWS_SHOWN:
                    self.rows.append(number)
        return settled

    def passed(self, rows: int) -> None:
        """Count rows given out as records."""
        self._seen += rows


def _may_be_formula(cell: str) -> bool:
    return cell.lstrip()[:1] in _SIGNS


def is_formula(cell: str) -> bool:
    """Return True where a spreadsheet would run a cell instead of showing the text."""
    return _may_be_formula(cell) and _FORMULA.match(cell) is not None


def _unwrapped(row: Row) -> Row:
    return [found[1] if (found := _TEXT.fullmatch(cell)) else cell for cell in row]


def settled_header(rows: Iterable[Row]) -> Iterator[Row]:
    """Yield the rows above a table and its header. Raises Unreadable for a formula reaching outside."""
    for row in rows:
        if any(is_formula(cell) and reaches_out(cell) for cell in row):
            raise active("a formula that calls another program, service or file")
        yield _unwrapped(row)
