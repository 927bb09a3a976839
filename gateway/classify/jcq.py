"""Read the awarding bodies' (JCQ) fixed-width files of results, named `dcccccbb.Xnn`.

A record begins with a letter for the file, and a figure: header 1, centre 3, candidate 5, centre trailer 7,
file trailer 9. Trailers count the records above.

Some files have one result a record, at fixed places (`result_in`). Others have all entries of a candidate in
one record, in an unpublished layout, learnt from the file: entries are groups of one width after the
candidate's data. The layout with the most groups looking like results wins; where none fits well, there is
none.

Whatever else a record holds is examined like an unlisted column: codes, marks and grades are allowed, a
sentence about a child is not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, islice, product, takewhile
from typing import NamedTuple

from gateway.classify.account import Part
from gateway.classify.content import Source, Unreadable, malformed, recognised, unknown
from gateway.classify.delimited import line_batches
from gateway.classify.format_rules import JcqRule
from gateway.classify.identifiers import is_uci
from gateway.classify.results import GCSE, Kind, prevailing_kind
from gateway.classify.rules import Rules
from gateway.classify.schools import said
from gateway.classify.tally import Tally
from gateway.classify.value_shapes import is_free_text
from gateway.model import Classified, Level

_CODE = re.compile(r"(?=.*\d)[0-9A-Z][0-9A-Z/]{2,7} *")
_STARTS = (95, 107, 108, 109)
_CODE_WIDTHS = (6, 4, 5, 7, 8)
_OPTION_WIDTHS = (1, 0)
_GRADE_WIDTHS = (2, 1, 3)
_FITTING_SHARE = 0.6


_CENTRE_AND_CANDIDATE, _CANDIDATE_ID, _LEARNER = slice(2, 11), slice(11, 24), slice(24, 34)
_UNIT, _GRADE = slice(40, 46), slice(46, 66)
BETWEEN = (_LEARNER.stop, _UNIT.start)
"""Places of a result between the numbers of its candidate and its unit."""
FROM_GRADE_ON = _GRADE.start
_TOLD_BY = 2_000
"""Characters of a record examined for its layout: records of the awarding bodies are shorter."""


def result_in(record: str) -> dict[str, str]:
    """Return the fields of the one result at the fixed places of a record; none for any other record.
    The candidate number is the centre's number followed by the candidate's.
    """
    candidate, unit = record[_CENTRE_AND_CANDIDATE], record[_UNIT].strip().upper()
    uci, uln = record[_CANDIDATE_ID].strip(), record[_LEARNER].strip()
    if not (candidate.isascii() and candidate.isdigit()) or not _CODE.fullmatch(unit):
        return {}
    if (uci and not is_uci(uci)) or (uln and not (uln.isascii() and uln.isdigit())):
        return {}
    grade = next(iter(record[_GRADE].split()), "").upper()
    return {"candidate-number": candidate, "uci": uci, "uln": uln, "entry-code": unit, "exam-grade": grade}


class JcqLayout(NamedTuple):
    """Layout of a record: where groups of code, option and grade start, and their widths in characters."""

    start: int
    code: int
    option: int
    grade: int

    def groups(self, record: str) -> list[tuple[int, str, str]]:
        """Return position, code and grade of each filled group in a record."""
        grade_at = self.code + self.option
        width = grade_at + self.grade
        cut = [(at, record[at : at + width]) for at in range(self.start, len(record), width)]
        return [(at, g[: self.code], g[grade_at:].strip().upper()) for at, g in cut if g.strip()]


def learn(records: Sequence[str], grades: frozenset[str]) -> JcqLayout | None:
    """Return the layout with the most valid groups in candidates' records; None if under 60 % are valid."""
    records = [record[:_TOLD_BY] for record in records]
    judged = []
    for sizes in product(_STARTS, _CODE_WIDTHS, _OPTION_WIDTHS, _GRADE_WIDTHS):
        layout = JcqLayout(*sizes)
        groups = [group for record in records for group in layout.groups(record)]
        good = len([1 for _, code, grade in groups if grade in grades and _CODE.fullmatch(code.upper())])
        judged.append((good, len(groups), layout))
    good, met, best = max(judged, key=lambda each: 2 * each[0] - each[1])
    return best if good and good >= _FITTING_SHARE * met else None


_GAP = re.compile(r" {2,}")
_MARK_OR_CODE = re.compile(r"[0-9+-]{1,7}|(?=.*\d)[0-9A-Z/]{2,6}", re.ASCII)
_LETTERS = 2
_NAME_LENGTH = 60
# Names allowed in a record by its second character: an awarding body, a centre, none in a trailer.
_NAMES = {"1": 1, "3": 1, "7": 0, "9": 0}
_TYPE, _HEAD = 2, 12


FORMAT = "JCQ results"
OTHER_FORMAT = "JCQ file"
_START = re.compile(r"([A-Z])1[^\n]*\r?\n\1[3579]")
_TOKEN = re.compile(r"[0-9A-Z*-]+")
_LEARN_FROM = 50
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
    """Return True if a text starts like records of an awarding body."""
    found = _START.match(start)
    return found is not None and found[1] in {rule.results, *rule.outside}


def recognise(source: Source, tally: Tally) -> Classified:
    """Count an awarding body's file; return its type, GCSE or A level. Unreadable for other content."""
    rule = tally.rules.data_types.jcq
    reader = _ResultsReader(tally, layout_in(source, tally.rules))
    last, tally.counts_fields = "", True
    for line in chain.from_iterable(line_batches(source)):
        if line.strip():
            if line[0] in rule.outside:
                kind = rule.outside[line[0]]
                raise Unreadable("classify:outside-agreement", kind, format=OTHER_FORMAT, about=kind)
            if last[1:2] == "9" or line[0] != rule.results or line[1:2] not in tuple("13579"):
                raise malformed("a record is none of an awarding body's", format=FORMAT)
            reader.read(line)
            last = line
    tally.settle()
    tally.counts_fields = False
    if last[1:2] != "9":
        raise malformed("the file breaks off: its last record is missing", format=FORMAT)
    kind, mixed, why = prevailing_kind(reader.kinds(), FORMAT, tally.declared)
    what = "results" if reader.one_a_record else "candidates"
    evidence = [f"{tally.records} {what} in an awarding body's results file", why]
    if reader.proven:
        evidence.append("its trailer counts as many records as there are")
    level: Level = "certain" if reader.proven and reader.one_a_record else "strong"
    return recognised(kind, level, evidence, FORMAT, mixed_with=mixed)


class _ResultsReader:
    """Reader of the candidates of a file, and counter of their kinds of results.
    `proven`: a trailer, of a centre or of the file, states the right number of records.
    """

    def __init__(self, tally: Tally, layout: JcqLayout | None) -> None:
        self._tally = tally
        self._layout = layout
        self._rule = tally.rules.data_types.jcq
        self._grades = tally.rules.code_sets["exam-grade"]
        self._results_rule = tally.rules.data_types.results
        self._said: set[Kind] = set()
        self._found: Counter[tuple[str, str]] = Counter()  # code and grade
        self._parts: dict[int, Part] = {}  # unknown text, by its position
        self.one_a_record = self.proven = False
        self._lines, self._centre = 0, ""
        self._first = self._first_of_centre = tally.records

    def read(self, line: str) -> None:
        """Count one record: a letter, then one of the figures 1, 3, 5, 7 and 9 for its kind.
        Raises Unreadable if a trailer states another number of records.
        """
        self._lines += 1
        if line[1] in "35" and (centre := centre_in(line)):
            self._tally.schools.around = said([("centre", centre)])
        if line[1] != "5":
            self._names(line, _TYPE, len(line), _NAMES.get(line[1:2], 0))
            self._check_frame(line[1], line[2:].strip())
        if line[1] == "5" and (result := result_in(line)):
            self.one_a_record = True
            code, grade = result.pop("entry-code"), result.pop("exam-grade")
            self._count_person(result)
            if grade in self._grades:
                self._found[code, grade] += 1
            else:
                self._tally.wrong_results.add(self._tally.records)
            self._of_codes(line, *BETWEEN)
            self._of_codes(line, FROM_GRADE_ON)
        elif line[1] == "5":
            self._count_person(candidate_in(line, self._rule))
            self._count_results(line)
        elif line[1] in "13":
            words = (word for word in _WORD.findall(line[2:].upper()) if len(word) > 1)
            self._said.update(filter(None, map(self._results_rule.kind_said, words)))

    def _check_frame(self, kind: str, text: str) -> None:
        """Raise Unreadable if a trailer states another number of records than its centre or file has."""
        records, met = self._tally.records, self._tally.records - self._first
        if kind == "7":
            met, text = records - self._first_of_centre, text.removeprefix(self._centre)
            right = {met, met + 2}
        elif kind == "9":
            right = {met, self._lines, self._lines - 1, self._lines - 2}
        else:
            if kind == "3":
                self._centre, self._first_of_centre = text[:_CENTRE_DIGITS], records
            return
        number = text.split(" ", maxsplit=1)[0][-_COUNT_DIGITS:]
        if number.isascii() and number.isdigit():
            if int(number) not in right:
                raise unknown("its trailer counts another number of records than there are", format=FORMAT)
            self.proven = True

    def _of_codes(self, record: str, start: int, end: int | None = None) -> None:
        """Add to the inventory any text in a piece of a record other than marks, grades and short codes."""
        for found in re.finditer(r"\S+", record[start:end]):
            text = found[0].upper()
            if not (len(text) <= _LETTERS or text in self._grades or _MARK_OR_CODE.fullmatch(text)):
                self._put(start + found.start(), record[start + found.start() : end])
                return

    def _names(self, record: str, start: int, end: int, most: int) -> None:
        """Add to the inventory any text in a piece of a record beyond numbers and up to `most` names."""
        seen, at = 0, start
        for piece in _GAP.split(record[start:end]):
            at = record.index(piece, at)
            # A word of mostly figures is a number, or several without a gap.
            words = " ".join(w for w in piece.split() if 2 * sum(map(str.isdigit, w)) < len(w))
            if len(words) > _LETTERS:
                seen += 1
                is_long = len(words) > _NAME_LENGTH or is_free_text(words)
                if seen > most or is_long or self._tally.rules.sensitive.of_text(words):
                    self._put(at, record[at:end])
                    return
            at += len(piece)

    def _put(self, place: int, text: str) -> None:
        """Add a text at position `place` (from 0) to the inventory, as a column without a known field."""
        text = text.strip()
        if not text:
            return
        part = self._parts.get(place)
        if part is None:
            part = self._parts[place] = self._tally.account.part("", None, at=place + 1)
        self._tally.take(part, [text], [self._tally.records])

    def kinds(self) -> Counter[Kind | None]:
        """Return the number of results of each kind.
        Grades in letters are A level, unless the header names only GCSE and no grade is in figures.
        """
        said = next(iter(self._said)) if len(self._said) == 1 else None
        kinds: Counter[Kind | None] = Counter()
        for (code, grade), count in self._found.items():
            kinds[self._results_rule.kind_of(code=code, grade=grade) or said] += count
        if said == GCSE and not any(grade[:1].isdigit() for _, grade in self._found):
            kinds = Counter({GCSE: kinds.total()})
        return kinds

    def _count_person(self, values: dict[str, str]) -> None:
        self._tally.record({key: text for key, text in values.items() if text.strip()})

    def _count_results(self, line: str) -> None:
        start = self._rule.results_from if self._layout is None else self._layout.start
        self._names(line, _HEAD, start, 1 if ":" in line[_HEAD:start] else 2)
        if self._layout is None:
            self._of_codes(line, start)
        else:
            for at, code, _ in self._layout.groups(line):
                if not _CODE.fullmatch(code.upper()):
                    self._put(at, line[at:])
                    break
        found = grades_in(line, self._layout, self._grades, self._rule)
        self._found.update((code, grade) for code, grade in found if grade in self._grades)
        if any(grade not in self._grades for _, grade in found):
            self._tally.wrong_results.add(self._tally.records)


def candidates(source: Source) -> Iterator[tuple[str, str]]:
    """Yield each candidate's record with the number of its centre."""
    centre = ""
    for line in chain.from_iterable(line_batches(source)):
        if line[1:2] in ("3", "5"):
            centre = centre_in(line) or centre
        if line[1:2] == "5":
            yield centre, line


def layout_in(source: Source, rules: Rules) -> JcqLayout | None:
    """Return the layout of the first candidates' records with several results; None if no layout fits."""
    first = (line for _, line in islice(candidates(source), _LEARN_FROM))
    ours = takewhile(lambda line: line[0] == rules.data_types.jcq.results, first)
    return learn([line for line in ours if not result_in(line)], rules.code_sets["exam-grade"])


def candidate_in(line: str, rule: JcqRule) -> dict[str, str]:
    """Return the fields of the candidate in a record; "" for each missing one."""
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
    """Return code and grade of each result in a record; without a layout, all words that are grades."""
    if layout is not None:
        return [(code, grade) for _, code, grade in layout.groups(line)]
    tokens = _TOKEN.findall(line[rule.results_from :].upper())
    return [("", token) for token in tokens if token in grades]


def centre_in(line: str) -> str:
    """Return the number of the centre in a record of a centre or candidate; empty without one."""
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
