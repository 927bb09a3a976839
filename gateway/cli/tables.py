"""The layout of a listing: a table where the terminal is wide enough, else records.

Text breaks between words only, so that a code, reference or fingerprint stays in one piece.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.cells import cell_len

NOTHING = "-"
_GAP = "  "


def fits(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> bool:
    """Return True if a table of the columns fits the width, with text broken between words."""
    columns = zip(headings, *rows, strict=True)
    least = [max(cell_len(word) for cell in column for word in cell.split() or [""]) for column in columns]
    return sum(least) + len(_GAP) * (len(least) - 1) <= width


def laid_out(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    """Return the lines of a listing at most `width` wide, but for longer words; None for no limit."""
    columns = [list(column) for column in zip(headings, *rows, strict=True)]
    widest = [max(cell_len(cell) for cell in column) for column in columns]
    least = [max(cell_len(word) for cell in column for word in cell.split() or [""]) for column in columns]
    room = None if width is None else width - len(_GAP) * (len(columns) - 1)
    if room is not None and sum(least) > room:
        return _records(headings, rows, width or 0)
    widths = widest if room is None else _shrunk(widest, least, room)
    return [line for row in (headings, *rows) for line in _row(row, widths)]


def _shrunk(widest: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Return fitting widths: the widest column gives way first."""
    widths = list(widest)
    while sum(widths) > room:
        place = max(
            (place for place in range(len(widths)) if widths[place] > least[place]), key=widths.__getitem__
        )
        widths[place] -= 1
    return widths


def _row(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    wrapped = [_wrapped(cell, width) for cell, width in zip(cells, widths, strict=True)]
    lines = []
    for number in range(max(len(parts) for parts in wrapped)):
        parts = [each[number] if number < len(each) else "" for each in wrapped]
        padded = (
            part + " " * (width - cell_len(part)) for part, width in zip(parts, widths, strict=True)
        )  # ljust counts characters; some are two columns wide.
        lines.append(_GAP.join(padded).rstrip())
    return lines


def _records(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Return one line for each value, and an empty line between rows."""
    label = max(len(heading) for heading in headings)
    lines: list[str] = []
    for row in rows:
        for heading, cell in zip(headings, row, strict=True):
            if cell != NOTHING:
                first, *rest = _wrapped(cell, width - label - len(_GAP))
                lines.append(f"{heading:<{label}}{_GAP}{first}")
                lines += [f"{'':<{label}}{_GAP}{part}" for part in rest]
        lines.append("")
    return lines[:-1]


def _wrapped(cell: str, width: int) -> list[str]:
    if len(cell) <= width and cell.isascii():
        return [cell]
    parts = textwrap.wrap(cell, max(width, 1), break_long_words=False, break_on_hyphens=False)
    return parts or [""]
