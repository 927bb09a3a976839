"""Choose the columns, elements and rows of a file for a view, by data items and school."""

from collections import Counter
from collections.abc import Callable, Collection
from collections.abc import Set as AbstractSet
from enum import IntEnum
from functools import lru_cache

from gateway.classify.content import Row
from gateway.classify.rules import ItemRule, Rules, WorkingRule
from gateway.classify.schools import school_named
from gateway.classify.tables import may_be_subject
from gateway.classify.value_kinds import Judge
from gateway.model import APART, OTHER_SCHOOLS, UNKNOWN, WITHHELD, Basis
from gateway.words import plain

_REMEMBERED = 5_000
_HEADER_LENGTH = 80
_STAGE = ("KeyStage", "Stage")
_SUBJECT_GRADE = "subject-grade"


class Visibility(IntEnum):
    """Visibility of an element in a view. `BESIDE`: kept only if the parent keeps an element that is `IN`."""

    OUT = 0
    BESIDE = 1
    IN = 2


class ViewFilter:
    """Filter that decides what a view shows of a file's columns, elements and rows, as a `Basis` allows.
    The filter also collects the labels of items left out. `without`: numbers, from 0, of records left out.
    """

    def __init__(self, rules: Rules, basis: Basis) -> None:
        self.rules = rules
        self._allowed = frozenset(basis.items)
        self._carried = rules.carried[basis.data_type]
        # By field key: labels of the items the field reveals in files of the type.
        self._labels: dict[str, frozenset[str]] = {}
        for key, item in (*rules.items.items(), *rules.others.items()):
            for name in (key, *item.when.get(basis.data_type, ()), *item.beside):
                self._labels[name] = self._labels.get(name, frozenset()) | {item.label}
        # The classifier's list of content outside the file's type, which may be incomplete.
        listed = [one for one in basis.unlisted if not one.further]
        self._is_all = len(listed) == len(basis.unlisted)
        self._positions = {one.position for one in listed if one.place == "column"}
        self._named = {(one.field, plain(one.header)) for one in listed}
        self._until = max((one.position for one in listed if not one.topic), default=0)
        self.columns_met: int | None = 0
        self.without, self._records = set(basis.without), 0
        self._left_out: Counter[str] = Counter()
        self._elements: dict[tuple[str, str], Visibility] = {}
        self.of_school = basis.of_school
        self.changed = False
        if basis.without:
            self.leave_out(APART)

    def next_stays(self) -> bool:
        """Return True if the view keeps the next record of the file; call once for each record, in order."""
        self._records += 1
        return self._records - 1 not in self.without

    def own_rows(self, names: tuple[str, ...]) -> Callable[[Row], bool] | None:
        """Return a function to test if a row is about the view's school; None if the view has all schools.
        `names`: the headings of the rows.
        """
        if self.of_school is None:
            return None
        self.leave_out(OTHER_SCHOOLS)
        own, keys = self.of_school, map(self.rules.column_field, names)
        slots = self.rules.data_types.schools.slots(zip(names, keys, strict=True))

        @lru_cache(_REMEMBERED)
        def is_own(*texts: str) -> bool:
            school = school_named((slot, text) for (_, slot), text in zip(slots, texts, strict=True))
            # One of the school's numbers is named, and none of another school.
            told = zip((school.dfe_number, school.urn), own, strict=True)
            compared = [number == known for number, known in told if number and known]
            return bool(compared) and all(compared)

        return lambda row: is_own(*(row[index] if index < len(row) else "" for index, _ in slots))

    @property
    def left_out(self) -> tuple[str, ...]:
        """Labels of content left out: items in alphabetical order, then unknown or withheld content."""
        return tuple(sorted(self._left_out, key=lambda label: (label in (UNKNOWN, APART, WITHHELD), label)))

    def columns(self, names: tuple[str, ...]) -> list[tuple[int, Judge]]:
        """Choose the columns of a table for the view. Return the number of each, from 0, and the judge of its
        values. The caller first sets `columns_met` to the number of columns in the file's earlier tables, or
        to None.
        """
        found = []
        for index, name in enumerate(names):
            named = self.rules.column_field(name)
            grades = _SUBJECT_GRADE in self._carried and may_be_subject(name, named, self.rules)
            key = _SUBJECT_GRADE if grades else named
            if self.columns_met is None:
                listed = self._is_listed(named, name)
            else:
                position = self.columns_met + index + 1
                listed = position in self._positions or (not self._is_all and position > self._until)
            if self._keeps(key, listed=listed) and key is not None:
                found.append((index, self.rules.judge(key, self.rules.judges[key], by_rows=True)))
        return found

    def judge(self, parent: str, name: str) -> Judge:
        """Return the judge of an element's text; for an unknown field, a judge that accepts no value."""
        key = self.rules.element_field(parent, name)
        return self.rules.judges[key] if key is not None else Judge(None)

    def others(self, judge: Judge, values: Collection[str], whole: Collection[str] = ()) -> AbstractSet[str]:
        """Return the values that are not of their field's kind. If there are any, note `WITHHELD` as left
        out. `whole`: the values of all records that were read together, where the view has only some.
        """
        if found := judge.others(whole or values) & {*values}:
            self.leave_out(WITHHELD)
        return found

    def element(self, parent: str, name: str) -> Visibility:
        """Return the visibility, in the view, of an element with text."""
        known = self._elements.get((parent, name))
        if known is None:
            key = self.rules.element_field(parent, name)
            known = Visibility.OUT
            if self._keeps(key, listed=self._is_listed(key, f"{parent}/{name}")):
                aside = key in self.rules.working or (parent, name) == _STAGE
                known = Visibility.BESIDE if aside else Visibility.IN
            self._elements[parent, name] = known
        return known

    def around(self, parent: str, name: str) -> Visibility:
        """Return the visibility of an element outside all records; `OUT` for one unknown to the rules."""
        if self.rules.element_field(parent, name, around=True) is None:
            self.leave_out()
            return Visibility.OUT
        return self.element(parent, name)

    def is_container(self, path: str) -> bool:
        """Return True if elements with this path may contain others. If not, note what they contain as left
        out.
        """
        if self.rules.is_container(path):
            return True
        self.leave_out()
        return False

    def leave_out(self, what: str = UNKNOWN) -> None:
        """Note something as left out of the view: an item's label, or a constant such as `UNKNOWN`."""
        self._left_out[what] += 1
        self.changed = True

    def _keeps(self, key: str | None, *, listed: bool) -> bool:
        lacking = frozenset({UNKNOWN}) if listed or key is None else self._lacking(key)
        for label in lacking:
            self.leave_out(label)
        return not lacking

    def shows(self, key: str) -> bool:
        """Return True if the view may show the field with this key."""
        return not self._lacking(key)

    def _is_listed(self, key: str | None, name: str) -> bool:
        """Return True if the classifier listed the column or element `name` as outside the type of the file.
        True also for every name if the list is incomplete.
        """
        if not self._is_all or not self._named:
            return not self._is_all
        return (key or "", plain(name[:_HEADER_LENGTH])) in self._named

    def _lacking(self, key: str) -> frozenset[str]:
        rule = self.rules.fields[key]
        if "free" in rule.values:
            return frozenset({UNKNOWN})
        if not isinstance(rule, ItemRule | WorkingRule) and key not in self._carried:
            return frozenset({UNKNOWN})
        return self._labels.get(key, frozenset()) - self._allowed
