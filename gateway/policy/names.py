"""Find the names in policy files by names.toml, and tell which are unknown, repeated or unused."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple

from gateway.home.settings_file import Location, nearest, values_at
from gateway.policy.catalogue_schema import Catalogue
from gateway.policy.faults import Contradiction


@dataclass(frozen=True, slots=True, kw_only=True)
class NameSort:
    """A sort of names in policy files, such as the ids of flows; names.toml explains each field."""

    defined: Sequence[str] = ()
    catalogue: str = ""
    besides: Sequence[str] = ()
    used_in: Sequence[str] = ()
    named_in: Sequence[str] = ()
    always: Sequence[str] = ()
    unknown: str = ""
    repeated: str = ""
    unused: str = ""


Among = Literal["sorts", "across"]


@cache
def names() -> tuple[dict[Among, list[NameSort]], dict[str, str]]:
    """Return names.toml: the sorts of names, and the words for an entry that cites a clause, by place."""
    found = tomllib.loads(files("gateway.policy").joinpath("names.toml").read_text("utf-8"))
    cited = found["citations"]
    for sort in found["sorts"].values():
        if sort.pop("cited", False):
            sort["named_in"] += cited
    return {key: [NameSort(**sort) for sort in found[key].values()] for key in ("sorts", "across")}, cited


class NameFound(NamedTuple):
    """A name found in a policy file. `within`: keys and values of the table around the name."""

    name: str
    file: str
    location: Location
    within: Mapping[str, object]


def names_at(models: Mapping[str, object], place: str) -> Iterator[NameFound]:
    """Yield every name at a place of the policies, written as in names.toml."""
    pattern, path = place.split()
    for file in (file for file in models if fnmatch(file, pattern)):
        for location, name, within in values_at(models[file], path):
            yield NameFound(name, file, location, within)


def name_faults(
    catalogue: Catalogue, models: Mapping[str, object], among: Among = "sorts"
) -> Iterator[Contradiction]:
    """Yield unknown, repeated and unused names: the file to correct, the place in the file, and a message."""

    def found(places: Sequence[str]) -> list[NameFound]:
        return [each for place in places for each in names_at(models, place)]

    for sort in names()[0][among]:
        defined, used, named = map(found, (sort.defined, sort.used_in, sort.named_in))
        besides = (*sort.besides, *(getattr(catalogue, sort.catalogue) if sort.catalogue else ()))
        known = Counter([*(each.name for each in defined), *besides])
        for each in (*used, *named) if sort.unknown else ():
            if each.name not in known:
                words = sort.unknown.format(name=each.name, near=nearest(each.name, known))
                yield each.file, each.location, words
        for name, count in known.items():
            if sort.repeated and count > 1:
                first = next(each for each in defined if each.name == name)
                yield first.file, first.location[:1], sort.repeated.format(name=name)
        needed = {each.name for each in used}.union(sort.always)
        for each in defined if sort.unused else ():
            if each.name not in needed:
                words = sort.unused.format(name=each.name, near=nearest(each.name, needed))
                yield each.file, each.location, words
