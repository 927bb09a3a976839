"""Checks of single values: the name of a fault, or None where the value is good.

A check sees one filled value and knows nothing of the record around it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime

from gateway.classify import identifiers
from gateway.classify.rules import FieldRule, Rules

Check = Callable[[str], str | None]

_DATE_FORMS = ("%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%d/%m/%y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y")
_GAPS = re.compile(r"[\s,;]+")


def read_date(text: str) -> date | None:
    """The date that a text means in England (day first); None where it means none."""
    stripped = text.strip()
    day = stripped.partition("T")[0] if "T" in stripped[8:12] else stripped.partition(" 00:00")[0]
    try:
        return date.fromisoformat(day)
    except ValueError:
        return _day_first(day)


def _day_first(text: str) -> date | None:
    for form in _DATE_FORMS:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a day, not a moment
        except ValueError:
            continue
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
    """The marks in a value: one, several with gaps between, or a string of one mark a session.

    In a string the codes of two characters (C1, J1, Y2) are taken whole where they stand.
    """
    found: list[str] = []
    for word in _GAPS.split(text.strip().upper()):
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
