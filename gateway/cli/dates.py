"""Days and moments typed on a command line."""

from collections.abc import Callable
from datetime import datetime

import typer

_DAY = "%Y-%m-%d"


def _reader(kinds: str, *formats: str) -> Callable[[str], datetime]:
    def read(text: str) -> datetime:
        for form in formats:
            try:
                return datetime.strptime(text, form)  # noqa: DTZ007 - whose day it is, the command knows
            except ValueError:
                continue
        raise typer.BadParameter(f"write {kinds}")

    return read


day = _reader("a day like 2026-11-24", _DAY)
"""A day, as its first moment. BadParameter otherwise, as for the readers below."""

local_time = _reader("a day like 2026-11-24, or a local time like 2026-11-24T14:30", _DAY, f"{_DAY}T%H:%M")
"""A day or a local time, without a zone."""

last_day = _reader(
    "a day like 2026-11-24, or a moment with its zone like 2026-11-24T14:30:00+00:00",
    _DAY,
    f"{_DAY}T%H:%M:%S%z",
)
"""A day, without a zone, or a moment, with one."""
