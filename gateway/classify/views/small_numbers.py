"""Disclosure control for counts of pupils: small numbers are withheld, others are rounded. Pure.

Subtracting one figure from another, of one table or of two files, must not reveal a number of pupils, or a
change of one, below the threshold. So:

- In each table every pupil is in one line only, and any total is the sum of lines shown. So nothing can be
  subtracted within a table, which secondary suppression would otherwise have to prevent.
- A count is shown from the threshold and a margin of up to the base less one.
- A figure is rounded to a multiple of the base, up or down at random, and so right on average (random
  rounding, as used by census offices).
- Margin and rounding are drawn from a secret seed of one file. The same file gives the same tables at every
  reading, so reading again reveals nothing more; another file draws anew, so a figure may change where no
  pupil moved, and stay where some did.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class SmallNumbers:
    """Rule for the counts of one file: `threshold` and `base` in pupils, `seed` at most 64 octets."""

    threshold: int
    base: int
    seed: bytes

    def told(self, cell: str, count: int) -> int | None:
        """Return the figure for a count; None where withheld. `cell` names the count within the file."""
        if count < self.threshold + self._drawn("margin", cell):
            return None
        return (count + self._drawn("rounding", cell)) // self.base * self.base

    @property
    def least(self) -> int:
        """Smallest count that may be shown."""
        return self.threshold

    @property
    def most_withheld(self) -> int:
        """Largest count that may be withheld."""
        return self.threshold + self.base - 2

    @property
    def slack(self) -> int:
        """Largest distance of a figure from its count, either way."""
        return self.base - 1

    def _drawn(self, what: Literal["margin", "rounding"], cell: str) -> int:
        """Draw a number from 0 to the base less one."""
        text = f"{what}\0{cell}".encode()
        digest = hashlib.blake2b(text, key=self.seed, digest_size=16).digest()
        return int.from_bytes(digest) % self.base


@dataclass(frozen=True, slots=True)
class ToldLine:
    """Line of a table: a year group, and a sex; empty where not split by sex."""

    group: str
    sex: str
    figure: int


OTHER = "other"
"""Year groups withheld one by one, and pupils without a year group, combined."""


@dataclass(frozen=True, slots=True)
class ToldYears:
    """Year groups as shown, and the largest number of pupils possible given the figures."""

    lines: tuple[ToldLine, ...]
    at_most: int


def told_years(years: Mapping[str, Mapping[str, int]], rule: SmallNumbers) -> ToldYears:
    """Return the lines for pupils by year group and sex (each "" where unknown).

    A year group is split by sex where both may be shown, and otherwise one figure.
    """
    lines: list[ToldLine] = []
    at_most, rest = 0, 0
    for year, sexes in years.items():
        told = _by_sexes(year, sexes, rule) if year else None
        if told is None:
            rest += sum(sexes.values())
            continue
        lines += told
        at_most += sum(line.figure + rule.slack for line in told)
        at_most += rule.most_withheld if len(told) > 1 else 0  # pupils without a known sex
    figure = rule.told(f"year {OTHER}", rest)
    if figure is not None:
        lines.append(ToldLine(OTHER, "", figure))
    at_most += rule.most_withheld if figure is None else figure + rule.slack
    return ToldYears(tuple(lines), at_most)


def _by_sexes(year: str, sexes: Mapping[str, int], rule: SmallNumbers) -> list[ToldLine] | None:
    each = {sex: rule.told(f"year {year} {sex}", sexes.get(sex, 0)) for sex in ("F", "M")}
    few = sexes.get("", 0) <= rule.most_withheld
    split = [ToldLine(year, sex, figure) for sex, figure in each.items() if figure is not None]
    if len(split) == len(each) and few:
        return split
    figure = rule.told(f"year {year}", sum(sexes.values()))
    return None if figure is None else [ToldLine(year, "", figure)]


def told_parts(
    counts: Mapping[str, int], what: str, rule: SmallNumbers, at_most: int
) -> tuple[ToldLine, ...]:
    """Return the lines for pupils in another division, such as by address.

    The lines with the smallest figures are withheld until all together, compared with the year groups,
    narrow down no figure of either: `at_most` is the maximum left possible by the year groups.
    """
    lines = [
        ToldLine(part, "", figure)
        for part, count in sorted(counts.items())
        if (figure := rule.told(f"{what} {part}", count)) is not None
    ]
    lines.sort(key=lambda line: (-line.figure, line.group))
    while lines and at_most - sum(_at_least(line, rule) for line in lines) < 2 * rule.slack:
        lines.pop()
    return tuple(sorted(lines, key=lambda line: line.group))


def _at_least(line: ToldLine, rule: SmallNumbers) -> int:
    return max(line.figure - rule.slack, rule.least)
