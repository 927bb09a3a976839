"""Load the rules, check that the policy files agree, and list the known headings for a browser."""

import re
from collections.abc import Container, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from gateway.classify.content import data
from gateway.classify.rules import NOTES, OTHERS, DataTypes, Items, Rules
from gateway.classify.sensitive import Sensitive, plain
from gateway.classify.value_kinds import FieldRule
from gateway.errors import ConfigurationError
from gateway.home.settings import read_toml
from gateway.home.settings_file import Location, values_at
from gateway.law import load_packs, with_codes_of_packs


def load_rules(policies: Path) -> Rules:
    """Load and check the rules of a policies folder. Raises ConfigurationError with file, key and fault."""
    types_file, items_file = policies / "data_types.toml", policies / "items.toml"
    types, items, law = read_toml(types_file, DataTypes), read_toml(items_file, Items), load_packs(policies)
    rules = Rules(
        **dict(items),
        data_types=types.model_copy(update={"codes": with_codes_of_packs(law, types.codes)}),
        sensitive=read_toml(policies / "sensitive.toml", Sensitive),
        law=law,
    )
    rules.on(None)  # Processes forked from the caller share the results.
    for name, location, fault in faults(rules):
        raise ConfigurationError(f"{policies / name}: {'.'.join(map(str, location))}: {fault}")
    return rules


_RULES = ("data_types.fields", "items", "others", "working")
_NAMED: dict[str, list[str]] = data("value_kinds")["names"]
_PATTERNS = _NAMED.pop("a regular expression")
_NEEDED_CODES = ("attendance", "exam-grade", "relationship")


def faults(rules: Rules) -> Iterator[tuple[str, Location, str]]:
    """Yield each inconsistency of the rules: the file to correct, the location there, the fault in words."""
    for location, words in _faults(rules):
        in_types = location[0] == "data_types"
        yield ("data_types.toml", location[1:], words) if in_types else ("items.toml", location, words)


def _faults(rules: Rules) -> Iterator[tuple[Location, str]]:
    tables = (
        (path.split("."), rules.data_types.fields if "." in path else getattr(rules, path)) for path in _RULES
    )
    places: dict[str, tuple[str | int, ...]] = {}
    for table, entries in tables:
        for key in entries:
            if places.setdefault(key, (*table, key)) != (*table, key):
                yield (*table, key), "defined twice"
    yield from _twice(rules, places, "columns")
    yield from _twice(rules, places, "elements")
    for key, rule in rules.fields.items():
        yield from (((*places[key], name), words) for name, words in _unfit(rule))
    defined: tuple[Container[str], ...] = (rules.fields, rules.data_types.types, rules.code_sets)
    known = dict(zip(_NAMED, defined, strict=True))
    for what, paths in _NAMED.items():
        named = (each for path in paths for each in values_at(rules, path))
        yield from ((at, f"{name} is not {what}") for at, name, _ in named if name not in known[what])
    for name in set(_NEEDED_CODES) - rules.code_sets.keys():
        yield ("data_types", "codes"), f"{name} is not a list in [codes]"
    for location, pattern, _ in (each for path in _PATTERNS for each in values_at(rules, path)):
        try:
            compiled = re.compile(pattern)
        except re.error:
            yield location, f"{pattern} is not a regular expression"
            continue
        if all(compiled.fullmatch(name) for name in _NO_NAMES):
            yield location, f"{pattern} fits any name"


def _unfit(rule: FieldRule) -> Iterator[tuple[str, str]]:
    """Yield key and sentence for each defect of a field rule, such as a kind "code" without `codes`."""
    for what, given in (("code", rule.codes), ("identifier", rule.identifier)):
        if (what in rule.values) != (given is not None):
            named = "codes" if what == "code" else what
            yield named, f"goes with values = '{what}', and that with it"
    if rule.several and "code" not in rule.values:
        yield "several", "goes with values = 'code'"
    for name in rule.elements:
        if "*" in name:
            yield "elements", f"{name} stands for any element; write each by its name"


def _twice(
    rules: Rules, places: Mapping[str, tuple[str | int, ...]], what: Literal["columns", "elements"]
) -> Iterator[tuple[Location, str]]:
    first: dict[str, str] = {}
    name_of = _plain if what == "columns" else str
    elements = ((key, name) for key, rule in rules.fields.items() for name in rule.elements)
    for key, name in rules.column_names() if what == "columns" else elements:
        known = first.setdefault(name_of(name), key)
        if known != key:
            yield (*places.get(key, (key,)), what), f"{name} also stands under {known}"


_NO_NAMES = ("qxzvj", "wjkqy9zx")
"""Names that no system gives to anything."""
# Only names in rules are kept, which repeat; never names in files.
_plain = lru_cache(8192)(plain)


def known_headings(rules: Rules) -> dict[str, Any]:
    """Return the known headings of all fields as JSON, by which a browser can judge the headings of a file.
    `fields`: one object for each field: `columns` (plain names), `patterns` of plain names, names of
    `elements`, `outside` (the field's label if the agreement does not list the item, else None), and
    `of_others` (True if the field is searched for in people around a pupil). `others`: the elements of people
    around a pupil. `words`: the pattern for `{words}` in `patterns`. `notes`: a pattern of names that match
    none of `patterns`. `affixes`: prefixes and suffixes of names. `by_law`: elements of law packs.
    `kinds`: pairs of a pattern of file names and a data type's title.
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
            "of_others": rules.is_of_others(key),
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
        "others": sorted(OTHERS),
        "subjects": sorted({*map(plain, types.subjects.names)}),
        "by_law": sorted({each.name.rsplit("/", 1)[-1] for each in of_law}),
        "kinds": [[hint.pattern, types.types[hint.type].title] for hint in types.names],
    }
