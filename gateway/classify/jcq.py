"""Read the awarding bodies' (JCQ) fixed-width files of results, named `dcccccbb.Xnn`.

A record begins with a letter for the file, and a figure: header 1, centre 3, candidate 5, centre trailer 7,
file trailer 9. A trailer states the number of records above.

Some files have one result a record, at fixed places. Others have all entries of a candidate in one record, as
groups of equal width after the candidate's data. That layout is unpublished, so it is learnt from the file:
of all layouts tried, the one with the most valid groups is used, if at least 60 % of its groups are valid.

All other text of a record is examined like an unlisted column: codes, marks and grades are allowed, a
sentence about a child is not.
"""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice, product, takewhile
from typing import NamedTuple

from gateway.classify.content import Row, Source, Unreadable, classified_as, malformed, unknown
from gateway.classify.delimited import BATCH, Header, Table, line_batches
from gateway.classify.format_rules import GCSE, JcqRule, Kind
from gateway.classify.identifiers import is_uci
from gateway.classify.inventory import Part
from gateway.classify.report_wording import is_free_text
from gateway.classify.rules import Rules
from gateway.classify.schools import RecordSchool
from gateway.classify.tables import prevailing_kind
from gateway.classify.tally import Tally
from gateway.model import Classified, Level

FORMAT = "JCQ results"
OTHER_FORMAT = "JCQ file"
_START = re.compile(r"([A-Z])1[^\n]*\r?\n\1[3579]")
_CODE = re.compile(r"(?=.*\d)[0-9A-Z][0-9A-Z/]{2,7} *")
_STARTS = (95, 107, 108, 109)
_CODE_WIDTHS = (6, 4, 5, 7, 8)
_OPTION_WIDTHS = (1, 0)
_GRADE_WIDTHS = (2, 1, 3)
_FITTING_SHARE = 0.6
_LEARN_FROM = 50
_TOLD_BY = 2_000
"""Characters of a record examined for its layout: records of the awarding bodies are shorter."""

# One result a record: the places of its parts.
_CENTRE_AND_CANDIDATE, _CANDIDATE_ID, _LEARNER = slice(2, 11), slice(11, 24), slice(24, 34)
_UNIT, _GRADE = slice(40, 46), slice(46, 66)
# Several results a record.
_CANDIDATE, _NAME, _HEAD = slice(2, 12), slice(12, 112), 12
# Matches may overlap: a sex, a date of birth and a candidate identifier in a row look like a UPN too.
_UPN = re.compile(r"(?=([A-Z]\d{11}[0-9A-Z]))")
_UCI = re.compile(r"\d{5}[0-9A-Z]\d{6}[A-Z]")
_FIGURE = re.compile(r"[0-9]")
_TOKEN = re.compile(r"[0-9A-Z*-]+")

_GAP = re.compile(r" {2,}")
_MARK_OR_CODE = re.compile(r"[0-9+-]{1,7}|(?=.*\d)[0-9A-Z/]{2,6}", re.ASCII)
_LETTERS = 2
_NAME_LENGTH = 60
# Names allowed in a record by its second character: an awarding body, a centre, none in a trailer.
_NAMES = {"1": 1, "3": 1, "7": 0, "9": 0}
_TYPE = 2
_CENTRE_DIGITS = 5
_COUNT_DIGITS = 7
_WORD = re.compile(r"[0-9A-Z]+")
# Some systems write a letter for the kind of entry before the centre.
_CENTRE = re.compile(r"[A-Z][35][A-Z]?(\d{5})", re.ASCII)
_COLUMNS = {
    "centre-number": "Centre Number", "candidate-number": "Candidate Number", "upn": "UPN", "uci": "UCI",
    "uln": "ULN", "surname": "Surname", "forename": "Forename", "entry-code": "Entry Code",
    "exam-grade": "Grade",
}  # fmt: skip


class JcqLayout(NamedTuple):
    """Layout of a record with several results: where the groups of code, option and grade start (from 0), and
    the widths of code, option and grade in characters.
    """

    start: int
    code: int
    option: int
    grade: int

    def groups(self, record: str) -> list[tuple[int, str, str]]:
        """Return position, code and grade of each filled group in a record."""
        grade_at = self.code + self.option
        width = grade_at + self.grade
        cut = [(at, record[at : at + width]) for at in range(self.start, len(record.rstrip()), width)]
        return [(at, g[: self.code], g[grade_at:].strip().upper()) for at, g in cut if g.strip()]


_Entry = tuple[dict[str, str], list[tuple[int, str, str]], bool]
"""One record: fields of the candidate, by key; position (0 outside a layout's groups), code and grade of each
result; and True for a record with one result, at the fixed places."""


def looks_like(start: str, rule: JcqRule) -> bool:
    """Return True if a text starts like records of an awarding body."""
    found = _START.match(start)
    return found is not None and found[1] in {rule.results, *rule.outside}


def recognise(source: Source, tally: Tally) -> Classified:
    """Count an awarding body's file into the tally and return its type, GCSE or A level.
    Raises Unreadable for other content.
    """
    rule = tally.rules.data_types.jcq
    reader = _ResultsReader(tally, _layout_in(source, tally.rules))
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
    return classified_as(kind, level, evidence, FORMAT, mixed_with=mixed)


def read_table(source: Source, rules: Rules) -> Table:
    """Return the results in an awarding body's file as a table; options and other data have no column."""

    def rows() -> Iterator[Row]:
        layout = _layout_in(source, rules)
        for centre, line in _candidates(source):
            person, results, _ = _entry_in(line, layout, rules)
            for _, code, grade in results:
                values = {"centre-number": centre, **person, "entry-code": code, "exam-grade": grade}
                yield [values.get(key, "").strip() for key in _COLUMNS]

    found = rows()
    return Table(Header(tuple(_COLUMNS.values()), 0, ""), iter(lambda: list(islice(found, BATCH)), []))


class _ResultsReader:
    """Counts the records of a file into a tally, and the results by kind: GCSE or A level.
    `proven`: True once a trailer, of a centre or of the file, states the right number of records.
    """

    def __init__(self, tally: Tally, layout: JcqLayout | None) -> None:
        self._tally = tally
        self._layout = layout
        self._grades = tally.rules.code_sets["exam-grade"]
        self._results_rule = tally.rules.data_types.results
        self._said: set[Kind] = set()
        self._found: Counter[tuple[str, str]] = Counter()  # code and grade
        self._parts: dict[int, Part] = {}  # unknown text, by its position
        self.one_a_record = self.proven = False
        self._lines, self._centre = 0, ""
        self._first = self._first_of_centre = tally.records

    def read(self, line: str) -> None:
        """Count one record. The second character (1, 3, 5, 7 or 9) is the kind of record, such as a trailer.
        Raises Unreadable if a trailer states a wrong number of records.
        """
        self._lines += 1
        kind = line[1]
        if kind in "35" and (centre := _centre_in(line)):
            self._tally.schools.around = RecordSchool(centre=centre)
        if kind == "5":
            self._count(line)
            return
        self._names(line, _TYPE, len(line), _NAMES[kind])
        self._check_frame(kind, line[2:].strip())
        if kind in "13":
            words = (word for word in _WORD.findall(line[2:].upper()) if len(word) > 1)
            self._said.update(filter(None, map(self._results_rule.kind_said, words)))

    def _count(self, line: str) -> None:
        """Count the candidate and the results of a record, and examine the rest of the record."""
        person, results, is_fixed = _entry_in(line, self._layout, self._tally.rules)
        self._tally.record({key: text for key, text in person.items() if text.strip()})
        graded = [(code, grade) for _, code, grade in results if grade in self._grades]
        self._found.update(graded)
        if len(graded) < len(results):
            self._tally.wrong_results.add(self._tally.records)
        if is_fixed:
            self.one_a_record = True
            self._of_codes(line, _LEARNER.stop, _UNIT.start)
            self._of_codes(line, _GRADE.start)
            return
        start = self._tally.rules.data_types.jcq.results_from if self._layout is None else self._layout.start
        self._names(line, _HEAD, start, 1 if ":" in line[_HEAD:start] else 2)
        if self._layout is None:
            self._of_codes(line, start)
        unfit = (at for at, code, _ in results if at and not _CODE.fullmatch(code.upper()))
        if (at := next(unfit, 0)) > 0:
            self._put(at, line[at:])

    def _check_frame(self, kind: str, text: str) -> None:
        """Raise Unreadable if a trailer states a wrong number of records, of its centre or of the file.
        `kind`: the record's second character; `text`: the record from the third character on.
        """
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
        """List a piece of a record as unlisted content from the first text that is no mark, grade or code."""
        for found in re.finditer(r"\S+", record[start:end]):
            text = found[0].upper()
            if not (len(text) <= _LETTERS or text in self._grades or _MARK_OR_CODE.fullmatch(text)):
                self._put(start + found.start(), record[start + found.start() : end])
                return

    def _names(self, record: str, start: int, end: int, most: int) -> None:
        """Search a piece of a record for text other than numbers and up to `most` names.
        If there is a further name, or a long or sensitive text, list the piece from there on as unlisted
        content.
        """
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
        if text := text.strip():
            if place not in self._parts:
                self._parts[place] = self._tally.inventory.add_part("", None, at=place + 1)
            self._tally.take(self._parts[place], [text], [self._tally.records])

    def kinds(self) -> Counter[Kind | None]:
        """Return the number of results of each kind: GCSE, A level, or None for unknown.
        A grade in letters counts as A level. If the header names only GCSE and no grade is a figure, all are
        GCSE.
        """
        said = next(iter(self._said)) if len(self._said) == 1 else None
        kinds: Counter[Kind | None] = Counter()
        for (code, grade), count in self._found.items():
            kinds[self._results_rule.kind_of(code=code, grade=grade) or said] += count
        if said == GCSE and not any(grade[:1].isdigit() for _, grade in self._found):
            kinds = Counter({GCSE: kinds.total()})
        return kinds


def _candidates(source: Source) -> Iterator[tuple[str, str]]:
    """Yield each candidate's record with the number of its centre."""
    centre = ""
    for line in chain.from_iterable(line_batches(source)):
        if line[1:2] in ("3", "5"):
            centre = _centre_in(line) or centre
        if line[1:2] == "5":
            yield centre, line


def _layout_in(source: Source, rules: Rules) -> JcqLayout | None:
    """Return the layout with the most valid groups in the first 50 candidates' records of several results.
    None if under 60 % of the groups are valid, or no record has several results.
    """
    grades, judged = rules.code_sets["exam-grade"], []
    first = (line for _, line in islice(_candidates(source), _LEARN_FROM))
    ours = takewhile(lambda line: line[0] == rules.data_types.jcq.results, first)
    records = [line[:_TOLD_BY] for line in ours if not _result_in(line)]
    for sizes in product(_STARTS, _CODE_WIDTHS, _OPTION_WIDTHS, _GRADE_WIDTHS) if records else ():
        layout = JcqLayout(*sizes)
        groups = [group for record in records for group in layout.groups(record)]
        good = len([1 for _, code, grade in groups if grade in grades and _CODE.fullmatch(code.upper())])
        judged.append((good, len(groups), layout))
    good, met, best = max(judged, key=lambda each: 2 * each[0] - each[1], default=(0, 0, None))
    return best if good and good >= _FITTING_SHARE * met else None


def _result_in(record: str) -> dict[str, str]:
    """Return the fields of the one result at the fixed places of a record, by key; {} for any other record.
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


def _entry_in(line: str, layout: JcqLayout | None, rules: Rules) -> _Entry:
    """Return the candidate and the results in a record.
    `layout`: where the results stand; None if unknown, and then each word that is a grade counts as a result.
    """
    if result := _result_in(line):
        return result, [(0, result.pop("entry-code"), result.pop("exam-grade"))], True
    results_from = rules.data_types.jcq.results_from
    # The name is SURNAME:FORENAME between figures.
    before, colon, after = line[_NAME].partition(":")
    person = {
        "candidate-number": line[_CANDIDATE],
        "upn": next(reversed(_UPN.findall(line[:results_from])), ""),
        "uci": next(filter(is_uci, _UCI.findall(line)), ""),
        "surname": _FIGURE.split(before)[-1].strip() if colon else "",
        "forename": _FIGURE.split(after.partition("  ")[0])[0].strip(),
    }
    if layout is not None:
        return person, layout.groups(line), False
    tokens, grades = _TOKEN.findall(line[results_from:].upper()), rules.code_sets["exam-grade"]
    return person, [(0, "", token) for token in tokens if token in grades], False


def _centre_in(line: str) -> str:
    """Return the centre's number in a record of a centre or candidate; "" if the record has none."""
    found = _CENTRE.match(line)
    return found[1] if found else ""
