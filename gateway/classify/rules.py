"""Define the rules by which files are recognised: those of data_types.toml, items.toml and sensitive.toml.

A *field* is one datum of a record (a UPN, a mark, an outcome), under any name in any system. Items of
Appendix A, personal items outside Appendix A, and working fields, which systems need, are all fields, but
reported differently. Column names are compared without case, blanks and punctuation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from datetime import date
from functools import cache, cached_property
from operator import attrgetter, itemgetter

from pydantic import Field

from gateway.classify import format_rules as formats
from gateway.classify import value_kinds
from gateway.classify.identifiers import Remembered
from gateway.classify.report_wording import ReportWording
from gateway.classify.sensitive import WORDS, RuleTable, Sensitive, is_legible, plain
from gateway.classify.shared_values import SchoolJudge, SharedJudge
from gateway.law import LawPack, codes_of, pack_on
from gateway.model import Level

BY_READER = frozenset({"student-core", "attendance", "school-census", "gcse-results", "a-level-results"})
"""Data types recognised by the reader of a national format, without a rule: CTF, school census, JCQ."""

# "(at 10 Nov 2026)", "as at 24/11/2026", "(01 Sep 2026 - 10 Nov 2026)" after a column name.
_DATED = re.compile(
    r"(?:\(([^()]{4,40})\)|\[([^\[\]]{4,40})\]|\b(as (?:at|of) [^()]{4,20}))\s*\Z", re.IGNORECASE
)
_BETWEEN_DATES = re.compile(r"\b(?:as|at|of|on|from|to|since|until|up to)\b| - |\u2013", re.IGNORECASE)
_WORDS_OF_NAME = re.compile(r"[^\W\d_]+")
_STEPS = re.compile(r"[A-Za-z]\w*(?:\.[A-Za-z]\w*)+", re.ASCII)

NOTES = re.compile(r"note|comment|remark|memo\b|narrative|free ?text", re.IGNORECASE)

_NAME_LENGTH = 100
_WORDS = "{words}"
_LOOKAHEADS = re.compile(r"(?:\(\?[=!](?:[^()\\]|\\.|\((?:[^()\\]|\\.)*\))*\))*")
"""Lookaheads in a row, whose groups hold no further group."""
_WHO_IT_IS = frozenset({"upn", "former-upn", "la", "school", "birth-date", "school-name"})
_NAMES_PEOPLE = frozenset({"name", "names", "free"})
OTHERS = frozenset(WORDS["others"])
"""Names of elements of people around a pupil."""
_OF_MANY = WORDS["of_many_pupils"]
_FACTS = frozenset({
    "birth-date", "la-number", "school-number", "academic-year", "census-term", "key-stage",
    "session-date", "exam-series", "exam-year",
})  # fmt: skip
_SHARED = ("fields", "_columns", "column_patterns", "_elements", "containers", "counted", "carried")


class ItemRule(value_kinds.FieldRule):
    """The rule for a data item. `when`: for each data type, the fields that hold the item in files of the
    type. `proposed`: True if Appendix A only proposes the item. `beside`: fields that reveal the item
    indirectly; a team that may not have the item gets none of these fields.
    """

    label: str
    proposed: bool = False
    when: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    beside: tuple[str, ...] = ()

    def may_be_stated(self, key: str) -> bool:
        """Return True if a provider may state that a heading means this item; `key` is the item's key."""
        identifies = self.proposed or self.identifier in _WHO_IT_IS or key in _WHO_IT_IS
        return not identifies and _NAMES_PEOPLE.isdisjoint(self.values)


def statable(items: Mapping[str, ItemRule], labels: Container[str]) -> dict[str, str]:
    """Return the items, by key, that a provider may state as the meaning of a heading, each as "Label (key)".
    `labels`: the labels of the items to choose from.
    """
    return {
        key: f"{item.label} ({key})"
        for key, item in items.items()
        if item.label in labels and item.may_be_stated(key)
    }


class WorkingRule(value_kinds.FieldRule):
    """A field that systems need, but not a data item: a value of its kind reveals nothing about a pupil."""


class ColumnSignature(RuleTable):
    """Conditions for a table to be of a data type; of several that hold, the highest `rank` decides.
    `level`, `because`: how sure a match is, and the evidence to report.
    `results`: True if the grades decide whether the type is GCSE or A level.
    `part`: True if the table is one of several in its file, and may lack required fields.
    `needs`: fields, all required. `any`: groups of fields; one field of each group is required.
    `of`, `at_least`: fields, and how many of these are required. `without`: forbidden fields.
    `many`: by field, the number of columns required.
    `share`: by field, the fraction of filled values that must be without a fault.
    `only`, `among`: by field, values, or a code list, to which half of the filled values must belong.
    `unlike`: by field, values to which no more than half of the filled values may belong.
    `ages`: youngest and oldest age today of nearly all pupils.
    `above`: words, one of which must stand above the table.
    `no_results`: True if no unknown column may look like grades.
    `waits`: code of the reason for which a match waits for a person.
    """

    type: str
    rank: int
    level: Level
    because: str
    results: bool = False
    part: bool = False
    needs: tuple[str, ...] = ()
    any: tuple[tuple[str, ...], ...] = ()
    of: tuple[str, ...] = ()
    at_least: int = 0
    many: dict[str, int] = Field(default_factory=dict)
    share: dict[str, float] = Field(default_factory=dict)
    only: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    among: dict[str, str] = Field(default_factory=dict)
    unlike: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    ages: tuple[int, int] | None = None
    no_results: bool = False
    above: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    waits: str | None = None

    def fields(self) -> tuple[str, ...]:
        """Return the key of every field that the signature requires or measures."""
        grouped = (key for group in self.any for key in group)
        return (*self.needs, *self.of, *self.many, *self.share, *self.only, *self.among, *grouped)


class WholeRule(RuleTable):
    """The condition for a return to be complete: at least `count` results.
    In a table, the filled columns of `fields` are counted; in XML, the results of a pupil, on average.
    `called`: the word that messages use for the results.
    """

    fields: tuple[str, ...] = Field(min_length=1)
    count: int = Field(ge=1)
    called: str


class TypeRule(RuleTable):
    """Rules for every file of a data type.
    `must`: groups of fields; every record needs a field of each group. `whole`: what makes a return complete.
    `carries`: fields allowed in addition to the fields of the signatures. `grades`: list of the codes
    that a column headed "Grade" may have; None for any.
    """

    title: str
    must: tuple[tuple[str, ...], ...] = ()
    carries: tuple[str, ...] = ()
    whole: WholeRule | None = None
    grades: str | None = None
    one_record_a_pupil: bool = True
    key_stage: str | None = None


class ColumnRule(RuleTable):
    """Prefixes and suffixes that systems add to a column name, and words for `{words}` in patterns."""

    prefixes: tuple[str, ...]
    suffixes: tuple[str, ...]
    words: tuple[str, ...] = ()


class ValuesRule(RuleTable):
    """Limits of a column's unexpected values, beyond which a file waits for a person.
    The file waits if there are `at_least` or more, and their fraction of the filled values is above `share`.
    """

    share: float = Field(gt=0, le=1)
    at_least: int = Field(ge=1)

    def is_too_much(self, others: int, filled: int) -> bool:
        """Return True if `others` unexpected values among `filled` ones make a file wait for a person."""
        return others >= self.at_least and others > self.share * filled


class DataTypes(RuleTable):
    """Model of data_types.toml: the rules by which a file's data type is recognised."""

    types: dict[str, TypeRule]
    values: ValuesRule
    codes: dict[str, tuple[str, ...]]
    columns: ColumnRule
    fields: dict[str, value_kinds.FieldRule]
    tables: tuple[ColumnSignature, ...]
    systems: dict[str, dict[str, tuple[str, ...]]]
    results: formats.ResultsRule
    subjects: formats.SubjectRule
    jcq: formats.JcqRule
    ctf: formats.CtfRule
    message: formats.MessageRule
    outside_roots: dict[str, str]
    registers: formats.RegisterRule
    schools: formats.SchoolsRule
    json_records: formats.JsonRule
    furniture: formats.ReportWordingRule
    names: tuple[formats.NameHint, ...]


class Items(RuleTable):
    """Model of items.toml: data items, personal items outside Appendix A, and working fields."""

    items: dict[str, ItemRule]
    others: dict[str, ItemRule]
    working: dict[str, WorkingRule]


class Rules(Items):
    """The rules of the three policy files, checked against each other, with look-ups for recognisers."""

    data_types: DataTypes
    sensitive: Sensitive
    law: tuple[LawPack, ...] = ()
    pack: LawPack | None = None

    def on(self, day: date | None) -> Rules:
        """Return these rules with the codes of the law pack in force on `day`, for files about the day."""
        pack = pack_on(self.law, day)
        return self if pack is None else self._by_pack[pack.academic_year]

    @cached_property
    def _by_pack(self) -> dict[str, Rules]:
        found = {}
        for pack in self.law:
            codes = codes_of(self.law, pack, self.data_types.codes)
            found[pack.academic_year] = under = Rules(
                data_types=self.data_types.model_copy(update={"codes": codes}),
                items=self.items,
                others=self.others,
                working=self.working,
                sensitive=self.sensitive,
                pack=pack,
            )
            # Only the codes differ: everything slow to compile is shared, and each check of the same codes.
            under.__dict__.update((name, getattr(self, name)) for name in _SHARED)
            changed = {name for name in codes if set(codes[name]) != set(self.data_types.codes.get(name, ()))}
            alike = frozenset(
                key for key, rule in self.fields.items() if changed.isdisjoint(value_kinds.lists_of(rule))
            )
            own = under.check
            under.__dict__["check"] = lambda key, own=own, alike=alike: (self.check if key in alike else own)(
                key
            )
        return found

    def with_stated(self, stated: Iterable[tuple[str, str]]) -> Rules:
        """Return these rules with the headings a provider stated: pairs of heading and field key.
        A heading already known, or about something sensitive, keeps its meaning. A statement is ignored if
        the field identifies a person, or is outside Appendix A.
        """
        allowed = [(name, key) for name, key in stated if self.may_be_stated(key)]
        own = {plain(name): key for name, key in allowed if not self._is_apart(name)}
        if not own:
            return self
        by_pack = {year: rules.with_stated(allowed) for year, rules in self._by_pack.items()}
        changed = {"_columns": own | self._columns, "_unstated": self._unstated or self, "_by_pack": by_pack}
        return self.model_copy(update=changed)

    @cached_property
    def _unstated(self) -> Rules | None:
        return None

    def shown_headings(self, names: Iterable[str]) -> list[str]:
        """Return the headings as a view shows them. A heading that only a provider has explained is replaced
        by a known heading of the same field, followed by the day, if any, with which the provider's heading
        ends: a provider may write anything in a heading, even about a child.
        """
        shown = list(names)
        if (before := self._unstated) is None:
            return shown
        for place, name in enumerate(shown):
            key = self.column_field(name)
            if key is not None and key != before.column_field(name):
                day = name.removeprefix(_without_day(name))
                known = (*self.items[key].columns, self.items[key].label.rpartition(": ")[2])
                forms = [f"{one}{day}" for one in known]
                shown[place] = next((one for one in forms if one not in shown), forms[-1])
        return shown

    def may_be_stated(self, key: str) -> bool:
        """Return True if a provider may state that a heading means this field."""
        return key in self.items and self.items[key].may_be_stated(key)

    def must_have(self, data_type: str, form: str, term: str | None) -> tuple[str, ...]:
        """Return the keys of fields that the law requires in each record of a return. `form`: the file
        format. Returns () if these rules belong to no law pack, or the pack has no layout for the return.
        """
        layout = self.pack.layout_for(data_type, form, term) if self.pack else None
        if layout is None:
            return ()
        paths = (f"{layout.record}/{each.name}".split("/") for each in layout.of_term(term) if each.must)
        keys = (self.element_field(*path[-2:]) for path in paths)
        return tuple(dict.fromkeys(key for key in keys if key is not None))

    @cached_property
    def fields(self) -> dict[str, value_kinds.FieldRule]:
        """Every field by its key."""
        return {**self.data_types.fields, **self.items, **self.others, **self.working}

    def recognisable_types(self) -> frozenset[str]:
        """Return every data type some rule or reader can recognise."""
        types, ctf = self.data_types, self.data_types.ctf
        found = {table.type for table in types.tables} | {stage.type for stage in ctf.stages} | BY_READER
        named = {*ctf.descriptors.values(), *types.message.returns.values(), ctf.missing_type}
        return frozenset(found.union(filter(None, named)))

    @cached_property
    def carried(self) -> dict[str, frozenset[str]]:
        """By data type, the keys of the fields allowed: of signatures that do not wait, `carries`, and each
        item's `when`.
        """
        found = {name: set(kind.carries) for name, kind in self.data_types.types.items()}
        for table in self.data_types.tables:
            found[table.type] |= set(() if table.waits else table.fields())
        if {"a-level-results", "gcse-results"} <= found.keys():
            found["a-level-results"] |= found["gcse-results"]
        for item in (*self.items.values(), *self.others.values()):
            for name, keys in item.when.items():
                found[name] |= set(keys)
        return {name: frozenset(keys) for name, keys in found.items()}

    @cached_property
    def code_sets(self) -> dict[str, frozenset[str]]:
        """By name, each list of codes as a set in upper case; under "subject", the names of subjects."""
        lists = {**self.data_types.codes, "subject": self.data_types.subjects.names}
        return {name: frozenset(map(str.upper, codes)) for name, codes in lists.items()}

    @cached_property
    def grades(self) -> frozenset[str]:
        """Every known grade of an examination or assessment."""
        return self.code_sets["exam-grade"] | self.code_sets["teacher-assessment"]

    @cached_property
    def check(self) -> Callable[[str], value_kinds.Check | None]:
        """Function that takes a field's key and returns the check of its values, or None for free text."""
        schools = self.data_types.schools

        def check(key: str) -> value_kinds.Check | None:
            rule = self.fields[key]
            names_schools = schools.fields.get(key) == "name" or not {*schools.columns}.isdisjoint(
                rule.columns
            )
            found = value_kinds.check_for(rule, self.code_sets, self.sensitive, of_people=not names_schools)
            if found is None or key not in WORDS["names_of_all"] | WORDS["parts_of_names"]:
                return found
            tells = self.sensitive.is_sensitive_word
            return value_kinds.check_of_name(
                found, key, lambda word: self.column_field(word) is not None, tells
            )

        return cache(check)

    @cached_property
    def quick(self) -> Callable[..., value_kinds.Quick | None]:
        """Function that takes a field's key, and returns what `quick_for` does, given also `with_queries`."""

        def quick(key: str, *, with_queries: bool) -> value_kinds.Quick | None:
            if key == "middle-names":  # Each value is judged in full, for surnames that tell.
                return None
            return value_kinds.quick_for(self.fields[key], self.sensitive, with_queries=with_queries)

        return cache(quick)

    @cached_property
    def telling_elsewhere(self) -> frozenset[str]:
        """Fields whose right values may be sensitive in files of other types: words, or codes that tell."""
        return frozenset(
            key
            for key, rule in self.data_types.fields.items()
            if not value_kinds.WORDY.isdisjoint(rule.values)
            or any(map(self.sensitive.of_cell, self.code_sets.get(rule.codes or "", ())))
        )

    @cached_property
    def judges(self) -> Remembered[str, value_kinds.Judge]:
        """By field key, the `Judge` of values for views; in views, a fault in `QUERIES` hides no value."""
        return Remembered(lambda key: self.judge(key, None, by_rows=False))

    def judge(self, key: str, known: value_kinds.Judge | None, *, by_rows: bool) -> value_kinds.Judge:
        """Return the judge `known`; of classes, houses and, `by_rows`, of schools a new one by rows."""
        known = known or value_kinds.Judge(self.check(key), self.quick(key, with_queries=True))
        if key in _OF_MANY:
            initials, codes = self.sensitive.are_initials, self._telling_codes
            return SharedJudge(known, initials, codes, house=key == "house", by_rows=by_rows)
        if by_rows and key == "school-name":
            return SchoolJudge(known.check, known.quick)
        return known

    @cached_property
    def _telling_codes(self) -> frozenset[str]:
        """Codes of items that a class or house would tell, and the beginnings of words of people's origin."""
        sets = self.code_sets
        words = re.findall(r"[A-Z]{6,}", " ".join(sets["language"] | sets["ethnicity"]))
        telling = {*map(itemgetter(slice(6)), words)}.union(*map(sets.__getitem__, WORDS["telling_codes"]))
        return frozenset(telling - sets["subject"] - WORDS["nothing"] - WORDS["beside_codes"])

    def expected(self, key: str) -> str:
        """Describe the expected form of a field's value, in the gateway's words."""
        rule = self.fields[key]
        return value_kinds.expected(rule, self.data_types.codes.get(rule.codes or "", ()))

    @cached_property
    def report_wording(self) -> ReportWording:
        """The recogniser of lines printed by reports around tables."""
        rule, sensitive = self.data_types.furniture, self.sensitive
        # Words of column names, except names of other personal items and sensitive ones.
        names = (name for key, name in self.column_names() if key not in self.others)
        harmless = (name.casefold() for name in names if not self._is_apart(name))
        return ReportWording(
            words=(words := frozenset(rule.words)),
            schools=frozenset(rule.kinds_of_school),
            is_name=value_kinds.Words("name", self.code_sets, sensitive, of_people=False).are,
            headings=words.union(*map(_WORDS_OF_NAME.findall, harmless)),
            codes=frozenset().union(*self.code_sets.values()),
            is_telling=lambda text: bool(sensitive.of_name(text) or sensitive.of_text(text)),
        )

    @cached_property
    def _columns(self) -> dict[str, str]:
        return {plain(name): key for key, name in self.column_names()}

    def column_names(self) -> Iterator[tuple[str, str]]:
        """Yield field key and name of each known column: general names, then those of single products."""
        yield from ((key, name) for key, rule in self.fields.items() for name in rule.columns)
        for system in self.data_types.systems.values():
            yield from ((key, name) for key, names in system.items() for name in names)

    @cached_property
    def column_patterns(self) -> tuple[re.Pattern[str], tuple[str, ...]]:
        """All patterns of column names joined into one, for speed; and, for each group of the joined pattern,
        a field key.
        """
        words, pairs = self.words_of_columns, []
        for key, rule in self.fields.items():
            for pattern in rule.patterns:
                # Where only lookaheads stand before `{words}`, one search for words serves all patterns.
                once = _LOOKAHEADS.fullmatch(pattern.removesuffix(_WORDS)) and pattern.endswith(_WORDS)
                pairs.append((pattern.replace(_WORDS, "(?(words).*|(?!))" if once else words), key))
        patterns = "|".join(f"(?P<p{number}>{pattern})" for number, (pattern, _) in enumerate(pairs))
        whole = rf"(?>(?=(?P<words>{words})\Z)|)(?:{patterns})"
        return re.compile(whole), tuple(key for _, key in pairs)

    @cached_property
    def words_of_columns(self) -> str:
        """The pattern for `{words}`: up to 12 words of columns, names of subjects or short figures in a row.
        The name of a column in a law pack counts as one word.
        """
        subjects = (name for name in map(plain, self.data_types.subjects.names) if len(name) > 2)  # noqa: PLR2004
        tables = (each for pack in self.law for each in pack.layouts.values() if each.format == "CSV")
        of_law = {plain(element.name) for each in tables for element in each.elements} - self._columns.keys()
        words = {*map(plain, self.data_types.columns.words), *subjects, *of_law}
        longest_first = sorted(words, key=lambda word: (-len(word), word))
        return f"(?:{'|'.join(map(re.escape, longest_first))}|[0-9]{{1,4}}){{1,12}}+"

    @cached_property
    def _elements(self) -> dict[str, str]:
        return {name: key for key, rule in self.fields.items() for name in rule.elements}

    @cached_property
    def flag_elements(self) -> re.Pattern[str]:
        """The pattern of elements for data items whose only values are yes and no.
        The group "other" matches if an element has any other text.
        """
        names = (name for rule in self.items.values() if rule.values == ("flag",) for name in rule.elements)
        either, flags = ("|".join(map(re.escape, each)) for each in (names, value_kinds.FLAGS))
        prefix = r"(?:[A-Za-z_][\w.-]{0,30}:)?"
        told = rf"(?:\s*+/>|>\s*+(?i:{flags})?\s*+</{prefix}(?P=name)\s*>|(?P<other>(?s:.)))"
        return re.compile(rf"<{prefix}(?P<name>{either or '(?!)'})\b{told}")

    @cached_property
    def flag_columns(self) -> frozenset[str]:
        """The plain names of columns for data items whose only values are yes and no."""
        flags = (rule for rule in self.items.values() if rule.values == ("flag",))
        return frozenset(plain(name) for rule in flags for name in rule.columns)

    @cached_property
    def counted(self) -> frozenset[str]:
        """Keys of the fields whose values are counted one by one, for a signature or the file's facts."""
        tables = self.data_types.tables
        return _FACTS.union(*((*table.only, *table.among, *table.unlike) for table in tables))

    def column_field(self, name: str) -> str | None:
        """Return the key of the field meant by a column name; None where unknown.
        Tried in order: the name, the name without prefix or suffix, the patterns. Patterns are wide, so a
        name about something sensitive, or about notes, matches none. A date at the end of the name is
        ignored. A name with any sign besides letters, figures and punctuation is unknown.
        """
        if not is_legible(name):
            return None
        if "(" in name or "[" in name or "s at " in name or "s of " in name:
            name = _without_day(name)
        text = plain(name)
        prefixes, suffixes = self.data_types.columns.prefixes, self.data_types.columns.suffixes
        prefix = next(filter(text.startswith, prefixes)) if text.startswith(prefixes) else ""
        suffix = next(filter(text.endswith, suffixes)) if text.endswith(suffixes) else ""
        bare = text.removeprefix(prefix)
        forms = (text, bare, text.removesuffix(suffix), bare.removesuffix(suffix))
        known = next((self._columns[form] for form in forms if form in self._columns), None)
        # A path through objects without a meaning of their own: `education_details.data.upn`.
        *around, last = name.split(".")
        transparent = self.data_types.json_records.transparent
        if known is None and around and _STEPS.fullmatch(name) and set(around).issubset(transparent):
            return self.column_field(last)
        # No system has longer names, and patterns would be slow on them.
        if known is not None or not text or len(text) > _NAME_LENGTH:
            return known
        pattern, keys = self.column_patterns
        found = pattern.fullmatch(text)
        if found is None or self._is_apart(name):
            return None
        return keys[int((found.lastgroup or "p0")[1:])]

    def element_field(self, parent: str, name: str, *, around: bool = False) -> str | None:
        """Return the key of the field meant by an element called `name` within `parent`, a path made by
        `inside`. None where unknown, as every element within an unknown parent. In an element of people
        around a pupil (`OTHERS`), items of Appendix A are unknown unless named with that parent. `around`:
        True for an element outside all records, where only fields about the document are known.
        """
        if not self.is_container(parent):
            return None
        named = self._elements.get(f"{parent}/{name}")
        last = parent.rpartition("/")[2]
        key = named or self._elements.get(f"{last}/{name}") or self._elements.get(name)
        if named is None and parent.partition("/")[0] in OTHERS and not self.is_of_others(key):
            key = None
        return None if around and key not in WORDS["around"] else key

    def is_of_others(self, key: str | None) -> bool:
        """Return True if a field is looked for in people around a pupil, among whom may be another pupil."""
        return key in self.working or key in WORDS["of_others"] or key in WORDS["of_pupils"]

    def inside(self, path: str, name: str) -> str:
        """Return the path of an element `name` that contains elements; `path` is the path of its parent.
        Inside a known element about the pupil, the path is the name alone; inside an unknown element, or one
        of people around a pupil, the path is `path`, "/" and the name.
        """
        known = path in self.containers and (path not in OTHERS or name in OTHERS)
        return name if known else f"{path}/{name}"

    def is_container(self, path: str) -> bool:
        """Return True if elements with this path, as `inside` gives it, may contain others."""
        first, *steps = path.split("/")
        nested = not steps or (first in OTHERS and self.containers.issuperset(steps))
        return first in self.containers and nested

    def container(self, name: str) -> str:
        """Return the name of an element around records as the rules spell it; "Data" for an unknown name."""
        if name in self.containers:
            return name
        return next((known for known in self.containers if known.casefold() == name.casefold()), "Data")

    @cached_property
    def containers(self) -> frozenset[str]:
        """Names of elements allowed to contain others."""
        names, paths = set(WORDS["containers"]), list(self._elements)
        for pack in self.law:
            for layout in pack.layouts.values():
                paths += map(attrgetter("name"), layout.elements)
        for path in paths:
            names.update(path.split("/")[:-1])
        return frozenset(names.union(self.data_types.registers.records))

    def _is_apart(self, name: str) -> bool:
        """Return True if a column's name announces sensitive data, or free text such as notes."""
        return NOTES.search(name) is not None or bool(self.sensitive.of_name(name))

    def name_suggests(self, name: str) -> str | None:
        """Return the data type a file name suggests, by the first pattern that matches, or None."""
        hints = self.data_types.names
        return next((h.type for h in hints if re.search(h.pattern, name, re.IGNORECASE)), None)


def _without_day(name: str) -> str:
    """Return a column name without the day or days at the end, such as "(as at 10 Nov 2026)"."""
    if (found := _DATED.search(name)) is None:
        return name
    days = [day.strip() for day in _BETWEEN_DATES.split(found[1] or found[2] or found[3]) if day.strip()]
    return name[: found.start()].rstrip() if days and all(map(value_kinds.read_date, days)) else name
