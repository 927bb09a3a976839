"""The awarding bodies' fixed-width files (`dcccccbb.Xnn`): records beginning with a letter and a figure.

Header 1, centre 3, candidate 5, centre trailer 7, file trailer 9; trailers count the records above. For the
place of results in a record see `jcq_layout`.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import chain, takewhile

from gateway.classify.content import Source, Unreadable, malformed, unknown
from gateway.classify.delimited import line_batches
from gateway.classify.format_rules import JcqRule
from gateway.classify.identifiers import is_uci
from gateway.classify.jcq_layout import BETWEEN, FROM_GRADE_ON, JcqLayout, ResultLine, learn, result_in
from gateway.classify.jcq_rest import Rest
from gateway.classify.results import GCSE, Kind, ResultKinds, SingleResult, prevailing_kind
from gateway.classify.schools import said
from gateway.classify.tally import Tally
from gateway.classify.verdict import Verdict
from gateway.model import Level

FORMAT = "JCQ results"
OTHER_FORMAT = "JCQ file"
_START = re.compile(r"([A-Z])1[^\n]*\r?\n\1[3579]")
_TOKEN = re.compile(r"[0-9A-Z*-]+")
LEARN_FROM = 50
_CENTRE_DIGITS = 5
_COUNT_DIGITS = 7
# Matches may overlap: a sex, a date of birth and a candidate identifier in a row look like a UPN too.
_UPN = re.compile(r"(?=([A-Z]\d{11}[0-9A-Z]))")
_UCI = re.compile(r"\d{5}[0-9A-Z]\d{6}[A-Z]")
_WORD = re.compile(r"[0-9A-Z]+")
_CANDIDATE = slice(2, 12)
# Some systems write a letter for the kind of entry before the centre.
_CENTRE = re.compile(r"[A-Z][35][A-Z]?(\d{5})", re.ASCII)
_NAME = slice(12, 112)
_DIGITS = frozenset("0123456789")


def looks_like(start: str, rule: JcqRule) -> bool:
    """Return True where a text starts with records of an awarding body."""
    found = _START.match(start)
    return found is not None and found[1] in {rule.results, *rule.outside}


def recognise(source: Source, tally: Tally) -> Verdict:
    """Tell GCSE from A level. Raises Unreadable for other files of awarding bodies, and for broken ones."""
    rule, reader, counts = tally.rules.data_types.jcq, _ResultsReader(tally), _Counts()
    last = ""
    for line in chain.from_iterable(line_batches(source)):
        if line.strip():
            _check_record(line, last, rule)
            counts.add(line)
            reader.read(line)
            last = line
    tally.settle()
    if last[1:2] != "9":
        raise malformed("the file breaks off: its last record is missing", format=FORMAT)
    kind, mixed, why = prevailing_kind(reader.kinds(), FORMAT, tally.declared)
    what = "results" if reader.one_a_record else "candidates"
    evidence = [f"{tally.records} {what} in an awarding body's results file", why]
    if counts.proven:
        evidence.append("its trailer counts as many records as there are")
    level: Level = "certain" if counts.proven and reader.one_a_record else "strong"
    return Verdict(kind, level, evidence, FORMAT, "txt", mixed_with=mixed)


def _check_record(line: str, before: str, rule: JcqRule) -> None:
    if line[0] in rule.outside:
        kind = rule.outside[line[0]]
        raise Unreadable("classify:outside-agreement", kind, format=OTHER_FORMAT, about=kind)
    if before[1:2] == "9" or line[0] != rule.results or line[1:2] not in tuple("13579"):
        raise malformed("a record is none of an awarding body's", format=FORMAT)


class _Counts:
    """Count records and compare with the trailers of centres and of the file."""

    def __init__(self) -> None:
        self.proven = False
        self._all = 0
        self._candidates = 0
        self._of_centre = 0
        self._centre = ""

    def add(self, record: str) -> None:
        """Count a record. Raises Unreadable for a trailer with another number than counted."""
        self._all += 1
        kind, said = record[1], record[2:].strip()
        if kind == "3":
            self._centre, self._of_centre = said[:_CENTRE_DIGITS], 0
        elif kind == "5":
            self._candidates += 1
            self._of_centre += 1
        elif kind == "7":
            self._compare(said.removeprefix(self._centre), {self._of_centre, self._of_centre + 2})
        elif kind == "9":
            self._compare(said, {self._candidates, self._all, self._all - 1, self._all - 2})

    def _compare(self, said: str, right: set[int]) -> None:
        number = said.split(" ", maxsplit=1)[0][-_COUNT_DIGITS:]
        if not (number.isascii() and number.isdigit()):
            return
        if int(number) not in right:
            raise unknown("its trailer counts another number of records than there are", format=FORMAT)
        self.proven = True


class _ResultsReader:
    """Count candidates and the kinds of their results."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._rule = tally.rules.data_types.jcq
        self._grades = tally.rules.code_sets["exam-grade"]
        self._result_kinds = ResultKinds(tally.rules.data_types.results)
        self._said: set[Kind] = set()
        self._found: Counter[SingleResult] = Counter()
        self._first: list[str] = []
        self._layout: JcqLayout | None = None
        self._learnt = False
        self._rest = Rest(tally.account, tally.rules)
        self.one_a_record = False

    def read(self, line: str) -> None:
        """Read one record."""
        if line[1] in "35" and (centre := centre_in(line)):
            self._tally.schools.around = said([("centre", centre)])
        if line[1] != "5":
            self._rest.of_frame(line)
        if line[1] == "5" and (result := result_in(line)) is not None:
            self.one_a_record = True
            self._count_result(result)
            self._rest.of_codes(line, *BETWEEN)
            self._rest.of_codes(line, FROM_GRADE_ON)
        elif line[1] == "5":
            values = candidate_in(line, self._rule)
            for key, text in values.items():
                if text.strip():
                    self._tally.field(key).wait([text], [self._tally.records + 1])
            self._tally.record(values)
            self._hear_results(line)
        elif line[1] in "13":
            words = (
                self._result_kinds.kind_said(word)
                for word in _WORD.findall(line[2:].upper())
                if len(word) > 1
            )
            self._said.update(kind for kind in words if kind is not None)

    def kinds(self) -> Counter[Kind | None]:
        """Return the number of results by kind.

        Grades in letters are A level, unless the header names only GCSE and no grade is in figures.
        """
        self._learn()
        said = next(iter(self._said)) if len(self._said) == 1 else None
        kinds: Counter[Kind | None] = Counter()
        for outcome, count in self._found.items():
            kinds[self._result_kinds.kind_of(outcome) or said] += count
        if said == GCSE and not any(o.grade[:1].isdigit() for o in self._found):
            kinds = Counter({GCSE: kinds.total()})
        return kinds

    def _count_result(self, result: ResultLine) -> None:
        values = {"candidate-number": result.candidate, "uci": result.uci, "uln": result.uln}
        for key, text in values.items():
            if text:
                self._tally.field(key).wait([text], [self._tally.records + 1])
        self._tally.record(values)
        if result.grade in self._grades:
            self._found[SingleResult(code=result.unit, grade=result.grade)] += 1
        else:
            self._tally.wrong_results.add(self._tally.records)

    def _hear_results(self, line: str) -> None:
        """Keep the first records until enough to learn the layout; then read each."""
        if self._learnt:
            self._count_results(line, self._tally.records)
            return
        self._first.append(line)
        if len(self._first) == LEARN_FROM:
            self._learn()

    def _learn(self) -> None:
        if not self._learnt:
            self._learnt = True
            self._layout = learn(self._first, self._grades)
            for row, line in enumerate(self._first, 1):
                self._count_results(line, row)

    def _count_results(self, line: str, row: int) -> None:
        start = self._rule.results_from if self._layout is None else self._layout.start
        self._rest.of_person(line, start)
        if self._layout is None:
            self._rest.of_codes(line, start)
        elif (strange := self._layout.first_strange(line)) is not None:
            self._rest.from_place(line, strange)
        found = grades_in(line, self._layout, self._grades, self._rule)
        results = [SingleResult(code=code, grade=grade) for code, grade in found]
        self._found.update(result for result in results if result.grade in self._grades)
        if any(result.grade not in self._grades for result in results):
            self._tally.wrong_results.add(row)


def candidate_in(line: str, rule: JcqRule) -> dict[str, str]:
    """Return a candidate's fields in a record; empty where missing."""
    surname, forename = _name_in(line[_NAME])
    return {
        "candidate-number": line[_CANDIDATE],
        "upn": next(reversed(_UPN.findall(line[: rule.results_from])), ""),
        "uci": next(filter(is_uci, _UCI.findall(line)), ""),
        "surname": surname,
        "forename": forename,
    }


def grades_in(
    line: str, layout: JcqLayout | None, grades: frozenset[str], rule: JcqRule
) -> list[tuple[str, str]]:
    """Return the results in a candidate's record, as code and grade.

    Without a layout, every word equal to a grade counts as one.
    """
    if layout is not None:
        return list(layout.results(line))
    tokens = _TOKEN.findall(line[rule.results_from :].upper())
    return [("", token) for token in tokens if token in grades]


def centre_in(line: str) -> str:
    """Return the centre number in a record of a centre or a candidate; empty where there is none."""
    found = _CENTRE.match(line)
    return found[1] if found else ""


def _name_in(text: str) -> tuple[str, str]:
    """Return surname and forename from SURNAME:FORENAME in a text; both empty without a colon."""
    before, colon, after = text.partition(":")
    if not colon:
        return "", ""
    surname = "".join(takewhile(lambda c: c not in _DIGITS, reversed(before)))[::-1]
    forename = "".join(takewhile(lambda c: c not in _DIGITS, after.partition("  ")[0]))
    return surname.strip(), forename.strip()
