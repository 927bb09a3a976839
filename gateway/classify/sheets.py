"""The sheets of a workbook, in any format: tables, and sheets allowed beside them.

Every row of every sheet is read, or the file waits. A sheet is a table (one a class, say), a list of
published codes, a cover with a report's own words, or blank; anything else, and any table on a hidden
sheet, is for a person to see.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Literal

from gateway.classify.content import Row, active, beside, unknown
from gateway.classify.delimited import HEADER_WITHIN, KNOWN_COLUMNS, Header, Table, batches, find_header
from gateway.classify.formulas import Formulas, settled_header
from gateway.classify.report_wording import is_lookup
from gateway.classify.rules import Rules
from gateway.home.settings import ClassifyLimits

Shown = Literal["visible", "hidden", "very hidden"]
TableOf = Callable[[], Table]

SHEETS = 60


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: its visibility, its rows, read anew at each call, and its name."""

    shown: Shown
    rows: Callable[[], Iterator[Row]]
    name: str


def tables_in(sheets: list[Sheet], rules: Rules, limits: ClassifyLimits, format: str) -> list[TableOf]:  # noqa: A002
    """Return the tables of a workbook, each read anew at each call.

    Raises Unreadable without tables, or where a sheet has content outside a table.
    """
    if len(sheets) > SHEETS:
        raise unknown(f"a workbook of more than {SHEETS} sheets", format=format)
    found: list[TableOf] = []
    for sheet in sheets:
        rows = sheet.rows()
        first = list(islice(rows, HEADER_WITHIN))
        score, header = find_header(first, rules, limits)
        codes = rules.code_sets.values()
        if header is None or score < KNOWN_COLUMNS or is_lookup(chain(first, rows), codes):
            _check_other(sheet, rules, format)
        else:
            if sheet.shown == "very hidden":
                raise active("a sheet that the spreadsheet program does not show", format=format)
            if sheet.shown == "hidden":
                raise beside("a hidden sheet with a table", format=format)
            header.check(format)
            found.append(lambda sheet=sheet, header=header: _table(sheet, header, rules, limits))  # type: ignore[misc]
    if not found:
        raise unknown("a workbook without a row of known column names", format=format)
    return found


def _table(sheet: Sheet, header: Header, rules: Rules, limits: ClassifyLimits) -> Table:
    rows, formulas = sheet.rows(), Formulas()
    for _ in settled_header(islice(rows, header.position + 1)):
        pass
    return Table(header, batches(rows, rules, limits, formulas, lambda: False), formulas)


def _check_other(sheet: Sheet, rules: Rules, format: str) -> None:  # noqa: A002
    if not any(any(map(str.strip, row)) for row in sheet.rows()):
        return
    if sheet.shown == "very hidden":
        raise active("a sheet that the spreadsheet program does not show", format=format)
    if not (is_lookup(sheet.rows(), rules.code_sets.values()) or rules.report_wording.are_rows(sheet.rows())):
        where = "a hidden sheet" if sheet.shown == "hidden" else "a sheet"
        raise beside(f"{where} that is no table of known columns", format=format)
