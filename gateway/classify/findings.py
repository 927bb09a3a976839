"""Count the values and quality faults of each field of a file, and describe every kind of fault.

As in the DfE's collections, an *error* must be corrected at the source; a *query* may be right but needs
checking. A finding never decides the type of a file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.classify.content import data
from gateway.classify.value_kinds import EXPECTED_CODES, EXPECTED_TEXTS, QUERIES, WORDY, FieldRule, Judge
from gateway.model import Finding, Severity


class FaultKind(NamedTuple):
    """A kind of fault: its severity, and the sentence to be printed after the number of records."""

    severity: Severity
    sentence: str


FINDINGS: dict[str, FaultKind] = {code: FaultKind(*each) for code, each in data("findings").items()}


def is_of(finding: Finding, items: Collection[str]) -> bool:
    """Return True if a finding is about one of the items, given by label.

    A finding on results without an item, as earlier versions made it, counts for each item of results.
    """
    on_results = finding.about == "assessment result" or finding.code == "results:lacking"
    if on_results and not finding.item:
        return any("results" in label.casefold() for label in items)
    return (finding.item or finding.about) in items


def shown_expected(finding: Finding) -> str:
    """Return a finding's text about the values expected; "" for a text that the gateway never writes."""
    text = finding.expected
    return text if text in EXPECTED_TEXTS or EXPECTED_CODES.fullmatch(text) else ""


def describe(finding: Finding, told: Callable[[str], str] = str) -> str:
    """Return a finding in sentences for a person; the function `told` translates each."""
    records = told("1 record" if finding.count == 1 else f"{finding.count} records")
    if finding.of:
        records = told(f"{finding.count} of {finding.of}")
    about = f" ({finding.about})" if finding.about else ""
    expected = shown_expected(finding)
    instead = f"No team gets this. Write {expected}, and nothing else in the cell." if expected else ""
    sentences = " ".join(filter(None, (told(FINDINGS[finding.code].sentence), told(instead))))
    where = ", ".join(str(row) for row in finding.rows)
    more = ", …" if finding.count > len(finding.rows) else ""
    tail = f" {told('Records')}: {where}{more}." if finding.rows else ""
    return f"{records}{about}: {sentences}{tail}"


ROWS_SHOWN = 20
VALUES_COUNTED = 5_000


@dataclass(slots=True)
class FaultCount:
    """Number of occurrences of one fault, and the numbers of the first 20 records with it, from 1."""

    count: int = 0
    rows: list[int] = field(default_factory=list)

    def add(self, row: int, count: int = 1) -> None:
        """Count `count` faults in record number `row`; list the number if fewer than 20 are listed."""
        self.count += count
        if len(self.rows) < ROWS_SHOWN and row not in self.rows:
            self.rows.append(row)


class FieldTally:
    """Counts of one field's values and faults over a whole file. `others`: number of values of a wrong kind.
    `counts`: how often each value occurs; None if values are not counted one by one. `doubted`: of the values
    added last, those to be searched for sensitive content: the faulty values or, in some kinds of field, all.
    """

    __slots__ = ("_look_at_all", "counts", "doubted", "faults", "filled", "judge", "others", "strict")

    def __init__(self, rule: FieldRule, judge: Judge, *, counted: bool) -> None:
        self.filled = 0
        self.others = 0
        self.faults: dict[str, FaultCount] = {}
        self.counts: Counter[str] | None = Counter() if counted else None
        self.strict = WORDY.isdisjoint(rule.values)
        self.doubted: set[str] = set()
        self.judge = judge
        self._look_at_all = judge.check is None or rule.identifier == "reference" or "contact" in rule.values

    def add(self, values: Sequence[str], rows: Sequence[int], judge: Judge | None = None) -> AbstractSet[str]:
        """Count values (`rows`: the record number of each), and return the distinct faulty values.
        An empty text counts as blank, not as faulty. The first 20 records of each fault are listed.
        `judge`: that of one column; None for the field's.
        """
        self.filled += len(values) - values.count("")
        if self.counts is not None and len(self.counts) < VALUES_COUNTED:
            self.counts.update(values)
            del self.counts[""]
        bad = (judge or self.judge).faults(values)
        if bad:
            counts = Counter(values)
            for text, fault in bad.items():
                self.faults.setdefault(fault, FaultCount()).count += counts[text]
                self.others += counts[text] * (fault not in QUERIES)
            if any(len(self.faults[fault].rows) < ROWS_SHOWN for fault in set(bad.values())):
                faulty = ((row, value) for row, value in zip(rows, values, strict=True) if value in bad)
                for row, value in sorted(faulty):
                    self.faults[bad[value]].add(row, 0)
        self.doubted = set(values) - {""} if self._look_at_all else set(bad)
        return bad.keys()

    def take(self, other: FieldTally) -> None:
        """Add the counts of a column (`other`) that was found, after reading, to have this field."""
        self.filled += other.filled
        self.others += other.others
        for fault, counted in other.faults.items():
            mine = self.faults.setdefault(fault, FaultCount())
            mine.count += counted.count
            for row in counted.rows:
                mine.add(row, 0)

    def note(self, fault: str, row: int) -> None:
        """Count one faulty value, in the record with this number."""
        self.faults.setdefault(fault, FaultCount()).add(row)
        self.others += fault not in QUERIES

    def share_good(self) -> float:
        """Return the fraction of filled values without a fault, 0 to 1; 0 where nothing is filled."""
        wrong = sum(fault.count for fault in self.faults.values())
        return (self.filled - wrong) / self.filled if self.filled else 0.0

    def share_among(self, values: Iterable[str]) -> float:
        """Return the fraction of filled values found in `values` (in upper case); 0 if nothing is filled."""
        return share_among(self.counts or {}, set(values))


def share_among(counts: Mapping[str, int], values: AbstractSet[str]) -> float:
    """Return the fraction of filled values found in `values` (in upper case). `counts`: how often each is."""
    filled = [(value.strip().upper() in values, count) for value, count in counts.items() if value.strip()]
    return sum(is_among * count for is_among, count in filled) / (sum(count for _, count in filled) or 1)
