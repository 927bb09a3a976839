"""Search every value of a column or an element for content beyond its kind, in files of any length.

A shape (`value_shapes`) samples values and describes most of them. One pupil's story among a thousand
addresses is not most values, and still a disclosure, so this search covers every value. No value is kept
after the search, except a few hundred texts of elements arriving one by one, and the last few values of a
repetitive column.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from gateway.classify.identifiers import is_nhs_number
from gateway.classify.rules import Rules
from gateway.classify.value_shapes import is_story

_NHS_LENGTHS = (10, 12)
_DIGITS_OF_NHS = 10
_FEW = 5
_FEW_VALUES = 20
_HALF = 0.5
# Numbers of people with a check proving they are no NHS numbers, or already judged as NHS numbers.
_OTHER_NUMBERS = frozenset({"nhs-number", "upn", "former-upn"})
_LOST_NOUGHT = 3
_IN_A_NAME = frozenset(
    [
        "de",
        "del",
        "della",
        "di",
        "da",
        "das",
        "dos",
        "do",
        "la",
        "le",
        "las",
        "los",
        "du",
        "van",
        "von",
        "den",
        "der",
        "bin",
        "bint",
        "ibn",
        "al",
        "el",
        "y",
        "e",
        "of",
        "the",
    ]
)
# Words found only in sentences, not in names, places or codes.
_SENTENCES = frozenset(
    ["is", "was", "because", "mum", "dad", "mum's", "dad's", "stepdad", "stepfather", "stepmother"]
)
_NUMBER = re.compile(r"(?<!\d)\d{3}[ -]?\d{3}[ -]?\d{4}(?!\d)", re.ASCII)


@dataclass(slots=True)
class Disclosure:
    """Findings under one header so far."""

    key: str | None
    topic: str = ""
    story: bool = False
    met: bool = False
    _nhs: int = 0
    _ten_digits: int = 0
    _last: set[str] = field(default_factory=set)
    _kept: set[str] = field(default_factory=set)

    def look(self, values: Collection[str], rules: Rules) -> None:
        """Search values of an unexpected or unknown kind; an empty text is ignored."""
        if not values or values == self._last:
            return
        self._last = set(values) if len(values) <= _FEW_VALUES else set()
        self.met = True
        if self.key not in _OTHER_NUMBERS:
            for value in values:
                if len(value) in _NHS_LENGTHS:
                    numbers: Iterable[str] = (value,) if _NUMBER.fullmatch(value) else ()
                elif len(value) > _DIGITS_OF_NHS and "NHS" in value.upper():
                    numbers = _NUMBER.findall(value)
                else:
                    continue
                for number in numbers:
                    self._ten_digits += 1
                    self._nhs += is_nhs_number(number)
        if not self.story:
            self.story = any(map(_is_text, values))
        if not self.topic and rules.sensitive.may_tell("\n".join(values)):
            self.topic = next(filter(None, map(rules.sensitive.of_cell, values)), "")

    def look_at_kept(self, rules: Rules) -> None:
        """Search the values kept: many together are quicker."""
        if self._kept:
            self.look(self._kept, rules)
            self._kept.clear()

    def keep(self, values: Iterable[str]) -> None:
        """Keep values of an element for the next search."""
        self._kept.update(values)

    def has_nhs_numbers(self) -> bool:
        """Return True where numbers of ten digits are NHS numbers; one in eleven passes the check by
        chance.
        """
        if self.key == "phone" and self._ten_digits < _LOST_NOUGHT:
            return False
        enough = self._ten_digits if self._ten_digits < _FEW else self._ten_digits * _HALF
        return self._nhs > 0 and self._nhs >= enough


def _is_text(value: str) -> bool:
    if " " not in value:
        return is_story(value)
    return not _SENTENCES.isdisjoint(value.casefold().split()) or (
        is_story(value) and not _is_long_name(value)
    )


def _is_long_name(value: str) -> bool:
    words = value.replace(",", " ").split()
    return all(w[:1].isupper() or w.casefold() in _IN_A_NAME for w in words) and not any(
        map(str.isdigit, value)
    )
