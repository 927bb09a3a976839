"""Charts as SVG without scripts: bars of days, with the numbers in a table beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.zones.console_api.answers import DaySeen
from gateway.zones.console_api.school_answers import KeyLife

_HEIGHT = 120
_STEP = 40
_WIDTH, _ROW = 560, 22
_COLOURS = {"active": "accepted", "retiring": "held", "pending": "waiting", "revoked": "refused"}
_KINDS = ("accepted", "held", "refused", "waiting")


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle, in units of the picture; `kind` is the counted outcome."""

    kind: str
    x: int
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class DayChart:
    """Bars of days, stacked by outcome. `most` is the count of the tallest bar."""

    width: int
    height: int
    most: int
    bars: tuple[Bar, ...]
    labels: tuple[tuple[int, str], ...]


def chart_of(days: Sequence[DaySeen]) -> DayChart:
    """Return a chart of the days, the first on the left."""
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
    """The bar of one key on the time line: left edge, width, and place of the last use."""

    kind: str
    x: float
    width: float
    used: float | None


@dataclass(frozen=True, slots=True)
class TimeLine:
    """The bars of keys, one below the other; `first` and `last` are the days at both ends."""

    width: int
    row: int
    first: datetime
    last: datetime
    now: float
    lives: tuple[Life, ...]


def time_line_of(keys: Sequence[KeyLife], now: datetime) -> TimeLine | None:
    """Return the time line of keys, in the given order; None without keys. Keys without an end run on."""
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
