"""Persons in each record of a content, to leave out records of children with restricted access."""

from collections.abc import Iterator
from typing import BinaryIO

from gateway.classify.identifiers import is_upn
from gateway.classify.person_names import name_keys
from gateway.classify.rules import Rules
from gateway.classify.value_kinds import read_date
from gateway.classify.views.walk import Values, records_in
from gateway.home.settings import ClassifyLimits

_NUMBERS = ("upn", "former-upn")
_NAMES = ("surname", "forename", "full-name")
_WANTED = (*_NUMBERS, *_NAMES, "birth-date")


def named_records(
    content: BinaryIO, rules: Rules, limits: ClassifyLimits
) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the UPNs and names of each record, in the order of a view; both empty where nobody is named.

    Raises Unreadable.
    """
    for values in records_in(content, rules, limits, _WANTED):
        yield _numbers(values), _names(values)


def _numbers(values: Values) -> list[str]:
    found = {text.upper() for key in _NUMBERS for text in values.get(key, ())}
    return sorted(filter(is_upn, found))


def _names(values: Values) -> list[str]:
    born = {read_date(text) for text in values.get("birth-date", ())}
    surname, forename, full = (values.get(key, [""])[0] for key in _NAMES)
    return sorted(set().union(*(name_keys(surname, forename, full, day) for day in born)))
