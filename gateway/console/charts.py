"""Charts as SVG without scripts: bars of days, with the numbers in a table beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

_HEIGHT = 120
_STEP = 40
_KINDS = ("accepted", "held", "refused", "waiting")


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle, in units of the picture; `kind` is the counted outcome."""

    kind: str
    x: int
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """The bars of one day, from `x` on, and the number of its files."""

    on: date
    x: int
    count: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class DayChart:
    """Columns of days, stacked by outcome. `most` is the count of the tallest one."""

    step: int
    height: int
    most: int
    columns: tuple[Column, ...]


def chart_of(days: Sequence[Mapping[str, Any]]) -> DayChart:
    """Return a chart of the days, the first on the left."""
    most = max((sum(_counts(day)) for day in days), default=0)
    columns = []
    for place, day in enumerate(days):
        y, bars = float(_HEIGHT), []
        for kind, count in zip(_KINDS, _counts(day), strict=True):
            height = count * _HEIGHT / most if most else 0.0
            y -= height
            if count:
                bars.append(Bar(kind, place * _STEP + 6, round(y, 2), round(height, 2)))
        columns.append(Column(day["on"], place * _STEP, sum(_counts(day)), tuple(bars)))
    return DayChart(_STEP, _HEIGHT, most, tuple(columns))


def _counts(day: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(day[kind] for kind in _KINDS)
