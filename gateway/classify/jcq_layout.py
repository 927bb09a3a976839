"""Where the results stand in a candidate's record, learnt from the file itself.

The layout of result records is not public. What is known is that entries are groups of one width
behind the candidate's particulars, and what entry codes and grades look like. The layout under which
most groups look like results is taken; where none fits, there is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

_CODE = re.compile(r"(?=.*\d)[0-9A-Z][0-9A-Z/]{2,7} *")
_STARTS = (95, 107, 108, 109)
_CODE_WIDTHS = (6, 4, 5, 7, 8)
_OPTION_WIDTHS = (1, 0)
_GRADE_WIDTHS = (2, 1, 3)
_FITTING_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class Layout:
    """Groups of code, option and grade from `start` on; widths in characters."""

    start: int
    code: int
    option: int
    grade: int

    def results(self, record: str) -> Iterator[tuple[str, str]]:
        """The code and the grade in each group that is not blank."""
        width = self.code + self.option + self.grade
        for at in range(self.start, len(record), width):
            group = record[at : at + width]
            if group.strip():
                yield group[: self.code], group[self.code + self.option :].strip().upper()


def learn(records: Sequence[str], grades: frozenset[str]) -> Layout | None:
    """The layout that fits these candidates' records best; None where most groups fit none."""
    layouts = [Layout(*sizes) for sizes in product(_STARTS, _CODE_WIDTHS, _OPTION_WIDTHS, _GRADE_WIDTHS)]
    judged = [(_fit(layout, records, grades), layout) for layout in layouts]
    (good, bad), best = max(judged, key=lambda each: each[0][0] - each[0][1])
    return best if good and good >= _FITTING_SHARE * (good + bad) else None


def _fit(layout: Layout, records: Sequence[str], grades: frozenset[str]) -> tuple[int, int]:
    good = bad = 0
    for record in records:
        for code, grade in layout.results(record):
            if grade in grades and _CODE.fullmatch(code.upper()):
                good += 1
            else:
                bad += 1
    return good, bad
