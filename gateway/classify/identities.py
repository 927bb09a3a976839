"""Telling people apart in a file: by UPN, and where there is none by other numbers or by name and birth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat

# What tells a person apart where there is no UPN, the best first.
IDENTITIES = (
    ("candidate-number",),
    ("uci",),
    ("uln",),
    ("census-pupil",),
    ("surname", "forename", "birth-date"),
    ("full-name", "birth-date"),
    ("pupil-reference",),
)
NO_UPN = "\t"


def identity_of(values: Mapping[str, str]) -> str:
    """What tells the person of one record without a UPN apart; empty where nothing does."""
    for keys in IDENTITIES:
        said = [values.get(key, "").strip().upper() for key in keys]
        if all(said):
            return NO_UPN.join((keys[0], *said, ""))
    return ""


def identities_of(upns: Sequence[str], columns: Mapping[str, Sequence[str]]) -> list[str]:
    """What tells the person of each record apart: its UPN, or what `identity_of` finds without one."""
    records = records_of(columns) if columns else repeat({}, len(upns))
    return [upn or identity_of(values) for upn, values in zip(upns, records, strict=True)]


def records_of(columns: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    """The records of a table that is given by its columns."""
    keys = tuple(columns)
    for values in zip(*columns.values(), strict=True):
        yield dict(zip(keys, values, strict=True))
