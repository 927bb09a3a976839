"""Decide the data type of a table (CSV, JSON, a worksheet) by signatures in policies/data_types.toml."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import NamedTuple

from gateway.classify import results
from gateway.classify.account import Account, Part
from gateway.classify.content import Row, Unreadable, Verdict, beside, declared_between, unknown
from gateway.classify.delimited import Header, Table
from gateway.classify.facts import table_facts
from gateway.classify.format_rules import plain
from gateway.classify.results import KINDS, Kind, ResultKinds, SingleResult
from gateway.classify.rules import ColumnSignature, Rules
from gateway.classify.schools import RowSchools, Slot, in_a_title
from gateway.classify.sensitive import WORDS
from gateway.classify.tally import Tally

_MOSTLY = 0.5
_GRADES = 0.6
_ASKED = frozenset({None, "teacher-assessment", "read-outcome"})
_GCSE = re.compile(r"(?i)gcse")
_A_LEVEL = re.compile(r"(?i)\b(?:a[ -]?level|gce|as|a2)\b")
_EXAM_YEARS = frozenset(f"{word}{n}" for n in (11, 12, 13, 14) for word in ("", "Y", "YEAR "))
_STILL_TAUGHT = frozenset(f"{word}{n}" for n in (10, 11, 13) for word in ("", "Y", "YEAR "))
_BEFORE_EXAMS = frozenset({9, 10, 11, 12, 1, 2, 3, 4, 5})
_SAYS_WHAT = frozenset(
    {None, "exam-series", "qualification", "session", "outcome", "key-stage", "exam-detail"}
)


@dataclass(slots=True)
class Grades:
    """The grade columns of a table: number of columns with final results, and number of results of each kind.
    `others`: number of columns with other grades. `assessment`: of the whole table, such as "mock"; "" for
    results.
    """

    columns: int = 0
    kinds: Counter[Kind | None] = field(default_factory=Counter)
    others: int = 0
    assessment: str = ""


def grades_in(account: Account, tally: Tally, above: str) -> Grades:
    """Find the grade columns of a counted table; columns of final results get the field `subject-grade`."""
    subjects, found = tally.rules.data_types.subjects, Grades()
    found.assessment = subjects.assessment(above) or _said_in_a_column(account, tally)
    too_early = _too_early(tally)
    for part in account.parts:
        if not _has_subject_grades(part, tally):
            kind = part.shape.kind(account.grades()) if part.key is None else "nothing"
            found.others += kind in ("grades", "numbers", "codes") and subjects.assessment(part.header) != ""
            continue
        part.assessment = subjects.assessment(part.header) or found.assessment or too_early
        if part.assessment:
            found.others += 1
            continue
        part.key = "subject-grade"
        found.columns += 1
        result_kinds, header = ResultKinds(tally.rules.data_types.results), part.header
        said = "GCSE" if _GCSE.search(header) else "A LEVEL" if _A_LEVEL.search(header) else ""
        for grade, count in part.shape.counts.items():
            result = SingleResult(qualification=said, code=header, grade=grade)
            found.kinds[result_kinds.kind_of(result)] += count
    return found


def may_be_subject(header: str, key: str | None, rules: Rules) -> bool:
    """Return True if a column of this name and field may contain one subject's grades, if the values fit."""
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
    """Return the assessment, such as "mock", that half the values of one column name; else ""."""
    subjects = tally.rules.data_types.subjects
    for part in account.parts:
        if part.key in _SAYS_WHAT and part.shape.counts:
            said = Counter({text: n for text, n in part.shape.counts.items() if subjects.assessment(text)})
            if said.total() >= _MOSTLY * part.shape.counts.total():
                return subjects.assessment(said.most_common(1)[0][0])
    return ""


def _too_early(tally: Tally) -> str:
    """Return "teacher-assessed" where most pupils are too young to have sat the examination; else ""."""
    years = tally.fields.get("year-group")
    if years is None or years.share_among(tally.rules.code_sets["year-group"]) < _MOSTLY:
        return ""
    if years.share_among(_EXAM_YEARS) < _MOSTLY:
        return "teacher-assessed"
    taught = years.share_among(_STILL_TAUGHT) >= _MOSTLY
    return "teacher-assessed" if taught and tally.today and tally.today.month in _BEFORE_EXAMS else ""


_ONLY_SHARE = 0.5
_AGED_SHARE = 0.8


class Evidence(NamedTuple):
    """Evidence for a table's type: number of columns by field, values, text above, kinds of results."""

    widths: Mapping[str, int]
    tally: Tally
    above: str
    kinds: Counter[results.Kind | None]


def best_fit(evidence: Evidence, format: str) -> Verdict:  # noqa: A002
    """Return the type with the best-fitting signature; of two equal ones, the one in the file name.
    Raises Unreadable where none fits, or where two fit equally and the file name suggests neither.
    """
    fitting = [s for s in evidence.tally.rules.data_types.tables if _fits(s, evidence)]
    if not fitting:
        raise unknown("no kind of data that is known has such columns", format=format)
    rank = max(s.rank for s in fitting)
    best = [s for s in fitting if s.rank == rank]
    tied, declared = dict.fromkeys(s.type for s in best), evidence.tally.declared
    if len(tied) > 1 and declared in tied:
        best = [s for s in best if s.type == declared]
    others = [s.type for s in sorted(fitting, key=lambda s: -s.rank) if s.type != best[0].type]
    if any(s.type != best[0].type for s in best):
        raise Unreadable("classify:ambiguous", *(s.because for s in best), format=format)
    if best[0].waits:
        raise Unreadable(best[0].waits, best[0].because, format=format, about=best[0].because)
    verdict = Verdict(
        data_type=best[0].type,
        level=best[0].level,
        evidence=[*(s.because for s in best), f"columns or elements that are known: {len(evidence.widths)}"],
        format=format,
        runner_up=next(iter(others), None),
        part=best[0].part,
    )
    if len(tied) > 1:
        verdict.evidence.append(declared_between(best[0].type, tied))
    if best[0].results:
        kinds = evidence.kinds
        verdict.data_type, verdict.mixed_with, why = results.prevailing_kind(kinds, format, declared)
        verdict.evidence.append(why)
    return verdict


def _fits(signature: ColumnSignature, evidence: Evidence) -> bool:
    present, tally = evidence.widths.keys(), evidence.tally
    codes = tally.rules.code_sets
    return (
        present >= set(signature.needs)
        and present.isdisjoint(signature.without)
        and all(present & set(group) for group in signature.any)
        and len(present & set(signature.of)) >= signature.at_least
        and all(evidence.widths.get(key, 0) >= count for key, count in signature.many.items())
        and (not signature.no_results or not tally.account.has_unknown_results())
        and (not signature.above or any(word in evidence.above for word in signature.above))
        and all(tally.field(key).share_good() >= share for key, share in signature.share.items())
        and all(tally.field(key).share_among(values) >= _ONLY_SHARE for key, values in signature.only.items())
        and all(tally.field(key).share_among(codes[n]) >= _ONLY_SHARE for key, n in signature.among.items())
        and (signature.ages is None or tally.share_aged(*signature.ages) >= _AGED_SHARE)
    )


# Field proving that a row is a record: the first of these in the table.
_TELLING = ("upn", "birth-date")
_WORDS_OF_A_NUMBER = 3

Column = tuple[Sequence[str], Collection[str]]
"""Values of a column in some rows, and the faulty values among them."""


def without_headers(batch: list[Row], names: Sequence[str]) -> list[Row]:
    """Return the rows without repeated headers, which reports print on each page."""
    header = _filled(names)
    return [row for row in batch if row[0].strip() != header[0] or _filled(row) != header]


def _filled(row: Sequence[str]) -> list[str]:
    """Return the cells up to the last filled one, trimmed."""
    cells = [cell.strip() for cell in row]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def strays(checked: Mapping[str, Sequence[Column]]) -> int:
    """Count rows that are no records: words in place of the UPN or birth date, and no other valid value.
    `checked`: by field, its columns, each with its values and the faulty ones among them.
    """
    telling = next((key for key in _TELLING if key in checked), "")
    values, doubted = next(iter(checked.get(telling, ())), ((), ()))
    strange = set()
    for value in doubted:
        text = value.strip().upper()
        has_figures = any(map(str.isdigit, text)) and text.count(" ") < _WORDS_OF_A_NUMBER
        if text not in WORDS["not_yet"] and not has_figures:
            strange.add(value)
    if not strange:
        return 0
    others = checked.get("birth-date", ()) if telling == "upn" else ()
    others = others or [c for key, columns in checked.items() if key != telling for c in columns]
    return sum(
        value in strange and not any(v[row].strip() and v[row] not in bad for v, bad in others)
        for row, value in enumerate(values)
    )


def check_side_by_side(several: Sequence[Sequence[str]]) -> None:
    """Raise Unreadable if two columns identify different pupils in a row: tables side by side."""
    first, *others = several
    for other in others:
        pairs = ((a.strip().upper(), b.strip().upper()) for a, b in zip(first, other, strict=True))
        if any(a and b and a != b for a, b in pairs):
            raise beside("two tables side by side")


_OF_ONE_PUPIL = frozenset({"upn", "surname", "forename", "full-name", "birth-date"})
"""Fields that each pupil has one of."""
_OUTCOME = ("exam-series", "qualification", "entry-code", "exam-grade")


_TESTS = "ks2"
"""Data type with results of national tests, held until their day; the teacher's assessments are not."""


def judge(table: Table, tally: Tally, *, format: str, extension: str) -> Verdict:  # noqa: A002
    """Count a table into the tally and return its type. Raises Unreadable for no type, or no rows."""
    counter = _Counter(table.header, tally)
    tally.schools.around = in_a_title(table.header.above)
    tally.account.title(table.header.telling)
    for batch in table.batches:
        if batch:
            counter.count(batch)
    if not tally.records:
        raise unknown("a table without rows", format=format)
    grades = grades_in(tally.account, tally, table.header.above)
    counter.settle()
    verdict = _decide(counter, grades, tally, table.header.above, format)
    verdict.extension = extension
    verdict.facts = table_facts(tally)
    return verdict


def _decide(counter: _Counter, grades: Grades, tally: Tally, above: str, format: str) -> Verdict:  # noqa: A002
    widths = counter.widths() | ({"subject-grade": grades.columns} if grades.columns else {})
    kinds = counter.kinds + grades.kinds
    try:
        verdict = best_fit(Evidence(widths, tally, above, kinds), format)
    except Unreadable as reason:
        if reason.code == "classify:unknown" and grades.others:
            why = "grades of mocks, predictions or forecasts, which are no results"
            raise Unreadable("classify:other-assessments", why, format=format) from None
        raise
    if counter.strays:
        raise beside("rows of another table under the table", format=format)
    if verdict.data_type in KINDS and grades.assessment and not grades.columns:
        counter.mark_grades(grades.assessment)
    tests = (_TESTS,) if verdict.data_type == _TESTS and tally.filled("ks2-result") else ()
    verdict.results = (*sorted(kind for kind in kinds if kind is not None), *tests)
    return verdict


class _Counter:
    """Counter of rows under one header into a tally, a batch at a time, column by column."""

    def __init__(self, header: Header, tally: Tally) -> None:
        self.kinds: Counter[Kind | None] = Counter()
        self._tally = tally
        self._result_kinds = ResultKinds(tally.rules.data_types.results)
        self._columns: dict[str, list[int]] = {}
        self._parts: list[Part] = []
        self.strays = 0
        self._batches = 0
        self._names = list(header.names)
        self._schools: list[int] = []
        slots: list[Slot] = []
        for index, name in enumerate(header.names):
            key = tally.rules.column_field(name)
            self._parts.append(tally.account.part(name, key))
            if key is not None:
                self._columns.setdefault(key, []).append(index)
            if (slot := tally.rules.data_types.schools.slot(name, key)) is not None:
                self._schools.append(index)
                slots.append(slot)
        self._row_schools = RowSchools(slots, tally.schools)
        self._may_be_grades = {
            index: tally.column("subject-grade")
            for index, part in enumerate(self._parts)
            if may_be_subject(part.header, part.key, tally.rules)
        }

    def widths(self) -> dict[str, int]:
        """Return the number of columns by field."""
        return {key: len(indexes) for key, indexes in self._columns.items()}

    def settle(self) -> None:
        """Count the columns that are recognised as grades only once all their values have been read."""
        for index, column in self._may_be_grades.items():
            if self._parts[index].key == "subject-grade":
                self._parts[index].others = column.others
                self._tally.field("subject-grade").take(column)
        for part in self._parts:
            if part.key is not None:
                self._tally.column_has(part.key, part.others, part.shape.filled)

    def mark_grades(self, assessment: str) -> None:
        """Mark the grades, in a table of one result a row, as those of `assessment`, not as final results."""
        for part in self._parts:
            if part.key == "exam-grade":
                part.assessment = assessment

    def count(self, batch: list[Row]) -> None:
        """Count a batch of non-blank rows, without repeated headers."""
        columns = _columns(batch)
        if self._names[0] in columns[0] and len(left := without_headers(batch, self._names)) < len(batch):
            if left:
                self.count(left)
            return
        # Rows may be longer or shorter than the header.
        self._parts += (self._tally.account.part("", None) for _ in columns[len(self._parts) :])
        blank = ("",) * len(batch)
        columns += [blank] * (len(self._parts) - len(columns))
        # Examine the values of the columns: in the first batches, then in ever fewer.
        self._batches += 1
        sampled = self._batches & (self._batches - 1) == 0
        first = self._tally.records + 1
        rows = range(first, first + len(batch))
        checked, full = dict[str, list[Column]](), set[str]()
        for part, values in zip(self._parts, columns, strict=True):
            filled = part.shape.filled
            bad = self._tally.take(part, values, rows, sample=sampled)
            if part.key is not None and part.shape.filled - filled == len(batch):
                full.add(part.key)
            if part.key is not None and self._tally.field(part.key).strict:
                checked.setdefault(part.key, []).append((values, bad))
        self.strays += strays(checked)
        by_field = {key: [columns[index] for index in indexes] for key, indexes in self._columns.items()}
        for index, column in self._may_be_grades.items():
            column.add(columns[index], rows)
        self._check_pupils(by_field)
        naming = {
            key: columns[0]
            if len(columns) == 1
            else [next(filter(None, values), "") for values in zip(*columns, strict=True)]
            for key, columns in by_field.items()
            if key in self._tally.naming
        }
        self._row_schools.count([columns[index] for index in self._schools], len(batch))
        self._tally.rows(naming, len(batch), self._row_schools.numbers, full)
        if "exam-grade" in by_field or "exam-series" in by_field:
            outcomes = [by_field.get(key, [blank])[0] for key in _OUTCOME]
            for said, count in Counter(zip(*outcomes, strict=True)).items():
                self.kinds[self._result_kinds.kind_of(SingleResult(*said))] += count

    def _check_pupils(self, by_field: Mapping[str, Sequence[tuple[str, ...]]]) -> None:
        """Raise Unreadable where two columns of one heading name different pupils."""
        for key in _OF_ONE_PUPIL & by_field.keys():
            named = defaultdict(list)
            for index, values in zip(self._columns[key], by_field[key], strict=True):
                named["" if key == "upn" else plain(self._names[index])].append(values)
            for several in named.values():
                check_side_by_side(several)


def _columns(batch: list[Row]) -> list[tuple[str, ...]]:
    try:
        return list(zip(*batch, strict=True))
    except ValueError:  # Rows may be of different lengths.
        return list(zip_longest(*batch, fillvalue=""))
