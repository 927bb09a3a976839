"""Invented children for the files of the corpus, and tables of them."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

from openpyxl import Workbook

from tests.classify import made
from tests.classify.made import Child

Value = str | Callable[[Child], str]
Columns = dict[str, Value]

NOTE = (
    "Came in late on Monday without a coat and said that the bus did not stop, so we rang home about it "
    "and agreed to look again next week."
)


def cell(value: Value, child: Child) -> str:
    """What stands under a column for one child."""
    return value if isinstance(value, str) else value(child)


def among(*values: str) -> Value:
    """A value for each child, in turn."""
    return lambda child: values[child.number % len(values)]


WHO: Columns = {
    "UPN": lambda c: c.upn,
    "Surname": lambda c: c.surname,
    "Forename": lambda c: c.forename,
    "DOB": lambda c: c.born,
}
CORE: Columns = {
    **WHO,
    "Gender": lambda c: c.sex,
    "Year Group": "4",
    "Reg Group": among("4A", "4B"),
    "Ethnicity": among("WBRI", "MWBC", "AIND"),
    "SEN Status": among("N", "K", "E"),
    "FSM Eligible": among("N", "Y"),
}
YEAR_11: Columns = {**CORE, "Year Group": "11", "Reg Group": among("11A", "11B")}


def rows(columns: Columns, count: int = 12) -> list[list[str]]:
    """A header and one row a child."""
    return [list(columns), *([cell(v, child) for v in columns.values()] for child in made.children(count))]


def csv(columns: Columns, *, above: Sequence[str] = (), count: int = 12) -> bytes:
    """The table as CSV, with lines above its header."""
    return ("".join(f"{line}\r\n" for line in above) + made.as_csv(rows(columns, count))).encode()


def xlsx(columns: Columns) -> bytes:
    """The table as a workbook with one sheet."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows(columns):
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
