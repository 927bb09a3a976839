"""What is wrong with the shape of a policy file, in the words of whoever writes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from gateway.policy.faults import nearest
from gateway.policy.schema import CLAUSE

_DAY = "write a day as 2027-09-01, without quotation marks"
_WORDS = {
    "missing": "this key is missing",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
    "date_type": _DAY,
    "date_parsing": _DAY,
    "date_from_datetime_parsing": _DAY,
    "int_parsing": "write a whole number",
    "tuple_type": "write a list: [ … ]",
    "string_type": 'write text between straight quotation marks: "…"',
}
_PATTERNS = {
    r"^[a-z0-9]+(-[a-z0-9]+)*$": "write small letters a to z and digits, with hyphens between",
    r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$": "write a month and a day as 09-01",
    CLAUSE: "write the number of a clause as 5.3.1, A.3(b) or 3(a)",
    r"^\d{4}-\d{2}$": "write an academic year as 2026-27",
}


def words_of(error: ErrorDetails, kind: type[BaseModel]) -> str:
    """A fault that was found in a file of this shape, said plainly: what is allowed, and the nearest name."""
    if error["type"] == "extra_forbidden":
        name = str(error["loc"][-1])
        return f"there is no such key as {name}{nearest(name, _keys(kind))}"
    if error["type"] == "string_pattern_mismatch":
        return _PATTERNS.get(str(error.get("ctx", {}).get("pattern")), error["msg"])
    said = error["msg"].removeprefix("Value error, ").replace("Input should be ", "write ")
    return _WORDS.get(error["type"], said)


@lru_cache(32)
def _keys(kind: type[BaseModel]) -> tuple[str, ...]:
    """Every key that stands anywhere in files of a shape."""
    return tuple(dict.fromkeys(_named(kind.model_json_schema())))


def _named(schema: Mapping[str, Any]) -> Iterator[str]:
    yield from schema.get("properties", {})
    for inner in schema.get("$defs", {}).values():
        yield from _named(inner)
