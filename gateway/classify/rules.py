"""What the recognisers know, read from policies/data_types.toml and policies/items.toml.

A *field* is one thing that a record may say (a UPN, a mark, an outcome), whatever a system calls
it. Items of Appendix A, other personal items and mere working fields are all fields: they differ
in what is told about them. Column names are compared without case, blanks and punctuation.
"""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.errors import ConfigurationError
from gateway.model import Level
from gateway.settings import read_toml

Check = Literal[
    "none", "upn", "former-upn", "uln", "nhs", "date", "past-date", "codes", "marks", "grade", "number"
]

_PUNCTUATION = re.compile(r"[\W_]+")


def plain(name: str) -> str:
    """A column name without case, blanks and punctuation, as names are compared."""
    return _PUNCTUATION.sub("", name).casefold()


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FieldRule(_Table):
    """One field: the column and element names that carry it, and how its values are checked.

    An element is `Name`, `Parent/Name` or `Parent/*`; the more exact form wins. `codes` names a
    list in `[codes]`. `patterns` are regular expressions over whole plain column names.
    """

    columns: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    elements: tuple[str, ...] = ()
    check: Check = "none"
    codes: str | None = None
    low: int = 0
    high: int = 0


class ItemRule(FieldRule):
    """A data item. `when` names, by data type, working fields that carry it in that type's files."""

    label: str
    proposed: bool = False
    when: dict[str, tuple[str, ...]] = Field(default_factory=dict)


class Signature(_Table):
    """One way to recognise a table: which fields it must have, may not have, and what they hold.

    `needs`: all of them. `any`: at least one of each group. `at_least` of the fields `of`. `never`:
    none of them. `share`: at least this share of a field's filled values pass its check.
    """

    type: str
    level: Level
    because: str
    needs: tuple[str, ...] = ()
    any: tuple[tuple[str, ...], ...] = ()
    of: tuple[str, ...] = ()
    at_least: int = 0
    never: tuple[str, ...] = ()
    share: dict[str, float] = Field(default_factory=dict)


class TypeRule(_Table):
    """What is true of every file of a type. `must` are the fields that no record may lack."""

    title: str
    must: tuple[str, ...] = ()
    one_record_a_pupil: bool = True
    key_stage: str | None = None


class StageRule(_Table):
    """Which data type an assessment in a CTF belongs to; a field left out fits everything."""

    type: str
    stage: str
    subjects: tuple[str, ...] = ()
    components: tuple[str, ...] = ()


class CtfRule(_Table):
    """How a Common Transfer File is told apart."""

    stages: tuple[StageRule, ...]
    descriptors: dict[str, str]
    core_sections: tuple[str, ...]


class MessageRule(_Table):
    """DfE `<Message>` files: the collection texts of the school census, and of known others."""

    census: tuple[str, ...]
    outside: dict[str, str]


class JcqRule(_Table):
    """The fixed-width JCQ results file. Offsets count from 0; its layout is not public."""

    record_length: int = Field(ge=40)
    results_from: int
    group_length: int
    code_length: int
    gcse_words: tuple[str, ...]
    a_level_words: tuple[str, ...]


class NameHint(_Table):
    """A pattern in the name of a file that hints at a type. It never decides."""

    pattern: str
    type: str


class _DataTypes(_Table):
    types: dict[str, TypeRule]
    codes: dict[str, tuple[str, ...]]
    fields: dict[str, FieldRule]
    tables: tuple[Signature, ...]
    ctf: CtfRule
    message: MessageRule
    names: tuple[NameHint, ...]
    outside_roots: dict[str, str] = Field(default_factory=dict)
    jcq: JcqRule | None = None


class _Items(_Table):
    items: dict[str, ItemRule]
    others: dict[str, ItemRule]


class Rules(BaseModel):
    """Both files, checked against each other, with the look-ups that recognisers use."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_types: _DataTypes
    items: dict[str, ItemRule]
    others: dict[str, ItemRule]

    @cached_property
    def fields(self) -> dict[str, FieldRule]:
        """Every field by its key."""
        return {**self.data_types.fields, **self.items, **self.others}

    @cached_property
    def code_sets(self) -> dict[str, frozenset[str]]:
        """The code lists, for membership."""
        return {name: frozenset(codes) for name, codes in self.data_types.codes.items()}

    @cached_property
    def _columns(self) -> dict[str, str]:
        return {plain(name): key for key, rule in self.fields.items() for name in rule.columns}

    @cached_property
    def _patterns(self) -> tuple[tuple[re.Pattern[str], str], ...]:
        return tuple((re.compile(p), key) for key, rule in self.fields.items() for p in rule.patterns)

    @cached_property
    def _elements(self) -> dict[str, str]:
        return {name: key for key, rule in self.fields.items() for name in rule.elements}

    def column_field(self, name: str) -> str | None:
        """The key of the field that a column of this name carries."""
        text = plain(name)
        exact = self._columns.get(text)
        if exact is not None or not text:
            return exact
        return next((key for pattern, key in self._patterns if pattern.fullmatch(text)), None)

    def element_field(self, parent: str, name: str) -> str | None:
        """The key of the field that an element carries; `parent` is the name of the one around it."""
        known = self._elements
        return known.get(f"{parent}/{name}") or known.get(f"{parent}/*") or known.get(name)

    def name_suggests(self, name: str) -> str | None:
        """The data type that a file name hints at: the first pattern that is found in it."""
        hints = self.data_types.names
        return next((h.type for h in hints if re.search(h.pattern, name, re.IGNORECASE)), None)


def load_rules(policies: Path) -> Rules:
    """The rules in the folder `policies`. ConfigurationError names the file, the key and the fault."""
    types_file, items_file = policies / "data_types.toml", policies / "items.toml"
    types, items = read_toml(types_file, _DataTypes), read_toml(items_file, _Items)
    rules = Rules(data_types=types, items=items.items, others=items.others)
    for fault in _faults(rules):
        raise ConfigurationError(f"{types_file} and {items_file.name}: {fault}")
    return rules


def _faults(rules: Rules) -> list[str]:
    types = rules.data_types
    keys = [*types.fields, *rules.items, *rules.others]
    found = [f"{key}: defined twice" for key in sorted({k for k in keys if keys.count(k) > 1})]
    found += _duplicate_names(rules)
    for key, rule in rules.fields.items():
        found += [f"{key}.patterns: {p} is not a pattern" for p in rule.patterns if not _compiles(p)]
        if (rule.check == "codes") != (rule.codes is not None) or (rule.codes or "sex") not in types.codes:
            found.append(f"{key}.codes: must name a list in [codes], with check = 'codes'")
    for key, item in {**rules.items, **rules.others}.items():
        found += [f"{key}.when.{t}: no such data type" for t in item.when if t not in types.types]
        found += _unknown_fields(rules, f"{key}.when", [f for group in item.when.values() for f in group])
    for number, table in enumerate(types.tables):
        named = [*table.needs, *table.of, *table.never, *table.share, *(f for g in table.any for f in g)]
        found += _unknown_fields(rules, f"tables.{number}", named)
    for name, kind in types.types.items():
        found += _unknown_fields(rules, f"types.{name}.must", list(kind.must))
    named_types = [t.type for t in types.tables] + [t.type for t in types.names]
    named_types += [*(t.type for t in types.ctf.stages), *types.ctf.descriptors.values()]
    found += [f"{t}: no such data type" for t in named_types if t not in types.types]
    found += [f"names: {h.pattern} is not a pattern" for h in types.names if not _compiles(h.pattern)]
    return found


def _unknown_fields(rules: Rules, where: str, named: list[str]) -> list[str]:
    return [f"{where}: {name} is not a field" for name in named if name not in rules.fields]


def _duplicate_names(rules: Rules) -> list[str]:
    columns = [(plain(name), key) for key, rule in rules.fields.items() for name in rule.columns]
    elements = [(name, key) for key, rule in rules.fields.items() for name in rule.elements]
    return [*_twice(columns, "columns"), *_twice(elements, "elements")]


def _twice(named: list[tuple[str, str]], what: str) -> list[str]:
    first = {name: key for name, key in reversed(named)}
    return [
        f"{key}.{what}: {name} also stands under {first[name]}" for name, key in named if first[name] != key
    ]


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True
