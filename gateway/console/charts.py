"""Charts, computed here so that no script is needed: bars of days; a table beside them has the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.zones.hatch.answers import DaySeen
from gateway.zones.hatch.school_answers import KeyLife

_HEIGHT = 120
_STEP = 40
_WIDTH, _ROW = 560, 22
_COLOURS = {"active": "accepted", "retiring": "held", "pending": "waiting", "revoked": "refused"}
_KINDS = ("accepted", "held", "refused", "waiting")


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle, in units of the picture; `kind` is what it counts."""

    kind: str
    x: int
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class DayChart:
    """Bars of days, each made of what became of its files. `most` is the height of the tallest."""

    width: int
    height: int
    most: int
    bars: tuple[Bar, ...]
    labels: tuple[tuple[int, str], ...]


def chart_of(days: Sequence[DaySeen]) -> DayChart:
    """A chart of these days, the first to the left."""
    most = max((sum(_counts(day)) for day in days), default=0)
    bars: list[Bar] = []
    for place, day in enumerate(days):
        y = float(_HEIGHT)
        for kind, count in zip(_KINDS, _counts(day), strict=True):
            height = count * _HEIGHT / most if most else 0.0
            y -= height
            if count:
                bars.append(Bar(kind, place * _STEP + 6, round(y, 2), round(height, 2)))
    labels = tuple((place * _STEP + _STEP // 2, f"{day.on:%d}".lstrip("0")) for place, day in enumerate(days))
    return DayChart(len(days) * _STEP, _HEIGHT, most, tuple(bars), labels)


def _counts(day: DaySeen) -> tuple[int, ...]:
    return tuple(getattr(day, kind) for kind in _KINDS)


@dataclass(frozen=True, slots=True)
class Life:
    """The bar of one key on the time line: where it begins, how wide it is, and when it was used last."""

    kind: str
    x: float
    width: float
    used: float | None


@dataclass(frozen=True, slots=True)
class TimeLine:
    """The lives of keys, one below the other; `first` and `last` are the days at both ends."""

    width: int
    row: int
    first: datetime
    last: datetime
    now: float
    lives: tuple[Life, ...]


def time_line_of(keys: Sequence[KeyLife], now: datetime) -> TimeLine | None:
    """The time line of keys, in their order; None where there is none. A key without an end goes on."""
    if not keys:
        return None
    first = min(key.added_at for key in keys)
    ends = [key.until for key in keys if key.until is not None]
    last = max([*ends, now]) + timedelta(days=30)
    whole = (last - first) / timedelta(seconds=1)

    def place(moment: datetime) -> float:
        return round(_WIDTH * ((moment - first) / timedelta(seconds=1)) / whole, 1)

    lives = tuple(
        Life(
            _COLOURS.get(key.state, "waiting"),
            place(key.added_at),
            max(2.0, place(key.until or last) - place(key.added_at)),
            None if key.last_used_at is None else place(key.last_used_at),
        )
        for key in keys
    )
    return TimeLine(_WIDTH, _ROW, first, last, place(now), lives)
