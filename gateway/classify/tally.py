"""Count the pupils, fields and faults of a file while it is read.

A tally keeps the identities of pupils, up to a fixed number, only while the file is read. The results of a
tally are counts, and the numbers of the first records with a fault.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import date
from functools import lru_cache
from itertools import chain, count

from gateway.classify import value_kinds
from gateway.classify.content import EXTENSIONS, beside
from gateway.classify.findings import FINDINGS, ROWS_SHOWN, FaultCount, FieldTally
from gateway.classify.identifiers import (
    IDENTITIES,
    NO_UPN,
    UPN_IN_TEXT,
    UPN_LENGTH,
    Pupil,
    identities_of,
    is_temporary_upn,
    is_upn,
    right_upns,
)
from gateway.classify.inventory import PARTS, ColumnInventory, Part
from gateway.classify.rules import ItemRule, Rules
from gateway.classify.schools import NOTHING, RecordSchool, Schools, school_named, school_number
from gateway.classify.sensitive import WORDS, plain
from gateway.model import Classified, Facts, Finding

OnPupils = Callable[[Iterable[Pupil], AbstractSet[str]], None]
OnPersons = Callable[[Sequence[str], Mapping[str, Sequence[str]], AbstractSet[str]], None]

# Beyond this number pupils are no longer told apart: a bound on memory, at six times the pupils of a large
# local authority.
PUPILS_REMEMBERED = 500_000
OUTSIDE = "a pupil outside of its records"
SETTLE_EVERY = 500
_AUTHORITIES = 1_000
_YEAR = re.compile(r"(?:curriculum )?(?:year|yr|y)?(?: group)? *(\d{1,2})", re.IGNORECASE | re.ASCII)
_UPPER_YEAR = 9
_AGE_BEFORE_YEAR_1 = 4
_SEPTEMBER = 9

_REPORTED = ("birth-date", "former-upn", "enrolment-status")
MAIN = WORDS["main_registration"]
_NAMING = frozenset({"upn", "leaving-date", *_REPORTED, *chain.from_iterable(IDENTITIES)})


def _quick_in_the_past(quick: value_kinds.Quick, today: date) -> value_kinds.Quick:
    """Return a quick check that accepts the values that `quick` accepts, except dates after `today`."""
    last = today.isoformat()

    def looked(values: Collection[str]) -> Collection[str]:
        good = quick(values)
        if "/" not in "".join(good) and max(good, default="") <= last:
            return good
        late = {day for day in good if (f"{day[6:]}-{day[3:5]}-{day[:2]}" if "/" in day else day) > last}
        return [day for day in good if day not in late] if late else good

    return looked


@lru_cache(1_000)
def judge_on(
    check: value_kinds.Check | None, any_year: value_kinds.Check | None, quick: value_kinds.Quick | None,
    today: date | None,
) -> value_kinds.Judge:  # fmt: skip
    """Return the judge of fields with these checks, the same for every file: a process judges a value once.
    That tells nobody of another's values, since a process of the examiner reads one provider's files only.
    Further faults are `OTHER_YEAR`, for a faulty value valid by `any_year`, and a date after `today`.
    """
    if check is None or (any_year is None and today is None):
        return value_kinds.Judge(check, quick)

    def checked(text: str) -> str | None:
        if today is not None and (day := value_kinds.read_date(text)) is not None and day > today:
            return "date:future"
        fault = check(text)
        is_of_another = fault is not None and any_year is not None and any_year(text) is None
        return value_kinds.OTHER_YEAR if is_of_another else fault

    return value_kinds.Judge(checked, _quick_in_the_past(quick, today) if quick and today else quick)


class Tally:
    """Counts of one file. `declared`: the data type that the file's name suggests. `on_pupils`, `on_persons`:
    the functions given to `classify`. `counts_fields`: True if `settle` also counts the values given to
    `record`. `is_part`: True if the table is one of several of a return, and may lack fields.
    `is_table`: True for a table, in which classes and houses are judged by their rows, too.
    """

    def __init__(
        self,
        rules: Rules,
        today: date | None,
        on_pupils: OnPupils | None = None,
        on_persons: OnPersons | None = None,
        declared: str | None = None,
    ) -> None:
        self.on_persons = on_persons
        self.declared = declared
        self.all_rules = rules
        self.rules = rules.on(today) if today is not None else rules
        self.today = today
        self.records = 0
        self.inventory = ColumnInventory(rules)
        self.results: Counter[str] = Counter()
        self.assessed: Counter[str] = Counter()
        self.schools = Schools()
        self.fields: dict[str, FieldTally] = {}
        self.beside = self.outside = self.other_results = ""
        self.wrong_results = FaultCount()
        self.formulas = FaultCount()
        self.wrong_columns: set[str] = set()
        musts = dict.fromkeys(group for kind in rules.data_types.types.values() for group in kind.must)
        self.missing = {group: FaultCount() for group in musts}
        self.naming = _NAMING.union(*musts)
        self.reports_pupils = on_pupils is not None
        self.counts_fields = self.is_part = self.is_table = False
        self._on_pupils = on_pupils
        self._waiting: list[tuple[Mapping[str, str], str, str]] = []
        self._asked: tuple[tuple[str, ...], ...] = ()
        self._people: set[str] = set()
        self._surnames: dict[str, str] = {}
        self._other_names = FaultCount()
        self._upn_authorities: set[str] = set()
        self._temporary_upns: set[str] = set()
        self._duplicates = FaultCount()
        self._temporary = FaultCount()

    def judge_by(self, facts: Facts, data_type: str, form: str) -> None:
        """Judge later records by a header's facts: by the school, and the law in force on the reference date.
        `data_type`, `form`: type and format of the file, on which the fields required by law depend.
        """
        numbers = facts.establishment or "", facts.urn or ""
        self.schools.around = school_named(
            [("la", facts.la or ""), *(("number", number) for number in numbers)]
        )
        if facts.reference_date is not None:
            self.rules = self.all_rules.on(facts.reference_date)
        known = {key for group in self.rules.data_types.types[data_type].must for key in group}
        asked = self.rules.must_have(data_type, form, facts.term)
        self._asked = tuple((key,) for key in asked if key not in known)
        self.missing.update({group: FaultCount() for group in self._asked if group not in self.missing})
        self.naming |= set(asked)

    def field(self, key: str) -> FieldTally:
        """Return the counts of one field, made empty on first use."""
        if key not in self.fields:
            self.fields[key] = self.column(key)
        return self.fields[key]

    def column(self, key: str) -> FieldTally:
        """Return new, empty counts for one column of a field."""
        rule, check, any_year = self.rules.fields[key], self.rules.check(key), self.all_rules.check(key)
        quick = self.all_rules.quick(key, with_queries=False)
        today = self.today if "past date" in rule.values else None
        known = judge_on(check, None if any_year is check else any_year, quick, today)
        judge = self.rules.judge(key, known, by_rows=self.is_table)
        return FieldTally(rule, judge, counted=key in self.rules.counted)

    def take(
        self, part: Part, values: Sequence[str], rows: Sequence[int], *, sample: bool = True
    ) -> AbstractSet[str]:
        """Count values of one column or element; return the faulty values. `rows`: the record number of each.
        An empty text counts as blank, not as faulty. `sample`: False to sample values only while `part` has
        no sample.
        """
        if part.key is None:
            met, filled = value_kinds.distinct(values), len(values)
            if "" in met:
                met, filled = met - {""}, filled - values.count("")
            part.add(values, filled, sample=sample)
            part.disclosure.look(met, self.rules)
            return frozenset()
        field = self.field(part.key)
        filled, others = field.filled, field.others
        if part.judge is None and part.key in WORDS["of_many_pupils"]:
            part.judge = self.column(part.key).judge
        bad = field.add(values, rows, part.judge)
        part.others += field.others - others
        part.add(values, field.filled - filled, sample=sample)
        part.disclosure.look(field.doubted, self.rules)
        if part.key in self.rules.telling_elsewhere:
            part.elsewhere.look(value_kinds.distinct(values) - {""}, self.rules)
        return bad

    def says_of_anybody(self) -> bool:
        """Return True if any record fills a field with personal data, or an unknown column."""
        items = (key for key in self.fields if isinstance(self.rules.fields[key], ItemRule))
        is_unknown = any(part.key is None and part.filled for part in self.inventory.parts)
        return is_unknown or any(map(self.filled, items))

    def filled(self, key: str) -> bool:
        """Return True where any record fills this field."""
        known = self.fields.get(key)
        return known is not None and known.filled > 0

    def record(
        self, values: Mapping[str, str], *, left: bool | None = None, said: RecordSchool = NOTHING
    ) -> None:
        """Add a record, to be counted with others in `settle`. `said`: the school that the record names.
        `values`: by field key, the texts that name the pupil or that the data type requires. `left`: True if
        the pupil has left, False if not; None to decide by the leaving date.
        """
        self.records += 1
        said = said if said is not NOTHING and any(said) else self.schools.around
        self.schools.count(said)
        leaving = values.get("leaving-date", "") if left is None else "left" if left else ""
        self._waiting.append((values, leaving, school_number(said)))
        if self.records % SETTLE_EVERY == 0:
            self.settle()

    def note_outside(self, what: str) -> None:
        """Note content outside the records, in the gateway's words; the file then waits for a person."""
        self.beside = self.beside or what

    def look_for_pupils(self, name: str, text: str) -> None:
        """Note a pupil named outside the records: by a UPN in `text`, or by the element's `name`.
        The file then waits for a person.
        """
        if self.rules.element_field("Pupil", name) in WORDS["of_pupils"]:
            self.note_outside(OUTSIDE)
        for found in UPN_IN_TEXT.finditer(text.upper()) if len(text) >= UPN_LENGTH else ():
            if is_upn(found[0]):
                self.note_outside(OUTSIDE)
                self.report_upn(found[0])

    def report_upn(self, upn: str) -> None:
        """Report to `on_persons` a further UPN in a record: a former UPN, or that of a second pupil."""
        if self.on_persons is not None:
            self.on_persons((upn.strip().upper(),), {}, frozenset())

    def settle(self) -> None:
        """Count the records collected by `record` since the last call: many together are quicker."""
        if self._waiting:
            records, leaving, schools = zip(*self._waiting, strict=True)
            self._waiting.clear()
            keys = dict.fromkeys(chain.from_iterable(records))
            columns = {key: tuple([record.get(key, "") for record in records]) for key in keys}
            full = {key for key, values in columns.items() if "" not in values}
            rows = range(self.records - len(records) + 1, self.records + 1)
            for key, values in columns.items() if self.counts_fields else ():
                self.field(key).add(values, rows)
            self.rows(columns, rows, full, leaving, lambda: schools)

    def rows(
        self,
        columns: Mapping[str, Sequence[str]],
        rows: range,
        full: Collection[str],
        leaving: Sequence[str],
        schools: Callable[[], Iterable[str]],
    ) -> None:
        """Count the records with the numbers `rows` together, except for their schools, already counted.
        `columns`: by field key, the value of each record. `full`: the keys of fields filled in every record.
        `leaving`: a text for each record, blank if the pupil is on roll. `schools`: a function that returns
        the number of each record's school.
        """
        first, self.records = rows.start, rows.stop - 1
        for group, fault in self.missing.items():
            several = [columns[key] for key in group if key in columns]
            if not several:
                fault.count += len(leaving)
                fault.rows += range(first, first + min(len(leaving), ROWS_SHOWN - len(fault.rows)))
            elif not any(key in full for key in group):
                for row, values in enumerate(zip(*several, strict=True), first):
                    if not any(values):
                        fault.add(row)
        upns = columns.get("upn", ("",) * len(leaving))
        together = "".join(upns)
        # A quick check: nearly always all are in upper case and trimmed.
        if together != together.upper() or len(together.split(None, 1)) != 1:
            upns = [text.strip().upper() for text in upns]
        named = "" not in upns
        self._count_pupils(upns if named else identities_of(upns, columns), first, named=named)
        self._compare_names(upns, columns.get("surname") or columns.get("full-name") or (), first)
        right = frozenset(right_upns({*upns}))
        if self._on_pupils is not None and any(upns):
            self._on_pupils(self._pupils(upns, columns, first, leaving, schools()), right)
        if self.on_persons is not None:
            self.on_persons(upns, columns, right)

    def _count_pupils(self, identities: Sequence[str], first: int, *, named: bool) -> None:
        """Count distinct pupils, repeated UPNs and temporary UPNs in records, the first of which has number
        `first`. `identities`: the identity of each record, as from `identities_of`. `named`: True if all are
        UPNs.
        """
        distinct = set(identities)
        new = distinct - self._people
        self._upn_authorities.update(one[1:4] for one in new if NO_UPN not in one)
        repeated = len(identities) - len(new)
        if repeated and named and len(self._duplicates.rows) >= ROWS_SHOWN:
            self._duplicates.count += repeated
        elif repeated:
            met: set[str] = set()
            for row, identity in enumerate(identities, first):
                is_upn = identity and NO_UPN not in identity
                if is_upn and (identity in met or identity in self._people):
                    self._duplicates.add(row)
                met.add(identity)
        if len(self._temporary_upns) < PUPILS_REMEMBERED:
            self._temporary_upns |= {i for i in new if i and not i[-1].isdigit() and is_temporary_upn(i)}
        if not distinct.isdisjoint(self._temporary_upns):
            for row, identity in enumerate(identities, first):
                if identity in self._temporary_upns:
                    self._temporary.add(row)
        if len(self._people) < PUPILS_REMEMBERED:
            self._people |= new
            self._people.discard("")

    def _compare_names(self, upns: Sequence[str], surnames: Sequence[str], first: int) -> None:
        """Count the records, numbered from `first` on, whose UPN had another surname in an earlier record."""
        # Nearly always all rows of a pupil have one surname: a quick check.
        last, known = dict(zip(upns, surnames, strict=False)), self._surnames
        new = [pair for pair in last.items() if known.get(pair[0]) != pair[1]]
        if not sum(self._has_other_name(*pair) for pair in new) and [*map(last.get, upns)] == [*surnames]:
            return
        for row, (upn, surname) in enumerate(zip(upns, surnames, strict=False), first):
            if self._has_other_name(upn, surname):
                self._other_names.add(row)

    def _has_other_name(self, upn: str, surname: str) -> bool:
        """Return True if a UPN had another surname in an earlier record; remember the first surname."""
        if not upn or not surname or len(self._surnames) >= PUPILS_REMEMBERED:
            return False
        before = self._surnames.setdefault(upn, surname)
        if before == surname:
            return False
        return len({"".join(filter(str.isalpha, name.casefold())) for name in (before, surname)}) > 1

    def _pupils(
        self,
        upns: Sequence[str],
        columns: Mapping[str, Sequence[str]],
        first: int,
        leaving: Sequence[str],
        schools: Iterable[str],
    ) -> Iterator[Pupil]:
        blank = ("",) * len(upns)
        dates, formers, statuses = (columns.get(key, blank) for key in _REPORTED)
        born = {text: value_kinds.read_date(text) for text in set(dates)}
        main = {text for text in set(statuses) if text.strip().upper() in MAIN}
        known = {text: text.strip().upper() or None for text in set(formers)}
        here = {text for text in set(leaving) if not text.strip()}
        records = zip(upns, dates, formers, statuses, leaving, count(first), schools, strict=False)
        for upn, birth, former, status, left, record, school in records:
            if upn:
                yield upn, born[birth], known[former], status in main and left in here, record, school

    def completed(self, verdict: Classified) -> Classified:
        """Return the `verdict` with all counts and findings. Raises Unreadable if there is text outside all
        records. If a cell has a formula, the extension for the file begins with "formulas.", as a warning.
        """
        if self.beside:
            raise beside(self.beside, format=verdict.format)
        kind, facts, people = verdict.data_type, verdict.facts, len(self._people)
        extension = EXTENSIONS["ZIP" if verdict.format.endswith(" in ZIP") else verdict.format]
        authorities = tuple(sorted(filter(str.isdigit, self._upn_authorities)))[:_AUTHORITIES]
        return replace(
            verdict,
            extension=f"formulas.{extension}" if self.formulas.count else extension,
            pupils=self.records if people >= PUPILS_REMEMBERED else people,
            facts=replace(
                facts,
                key_stage=facts.key_stage or self.rules.data_types.types[kind].key_stage,
                upn_authorities=authorities or None,
                upper_years=self._upper_years(),
            ),
            findings=self._findings(kind, facts.latest_day),
            items=self._labels(self.rules.items, kind),
            other_items=self._labels(self.rules.others, kind),
            unlisted=self.inventory.unlisted(kind),
            schools=self.schools.named(),
        )

    def _upper_years(self) -> int:
        """Return the number of records of pupils in year 9 or above, by year group, else by date of birth."""
        years = self.fields.get("year-group")
        if years is not None and years.counts:
            said = ((_YEAR.fullmatch(text.strip()), count) for text, count in years.counts.items())
            return sum(count for found, count in said if found and int(found[1]) >= _UPPER_YEAR)
        born = self.today and date(self.today.year - (self.today.month < _SEPTEMBER), 8, 31)
        return sum(count for age, count in self._ages(born) if age >= _UPPER_YEAR + _AGE_BEFORE_YEAR_1)

    def share_aged(self, youngest: int, oldest: int) -> float:
        """Return the fraction of birth dates with an age in this range today, in years; 0 for no dates."""
        counts = self.field("birth-date").counts
        among = sum(count for age, count in self._ages(self.today) if youngest <= age <= oldest)
        return among / counts.total() if counts else 0.0

    def _ages(self, on: date | None) -> Iterator[tuple[int, int]]:
        """Yield the age on a day, in whole years, of each counted birth date, and its count."""
        field = self.fields.get("birth-date")
        if on is None or field is None or field.counts is None:
            return
        for text, number in field.counts.items():
            if (born := value_kinds.read_date(text)) is not None:
                yield on.year - born.year - ((on.month, on.day) < (born.month, born.day)), number

    def _findings(self, data_type: str, latest: date | None) -> tuple[Finding, ...]:
        """Return the findings of a file of a data type, in the order of the codes.
        A file of which the latest day is in an earlier year may have codes of another year.
        """
        kind, carried = self.rules.data_types.types[data_type], self.rules.carried[data_type]
        is_of_past = latest is not None and self.rules.pack is not None and latest < self.rules.pack.first
        found = []
        for key, field in self.fields.items():
            if key in self.rules.data_types.fields and key not in carried:
                continue
            much = self.rules.data_types.values.is_too_much(field.others, field.filled)
            much = much or key in self.wrong_columns
            for fault, counted in field.faults.items():
                if fault == value_kinds.OTHER_YEAR and is_of_past:
                    continue
                code = "code:unknown" if fault == value_kinds.OTHER_YEAR else fault
                wrong = fault not in value_kinds.QUERIES
                expected = self.rules.expected(key) if wrong else ""
                found.append(_finding(code, counted, self._about(key), expected, much=wrong and much))
        must = [g for g in kind.must if not self.is_part or any(self.filled(key) for key in g)]
        must += self._asked
        found += [_finding("item:missing", self.missing[group], self._about(group[0])) for group in must]
        item = self._about("assessments") if self.filled("assessments") else ""
        wrong_results = self.wrong_results, "assessment result", value_kinds.PUBLISHED_CODE
        found.append(_finding("code:unknown", *wrong_results, item=item))
        found.append(_finding("cell:formula", self.formulas, ""))
        found.append(_finding("upn:other-name", self._other_names, self._about("upn")))
        if (whole := kind.whole) is not None:
            # The number of result columns of a table, or of assessments per pupil in XML.
            assessed, parts = self.assessed[data_type], self.inventory.parts
            columns = {plain(part.header) for part in parts if part.key in whole.fields and part.filled}
            lines = PARTS if all(part.element for part in parts) else len(columns)
            results = self.results[data_type] // assessed if assessed else lines
            lacking = FaultCount(max(0, whole.count - results))
            found.append(_finding("results:lacking", lacking, whole.called, of=whole.count, item=item))
        found.append(_finding("upn:temporary", self._temporary, self._about("upn")))
        if kind.one_record_a_pupil:
            found.append(_finding("upn:duplicate", self._duplicates, self._about("upn")))
        return tuple(sorted((f for f in found if f.count), key=lambda f: (f.code, f.about)))

    def _labels(self, items: Mapping[str, ItemRule], data_type: str) -> tuple[str, ...]:
        """Return the labels of the items with values in the file, in the order of the agreement."""
        filled = {key for key, field in self.fields.items() if field.filled}
        carried = (
            item.label
            for key, item in items.items()
            if key in filled or not filled.isdisjoint(item.when.get(data_type, ()))
        )
        return tuple(dict.fromkeys(carried))

    def _about(self, key: str) -> str:
        rule: value_kinds.FieldRule = self.rules.fields[key]
        return rule.label if isinstance(rule, ItemRule) else key.replace("-", " ")


def _finding(
    code: str, fault: FaultCount, about: str, expected: str = "", *, much: bool = False, of: int = 0,
    item: str = "",
) -> Finding:  # fmt: skip
    return Finding(
        code=code, severity=FINDINGS[code].severity, count=fault.count, rows=tuple(sorted(fault.rows)),
        about=about, expected=expected, much=much, of=of, item=item,
    )  # fmt: skip
