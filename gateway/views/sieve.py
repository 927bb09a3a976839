"""Which columns and elements of a file belong into a view, by the data items that they carry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import IntEnum
from math import inf

from gateway.classify.results import Examiner, Outcome
from gateway.classify.rules import ItemRule, Rules, WorkingRule
from gateway.model import Basis, Unlisted
from gateway.model.basis import UNKNOWN

_HEADER_LENGTH = 80
_SUBJECT_GRADE = "subject-grade"
# What a column of a subject's grades may be called beside: `classify.broadsheets` looks at its values.
_MAY_BE_SUBJECT = frozenset({None, "teacher-assessment", "read-outcome"})


class Stay(IntEnum):
    """What becomes of an element: what stays `BESIDE` others says nothing by itself, such as the order of contacts."""

    OUT = 0
    BESIDE = 1
    IN = 2


class Sieve:
    """Judges the columns and elements of one file against a basis, and remembers what was left out."""

    def __init__(self, rules: Rules, basis: Basis) -> None:
        self._rules = rules
        self._type = basis.data_type
        self._allowed = frozenset(basis.items)
        self._carried = rules.carried(basis.data_type)
        self._labels = _labels_by_field(rules, basis.data_type)
        self._told = frozenset(_shown(one.header) for one in basis.told if one.header)
        self._told_until = _told_until(basis.told)
        self._examiner = Examiner(rules.data_types.results)
        self._left_out: Counter[str] = Counter()
        self._elements: dict[tuple[str, str], Stay] = {}
        self.changed = False

    @property
    def left_out(self) -> tuple[str, ...]:
        """The labels of the items that were left out, in the order of the alphabet; unknown things last."""
        return tuple(sorted(self._left_out, key=lambda label: (label == UNKNOWN, label)))

    def columns(self, names: tuple[str, ...], before: int = 0) -> list[int]:
        """The columns that stay, counted from 0. `before` is how many columns the parts before this one have."""
        return [
            index
            for index, name in enumerate(names)
            if self._keeps(self._column_field(name), name, position=before + index + 1)
        ]

    def element(self, parent: str, name: str) -> Stay:
        """Whether an element with text stays."""
        known = self._elements.get((parent, name))
        if known is None:
            key = self._rules.element_field(parent, name)
            known = Stay.OUT
            if self._keeps(key, f"{parent}/{name}", position=inf):
                known = Stay.BESIDE if key in self._rules.working else Stay.IN
            self._elements[parent, name] = known
        return known

    def leave_out(self, what: str = UNKNOWN) -> None:
        """Note that something was left out that is no column and no element."""
        self._left_out[what] += 1
        self.changed = True

    def tells_of(self, start: str) -> bool:
        """Whether the account of the file tells of an element whose name starts so."""
        return any(header.startswith(start) for header in self._told)

    def field_stays(self, key: str) -> bool:
        """Whether what a field carries stays."""
        return self._keeps(key, "", position=0)

    def _keeps(self, key: str | None, header: str, *, position: float) -> bool:
        lacking = self._lacking(key, header, position)
        for label in lacking:
            self.leave_out(label)
        return not lacking

    def _lacking(self, key: str | None, header: str, position: float) -> frozenset[str]:
        if key is None or _shown(header) in self._told or position > self._told_until:
            return frozenset({UNKNOWN})
        rule = self._rules.fields[key]
        if not isinstance(rule, ItemRule | WorkingRule) and key not in self._carried:
            return frozenset({UNKNOWN})
        return self._labels.get(key, frozenset()) - self._allowed

    def _column_field(self, name: str) -> str | None:
        key = self._rules.column_field(name)
        if key in _MAY_BE_SUBJECT and _SUBJECT_GRADE in self._carried and self._is_subject(name):
            return _SUBJECT_GRADE
        return key

    def _is_subject(self, name: str) -> bool:
        subjects = self._rules.data_types.subjects
        return subjects.is_subject(name) or self._examiner.kind_of(Outcome(code=name)) is not None


def _shown(header: str) -> str:
    """A header as the account of a file has it."""
    return header[:_HEADER_LENGTH].strip()


def _told_until(told: tuple[Unlisted, ...]) -> float:
    """Until which column the account of a file goes: it tells of so many, and then only that there are more."""
    if not any(one.further for one in told):
        return inf
    return max((one.position for one in told if not one.further and not one.topic), default=0)


def _labels_by_field(rules: Rules, data_type: str) -> Mapping[str, frozenset[str]]:
    """Of each field the labels of all items that it tells of in files of this type."""
    found: dict[str, set[str]] = {}
    for key, item in (*rules.items.items(), *rules.others.items()):
        for name in (key, *item.when.get(data_type, ()), *item.beside):
            found.setdefault(name, set()).add(item.label)
    return {key: frozenset(labels) for key, labels in found.items()}
