"""Lists as files for spreadsheets, in which no cell is read as a formula."""

from __future__ import annotations

import csv
import io

from starlette.responses import Response

from gateway.zones.console_api import Cell, Shown

SPREADSHEETS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""The media type of each kind of file."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def spreadsheet(table: Shown, name: str, kind: str) -> Response:
    """Return a table as a download for spreadsheets; `kind` is one of `SPREADSHEETS`."""
    names = [table["named"].get(column, {}) for column in table["columns"]]
    rows = [
        [column.replace("_", " ") for column in table["columns"]],
        *(
            [_cell(known.get(str(value), value)) for known, value in zip(names, row, strict=True)]
            for row in table["rows"]
        ),
    ]
    headers = {"content-disposition": f'attachment; filename="{name}.{kind}"'}
    content = as_xlsx(rows) if kind == "xlsx" else as_csv(rows)
    return Response(content, media_type=SPREADSHEETS[kind], headers=headers)


def as_csv(rows: list[list[str]]) -> bytes:
    """Return rows as CSV (RFC 4180), in UTF-8."""
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue().encode()


def as_xlsx(rows: list[list[str]]) -> bytes:
    """Return rows as a workbook of one sheet, all cells text."""
    from openpyxl import Workbook  # noqa: PLC0415 - takes a while, and few ask for a workbook
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE  # noqa: PLC0415 - the same

    book = Workbook(write_only=True)
    sheet = book.create_sheet("List")
    for row in rows:
        sheet.append([ILLEGAL_CHARACTERS_RE.sub("", cell) for cell in row])
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def _cell(value: Cell) -> str:
    said = "" if value is None else str(value)
    return f"'{said}" if said.startswith(_FORMULA) else said
