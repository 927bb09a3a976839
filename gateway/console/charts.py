"""Charts as SVG without scripts: one bar a day, with the numbers in a table beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_HEIGHT = 120
_STEP = 40
_KINDS = ("accepted", "held", "refused", "waiting")


def chart_of(days: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the data of a bar chart of days, the first on the left: one column each, stacked by outcome.

    `most` is the count of the tallest column. Places and sizes are in units of the picture.
    """
    most = max((sum(day[kind] for kind in _KINDS) for day in days), default=0)
    columns = []
    for place, day in enumerate(days):
        y, bars = float(_HEIGHT), []
        for kind in _KINDS:
            height = day[kind] * _HEIGHT / most if most else 0.0
            y -= height
            if day[kind]:
                x = place * _STEP + 6
                bars.append({"kind": kind, "x": x, "y": round(y, 2), "height": round(height, 2)})
        count = sum(day[kind] for kind in _KINDS)
        columns.append({"on": day["on"], "x": place * _STEP, "count": count, "bars": bars})
    return {"step": _STEP, "height": _HEIGHT, "most": most, "columns": columns}
