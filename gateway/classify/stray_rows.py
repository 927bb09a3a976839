"""Rows under a header that are no records of its table: the header repeated, rows of another table."""

from collections.abc import Collection, Mapping, Sequence

from gateway.classify.content import Row, beside

# Field proving that a row is a record: the first of these in the table.
_TELLING = ("upn", "birth-date")
# Text written where a number or a date is still missing.
_NOT_YET = frozenset(
    [
        "N/A",
        "NA",
        "NONE",
        "TBC",
        "TBA",
        "PENDING",
        "UNKNOWN",
        "NOT KNOWN",
        "NEW",
        "NIL",
        "NULL",
        "NOT YET",
        "X",
    ]
)
_WORDS_OF_A_NUMBER = 3

Column = tuple[Sequence[str], Collection[str]]
"""Values of a column in some rows, and the values among them not known to be good."""


def without_headers(batch: list[Row], names: Sequence[str]) -> list[Row]:
    """Return the rows without repetitions of the header, printed by reports on each page."""
    header = [name.strip() for name in names]
    while header and not header[-1]:
        header.pop()
    return [row for row in batch if row[0].strip() != header[0] or not _is_header(row, header)]


def _is_header(row: Row, header: list[str]) -> bool:
    return [cell.strip() for cell in row[: len(header)]] == header and not any(
        map(str.strip, row[len(header) :])
    )


def strays(checked: Mapping[str, Sequence[Column]]) -> int:
    """Count the rows that are no records: the number is not one, and no other value is good.

    `checked` has the columns of the fields with checked values.
    """
    telling = next((key for key in _TELLING if key in checked), "")
    values, doubted = next(iter(checked.get(telling, ())), ((), ()))
    strange = {value for value in doubted if _is_no_number(value)}
    if not strange:
        return 0
    others = checked.get("birth-date") or [c for key, cs in checked.items() if key != telling for c in cs]
    others = (
        others if telling != "birth-date" else [c for k, cs in checked.items() if k != telling for c in cs]
    )
    return sum(
        value in strange and not any(v[row].strip() and v[row] not in bad for v, bad in others)
        for row, value in enumerate(values)
    )


def _is_no_number(value: str) -> bool:
    text = value.strip().upper()
    return text not in _NOT_YET and (not any(map(str.isdigit, text)) or text.count(" ") >= _WORDS_OF_A_NUMBER)


def check_side_by_side(several: Sequence[Sequence[str]]) -> None:
    """Raise Unreadable where columns identifying the pupil differ: the table is two side by side."""
    first, *others = several
    for other in others:
        if any(
            a.strip() and b.strip() and a.strip().upper() != b.strip().upper()
            for a, b in zip(first, other, strict=True)
        ):
            raise beside("two tables side by side", format=None)
