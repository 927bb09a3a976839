"""Report on all returns of all providers on one page: the state of each on a day."""

from collections.abc import Iterable
from datetime import date, datetime

from gateway.policy.timescale import State
from gateway.receipts.text import spoken
from gateway.reports.document import Chart, Document, Mark, Matrix, Paragraph, Section

_SIGNS: dict[State | str, str] = {
    "on-time": "+",
    "early": "e",
    "received": "r",
    "nil": "n",
    "late": "L",
    "due": "?",
    "missing": "M",
    "not-due": ".",
    "not-expected": "-",
    "no-calendar": "c",
    "never": "/",
}
_MARKS: dict[str, Mark] = {
    "on-time": "good", "early": "good", "received": "good", "nil": "good",
    "late": "weak", "due": "weak", "no-calendar": "weak", "missing": "bad",
}  # fmt: skip
_COUNTED: tuple[State, ...] = ("on-time", "early", "due", "late", "missing")


def returns_report(
    returns: Iterable[tuple[str, str, State, int]], organisation: str, on: date, made_at: datetime
) -> Document:
    """Return the matrix of providers and kinds of data, with states at the end of the day `on`.

    `returns` are provider, kind of data, state, and the number of periods since the last arrival. `never`:
    the agreement does not ask the provider for the kind of data.
    """
    found: dict[tuple[str, str], str] = {}
    counted: dict[str, list[int]] = {}
    for provider, kind, state, missed in returns:
        found[provider, kind] = f"{state} {missed}" if missed else state
        numbers = counted.setdefault(kind, [0] * len(_COUNTED))
        if state in _COUNTED:
            numbers[_COUNTED.index(state)] += 1
    rows = tuple(
        (name, tuple(found.get((name, kind), "never") for kind in counted))
        for name in dict.fromkeys(provider for provider, _ in found)
    )
    kinds, bars = tuple(counted), tuple((kind, tuple(numbers)) for kind, numbers in counted.items())
    chart = Chart("How the returns stand, by kind of data", "Kind of data", _COUNTED, bars)
    matrix = Matrix("Provider", kinds, rows, _SIGNS, _MARKS)
    told = Paragraph("The number behind a word: so many have been missed since the last one that came.")
    empty = Paragraph("No provider is enrolled.")
    return Document(
        f"Returns on {on}",
        f"{organisation}. Report made {spoken(made_at)}.",
        (
            Section("All providers", (chart,) if rows else (empty,)),
            Section("Each provider", (told, matrix) if rows else (empty,)),
        ),
        data=matrix.table,
    )
