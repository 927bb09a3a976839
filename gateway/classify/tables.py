"""Tables (CSV, tab-separated text, worksheets), told apart by signatures in policies/data_types.toml."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import zip_longest

from gateway.classify.account import Part
from gateway.classify.broadsheets import Grades, grades_in, may_be_subject
from gateway.classify.column_signatures import Evidence, best_fit
from gateway.classify.content import Row, Source, Unreadable, beside, unknown
from gateway.classify.delimited import Header, Table, read_table
from gateway.classify.facts import table_facts
from gateway.classify.format_rules import plain
from gateway.classify.results import KINDS, Kind, ResultKinds, SingleResult
from gateway.classify.schools import RowSchools, Slot, in_a_title
from gateway.classify.stray_rows import Column, check_side_by_side, strays, without_headers
from gateway.classify.tally import Tally
from gateway.classify.value_kinds import distinct
from gateway.classify.verdict import Verdict

_BLANK = {""}
_OF_ONE_PUPIL = frozenset({"upn", "surname", "forename", "full-name", "birth-date"})
"""Fields occurring once per pupil."""
_OUTCOME = ("exam-series", "qualification", "entry-code", "exam-grade")


_TESTS = "ks2"
"""Data type with results of national tests, held until their day; the teacher's assessments are not."""


def recognise(source: Source, tally: Tally) -> Verdict:
    """Return the type of a delimited text. Raises Unreadable where there is none, or more than one."""
    return judge(read_table(source, tally.rules), tally, format="CSV", extension="csv")


def judge(table: Table, tally: Tally, *, format: str, extension: str) -> Verdict:  # noqa: A002
    """Count the table into the tally and return its type."""
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
        tally.account.grades_are(grades.assessment, counter.grade_columns())
    tests = (_TESTS,) if verdict.data_type == _TESTS and tally.filled("ks2-result") else ()
    verdict.results = (*sorted(kind for kind in kinds if kind is not None), *tests)
    return verdict


class _Counter:
    """Count batches of rows under one header into a tally."""

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
        """Return the number of columns of each field."""
        return {key: len(indexes) for key, indexes in self._columns.items()}

    def settle(self) -> None:
        """Add to the tally the columns recognised as grades only after all values were seen."""
        for index, column in self._may_be_grades.items():
            if self._parts[index].key == "subject-grade":
                self._parts[index].others = column.others
                self._tally.field("subject-grade").take(column)
        for part in self._parts:
            if part.key is not None:
                self._tally.column_has(part.key, part.others, part.shape.filled)

    def grade_columns(self) -> list[Part]:
        """Return the columns of grades in a list with one result a row."""
        return [part for part in self._parts if part.key == "exam-grade"]

    def count(self, batch: list[Row]) -> None:
        """Count the rows of one batch, none of them blank."""
        columns = _columns(batch)
        if self._names[0] in columns[0] and len(left := without_headers(batch, self._names)) < len(batch):
            if left:
                self.count(left)
            return
        # Rows may be longer than the header.
        self._parts += (self._tally.account.part("", None) for _ in columns[len(self._parts) :])
        # Examine the values of the columns: in the first batches, then in ever fewer.
        self._batches += 1
        sampled = self._batches & (self._batches - 1) == 0
        for part, values in zip(self._parts, columns, strict=False):
            if sampled:
                part.shape.sample(values)
            if part.key is None and (met := distinct(values)) != _BLANK:
                part.shape.met(len(values) - values.count("") if "" in met else len(values), values)
                part.told.look(met, self._tally.rules)
        blank = ("",) * len(batch)
        by_field = {
            key: [columns[index] if index < len(columns) else blank for index in indexes]
            for key, indexes in self._columns.items()
        }
        for index, column in self._may_be_grades.items():
            column.add_column(columns[index] if index < len(columns) else blank, self._tally.records + 1)
        full = self._add(by_field)
        naming = {key: _first_filled(by_field[key]) for key in self._tally.naming if key in by_field}
        schools = [columns[index] if index < len(columns) else blank for index in self._schools]
        self._row_schools.count(schools, len(batch))
        self._tally.rows(naming, len(batch), self._row_schools.numbers, full)
        if "exam-grade" in by_field or "exam-series" in by_field:
            self._count_outcomes([by_field.get(key, [blank])[0] for key in _OUTCOME])

    def _add(self, by_field: Mapping[str, Sequence[tuple[str, ...]]]) -> set[str]:
        """Add up the fields; return those filled in every row.

        Raises Unreadable for two tables side by side, or a repeated heading identifying the pupil over
        different values: the second column is about another person.
        """
        first, checked, full = self._tally.records + 1, dict[str, list[Column]](), set[str]()
        for key, several in by_field.items():
            field = self._tally.field(key)
            for index, values in zip(self._columns[key], several, strict=True):
                part, others = self._parts[index], field.others
                filled, bad = field.add_column(values, first)
                part.others += field.others - others
                part.shape.met(filled, values)
                part.told.look(field.doubted, self._tally.rules)
                if filled == len(values):
                    full.add(key)
                if field.strict:
                    checked.setdefault(key, []).append((values, bad))
        self.strays += strays(checked)
        for key in _OF_ONE_PUPIL & by_field.keys():
            named = defaultdict(list)
            for index, values in zip(self._columns[key], by_field[key], strict=True):
                named["" if key == "upn" else plain(self._names[index])].append(values)
            for several in named.values():
                check_side_by_side(several)
        return full

    def _count_outcomes(self, columns: list[tuple[str, ...]]) -> None:
        for said, count in Counter(zip(*columns, strict=True)).items():
            self.kinds[self._result_kinds.kind_of(SingleResult(*said))] += count


def _columns(batch: list[Row]) -> list[tuple[str, ...]]:
    try:
        return list(zip(*batch, strict=True))
    except ValueError:  # Rows may be of different lengths.
        return list(zip_longest(*batch, fillvalue=""))


def _first_filled(columns: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    if len(columns) == 1:
        return columns[0]
    return tuple(next(filter(None, values), "") for values in zip(*columns, strict=True))
