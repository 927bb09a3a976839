"""Distinguish people in a file: by UPN, otherwise by other numbers or by name and date of birth."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat

# Fields distinguishing people without a UPN, the best first.
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
    """Return an identity for a record without a UPN; empty where there is none."""
    for keys in IDENTITIES:
        said = [values.get(key, "").strip().upper() for key in keys]
        if all(said):
            return NO_UPN.join((keys[0], *said, ""))
    return ""


def identities_of(upns: Sequence[str], columns: Mapping[str, Sequence[str]]) -> list[str]:
    """Return an identity for each record: its UPN, or the result of `identity_of`."""
    records = records_of(columns) if columns else repeat({}, len(upns))
    return [upn or identity_of(values) for upn, values in zip(upns, records, strict=True)]


def records_of(columns: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    """Yield the records of a table given by columns."""
    keys = tuple(columns)
    for values in zip(*columns.values(), strict=True):
        yield dict(zip(keys, values, strict=True))
