"""What the recognisers know, read from policies/data_types.toml and policies/items.toml.

A *field* is one thing that a record may say (a UPN, a mark, an outcome), whatever a system calls
it. Items of Appendix A, other personal items and mere working fields are all fields: they differ
in what is told about them. Column names are compared without case, blanks and punctuation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from functools import cached_property
from operator import attrgetter
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from gateway.classify.format_rules import (
    AROUND,
    CONTAINERS,
    CtfRule,
    FurnitureRule,
    JcqRule,
    JsonRule,
    MessageRule,
    NameHint,
    RegisterRule,
    ResultsRule,
    RuleTable,
    SchoolsRule,
    plain,
)
from gateway.classify.furniture import Furniture
from gateway.classify.sensitive import Sensitive
from gateway.classify.subjects import SubjectRule
from gateway.classify.value_kinds import (
    Check,
    Identifier,
    Kind,
    Quick,
    Words,
    check_for,
    expected,
    quick_for,
    read_date,
)
from gateway.law import LawPack, ReturnLayout, codes_of, pack_on
from gateway.model import Level

BY_READER = frozenset({"student-core", "attendance", "school-census", "gcse-results", "a-level-results"})
"""The types that the reader of a national format tells by itself: CTF, the school census, JCQ."""

# "(at 10 Nov 2026)", "as at 24/11/2026", "(01 Sep 2026 - 10 Nov 2026)" behind the name of a column.
_DATED = re.compile(
    r"(?:\(([^()]{4,40})\)|\[([^\[\]]{4,40})\]|\b(as (?:at|of) [^()]{4,20}))\s*\Z", re.IGNORECASE
)
_BETWEEN_DATES = re.compile(r"\b(?:as|at|of|on|from|to|since|until|up to)\b| - |\u2013", re.IGNORECASE)
_WORDS_OF_NAME = re.compile(r"[^\W\d_]+")
_STEPS = re.compile(r"[A-Za-z]\w*(?:\.[A-Za-z]\w*)+", re.ASCII)

_NOTES = re.compile(r"note|comment|remark|memo\b|narrative|free ?text", re.IGNORECASE)

_NAME_LENGTH = 100
_WHO_IT_IS = frozenset({"upn", "former-upn", "la", "school", "birth-date", "school-name"})
_NAMES_PEOPLE = frozenset({"name", "names", "free"})


def _as_tuple(given: object) -> object:
    return (given,) if isinstance(given, str) else given


class FieldRule(RuleTable):
    """One field: the column and element names that carry it, and what its values are.

    An element is `Name` or `Parent/Name`; the more exact form wins. `patterns` are regular expressions over
    whole plain column names. `values` are the kinds of which a value may be (`value_kinds`): for `code`,
    `codes` names a list in `[codes]`, `several` of which may stand in a value; `identifier` says which one.
    """

    columns: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    elements: tuple[str, ...] = ()
    values: Annotated[tuple[Kind, ...], BeforeValidator(_as_tuple), Field(min_length=1)]
    codes: str | None = None
    several: bool = False
    identifier: Identifier | None = None


class ItemRule(FieldRule):
    """A data item. `when` names, by data type, working fields that carry it in that type's files.

    `beside` are fields that tell of the item in another way: whoever may not have it gets none of them.
    """

    label: str
    proposed: bool = False
    when: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    beside: tuple[str, ...] = ()


class WorkingRule(FieldRule):
    """A column of some system that says nothing of a pupil's life, if its values are what they should be."""


class ColumnSignature(RuleTable):
    """One way to recognise a table: which fields it must have, and what they must hold.

    Of the signatures that fit, the one with the highest rank decides. `needs`: all of these fields.
    `any`: one of each group. `at_least` of the fields `of`. `many`: so many columns of a field.
    `share`: at least this share of a field's filled values pass its check. `only`: at least half of
    a field's values are among these; `among` names a code list instead. `ages`: nearly all pupils are
    between these ages, in whole years, when it is decided. `above`: one of these words stands above. With
    `results`, the grades say whether it is this type or the other kind of examination. A `part` is
    one table of several, so that what every record must have may stand in another. `without`: none of
    these fields. `no_results`: no column without a known field holds grades, numbers or codes. What fits a
    signature that `waits` is no file of its type yet: it waits for a person under this code.
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
    ages: tuple[int, int] | None = None
    no_results: bool = False
    above: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    waits: str | None = None

    def fields(self) -> tuple[str, ...]:
        """Every field that this signature names."""
        grouped = (key for group in self.any for key in group)
        return (*self.needs, *self.of, *self.many, *self.share, *self.only, *self.among, *grouped)

    def names(self) -> tuple[str, ...]:
        """Every field that is named at all, those that must not be there as well."""
        return (*self.fields(), *self.without)


class WholeRule(RuleTable):
    """How many columns of these fields a return has, and what they are called."""

    fields: tuple[str, ...] = Field(min_length=1)
    count: int = Field(ge=1)
    called: str


class TypeRule(RuleTable):
    """What is true of every file of a type.

    `must`: what no record may lack, with its alternatives. `carries`: the working fields that such a file
    may hold, beside those that its signatures name. `whole`: what a table of the type holds if it is whole.
    """

    title: str
    must: tuple[tuple[str, ...], ...] = ()
    carries: tuple[str, ...] = ()
    whole: WholeRule | None = None
    one_record_a_pupil: bool = True
    key_stage: str | None = None


class ColumnRule(RuleTable):
    """What systems put before and after the plain name of a column."""

    prefixes: tuple[str, ...]
    suffixes: tuple[str, ...]


class ValuesRule(RuleTable):
    """How much of a column may be something else than it should be, before the file waits."""

    share: float = Field(gt=0, le=1)
    at_least: int = Field(ge=1)

    def is_too_much(self, others: int, filled: int) -> bool:
        """Tell whether so many values that are not of their kind, among so many, make a file wait."""
        return others >= self.at_least and others > self.share * filled


class DataTypes(RuleTable):
    """data_types.toml."""

    types: dict[str, TypeRule]
    values: ValuesRule
    codes: dict[str, tuple[str, ...]]
    columns: ColumnRule
    fields: dict[str, FieldRule]
    tables: tuple[ColumnSignature, ...]
    systems: dict[str, dict[str, tuple[str, ...]]]
    results: ResultsRule
    subjects: SubjectRule
    jcq: JcqRule
    ctf: CtfRule
    message: MessageRule
    outside_roots: dict[str, str]
    registers: RegisterRule
    schools: SchoolsRule
    json_records: JsonRule
    furniture: FurnitureRule
    names: tuple[NameHint, ...]


class Items(RuleTable):
    """items.toml."""

    items: dict[str, ItemRule]
    others: dict[str, ItemRule]
    working: dict[str, WorkingRule]


class Rules(BaseModel):
    """The three files, checked against each other, with the look-ups that recognisers use."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_types: DataTypes
    items: dict[str, ItemRule]
    others: dict[str, ItemRule]
    working: dict[str, WorkingRule]
    sensitive: Sensitive
    law: tuple[LawPack, ...] = ()
    pack: LawPack | None = None

    def on(self, day: date | None) -> Rules:
        """Return the rules by which files about a day are judged: those of the law pack of its period."""
        pack = pack_on(self.law, day)
        return self if pack is None else self._by_pack[pack.academic_year]

    @cached_property
    def _by_pack(self) -> dict[str, Rules]:
        return {pack.academic_year: self._under(pack) for pack in self.law}

    def _under(self, pack: LawPack) -> Rules:
        codes = codes_of(self.law, pack, self.data_types.codes)
        under = Rules(
            data_types=self.data_types.model_copy(update={"codes": codes}),
            items=self.items, others=self.others, working=self.working, sensitive=self.sensitive, pack=pack,
        )  # fmt: skip
        # Only the codes differ: what takes long to compile is the same.
        for name in (
            "fields",
            "_columns",
            "column_patterns",
            "_elements",
            "containers",
            "_affixes",
            "counted",
            "_carried",
        ):
            under.__dict__[name] = getattr(self, name)
        changed = {name for name in codes if set(codes[name]) != set(self.data_types.codes.get(name, ()))}
        under.__dict__["_checked_by"] = (
            self,
            frozenset(k for k, r in self.fields.items() if r.codes not in changed),
        )
        return under

    def with_stated(self, stated: Iterable[tuple[str, str]]) -> Rules:
        """Return these rules with headings that a provider has said the meaning of: heading and key of each.

        A heading that is known, or that tells of something sensitive, keeps its meaning; an item that tells
        who a record is about is never found by a statement, nor is any field that is no item of Appendix A.
        """
        own = {
            plain(name): key for name, key in stated if self.may_be_stated(key) and not self._is_apart(name)
        }
        if not own:
            return self
        made = self.model_copy()
        made.__dict__.pop("_by_pack", None)
        made.__dict__["_columns"] = own | self._columns
        return made

    def may_be_stated(self, key: str) -> bool:
        """Tell whether a provider may say that a heading of its own carries this field."""
        item = self.items.get(key)
        identifies = item is None or item.proposed or item.identifier in _WHO_IT_IS or key in _WHO_IT_IS
        return not identifies and _NAMES_PEOPLE.isdisjoint(self.items[key].values)

    def must_have(self, data_type: str, form: str, term: str | None) -> tuple[str, ...]:
        """Return the fields that each record of a return must have by the law of its period."""
        layout = self.pack.layout_for(data_type, form, term) if self.pack else None
        return () if layout is None else tuple(dict.fromkeys(self._needed(layout, term)))

    def _needed(self, layout: ReturnLayout, term: str | None) -> Iterator[str]:
        for each in layout.of_term(term):
            if each.must:
                parent, name = f"{layout.record}/{each.name}".split("/")[-2:]
                key = self.element_field(parent, name)
                if key is not None:
                    yield key

    @cached_property
    def fields(self) -> dict[str, FieldRule]:
        """Every field by its key."""
        return {**self.data_types.fields, **self.items, **self.others, **self.working}

    def recognised(self) -> frozenset[str]:
        """The types that something tells: a table, a stage or descriptor of a CTF, a return, or a reader."""
        types = self.data_types
        return frozenset(
            {
                *(table.type for table in types.tables),
                *(stage.type for stage in types.ctf.stages),
                *types.ctf.descriptors.values(),
                *types.message.returns.values(),
                *filter(None, [types.ctf.missing_type]),
                *BY_READER,
            }
        )

    def carried(self, data_type: str) -> frozenset[str]:
        """The working fields that files of this type may hold."""
        return self._carried[data_type]

    def types_carrying(self, key: str) -> tuple[str, ...]:
        """Return the data types whose files may hold a working field."""
        return tuple(name for name, fields in self._carried.items() if key in fields)

    @cached_property
    def _carried(self) -> dict[str, frozenset[str]]:
        """By type: what its signatures name, what it carries besides, and what stands for items in it."""
        found = {name: set(kind.carries) for name, kind in self.data_types.types.items()}
        for table in self.data_types.tables:
            found[table.type] |= set(table.fields())
        if {"a-level-results", "gcse-results"} <= found.keys():
            found["a-level-results"] |= found["gcse-results"]
        for item in (*self.items.values(), *self.others.values()):
            for name, keys in item.when.items():
                found[name] |= set(keys)
        return {name: frozenset(keys) for name, keys in found.items()}

    @cached_property
    def code_sets(self) -> dict[str, frozenset[str]]:
        """The code lists, and the names of subjects, for membership."""
        lists = {**self.data_types.codes, "subject": self.data_types.subjects.names}
        return {name: frozenset(map(str.upper, codes)) for name, codes in lists.items()}

    def check(self, key: str) -> Check | None:
        """The check of a field's values; None where they are free text."""
        other, alike = self._checked_by
        if other is not None and key in alike:
            return other.check(key)
        if key not in self._checks:
            self._checks[key] = check_for(self.fields[key], self)
        return self._checks[key]

    def quick(self, key: str, *, with_queries: bool) -> Quick | None:
        """A quick look at values of a field, many together; None where there is none."""
        if (key, with_queries) not in self._quick:
            self._quick[key, with_queries] = quick_for(self.fields[key], self, with_queries=with_queries)
        return self._quick[key, with_queries]

    @cached_property
    def _quick(self) -> dict[tuple[str, bool], Quick | None]:
        return {}

    @cached_property
    def _checked_by(self) -> tuple[Rules | None, frozenset[str]]:
        """Other rules, and the fields of which they have the same code lists."""
        return None, frozenset()

    @cached_property
    def _checks(self) -> dict[str, Check | None]:
        """The checks that were asked for until now: some take a while to make."""
        return {}

    def expected(self, key: str) -> str:
        """What a value of a field should be, in words of ours."""
        rule = self.fields[key]
        return expected(rule, self.data_types.codes.get(rule.codes or "", ()))

    @cached_property
    def furniture(self) -> Furniture:
        """What tells the lines that a report prints around its table by itself."""
        rule = self.data_types.furniture
        is_name = Words("name", self).are
        words, schools = frozenset(rule.words), frozenset(rule.kinds_of_school)
        headings = self._headings | words
        return Furniture(words, schools, is_name, headings, self._all_codes, self._is_telling)

    @cached_property
    def _headings(self) -> frozenset[str]:
        """The words of the names of columns, but for those of other personal items and sensitive ones."""
        names = (name for key, name in self.column_names() if key not in self.others)
        told = (name for name in names if not self._is_apart(name))
        return frozenset(word for name in told for word in _WORDS_OF_NAME.findall(name.casefold()))

    @cached_property
    def _all_codes(self) -> frozenset[str]:
        """Every code, and every word for one, in upper case."""
        return frozenset().union(*self.code_sets.values())

    @cached_property
    def _columns(self) -> dict[str, str]:
        return {plain(name): key for key, name in self.column_names()}

    def column_names(self) -> Iterator[tuple[str, str]]:
        """Every field with each name of a column that carries it."""
        yield from ((key, name) for key, rule in self.fields.items() for name in rule.columns)
        for system in self.data_types.systems.values():
            yield from ((key, name) for key, names in system.items() for name in names)

    @cached_property
    def column_patterns(self) -> tuple[re.Pattern[str], tuple[str, ...]]:
        """All patterns as one, because trying each by itself is slow; and the field of each group."""
        pairs = [(pattern, key) for key, rule in self.fields.items() for pattern in rule.patterns]
        whole = "|".join(f"(?P<p{number}>{pattern})" for number, (pattern, _) in enumerate(pairs))
        return re.compile(whole), tuple(key for _, key in pairs)

    @cached_property
    def _elements(self) -> dict[str, str]:
        return {name: key for key, rule in self.fields.items() for name in rule.elements}

    @cached_property
    def counted(self) -> frozenset[str]:
        """The fields whose values are counted: a signature or the facts ask for them."""
        asked = {key for table in self.data_types.tables for key in (*table.only, *table.among)}
        return frozenset(
            {*asked, "birth-date", "la-number", "school-number", "academic-year", "census-term", "key-stage"}
        )

    def column_field(self, name: str) -> str | None:
        """The key of the field that a column of this name carries.

        The name itself comes first, then what is left without a prefix or suffix, then the patterns. A
        name that speaks of something sensitive, or of notes, fits no pattern: those are wide. The day for
        which a system gives the column, behind its name, is no part of it.
        """
        name = _without_day(name)
        text = plain(name)
        known = next((self._columns[form] for form in self._forms(text) if form in self._columns), None)
        if known is None and "." in name and (last := self._last_step(name)) is not None:
            return self.column_field(last)
        # No system has longer names, and patterns would take long over them.
        if known is not None or not text or len(text) > _NAME_LENGTH:
            return known
        pattern, keys = self.column_patterns
        found = pattern.fullmatch(text)
        if found is None or self._is_apart(name):
            return None
        return keys[int((found.lastgroup or "p0")[1:])]

    def _last_step(self, name: str) -> str | None:
        """Return the last step of a path through objects that say nothing: `education_details.data.upn`."""
        if not _STEPS.fullmatch(name):
            return None
        *around, last = name.split(".")
        return last if set(around) <= set(self.data_types.json_records.transparent) else None

    @cached_property
    def _affixes(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return tuple(self.data_types.columns.prefixes), tuple(self.data_types.columns.suffixes)

    def _forms(self, text: str) -> tuple[str, ...]:
        prefixes, suffixes = self._affixes
        prefix = suffix = ""
        if text.startswith(prefixes):  # Few do.
            prefix = next(p for p in prefixes if text.startswith(p))
        if text.endswith(suffixes):
            suffix = next(s for s in suffixes if text.endswith(s))
        if not prefix and not suffix:
            return (text,)
        bare = text.removeprefix(prefix)
        return text, bare, text.removesuffix(suffix), bare.removesuffix(suffix)

    def element_field(self, parent: str, name: str, *, around: bool = False) -> str | None:
        """The key of the field that an element of a record carries; `parent` names the one around it.

        None where that is of no known name: nobody can say what its elements are. `around`: it stands
        outside of all records, where few may stand.
        """
        known = parent in self.containers
        key = (self._elements.get(f"{parent}/{name}") or self._elements.get(name)) if known else None
        return None if around and key not in AROUND else key

    def container(self, name: str) -> str:
        """The known name of an element around records, in whichever case it is written; "Data" for others."""
        if name in self.containers:
            return name
        return next((known for known in self.containers if known.casefold() == name.casefold()), "Data")

    @cached_property
    def containers(self) -> frozenset[str]:
        """The names of elements that may stand around others."""
        names, paths = set(CONTAINERS), list(self._elements)
        for pack in self.law:
            for layout in pack.layouts.values():
                paths += map(attrgetter("name"), layout.elements)
        for path in paths:
            names.update(path.split("/")[:-1])
        return frozenset(names.union(self.data_types.registers.records))

    def _is_apart(self, name: str) -> bool:
        """Whether a name says that it holds what is sensitive, or whatever anybody writes."""
        return _NOTES.search(name) is not None or bool(self.sensitive.of_name(name))

    def _is_telling(self, text: str) -> bool:
        """Tell whether a text tells of something sensitive, as a heading or as a sentence."""
        return bool(self.sensitive.of_name(text) or self.sensitive.of_text(text))

    def name_suggests(self, name: str) -> str | None:
        """The data type that a file name hints at: the first pattern that is found in it."""
        hints = self.data_types.names
        return next((h.type for h in hints if re.search(h.pattern, name, re.IGNORECASE)), None)


def _without_day(name: str) -> str:
    """Return the name of a column without the day, or the days, for which it is given."""
    found = _DATED.search(name) if "(" in name or "[" in name or "s at " in name or "s of " in name else None
    if found is None:
        return name
    days = [day.strip() for day in _BETWEEN_DATES.split(found[1] or found[2] or found[3]) if day.strip()]
    return name[: found.start()].rstrip() if days and all(map(read_date, days)) else name
