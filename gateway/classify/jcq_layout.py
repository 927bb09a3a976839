"""Find the place of results in a candidate's record.

Public parsers of result files read one result a record, at fixed places: `result_in`. Other files have all
entries of a candidate in one record, in an unpublished layout to be learnt from the file. Known are only
the form of entry codes and grades, and that entries are groups of one width after the candidate's data. The
layout with the most groups looking like results wins; where none fits well, there is none.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from gateway.classify.identifiers import is_uci

_CODE = re.compile(r"(?=.*\d)[0-9A-Z][0-9A-Z/]{2,7} *")
_STARTS = (95, 107, 108, 109)
_CODE_WIDTHS = (6, 4, 5, 7, 8)
_OPTION_WIDTHS = (1, 0)
_GRADE_WIDTHS = (2, 1, 3)
_FITTING_SHARE = 0.6


_CENTRE_AND_CANDIDATE, _CANDIDATE_ID, _LEARNER, _UNIT, _GRADE = (
    slice(2, 11),
    slice(11, 24),
    slice(24, 34),
    slice(40, 46),
    slice(46, 66),
)
BETWEEN = (_LEARNER.stop, _UNIT.start)
"""Places of a result between the numbers of its candidate and its unit."""
FROM_GRADE_ON = _GRADE.start
_TOLD_BY = 2_000
"""Characters of a record examined for its layout: records of the awarding bodies are shorter."""


@dataclass(frozen=True, slots=True)
class ResultLine:
    """Record of a single result. Blank parts are empty."""

    candidate: str
    uci: str
    uln: str
    unit: str
    grade: str


def result_in(record: str) -> ResultLine | None:
    """Return the single result in a record; None for any other record."""
    candidate, unit = record[_CENTRE_AND_CANDIDATE], record[_UNIT].strip().upper()
    uci, uln = record[_CANDIDATE_ID].strip(), record[_LEARNER].strip()
    if not (candidate.isascii() and candidate.isdigit()) or not _CODE.fullmatch(unit):
        return None
    if (uci and not is_uci(uci)) or (uln and not (uln.isascii() and uln.isdigit())):
        return None
    grade = next(iter(record[_GRADE].split()), "")
    return ResultLine(candidate, uci, uln, unit, grade.upper())


@dataclass(frozen=True, slots=True)
class JcqLayout:
    """Groups of code, option and grade from `start` on; widths in characters."""

    start: int
    code: int
    option: int
    grade: int

    def results(self, record: str) -> Iterator[tuple[str, str]]:
        """Yield code and grade of each group that is not blank."""
        width = self.code + self.option + self.grade
        for at in range(self.start, len(record), width):
            group = record[at : at + width]
            if group.strip():
                yield group[: self.code], group[self.code + self.option :].strip().upper()

    def first_strange(self, record: str) -> int | None:
        """Return the start of the first group without a valid code; None where all are results."""
        width = self.code + self.option + self.grade
        for at in range(self.start, len(record), width):
            code = record[at : at + self.code].upper()
            if record[at : at + width].strip() and not _CODE.fullmatch(code):
                return at
        return None


def learn(records: Sequence[str], grades: frozenset[str]) -> JcqLayout | None:
    """Return the layout fitting these candidates' records best; None where most groups fit none.

    Only the beginning of each record is examined, so that a long record costs no more.
    """
    records = [record[:_TOLD_BY] for record in records]
    layouts = [JcqLayout(*sizes) for sizes in product(_STARTS, _CODE_WIDTHS, _OPTION_WIDTHS, _GRADE_WIDTHS)]
    judged = [(_fit(layout, records, grades), layout) for layout in layouts]
    (good, bad), best = max(judged, key=lambda each: each[0][0] - each[0][1])
    return best if good and good >= _FITTING_SHARE * (good + bad) else None


def _fit(layout: JcqLayout, records: Sequence[str], grades: frozenset[str]) -> tuple[int, int]:
    good = bad = 0
    for record in records:
        for code, grade in layout.results(record):
            if grade in grades and _CODE.fullmatch(code.upper()):
                good += 1
            else:
                bad += 1
    return good, bad
