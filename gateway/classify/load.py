"""Load the rules and check that the files are consistent, and tell a browser the headings known to them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from gateway.classify.format_rules import plain
from gateway.classify.rules import NOTES, DataTypes, FieldRule, Items, Rules
from gateway.classify.sensitive import Sensitive
from gateway.errors import ConfigurationError
from gateway.home.settings import read_toml
from gateway.law import load_packs, with_codes_of_packs


def load_rules(policies: Path) -> Rules:
    """Load the rules in the folder `policies`. Raises ConfigurationError naming file, key and fault."""
    types_file, items_file = policies / "data_types.toml", policies / "items.toml"
    types, items, law = read_toml(types_file, DataTypes), read_toml(items_file, Items), load_packs(policies)
    rules = Rules(
        data_types=types.model_copy(update={"codes": with_codes_of_packs(law, types.codes)}),
        items=items.items,
        others=items.others,
        working=items.working,
        sensitive=read_toml(policies / "sensitive.toml", Sensitive),
        law=law,
    )
    rules.on(None)  # Processes forked from the caller share the results.
    for name, location, fault in faults(rules):
        raise ConfigurationError(f"{policies / name}: {'.'.join(map(str, location))}: {fault}")
    return rules


def faults(rules: Rules) -> Iterator[tuple[str, tuple[str | int, ...], str]]:
    """Yield inconsistencies: the file to correct, the place in the file, and the fault."""
    for fault in _faults(rules):
        where, _, words = fault.partition(": ")
        parts = tuple(int(part) if part.isdecimal() else part for part in where.split("."))
        yield *_placed(rules, parts), words


def _placed(rules: Rules, parts: tuple[str | int, ...]) -> tuple[str, tuple[str | int, ...]]:
    """Return the file of a key and its full place there."""
    tables: dict[str, Container[str]] = {
        "items": rules.items,
        "others": rules.others,
        "working": rules.working,
    }
    for table, entries in tables.items():
        if str(parts[0]) in entries:
            return "items.toml", (table, *parts)
    if parts[0] in rules.data_types.fields:
        return "data_types.toml", ("fields", *parts)
    return "data_types.toml", parts


def _faults(rules: Rules) -> Iterator[str]:
    """Yield inconsistencies as `key: fault`."""
    types = rules.data_types
    keys = [*types.fields, *rules.items, *rules.others, *rules.working]
    yield from (f"{key}: defined twice" for key, count in Counter(keys).items() if count > 1)
    yield from _twice(rules, "columns")
    yield from _twice(rules, "elements")
    for key, rule in rules.fields.items():
        yield from _unfit(key, rule)
    yield from _absent(_named_fields(rules), rules.fields, "a field")
    yield from _absent(_named_types(rules), types.types, "a data type")
    yield from _absent(_named_codes(rules), rules.code_sets, "a list in [codes]")
    for where, pattern in _named_patterns(rules):
        try:
            compiled = re.compile(pattern)
        except re.error:
            yield f"{where}: {pattern} is not a regular expression"
            continue
        if all(compiled.fullmatch(name) for name in _NO_NAMES):
            yield f"{where}: {pattern} fits any name"


def _unfit(key: str, rule: FieldRule) -> Iterator[str]:
    """Yield inconsistencies in the statement of a field's values, and wildcards in element names."""
    for what, given in (("code", rule.codes), ("identifier", rule.identifier)):
        if (what in rule.values) != (given is not None):
            named = "codes" if what == "code" else what
            yield f"{key}.{named}: goes with values = '{what}', and that with it"
    if rule.several and "code" not in rule.values:
        yield f"{key}.several: goes with values = 'code'"
    for name in rule.elements:
        if "*" in name:
            yield f"{key}.elements: {name} stands for any element; write each by its name"


def _absent(named: Iterator[tuple[str, str]], known: Container[str], what: str) -> Iterator[str]:
    yield from (f"{where}: {name} is not {what}" for where, name in named if name not in known)


def _named_fields(rules: Rules) -> Iterator[tuple[str, str]]:
    for number, table in enumerate(rules.data_types.tables):
        yield from ((f"tables.{number}", key) for key in table.names())
    for name, kind in rules.data_types.types.items():
        yield from ((f"types.{name}.must", key) for group in kind.must for key in group)
        yield from ((f"types.{name}.carries", key) for key in kind.carries)
    for name, system in rules.data_types.systems.items():
        yield from ((f"systems.{name}", key) for key in system)
    for key, item in {**rules.items, **rules.others}.items():
        yield from ((f"{key}.when", name) for group in item.when.values() for name in group)
        yield from ((f"{key}.beside", name) for name in item.beside)


def _named_types(rules: Rules) -> Iterator[tuple[str, str]]:
    types = rules.data_types
    yield from (("tables", table.type) for table in types.tables)
    yield from (("names", hint.type) for hint in types.names)
    yield from (("ctf.stages", stage.type) for stage in types.ctf.stages)
    yield from (("ctf.descriptors", name) for name in types.ctf.descriptors.values())
    yield from (("message.returns", name) for name in types.message.returns.values())
    if types.ctf.missing_type is not None:
        yield "ctf.missing_type", types.ctf.missing_type
    yield from (("ctf.outweighs", name) for pair in types.ctf.outweighs.items() for name in pair)
    for key, item in {**rules.items, **rules.others}.items():
        yield from ((f"{key}.when", name) for name in item.when)


def _named_codes(rules: Rules) -> Iterator[tuple[str, str]]:
    yield from (("codes", name) for name in ("attendance", "exam-grade", "relationship"))
    yield from ((f"{key}.codes", rule.codes) for key, rule in rules.fields.items() if rule.codes)
    yield from ((f"ctf.results.{q}", name) for q, name in rules.data_types.ctf.results.items())


def _named_patterns(rules: Rules) -> Iterator[tuple[str, str]]:
    results = rules.data_types.results
    yield from ((f"{key}.patterns", p) for key, rule in rules.fields.items() for p in rule.patterns)
    yield from (("names", hint.pattern) for hint in rules.data_types.names)
    yield ("results.gcse_grade", results.gcse_grade)
    yield ("results.a_level_grade", results.a_level_grade)
    yield ("results.gcse_code", results.gcse_code)
    yield ("results.a_level_code", results.a_level_code)


def _twice(rules: Rules, what: Literal["columns", "elements"]) -> Iterator[str]:
    first: dict[str, str] = {}
    name_of = _plain if what == "columns" else str
    elements = ((key, name) for key, rule in rules.fields.items() for name in rule.elements)
    for key, name in rules.column_names() if what == "columns" else elements:
        known = first.setdefault(name_of(name), key)
        if known != key:
            yield f"{key}.{what}: {name} also stands under {known}"


_NO_NAMES = ("qxzvj", "wjkqy9zx")
"""Names that no system gives to anything."""
# Cache for names in rules only, which are repeated; not for names in files.
_plain = lru_cache(8192)(plain)


def known_headings(rules: Rules) -> dict[str, Any]:
    """Return headings by the field that each stands for, and kinds of files by name, for JSON.

    `fields`: for each field, `outside`, its label if the agreement does not list it; `columns`, plain names;
    `patterns`, regular expressions of plain names, with `{words}` for `words`; and `elements`. A name
    that `notes` finds matches no pattern. `kinds`: pairs of a pattern of file names, and a title.
    """
    types = rules.data_types
    columns: dict[str, set[str]] = {}
    for key, name in rules.column_names():
        columns.setdefault(key, set()).add(plain(name))
    fields = [
        {
            "outside": rules.others[key].label if key in rules.others else None,
            "columns": sorted(columns.get(key, ())),
            "patterns": rule.patterns,
            "elements": rule.elements,
        }
        for key, rule in rules.fields.items()
    ]
    of_law = (each for pack in rules.law for layout in pack.layouts.values() for each in layout.elements)
    return {
        "fields": fields,
        "words": rules.words_of_columns,
        "notes": NOTES.pattern,
        "affixes": [types.columns.prefixes, types.columns.suffixes],
        "containers": sorted(rules.containers),
        "subjects": sorted({*map(plain, types.subjects.names)}),
        "by_law": sorted({each.name.rsplit("/", 1)[-1] for each in of_law}),
        "kinds": [[hint.pattern, types.types[hint.type].title] for hint in types.names],
    }
