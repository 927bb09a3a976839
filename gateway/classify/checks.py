"""Checks of single values: the name of a fault, or None where the value is good.

A check sees one filled value and knows nothing of the record around it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

from gateway.classify import identifiers
from gateway.classify.rules import FieldRule, Rules

Check = Callable[[str], str | None]

# Day, month as a number or by name, year; strptime would try its forms one by one, each slowly.
_DAY_FIRST = re.compile(r"(\d{1,2})([/. -])(\d{1,2}|[A-Za-z]{3,9})\2(\d{4}|\d{2})", re.ASCII)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAME_LENGTH = 3
_LAST_YEAR_OF_2000S = 68  # as the C library reads years of two figures
_TIME = re.compile(r"[T ]\d{1,2}:\d{2}.*", re.ASCII | re.DOTALL)
_GAPS = re.compile(r"[\s,;]+")


def read_date(text: str) -> date | None:
    """The date that a text means in England (day first); None where it means none.

    A time of day behind it is passed over.
    """
    day = _TIME.sub("", text.strip())
    try:
        return date.fromisoformat(day)
    except ValueError:
        return _day_first(day)


def _day_first(text: str) -> date | None:
    found = _DAY_FIRST.fullmatch(text)
    if found is None:
        return None
    year, named = int(found[4]), found[3][:_NAME_LENGTH].lower()
    if len(found[4]) == len("26"):
        year += 2000 if year <= _LAST_YEAR_OF_2000S else 1900
    month = _MONTHS.index(named) + 1 if named in _MONTHS else int(found[3]) if found[3].isdigit() else 0
    try:
        return date(year, month, int(found[1]))
    except ValueError:
        return None


def check_for(rule: FieldRule, rules: Rules, today: date | None) -> Check | None:
    """The check that a field's rule asks for; None where any value will do.

    Without `today` no date is called a future one.
    """
    simple: dict[str, Check] = {
        "upn": identifiers.upn_fault,
        "former-upn": lambda text: None if identifiers.is_upn(text) else "former-upn:invalid",
        "uln": lambda text: None if identifiers.is_uln(text) else "uln:invalid",
        "nhs": lambda text: None if identifiers.is_nhs_number(text) else "nhs:invalid",
        "date": lambda text: None if read_date(text) else "date:malformed",
        "past-date": lambda text: _past_date(text, today),
    }
    if rule.check in simple:
        return simple[rule.check]
    if rule.check == "codes":
        return _codes(rules.code_sets[rule.codes or ""])
    if rule.check == "marks":
        return _marks(rules.code_sets["attendance"])
    return None


def _past_date(text: str, today: date | None) -> str | None:
    day = read_date(text)
    if day is None:
        return "date:malformed"
    return "date:future" if today is not None and day > today else None


def _codes(known: frozenset[str]) -> Check:
    return lambda text: None if text.strip().upper() in known else "code:unknown"


def _marks(known: frozenset[str]) -> Check:
    def check(text: str) -> str | None:
        return None if all(mark in known for mark in marks_of(text, known)) else "code:unknown"

    return check


def marks_of(text: str, known: frozenset[str]) -> list[str]:
    """The marks in a value: one in words, one, several with gaps between, or a string of one a session.

    In a string the codes of two characters (C1, J1, Y2) are taken whole where they stand.
    """
    whole = text.strip().upper()
    if whole in known:
        return [whole]
    found: list[str] = []
    for word in _GAPS.split(whole):
        if word in known:
            found.append(word)
        else:
            found += _tokens(word, known)
    return found


def _tokens(word: str, known: frozenset[str]) -> list[str]:
    tokens, position = [], 0
    while position < len(word):
        length = 2 if word[position : position + 2] in known else 1
        tokens.append(word[position : position + length])
        position += length
    return tokens
