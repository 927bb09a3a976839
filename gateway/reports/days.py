"""Retention times as written in retention.toml: days, for ever, or until an age."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal

from dateutil.relativedelta import relativedelta
from pydantic import BeforeValidator, Field, WithJsonSchema

_AGE = re.compile(r"until age (?P<age>[1-9]\d?) of persons from (?P<youngest>\d\d?)")


def _days(value: object) -> object:
    """Convert "until age 25 of persons from 4" to days: until the youngest in a file reaches the age."""
    found = _AGE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    then = _ANY_DAY + relativedelta(years=int(found["age"]) - int(found["youngest"]))
    return (then - _ANY_DAY).days + 1


_ANY_DAY = date(2000, 2, 29)
_SPAN = Annotated[int, Field(ge=1, le=36_525)] | Literal["for ever"]
_WRITTEN = {
    "anyOf": [
        {"type": "integer", "minimum": 1, "maximum": 36_525},
        {"type": "string", "pattern": r"^(for ever|until age [1-9]\d? of persons from \d\d?)$"},
    ],
    "description": "days; for ever; or as: until age 25 of persons from 4",
}
Days = Annotated[_SPAN, BeforeValidator(_days), WithJsonSchema(_WRITTEN)]
