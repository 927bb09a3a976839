"""The base of every part of a settings file, and suggestions for keys misspelt in one."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from pydantic import AfterValidator, BaseModel, ConfigDict


class File(BaseModel):
    """A part of a file edited by an administrator: unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def written_as(pattern: str | re.Pattern[str], how: str) -> AfterValidator:
    """Return the check that a whole text is written by a pattern; ValueError tells `how`."""
    wanted = re.compile(pattern)

    def check(text: str) -> str:
        if not wanted.fullmatch(text):
            raise ValueError(how)
        return text

    return AfterValidator(check)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return words suggesting the known name closest to a wrong one; "" without a close name."""
    found = difflib.get_close_matches(name, list(known), n=1)
    return f"; perhaps {found[0]}" if found else ""


@lru_cache(32)
def keys_of(kind: type[BaseModel]) -> tuple[str, ...]:
    """Return every key used in files of a shape."""
    return tuple(dict.fromkeys(_named(kind.model_json_schema())))


def _named(schema: Mapping[str, Any]) -> Iterator[str]:
    yield from schema.get("properties", {})
    for inner in schema.get("$defs", {}).values():
        yield from _named(inner)
