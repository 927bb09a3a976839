"""The table as a picture: one bar for each ratio on a logarithmic scale, and a mark at its target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from tests.bench.measure import Line

_ROW, _LEFT, _WIDTH, _RIGHT = 20, 430, 320, 110
_LOWEST, _HIGHEST = 0.05, 20.0


def picture(lines: Sequence[Line]) -> str:
    """An SVG document. Right of the middle line the gateway is better than what it is compared with."""
    shown = [line for line in lines if line.ratio > 0 and math.isfinite(line.ratio)]
    height = _ROW * (len(shown) + 3)
    rows = "\n".join(_bar(line, _ROW * (number + 2)) for number, line in enumerate(shown))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + _RIGHT}" height="{height}" '
        'font-family="sans-serif" font-size="11">\n'
        '<rect width="100%" height="100%" fill="white"/>\n'
        f'<text x="8" y="16" font-size="13">How many times as good as its peer (black mark: target)</text>\n'
        f"{rows}\n"
        f'<line x1="{_at(1):.0f}" x2="{_at(1):.0f}" y1="26" y2="{height - 10}" stroke="#444"/>\n'
        "</svg>\n"
    )


def _bar(line: Line, top: int) -> str:
    good = line.ratio if line.better == "more" else 1 / line.ratio
    start, end = sorted((_at(1), _at(good)))
    colour = "#3a7d44" if line.met in {True, None} and good >= 1 else "#8a8a8a"
    if line.met is not None:
        colour = "#3a7d44" if line.met else "#c0504d"
    mark = ""
    if line.target is not None:
        wanted = _at(line.target if line.better == "more" else 1 / line.target)
        mark = f'<rect x="{wanted - 1:.0f}" y="{top - 2}" width="2" height="{_ROW - 2}" fill="black"/>'
    label = escape(f"{line.part}: {line.what} / {line.peer}")
    return (
        f'<text x="{_LEFT - 8}" y="{top + 11}" text-anchor="end">{label}</text>'
        f'<rect x="{start:.1f}" y="{top}" width="{max(1.0, end - start):.1f}" height="{_ROW - 6}" '
        f'fill="{colour}"/>{mark}'
        f'<text x="{_LEFT + _WIDTH + 8}" y="{top + 11}">ratio {line.ratio:.2f}</text>'
    )


def _at(value: float) -> float:
    """Where a ratio lies on the scale."""
    clipped = min(max(value, _LOWEST), _HIGHEST)
    part = math.log(clipped / _LOWEST) / math.log(_HIGHEST / _LOWEST)
    return _LEFT + part * _WIDTH
