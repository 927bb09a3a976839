"""Grades in columns: results, or mocks, predictions and other assessments."""

import re
from collections import Counter
from dataclasses import dataclass, field

from gateway.classify.account import Account, Part
from gateway.classify.results import Kind, ResultKinds, SingleResult
from gateway.classify.rules import Rules
from gateway.classify.tally import Tally

_MOSTLY = 0.5
_GRADES = 0.6
_ASKED = frozenset({None, "teacher-assessment", "read-outcome"})
_GCSE = re.compile(r"(?i)gcse")
_A_LEVEL = re.compile(r"(?i)\b(?:a[ -]?level|gce|as|a2)\b")
_EXAM_YEARS = frozenset(["11", "12", "13", "14", "Y11", "Y12", "Y13", "Y14"]) | {
    f"YEAR {n}" for n in (11, 12, 13, 14)
}
_STILL_TAUGHT = frozenset(["10", "11", "13", "Y10", "Y11", "Y13"]) | {"YEAR 10", "YEAR 11", "YEAR 13"}
_BEFORE_EXAMS = frozenset({9, 10, 11, 12, 1, 2, 3, 4, 5})
_SAYS_WHAT = frozenset(
    {None, "exam-series", "qualification", "session", "outcome", "key-stage", "exam-detail"}
)


@dataclass(slots=True)
class Grades:
    """Grades found in a table: kinds of results by column, and the number of other columns.

    `assessment` is the whole table's kind of assessment where its grades are not results; otherwise empty.
    """

    columns: int = 0
    kinds: Counter[Kind | None] = field(default_factory=Counter)
    others: int = 0
    assessment: str = ""


def grades_in(account: Account, tally: Tally, above: str) -> Grades:
    """Find the grade columns of a counted table; columns of results become `subject-grade`."""
    subjects, found = tally.rules.data_types.subjects, Grades()
    found.assessment = subjects.assessment(above) or _said_in_a_column(account, tally)
    too_early = _too_early(tally)
    for part in account.parts:
        if not _has_subject_grades(part, tally):
            found.others += _is_prediction(part, account)
            continue
        part.assessment = subjects.assessment(part.header) or found.assessment or too_early
        if part.assessment:
            found.others += 1
            continue
        part.key = "subject-grade"
        found.columns += 1
        result_kinds, header = ResultKinds(tally.rules.data_types.results), part.header
        said = "GCSE" if _GCSE.search(header) else "A LEVEL" if _A_LEVEL.search(header) else ""
        kinds: Counter[Kind | None] = Counter()
        for grade, count in part.shape.counts.items():
            kinds[result_kinds.kind_of(SingleResult(qualification=said, code=header, grade=grade))] += count
        found.kinds += kinds
    return found


def may_be_subject(header: str, key: str | None, rules: Rules) -> bool:
    """Return True where a column, with this field, may hold one subject's grades; values decide later."""
    if key not in _ASKED:
        return False
    kind = ResultKinds(rules.data_types.results).kind_of(SingleResult(code=header))
    return kind is not None or rules.data_types.subjects.is_subject(header)


def _has_subject_grades(part: Part, tally: Tally) -> bool:
    rules = tally.rules
    if not part.shape.filled or not may_be_subject(part.header, part.key, rules):
        return False
    exam = part.shape.share_among(rules.code_sets["exam-grade"])
    return exam >= _GRADES and exam >= part.shape.share_among(rules.code_sets["teacher-assessment"])


def _said_in_a_column(account: Account, tally: Tally) -> str:
    """Return the assessment named by most values of some column, such as "Assessment: Mock 1"."""
    subjects = tally.rules.data_types.subjects
    for part in account.parts:
        if part.key in _SAYS_WHAT and part.shape.counts:
            said = Counter({text: n for text, n in part.shape.counts.items() if subjects.assessment(text)})
            if said.total() >= _MOSTLY * part.shape.counts.total():
                return subjects.assessment(said.most_common(1)[0][0])
    return ""


def _too_early(tally: Tally) -> str:
    """Return "teacher-assessed" where the pupils are too young for the examination; otherwise empty."""
    years = tally.fields.get("year-group")
    if years is None or years.share_among(tally.rules.code_sets["year-group"]) < _MOSTLY:
        return ""
    if years.share_among(_EXAM_YEARS) < _MOSTLY:
        return "teacher-assessed"
    taught = years.share_among(_STILL_TAUGHT) >= _MOSTLY
    return "teacher-assessed" if taught and tally.today and tally.today.month in _BEFORE_EXAMS else ""


def _is_prediction(part: Part, account: Account) -> bool:
    kind = part.shape.kind(account.grades()) if part.key is None else "nothing"
    return kind in ("grades", "numbers", "codes") and account.is_other_assessment(part)
