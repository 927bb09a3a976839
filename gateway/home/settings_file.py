"""The base of every part of a settings file, suggestions for misspelt keys, and files read up to a size."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import AfterValidator, BaseModel, ConfigDict

from gateway.errors import GatewayError, as_fault

_PART = re.compile(r"(?:\d+|[A-Z])(?=$|[.(])")
"""The beginning of a clause: 5 of 5.3.1 and 5(a), D of D.1."""


class File(BaseModel):
    """A part of a file edited by an administrator: unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def written_as(pattern: str | re.Pattern[str], how: str) -> AfterValidator:
    """Return a validator of texts that match `pattern` as a whole. ValueError, for others, says `how`."""
    wanted = re.compile(pattern)

    def check(text: str) -> str:
        if not wanted.fullmatch(text):
            raise ValueError(how)
        return text

    return AfterValidator(check)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return "; perhaps KNOWN" with the known name closest to the misspelt `name`; "" if none is close.
    To a clause of an agreement, such as D.1, only clauses of the same part are close.
    """
    if part := _PART.match(name):
        known = [one for one in known if (of := _PART.match(one)) and of[0] == part[0]]
    found = difflib.get_close_matches(name, list(known), n=1)
    return f"; perhaps {found[0]}" if found else ""


@lru_cache(32)
def keys_of(kind: type[BaseModel]) -> tuple[str, ...]:
    """Return the names of all fields of the model `kind` and of the models inside `kind`, each name once."""
    return tuple(dict.fromkeys(_named(kind.model_json_schema())))


def _named(schema: Mapping[str, Any]) -> Iterator[str]:
    yield from schema.get("properties", {})
    for inner in schema.get("$defs", {}).values():
        yield from _named(inner)


Location = Sequence[str | int]
"""The place of a value in a file: keys, and numbers of entries from 0."""


def values_at(model: object, path: str) -> Iterator[tuple[Location, str, Mapping[str, object]]]:
    """Yield each text at a dotted path of a model: its location, the text, and the other fields of its table.
    At a list, the path goes on into every entry. At a table, `*` in the path stands for every key; the key is
    then yielded among the other fields, as `key`. A path that ends at a table yields the table's keys.
    """
    yield from _walked(model, path.split("."), (), {})


def _walked(
    value: object, steps: list[str], location: tuple[str | int, ...], within: Mapping[str, object]
) -> Iterator[tuple[Location, str, Mapping[str, object]]]:
    if isinstance(value, BaseModel):
        value = within = vars(value)
    if isinstance(value, tuple):
        for number, each in enumerate(value):
            yield from _walked(each, steps, (*location, number) if steps else location, within)
    elif isinstance(value, dict) and steps[:1] == ["*"]:
        for key, each in value.items():
            yield from _walked(each, steps[1:], (*location, key), {**within, "key": key})
    elif isinstance(value, dict) and steps:
        yield from _walked(value[steps[0]], steps[1:], (*location, steps[0]), within)
    elif isinstance(value, dict):
        yield from (((*location, key), key, within) for key in value)
    elif value is not None:
        yield location, str(value), within


def read_at_most(file: Path, most: int, what: str = "") -> bytes:
    """Return the content of a file. GatewayError if the file is unreadable, or larger than `most` bytes.
    The error says "too large for WHAT" if `what` is given.
    """
    with as_fault(f"{file} cannot be read", GatewayError), file.open("rb") as opened:
        data = opened.read(most + 1)
    if len(data) > most:
        raise GatewayError(f"{file} is too large" + (f" for {what}" if what else ""))
    return data
