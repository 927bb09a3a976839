"""Values of cells as text, as the same table would have in CSV."""

from datetime import date, datetime, time, timedelta
from typing import Any


def text_of(value: Any) -> str:  # noqa: ANN401 - what a spreadsheet's reader gives
    """Return a number without a needless fraction, a day in ISO form without a needless time."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float | int):
        return number_text(repr(value))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat()
    if isinstance(value, date | time | timedelta):
        return str(value)
    return str(value)


def number_text(raw: str) -> str:
    """Return a number as written, a whole one without its fraction."""
    try:
        number = float(raw)
        return str(int(number)) if number.is_integer() else raw
    except (ValueError, OverflowError):
        return raw
