"""Counting while a file is read: pupils, which fields are filled, and what is wrong with them.

A tally holds numbers, record numbers and a bounded set of UPNs for as long as one file is read;
what comes out of it is counts only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from gateway.classify import checks
from gateway.classify.findings import severity
from gateway.classify.identifiers import is_temporary_upn
from gateway.classify.rules import FieldRule, ItemRule, Rules, TypeRule
from gateway.model import Finding

OnPupil = Callable[[str, "date | None", "str | None", bool], None]

# Beyond so many pupils the tally stops looking for duplicates: a bound on memory, at six times the
# pupils of a large local authority.
PUPILS_REMEMBERED = 500_000
ROWS_SHOWN = 20
_VERDICTS_REMEMBERED = 20_000


@dataclass(slots=True)
class Fault:
    """How often one thing is wrong, and the first records in which it is."""

    count: int = 0
    rows: list[int] = field(default_factory=list)

    def add(self, row: int) -> None:
        """One more, in this record."""
        self.count += 1
        if len(self.rows) < ROWS_SHOWN:
            self.rows.append(row)


class FieldTally:
    """What one field holds over the whole file."""

    __slots__ = ("_check", "_verdicts", "blank", "faults", "filled", "key", "rule")

    def __init__(self, key: str, rule: FieldRule, check: checks.Check | None) -> None:
        self.key = key
        self.rule = rule
        self.filled = 0
        self.blank = Fault()
        self.faults: dict[str, Fault] = {}
        self._check = check
        self._verdicts: dict[str, str | None] = {}

    def add(self, text: str, row: int) -> None:
        """One value, not empty, in this record."""
        self.filled += 1
        if self._check is None:
            return
        fault = self._verdict(text)
        if fault is not None:
            self.faults.setdefault(fault, Fault()).add(row)

    def add_column(self, values: Sequence[str], first_row: int) -> None:
        """The values of this field in records that follow each other; an empty text is a blank."""
        blanks = values.count("")
        self.filled += len(values) - blanks
        if blanks:
            for row, value in enumerate(values, first_row):
                if not value:
                    self.blank.add(row)
        if self._check is None or blanks == len(values):
            return
        bad = {v: fault for v in set(values) if v and (fault := self._verdict(v)) is not None}
        if bad:
            for row, value in enumerate(values, first_row):
                if value in bad:
                    self.faults.setdefault(bad[value], Fault()).add(row)

    def share_good(self) -> float:
        """The share of filled values without a fault; 0 where nothing is filled."""
        wrong = sum(fault.count for fault in self.faults.values())
        return (self.filled - wrong) / self.filled if self.filled else 0.0

    def _verdict(self, text: str) -> str | None:
        assert self._check is not None  # noqa: S101 - both callers have asked
        try:
            return self._verdicts[text]
        except KeyError:
            if len(self._verdicts) >= _VERDICTS_REMEMBERED:
                self._verdicts.clear()
            verdict = self._verdicts[text] = self._check(text)
            return verdict


class Tally:
    """All fields of one file, and its pupils."""

    def __init__(self, rules: Rules, today: date | None, on_pupil: OnPupil | None = None) -> None:
        self.rules = rules
        self.records = 0
        self.duplicates = Fault()
        self.temporary = Fault()
        self.fields: dict[str, FieldTally] = {}
        self._today = today
        self._on_pupil = on_pupil
        self._upns: set[str] = set()

    def field(self, key: str) -> FieldTally:
        """The tally of one field, made when it is first asked for."""
        known = self.fields.get(key)
        if known is None:
            rule = self.rules.fields[key]
            known = self.fields[key] = FieldTally(key, rule, checks.check_for(rule, self.rules, self._today))
        return known

    def filled(self, key: str) -> bool:
        """Whether any record fills this field."""
        known = self.fields.get(key)
        return known is not None and known.filled > 0

    def pupil(self, values: Mapping[str, str], row: int) -> None:
        """One record about one pupil, given the fields that name the pupil."""
        upn = values.get("upn", "").strip().upper()
        if not upn:
            return
        if is_temporary_upn(upn):
            self.temporary.add(row)
        if upn in self._upns:
            self.duplicates.add(row)
        elif len(self._upns) < PUPILS_REMEMBERED:
            self._upns.add(upn)
        if self._on_pupil is not None:
            self._report(upn, values)

    def _report(self, upn: str, values: Mapping[str, str]) -> None:
        assert self._on_pupil is not None  # noqa: S101 - its only caller has asked
        born = checks.read_date(values.get("birth-date", ""))
        left = bool(values.get("leaving-date", "").strip())
        main = values.get("enrolment-status", "C").strip().upper() in ("", "C", "M")
        self._on_pupil(upn, born, values.get("former-upn", "").strip().upper() or None, main and not left)

    def pupils(self, *, one_record_a_pupil: bool) -> int:
        """The number of distinct pupils, as far as the UPNs tell."""
        if len(self._upns) >= PUPILS_REMEMBERED:
            return self.records
        if not one_record_a_pupil:
            return len(self._upns)
        named = self.fields.get("upn")
        return len(self._upns) + self.records - (named.filled if named else 0)

    def findings(self, kind: TypeRule) -> tuple[Finding, ...]:
        """What is wrong, for a file of this type, in the order of the codes."""
        found = [
            _finding(code, fault, self._about(key))
            for key, tally in self.fields.items()
            for code, fault in tally.faults.items()
        ]
        found += [_finding("item:missing", self.field(key).blank, self._about(key)) for key in kind.must]
        found.append(_finding("upn:temporary", self.temporary))
        if kind.one_record_a_pupil:
            found.append(_finding("upn:duplicate", self.duplicates))
        return tuple(sorted((f for f in found if f.count), key=lambda f: (f.code, f.about)))

    def items(self, data_type: str) -> tuple[str, ...]:
        """The labels of the Appendix A items that the file carries, in the order of the agreement."""
        listed = {key: item for key, item in self.rules.items.items() if not item.proposed}
        return self._labels(listed, data_type)

    def other_items(self, data_type: str) -> tuple[str, ...]:
        """The labels of personal items that the file carries and Appendix A does not list in force."""
        proposed = {key: item for key, item in self.rules.items.items() if item.proposed}
        return self._labels({**proposed, **self.rules.others}, data_type)

    def _labels(self, items: Mapping[str, ItemRule], data_type: str) -> tuple[str, ...]:
        carried = (
            item.label
            for key, item in items.items()
            if any(self.filled(k) for k in (key, *item.when.get(data_type, ())))
        )
        return tuple(dict.fromkeys(carried))

    def _about(self, key: str) -> str:
        rule = self.rules.fields[key]
        return rule.label if isinstance(rule, ItemRule) else key.replace("-", " ")


def _finding(code: str, fault: Fault, about: str = "") -> Finding:
    return Finding(
        code=code, severity=severity(code), count=fault.count, rows=tuple(sorted(fault.rows)), about=about
    )


def missing_fields(tally: Tally, kinds: Iterable[TypeRule]) -> tuple[FieldTally, ...]:
    """The tallies of every field that some type demands in each record."""
    return tuple(tally.field(key) for key in dict.fromkeys(k for kind in kinds for k in kind.must))
