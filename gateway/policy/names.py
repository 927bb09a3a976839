"""Find the names in policy files by names.toml, and tell which are unknown, repeated or unused."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from gateway.home.settings_file import Location, nearest, values_at
from gateway.policy.catalogue_schema import Catalogue
from gateway.policy.faults import Contradiction


@dataclass(frozen=True, slots=True, kw_only=True)
class NameSort:
    """A sort of names in policy files; names.toml explains each key."""

    defined: str | None = None
    catalogue: str = ""
    besides: Sequence[str] = ()
    used_in: Sequence[str] = ()
    named_in: Sequence[str] = ()
    always: Sequence[str] = ()
    unknown: str | None = None
    repeated: str | None = None
    unused: str | None = None


@cache
def names() -> tuple[list[NameSort], dict[str, str]]:
    """Read names.toml: the sorts of names, and by place what an entry that cites a clause is called."""
    found = tomllib.loads(files("gateway.policy").joinpath("names.toml").read_text("utf-8"))
    return [NameSort(**sort) for sort in found["sorts"].values()], found["citations"]


class NameFound(NamedTuple):
    """A name at a place in a policy file. `within`: key and values of the entry around it."""

    name: str
    file: str
    location: Location
    within: Mapping[str, object]


def names_at(catalogue: Catalogue, place: str) -> Iterator[NameFound]:
    """Yield every name at a place, which is given as names.toml writes places."""
    file, path = place.split()
    for location, name, within in values_at(getattr(catalogue, file.removesuffix(".toml")), path):
        yield NameFound(name, file, location, within)


def name_faults(catalogue: Catalogue) -> Iterator[Contradiction]:
    """Yield unknown, repeated and unused names: the file to correct, the place in the file, and a message."""
    for sort in names()[0]:
        defined = list(names_at(catalogue, sort.defined)) if sort.defined else []
        besides = (*sort.besides, *(getattr(catalogue, sort.catalogue) if sort.catalogue else ()))
        known = Counter([*(each.name for each in defined), *besides])
        used = [each for place in sort.used_in for each in names_at(catalogue, place)]
        named = [each for place in sort.named_in for each in names_at(catalogue, place)]
        for each in (*used, *named):
            if sort.unknown and each.name not in known:
                near = nearest(each.name, known)
                yield each.file, each.location, sort.unknown.format(name=each.name) + near
        for name, count in known.items():
            if sort.repeated and count > 1:
                first = next(each for each in defined if each.name == name)
                yield first.file, first.location[:1], sort.repeated.format(name=name)
        needed = {each.name for each in used}.union(sort.always)
        for each in defined:
            if sort.unused and each.name not in needed:
                yield each.file, each.location, sort.unused.format(name=each.name)
