"""Read a policy file of wrong shape without the wrong entries.

So one run reports the faults between files together with the faults of shape, except faults caused by the
entries left out.
"""

import re
import tomllib
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from gateway.policy.faults import Location
from gateway.policy.folder import document

_MOST_TIMES = 5
_NAME = re.compile(r"[\w().-]+")


@dataclass(slots=True)
class LeftOut:
    """The entries left out of a file: places in lists, and the names used in the entries."""

    entries: list[tuple[tuple[str | int, ...], int]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def place(self, location: Location) -> tuple[str | int, ...]:
        """Return the place in the whole file of a place in the remaining entries."""
        found = list(location)
        for before, index in reversed(self.entries):
            at = len(before)
            if tuple(found[:at]) == before and len(found) > at and isinstance(number := found[at], int):
                found[at] = number + (number >= index)
        return tuple(found)


def concerns(names: set[str], location: Location, message: str) -> bool:
    """Return True if a fault may come from left-out entries with these names."""
    told = (name.rstrip(".-(") for name in _NAME.findall(message))
    return not names.isdisjoint({*told, *map(str, location)})


def without_faults(kind: type[BaseModel], text: str) -> tuple[BaseModel, LeftOut] | None:
    """Return the valid rest of a file, and the entries left out; None if too little would be left."""
    try:
        rest: Any = deepcopy(dict(document(text)))
    except tomllib.TOMLDecodeError:
        return None
    left_out = LeftOut()
    for _ in range(_MOST_TIMES):
        try:
            return kind.model_validate(rest), left_out
        except ValidationError as error:
            places = {_entry(each["loc"], each["type"]) for each in error.errors(include_url=False)}
            # From the end of a list, so that the other indexes stay valid.
            for place in sorted(
                places, key=lambda place: [(str(type(part)), part) for part in place], reverse=True
            ):
                _leave_out(rest, place, left_out)
    return None


def _entry(location: Location, kind: str) -> tuple[str | int, ...]:
    """Return the place to remove: an unknown key; else the innermost entry of a list, or the whole key."""
    if kind == "extra_forbidden":
        return tuple(location)
    last = max((at for at, part in enumerate(location) if isinstance(part, int)), default=None)
    return tuple(location[: last + 1]) if last is not None else tuple(location[:1])


def _leave_out(rest: Any, place: Sequence[str | int], left_out: LeftOut) -> None:  # noqa: ANN401 - plain TOML values
    *before, last = place
    for part in before:
        try:
            rest = rest[part]
        except (KeyError, IndexError, TypeError):
            return
    try:
        left_out.names.update(_names({last: rest[last]}))
        del rest[last]
    except (KeyError, IndexError, TypeError):
        return
    if isinstance(last, int):
        left_out.entries.append((tuple(before), last))


def _names(value: object) -> Iterator[str]:
    """Yield the names in a value: texts of one word; unnamed entries are named by their key."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from [] if isinstance(key, int) or not isinstance(inner, dict) else [key]
            yield from _names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner)
    elif isinstance(value, str) and _NAME.fullmatch(value):
        yield value
