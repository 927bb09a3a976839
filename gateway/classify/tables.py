"""Decide the data type of a table (CSV, JSON, a worksheet) by signatures in policies/data_types.toml."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest

from gateway.classify.content import Row, Unreadable, beside, classified_as, declared_between, unknown
from gateway.classify.delimited import Header, TableOf
from gateway.classify.findings import share_among
from gateway.classify.format_rules import A_LEVEL, GCSE, KINDS, Kind
from gateway.classify.identifiers import SHAPES, is_establishment, is_la, is_urn
from gateway.classify.inventory import Part, kind_of
from gateway.classify.latest_day import latest_day
from gateway.classify.rules import ColumnSignature, Rules
from gateway.classify.schools import school_in_title, school_named
from gateway.classify.sensitive import WORDS, plain
from gateway.classify.tally import Tally
from gateway.classify.value_kinds import read_date
from gateway.model import Classified, Facts

_MOSTLY = 0.5
_TOO_YOUNG = 14
_ONLY_SHARE = 0.5
_AGED_SHARE = 0.8
_GRADES = 0.6
_GRADE_CODES = ("exam-grade", "teacher-assessment")
_ASKED = frozenset({None, "teacher-assessment", "read-outcome"})
_GCSE = re.compile(r"(?i)gcse")
_A_LEVEL = re.compile(r"(?i)\b(?:a[ -]?level|gce|as|a2)\b")
_EXAM_YEARS = frozenset(f"{word}{n}" for n in (11, 12, 13, 14) for word in ("", "Y", "YEAR "))
_MAY_SIT = _EXAM_YEARS | {"10", "Y10", "YEAR 10"}
_MONTH_OF_EXAMS = re.compile(r"(?i)(?:june?|nov(?:ember)?)\W{0,2}(?:20)?\d\d")
_LOWER_FORM = re.compile(r"(?i)\s*(?:y(?:ea)?r? ?)?(?:0?[789]|10)(?=[a-z /.-])")
_STILL_TAUGHT = frozenset(f"{word}{n}" for n in (10, 11, 13) for word in ("", "Y", "YEAR "))
_BEFORE_EXAMS = frozenset({9, 10, 11, 12, 1, 2, 3, 4, 5})
_SAYS_WHAT = frozenset(
    {None, "exam-series", "qualification", "session", "outcome", "key-stage", "exam-detail"}
)

# Field proving that a row is a record: the first of these in the table.
_TELLING = ("upn", "birth-date")
_WORDS_OF_A_NUMBER = 3
_FEWEST_PUPILS, _FEWEST_OF_URNS = 10, 30
_FIGURE, _LETTER = re.compile(r"\d"), re.compile(r"[^\W\d_]")
_OF_ONE_PUPIL = frozenset({"upn", "surname", "forename", "full-name", "birth-date"})
"""Fields with one value for each pupil."""
_FROM_TO = frozenset({"from", "to", "start", "end"})
"""Plain names of columns that may hold days, but also times of lessons or names of schools."""
_OUTCOME = ("exam-series", "qualification", "entry-code", "exam-grade", "subject")
_SUMMER, _AUTUMN = re.compile(r"(?i)jun|summer|\b6[ag]\b"), re.compile(r"(?i)nov|autumn")
_EXAM_YEAR = re.compile(r"(?i)(?:\b20|(?:jun|nov)\w*\W{1,2})(\d\d)(?!\W?\d)", re.ASCII)
_TWO_YEARS = re.compile(r"(20\d\d)\D?(?:20)?(\d\d)", re.ASCII)
_LA_AND_ESTABLISHMENT = re.compile(r"(\d{3})\W?(\d{4})", re.ASCII)
_TERMS = {"AUT": "autumn", "SPR": "spring", "SUM": "summer"}
_TOO_EARLY, _NO_RESULTS = "teacher-assessed", "mock, predicted, forecast or teacher-assessed"
_TESTS = "ks2"
"""Data type with results of national tests, held until their day; the teacher's assessments are not."""
WITH_RESULTS = KINDS | {_TESTS}
"""Data types with results that nobody may pass on before the day of their summer."""


def may_be_subject(header: str, key: str | None, rules: Rules) -> bool:
    """Return True if a column with this header and field key may contain one subject's grades."""
    if key not in _ASKED:
        return False
    types = rules.data_types
    return types.results.kind_of(code=header) is not None or types.subjects.is_subject(header)


def prevailing_kind(
    kinds: Counter[Kind | None],
    format: str,  # noqa: A002
    declared: str | None,
) -> tuple[Kind, Kind | None, str]:
    """Return the kind of most results (GCSE or A level), the other kind if both occur, and the evidence.
    If no result shows its kind, return the kind `declared` by the file's name, and the other kind as if both
    occurred: the file then waits for the later release. Raises Unreadable if `declared` is neither kind.
    """
    gcse, a_level = kinds[GCSE], kinds[A_LEVEL]
    if not gcse and not a_level:
        if declared in KINDS:
            found, rest = (GCSE, A_LEVEL) if declared == GCSE else (A_LEVEL, GCSE)
            return found, rest, declared_between(found, KINDS)
        why = "results that may be GCSE or A level: no series, qualification or grade tells"
        raise Unreadable("classify:ambiguous", why, format=format)
    evidence = f"{gcse} GCSE and {a_level} A level results, {kinds[None]} of neither"
    winner, other = (GCSE, A_LEVEL) if gcse >= a_level else (A_LEVEL, GCSE)
    return winner, other if gcse and a_level else None, evidence


def best_fit(
    widths: Mapping[str, int],
    tally: Tally,
    kinds: Counter[Kind | None],
    format: str,  # noqa: A002
    above: str = "",
) -> Classified:
    """Return the type whose signature fits a table best; of two equal ones, the type in the file's name.
    `widths`: number of columns by field. `kinds`: number of results by kind. `above`: text above the table.
    Raises Unreadable where no signature fits, or two fit equally and the file's name has neither type.
    """
    fitting = [s for s in tally.rules.data_types.tables if _fits(s, widths, tally, above)]
    if not fitting:
        raise unknown("no kind of data that is known has such columns", format=format)
    rank = max(s.rank for s in fitting)
    best = [s for s in fitting if s.rank == rank]
    tied, declared = dict.fromkeys(s.type for s in best), tally.declared
    if len(tied) > 1 and declared in tied:
        best = [s for s in best if s.type == declared]
    others = [s.type for s in sorted(fitting, key=lambda s: -s.rank) if s.type != best[0].type]
    if any(s.type != best[0].type for s in best):
        raise Unreadable("classify:ambiguous", *(s.because for s in best), format=format)
    if best[0].waits:
        raise Unreadable(best[0].waits, best[0].because, format=format, about=best[0].because)
    why = [*(s.because for s in best), f"columns or elements that are known: {len(widths)}"]
    if len(tied) > 1:
        why.append(declared_between(best[0].type, tied))
    data_type, mixed = best[0].type, None
    if best[0].results:
        vocational = "" if kinds[GCSE] or kinds[A_LEVEL] else tally.other_results
        if outside := tally.outside or tally.rules.data_types.results.outside_of(above) or vocational:
            raise Unreadable("classify:outside-agreement", outside, format=format, about=outside)
        data_type, mixed, told = prevailing_kind(kinds, format, declared)
        why.append(told)
    tally.is_part |= best[0].part
    runner_up = next(iter(others), None)
    return classified_as(data_type, best[0].level, why, format, runner_up=runner_up, mixed_with=mixed)


def _fits(signature: ColumnSignature, widths: Mapping[str, int], tally: Tally, above: str) -> bool:
    present, codes = widths.keys(), tally.rules.code_sets
    return (
        present >= set(signature.needs)
        and present.isdisjoint(signature.without)
        and all(present & set(group) for group in signature.any)
        and len(present & set(signature.of)) >= signature.at_least
        and all(widths.get(key, 0) >= count for key, count in signature.many.items())
        and (not signature.no_results or not tally.inventory.has_unknown_results())
        and (not signature.above or any(word in above for word in signature.above))
        and all(tally.field(key).share_good() >= share for key, share in signature.share.items())
        and all(tally.field(key).share_among(values) >= _ONLY_SHARE for key, values in signature.only.items())
        and all(tally.field(key).share_among(codes[n]) >= _ONLY_SHARE for key, n in signature.among.items())
        and not any(
            tally.field(key).share_among(values) > _ONLY_SHARE
            for key, values in signature.unlike.items()
            if key in present
        )
        and (signature.ages is None or tally.share_aged(*signature.ages) >= _AGED_SHARE)
    )


def _are_young(tally: Tally) -> tuple[bool, bool]:
    """Return True if half of the pupils or more are too young to have sat the examination, and True if most
    are still taught for it. Told by year groups, where there are none by dates of birth, else by forms.
    """
    years, codes = tally.fields.get("year-group"), tally.rules.code_sets["year-group"]
    series = _counts(tally, "exam-series") if tally.filled("qualification") else ()
    sat = bool(series) and all(_MONTH_OF_EXAMS.fullmatch(text) for text, _ in series)
    if years is not None and years.share_among(codes) >= _MOSTLY:
        before = tally.today is not None and tally.today.month in _BEFORE_EXAMS
        young = years.share_among(_MAY_SIT if sat else _EXAM_YEARS) <= _MOSTLY
        return young, before and years.share_among(_STILL_TAUGHT) >= _MOSTLY
    if tally.filled("birth-date"):
        return tally.share_aged(0, _TOO_YOUNG) >= _MOSTLY, False
    # Where pupils of all ages share a form, its figure is no year.
    forms = [p.counts for p in tally.inventory.parts if p.key == "registration-group" and not sat]
    lower = (sum(n for text, n in said.items() if _LOWER_FORM.match(text)) for said in forms)
    return any(n >= max(1, _MOSTLY * said.total()) for n, said in zip(lower, forms, strict=True)), False


def _without_headers(batch: list[Row], names: Sequence[str]) -> list[Row]:
    """Return the rows without repetitions of the header, which reports print on each page."""
    header = [name.strip() for name in names]
    width = max((place for place, name in enumerate(header, 1) if name), default=0)
    return [
        row
        for row in batch
        if row[0].strip() != header[0]
        or [cell.strip() for cell in row[:width]] != header[:width]
        or any(map(str.strip, row[width:]))
    ]


def _strays(checked: Mapping[str, Sequence[tuple[Sequence[str], Collection[str]]]]) -> int:
    """Return the number of remarks under a table: rows whose UPN or date is words, and with no valid value.
    `checked`: by field key, for each column of the field, all its values and the faulty ones among them.
    """
    telling = next((key for key in _TELLING if key in checked), "")
    values, doubted = next(iter(checked.get(telling, ())), ((), ()))
    strange = {
        value
        for value in doubted
        if (text := value.strip().upper()) not in WORDS["not_yet"]
        and not (any(map(str.isdigit, text)) and text.count(" ") < _WORDS_OF_A_NUMBER)
    }
    if not strange:
        return 0
    others = checked.get("birth-date", ()) if telling == "upn" else ()
    others = others or [c for key, columns in checked.items() if key != telling for c in columns]
    return sum(
        value in strange and not any(v[row].strip() and v[row] not in bad for v, bad in others)
        for row, value in enumerate(values)
    )


def judge(read: TableOf, tally: Tally, *, format: str) -> Classified:  # noqa: A002
    """Read a table, count its rows into the tally, with formulas as faults, and return its type.
    Raises Unreadable if no type fits, or the table has no rows.
    """
    table, before = read(), tally.records
    counter = _Counter(table.header, tally)
    tally.schools.around = school_in_title(table.header.above)
    tally.inventory.add_title(table.header.telling)
    for batch in table.batches:
        if batch:
            counter.count(batch)
    if not tally.records:
        raise Unreadable("classify:no-rows", "a table without rows", format=format)
    verdict = counter.verdict(table.header.above, format)
    for row in table.formula_rows:
        tally.formulas.add(before + row)
    tally.formulas.count += table.formulas - len(table.formula_rows)
    return verdict


class _Counter:
    """Counts rows under one header into a tally, a batch at a time, column by column."""

    def __init__(self, header: Header, tally: Tally) -> None:
        self.kinds: Counter[Kind | None] = Counter()
        self._tally = tally
        tally.is_table = True
        self._columns: dict[str, list[int]] = {}
        self._parts: list[Part] = []
        self.strays = 0
        self._batches = 0
        self._names = list(header.names)
        for index, name in enumerate(header.names):
            key = tally.rules.column_field(name)
            self._parts.append(tally.inventory.add_part(name, key))
            if key is not None:
                self._columns.setdefault(key, []).append(index)
        named = ((name, part.key) for name, part in zip(header.names, self._parts, strict=True))
        schools = tally.rules.data_types.schools
        self._schools, codes = schools.slots(named), set(map(plain, schools.columns))
        self._codes = {index for index, name in enumerate(header.names) if plain(name) in codes}
        self._may_be_grades = {
            index: tally.column("subject-grade")
            for index, part in enumerate(self._parts)
            if may_be_subject(part.header, part.key, tally.rules)
        }

    def verdict(self, above: str, format: str) -> Classified:  # noqa: A002
        """Return the counted table's type; `above`: the text above it. Raises Unreadable if no type fits."""
        tally, subjects = self._tally, self._tally.rules.data_types.subjects
        assessment = subjects.assessment(above)
        # A column of no subject may tell the assessment, by half of its values.
        for part in tally.inventory.parts if not assessment else ():
            if not assessment and part.key in _SAYS_WHAT and part.counts:
                said = Counter({text: n for text, n in part.counts.items() if subjects.assessment(text)})
                if said.total() >= _MOSTLY * part.counts.total():
                    assessment = subjects.assessment(said.most_common(1)[0][0])
        graded, others = self._find_grades(assessment)
        widths = {key: len(indexes) for key, indexes in self._columns.items() if indexes}
        widths |= {"subject-grade": graded} if graded else {}
        try:
            verdict = best_fit(widths, tally, self.kinds, format, above)
        except Unreadable as reason:
            if reason.code == "classify:unknown" and others:
                why, code = f"grades that are {_NO_RESULTS}", "classify:other-assessments"
                raise Unreadable(code, why, format=format, about=_NO_RESULTS) from None
            raise
        if self.strays:
            raise beside("rows of another table under the table", format=format)
        # The grades in a list of one result a row belong to the assessment.
        of_rows = assessment if verdict.data_type in KINDS and not graded else ""
        kind = tally.rules.data_types.types[verdict.data_type]
        if not kind.key_stage and "exam-grade" not in self._columns:
            of_rows = _TOO_EARLY
        own = tally.rules.code_sets.get(kind.grades or "")
        for part in self._parts:
            is_filled = part.key in _GRADE_CODES and part.filled > 0
            is_other = is_filled and own is not None and share_among(part.counts, own) < 1
            if is_other or part.key == "exam-grade":
                part.assessment = _TOO_EARLY if is_other else of_rows
        tests = (_TESTS,) if verdict.data_type == _TESTS and tally.filled("ks2-result") else ()
        kinds = (*sorted(kind for kind in self.kinds if kind is not None), *tests)
        have_results = bool(kinds) or verdict.data_type in WITH_RESULTS
        facts = _facts(tally, have_results=have_results)
        named = zip(self._names, self._parts, strict=False)
        latest = latest_day(tally, verdict.data_type, named, above)
        return replace(verdict, results=kinds, facts=replace(facts, latest_day=latest))

    def _find_grades(self, assessment: str) -> tuple[int, bool]:
        """Find the columns of grades. Return the number with final results, and True if other columns have
        grades. Columns of final results get the field `subject-grade`. `assessment`: the assessment, such as
        a mock, that the whole table is of; "" for none. Fields with too many wrong values go to the tally's
        `wrong_columns`.
        """
        tally, rules, graded, others = self._tally, self._tally.rules, 0, False
        subjects, results = rules.data_types.subjects, rules.data_types.results
        young, early = _are_young(tally)
        too_early = _TOO_EARLY if early or young else ""
        if young:
            others = bool(self._columns.pop("exam-grade", None))
            if others:  # A series alone makes no results.
                self._columns.pop("exam-series", None)
            self.kinds.clear()
        for part in tally.inventory.parts:
            is_graded = part.filled > 0 and may_be_subject(part.header, part.key, rules)
            if is_graded:
                exam, teacher = (share_among(part.counts, rules.code_sets[key]) for key in _GRADE_CODES)
                is_graded = exam >= max(_GRADES, teacher)
            if not is_graded:
                kind = kind_of(part.counts, rules.grades) if part.key is None else "nothing"
                others |= kind in ("grades", "numbers", "codes") and subjects.assessment(part.header) != ""
                continue
            part.assessment = subjects.assessment(part.header) or assessment or too_early
            if part.assessment:
                others = True
                continue
            part.key = "subject-grade"
            graded += 1
            tally.other_results = tally.other_results or results.outside_of(part.header, beside=True)
            said = "GCSE" if _GCSE.search(part.header) else "A LEVEL" if _A_LEVEL.search(part.header) else ""
            for grade, count in part.counts.items():
                self.kinds[results.kind_of("", said, part.header, grade)] += count
        for index, column in self._may_be_grades.items():
            if self._parts[index].key == "subject-grade":
                self._parts[index].others = column.others
                tally.field("subject-grade").take(column)
        is_too_much = rules.data_types.values.is_too_much
        known = (part for part in self._parts if is_too_much(part.others, part.filled))
        tally.wrong_columns.update(part.key for part in known if part.key is not None)
        return graded, others

    def count(self, batch: list[Row]) -> None:
        """Count a batch of filled rows, without rows that repeat the header."""
        columns: list[tuple[str, ...]] = list(zip_longest(*batch, fillvalue=""))
        if self._names[0] in columns[0] and len(left := _without_headers(batch, self._names)) < len(batch):
            if left:
                self.count(left)
            return
        # Rows may be longer or shorter than the header.
        self._parts += (self._tally.inventory.add_part("", None) for _ in columns[len(self._parts) :])
        blank = ("",) * len(batch)
        columns += [blank] * (len(self._parts) - len(columns))
        # Examine the values of the columns: in the first batches, then in ever fewer.
        self._batches += 1
        self._leave_others(columns)
        sampled = self._batches & (self._batches - 1) == 0
        rows = range(self._tally.records + 1, self._tally.records + 1 + len(batch))
        checked, full = dict[str, list[tuple[Sequence[str], Collection[str]]]](), set[str]()
        for part, values in zip(self._parts, columns, strict=True):
            filled = part.filled
            bad = self._tally.take(part, values, rows, sample=sampled)
            if part.key is not None and part.filled - filled == len(batch):
                full.add(part.key)
            if part.key is not None and self._tally.field(part.key).strict:
                checked.setdefault(part.key, []).append((values, bad))
        self.strays += _strays(checked)
        by_field = {key: [columns[index] for index in indexes] for key, indexes in self._columns.items()}
        for index, column in self._may_be_grades.items():
            column.add(columns[index], rows)
        self._check_pupils(by_field)
        naming = {
            key: columns[0]
            if len(columns) == 1
            else [next(filter(None, values), "") for values in zip(*columns, strict=True)]
            for key, columns in by_field.items()
            if key in self._tally.naming and columns
        }
        self._check_codes(columns, by_field.get("upn", ()))
        schools = [(columns[index], slot) for index, slot in self._schools if index not in self._codes]
        slots, named = [slot for _, slot in schools], [column for column, _ in schools]
        numbers = self._tally.schools.count_rows(slots, named, len(batch))
        self._tally.rows(naming, rows, full, naming.get("leaving-date", blank), numbers)
        if "exam-grade" in by_field or "exam-series" in by_field:
            outcomes = [by_field.get(key, [blank])[0] for key in _OUTCOME]
            tally, rule = self._tally, self._tally.rules.data_types.results
            for (series, kind, code, grade, subject), count in Counter(zip(*outcomes, strict=True)).items():
                tally.outside = tally.outside or rule.outside_of(f"{series} {kind} {subject}")
                tally.other_results = tally.other_results or rule.outside_of(kind, beside=True)
                self.kinds[rule.kind_of(series, kind, code, grade)] += count

    def _leave_others(self, columns: Sequence[tuple[str, ...]]) -> None:
        """Take a column such as "From" or "School Code" for an unknown one if the first batch has values in
        it, and no day, or no number of a school.
        """
        for index, part in enumerate(self._parts if self._batches == 1 else ()):
            is_code = index in self._codes and part.key == "school-number"
            is_right = SHAPES["school"] if is_code else read_date
            if part.key is not None and (is_code or plain(part.header) in _FROM_TO):
                filled = [value for value in columns[index] if value.strip()]
                if filled and not any(map(is_right, filled)):
                    self._columns[part.key].remove(index)
                    part.key = None

    def _check_codes(self, columns: Sequence[tuple[str, ...]], upns: Sequence[tuple[str, ...]]) -> None:
        """Decide if codes are of schools or of pupils: iSAMS calls a pupil's number "School ID".
        As long as no two pupils share a code, the column counts as codes of pupils; once a batch of rows
        shows a shared code, as codes of schools.
        """
        fewest = _FEWEST_PUPILS if self._batches == 1 else 0
        for index in tuple(self._codes):
            pairs = [pair for upn in upns for pair in zip(upn, columns[index], strict=True)]
            if not _are_of_pupils(pairs, fewest):
                self._codes.remove(index)

    def _check_pupils(self, by_field: Mapping[str, Sequence[tuple[str, ...]]]) -> None:
        """Raise Unreadable if columns under one heading name different pupils in a row, as in two tables."""
        for key in _OF_ONE_PUPIL & by_field.keys():
            named = defaultdict(list)
            for index, values in zip(self._columns[key], by_field[key], strict=True):
                named["" if key == "upn" else plain(self._names[index])].append(values)
            for first, *others in named.values():
                for other in others:
                    pairs = (
                        (a.strip().upper(), b.strip().upper()) for a, b in zip(first, other, strict=True)
                    )
                    if any(a and b and a != b for a, b in pairs):
                        raise beside("two tables side by side")


def _are_of_pupils(pairs: Iterable[tuple[str, str]], fewest: int) -> bool:
    """Return True if codes are those of pupils, not of schools. `pairs`: UPN and code of each row.
    At least `fewest` UPNs are needed, each with a code of its own. The code of a row without a UPN must
    differ from all others and have their form. No code may be a DfE number. Codes that look like URNs count
    as pupils' only if there are many.
    """
    said = [(upn.strip(), code.strip()) for upn, code in pairs if code.strip()]
    known = {pair for pair in said if pair[0]}
    codes = {code for _, code in known}
    unknown = [code for upn, code in said if not upn]
    if len(known) < fewest or not len(known) == len(codes) == len({upn for upn, _ in known}):
        return False
    # Each letter as "a" and each figure as "0".
    forms = [{_LETTER.sub("a", _FIGURE.sub("0", code)) for code in some} for some in (unknown, codes)]
    if len(codes.union(unknown)) < len(codes) + len(unknown) or not forms[0] <= forms[1]:
        return False
    schools = [school_named([("name", code)]) for code in codes.union(unknown)]
    if any(school.dfe_number for school in schools):
        return False
    return len(codes) >= _FEWEST_OF_URNS or not fewest or not any(school.urn for school in schools)


def academic_year(text: str) -> str | None:
    """Return the academic year in a text such as 2025/26, 202526 or 2025-2026, as 2025/26; else None."""
    found = _TWO_YEARS.fullmatch(text.strip())
    if found is None or (int(found[1]) + 1) % 100 != int(found[2]):
        return None
    return f"{found[1]}/{found[2]}"


def term(text: str) -> str | None:
    """Return the term named by the first three letters of a text: autumn, spring or summer; else None."""
    return _TERMS.get(text.strip().upper()[:3])


def _facts(tally: Tally, *, have_results: bool) -> Facts:
    """Return the facts that most rows of a table state.
    For results, the academic year is the latest in the table, because all results wait for the latest
    release. The year is None if any row lacks one: all results then wait as those of this summer do.
    """
    numbers = _counts(tally, "school-number")
    both = [(found, n) for v, n in numbers if (found := _LA_AND_ESTABLISHMENT.fullmatch(v))]
    las = [*_counts(tally, "la-number"), *((found[1], n) for found, n in both)]
    establishments = [*numbers, *((found[2], n) for found, n in both)]
    terms = _counts(tally, "census-term")
    years = [(year, n) for v, n in _counts(tally, "academic-year") if (year := academic_year(v))]
    if not years and have_results:
        years = _years_of_series(tally)
    latest = max(years)[0] if years and sum(n for _, n in years) >= tally.records else None
    return Facts(
        la=_majority((v, n) for v, n in las if is_la(v)),
        establishment=_majority((v, n) for v, n in establishments if is_establishment(v)),
        urn=_majority((v, n) for v, n in numbers if is_urn(v)),
        academic_year=latest if have_results else _majority(years),
        term=_majority((name, n) for v, n in terms if (name := term(v))),
    )


def _years_of_series(tally: Tally) -> list[tuple[str, int]]:
    """Return the academic years in which a table's examination series come out, each with a count of records;
    [] if a row lacks a series. The heading "Year" may mean the year of the examination.
    """
    series = _counts(tally, "exam-series")
    autumn = any(_AUTUMN.search(text) for text, _ in series)
    if sum(n for text, n in series if _AUTUMN.search(text) or _SUMMER.search(text)) < tally.records:
        return []
    for key in ("exam-series", "exam-year", "year-group"):
        if found := [(year[1], v, n) for v, n in _counts(tally, key) if (year := _EXAM_YEAR.search(v))]:
            late = {v for _, v, _ in found if _AUTUMN.search(v) or (autumn and not _SUMMER.search(v))}
            firsts = [(int(year) - (v not in late), n) for year, v, n in found]
            return [(f"20{first}/{first + 1}", n) for first, n in firsts]
    return []


def _counts(tally: Tally, key: str) -> list[tuple[str, int]]:
    """Return the values of a field, each with the number of records; [] for a field not counted by value."""
    known = tally.fields.get(key)
    return [(v.strip(), n) for v, n in (known.counts or Counter()).items()] if known else []


def _majority(pairs: Iterable[tuple[str, int]]) -> str | None:
    counts: Counter[str] = Counter()
    for value, count in pairs:
        counts[value] += count
    value, count = next(iter(counts.most_common(1)), ("", 0))
    return value if 2 * count > counts.total() else None
