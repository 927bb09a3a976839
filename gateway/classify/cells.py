"""Convert cells to text as in CSV, and find the formulas among them.

Formulas that only compute are counted; the sender and each person collecting the file learn the number. A
formula that calls another program, or fetches or sends anything, makes the file unreadable.
"""

import re
from datetime import datetime, time
from typing import Any

from gateway.classify.content import Row, active
from gateway.words import is_formula


def text_of(value: Any) -> str:  # noqa: ANN401 - what a spreadsheet's reader gives
    """Return a cell as text: 5.0 as "5", True as "TRUE", a date in ISO form, with the time if not 0:00."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float | int):
        return number_text(repr(value))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat()
    return str(value)


def number_text(raw: str) -> str:
    """Return the text `raw`; a whole number loses its fraction ("5.0" becomes "5")."""
    try:
        number = float(raw)
        return str(int(number)) if number.is_integer() else raw
    except (ValueError, OverflowError):
        return raw


# Excel's way of keeping a number's leading zeros: ="001200".
_TEXT = re.compile(r'="([^"]*)"')
_REACHES_OUT = re.compile(
    r"\b(?:HYPERLINK|WEBSERVICE|FILTERXML|IMPORT(?:DATA|XML|HTML|FEED|RANGE)|RTD|DDE|CALL|REGISTER|EXEC|IMAGE"
    r"|STOCKHISTORY|CUBE[A-Z]{3,20}|SQL\.REQUEST|COPILOT|PY)[ ]?\(|\||\[\d{1,4}\]|\[[^\[\]]{0,200}\.(?:xl|od)|://",
    re.IGNORECASE,
)
# Cheap check of a stretch of text before the exact check of its cells.
_SIGN_FIRST = re.compile(r"(?:\A|[,;\t|\"\n ])[=@+-]")
OUTSIDE_FORMULA = "a formula that calls another program, service or file"


def maybe_formulas(text: str) -> bool:
    """Return True if delimited text might contain a formula, False if certainly none: a quick check."""
    return any(sign in text for sign in "=(|!") and _SIGN_FIRST.search(text) is not None


def check_formula(formula: str, format: str | None = None) -> None:  # noqa: A002
    """Raise Unreadable for a formula that calls a program or service, or reads another file."""
    if _REACHES_OUT.search(formula):
        raise active(OUTSIDE_FORMULA, format=format)


def unwrapped(batch: list[Row]) -> list[Row]:
    """Return the rows; a cell like ="001", with which Excel keeps leading zeros, becomes the text 001."""
    return [
        [found[1] if (found := _TEXT.fullmatch(cell)) else cell for cell in row]
        if any(cell.lstrip()[:1] == "=" for cell in row)
        else row
        for row in batch
    ]


def has_formula(row: Row) -> bool:
    """Return True for a row with a formula.
    Raises Unreadable for a formula that calls a program or service, or reads another file.
    """
    formulas = list(filter(is_formula, row))
    for formula in formulas:
        check_formula(formula)
    return bool(formulas)
