"""Which counts of pupils may be told, and how exactly: small numbers are withheld, others are rounded. Pure.

Whoever subtracts one figure from another, of one table or of two files, is not to learn a number of pupils,
or a change of one, that lies below the threshold. So:

- Of each table every pupil is in one line only, and no total is told that is not the sum of lines told. So
  there is nothing to subtract within a table, which secondary suppression would otherwise have to prevent.
- A count is told where it is at least the threshold and a margin of up to the base less one.
- What is told is rounded to a multiple of the base, up or down by chance, so that on average it is right
  (random rounding, as census offices use it).
- Margin and chance are drawn from a seed that is secret and belongs to one file. The same file gives the same
  tables at every reading, so that reading it again tells nothing more; another file draws anew, so that a
  figure may change where no pupil moved, and stay where some did.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class SmallNumbers:
    """How the counts of one file are told: `threshold` and `base` in pupils, `seed` at most 64 octets."""

    threshold: int
    base: int
    seed: bytes

    def told(self, cell: str, count: int) -> int | None:
        """What is told of a count; None where it is withheld. `cell` names it, among those of the file."""
        if count < self.threshold + self._drawn("margin", cell):
            return None
        return (count + self._drawn("rounding", cell)) // self.base * self.base

    @property
    def least(self) -> int:
        """The least count of which something may be told."""
        return self.threshold

    @property
    def most_withheld(self) -> int:
        """The largest count that may be withheld."""
        return self.threshold + self.base - 2

    @property
    def slack(self) -> int:
        """How far a figure may be from its count, either way."""
        return self.base - 1

    def _drawn(self, what: Literal["margin", "rounding"], cell: str) -> int:
        """A number from 0 to the base less one."""
        text = f"{what}\0{cell}".encode()
        digest = hashlib.blake2b(text, key=self.seed, digest_size=16).digest()
        return int.from_bytes(digest) % self.base


@dataclass(frozen=True, slots=True)
class ToldLine:
    """One line of a table: a year group, and a sex; empty where it is not told by sexes."""

    group: str
    sex: str
    figure: int


OTHER = "other"
"""The year groups of which each by itself is withheld, and pupils without one, taken together."""


@dataclass(frozen=True, slots=True)
class ToldYears:
    """Year groups as they are told, and the largest number of pupils that they leave possible."""

    lines: tuple[ToldLine, ...]
    at_most: int


def told_years(years: Mapping[str, Mapping[str, int]], rule: SmallNumbers) -> ToldYears:
    """What is told of the pupils of each year group ("" where none is known) and sex ("" likewise).

    A year group is told by sexes where both may be told, and in one figure otherwise.
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
        at_most += rule.most_withheld if len(told) > 1 else 0  # those of whom no sex is known
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
    """What is told of pupils by another way to divide them, such as by where they live.

    Nothing is told of the others. The lines with the smallest figures are withheld until all together, held
    against the year groups, narrow down no figure of either: `at_most` is what those leave possible.
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
