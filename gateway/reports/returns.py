"""Report on all returns of all providers on one page: the state of each on a day."""

from collections.abc import Iterable
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class ReturnState:
    """The state of one return of a provider; `missed` counts the periods since the last arrival."""

    provider: str
    data_type: str
    state: State
    missed: int


def returns_report(
    returns: Iterable[ReturnState], organisation: str, on: date, made_at: datetime
) -> Document:
    """Return the matrix of providers and kinds of data, with states at the end of the day `on`.

    `never`: the agreement does not ask the provider for the kind of data.
    """
    found = {(one.provider, one.data_type): one for one in returns}
    providers, kinds = (tuple(dict.fromkeys(key[place] for key in found)) for place in (0, 1))
    rows = tuple((name, tuple(_word(found.get((name, kind))) for kind in kinds)) for name in providers)
    matrix = Matrix("Provider", kinds, rows, _SIGNS, _MARKS)
    told = Paragraph("The number behind a word: so many have been missed since the last one that came.")
    empty = Paragraph("No provider is enrolled.")
    return Document(
        f"Returns on {on}",
        f"{organisation}. Report made {spoken(made_at)}.",
        (
            Section("All providers", (_chart(found.values(), kinds),) if rows else (empty,)),
            Section("Each provider", (told, matrix) if rows else (empty,)),
        ),
        data=matrix.table,
    )


def _word(one: ReturnState | None) -> str:
    if one is None:
        return "never"
    return f"{one.state} {one.missed}" if one.missed else one.state


def _chart(returns: Iterable[ReturnState], kinds: tuple[str, ...]) -> Chart:
    counted = {kind: [0] * len(_COUNTED) for kind in kinds}
    for one in returns:
        if one.state in _COUNTED:
            counted[one.data_type][_COUNTED.index(one.state)] += 1
    bars = tuple((kind, tuple(numbers)) for kind, numbers in counted.items())
    return Chart("How the returns stand, by kind of data", "Kind of data", _COUNTED, bars)
