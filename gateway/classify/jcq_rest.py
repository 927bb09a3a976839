"""Content of an awarding body's records beside the fields read.

Records are filled up to one length with blanks. Anything written there is examined like an unlisted column:
codes, marks and grades are allowed, a sentence about a child is not.
"""

import re

from gateway.classify.account import Account, Part
from gateway.classify.rules import Rules
from gateway.classify.value_shapes import is_story

_GAP = re.compile(r" {2,}")
_FIGURES = re.compile(r"[0-9+-]{1,7}", re.ASCII)
_SHORT_CODE = re.compile(r"(?=.*\d)[0-9A-Z/]{2,6}", re.ASCII)
_LETTERS = 2
_NAME_LENGTH = 60
# Names allowed in a record by its second character: an awarding body, a centre, none in a trailer.
_NAMES = {"1": 1, "3": 1, "7": 0, "9": 0}
_TYPE, _HEAD = 2, 12


class Rest:
    """Examine the rest of each record, and add unexpected text to the account by position."""

    def __init__(self, account: Account, rules: Rules) -> None:
        self._account, self._rules = account, rules
        self._grades = account.grades()
        self._parts: dict[int, Part] = {}

    def of_frame(self, record: str) -> None:
        """Examine a header or trailer: numbers, codes, and the name of its owner."""
        self._names(record, _TYPE, len(record), _NAMES.get(record[1:2], 0))

    def of_person(self, record: str, until: int) -> None:
        """Examine a candidate's data up to a place: one name, in one stretch or two, and numbers."""
        self._names(record, _HEAD, until, 1 if ":" in record[_HEAD:until] else 2)

    def of_codes(self, record: str, start: int, end: int | None = None) -> None:
        """Examine a stretch for marks, grades and short codes; anything else is unexpected."""
        for found in re.finditer(r"\S+", record[start:end]):
            if not self._is_code(found[0].upper()):
                self._put(start + found.start(), record[start + found.start() : end])
                return

    def from_place(self, record: str, place: int) -> None:
        """Add a stretch from `place` on to the account as no field of a record."""
        self._put(place, record[place:])

    def _is_code(self, text: str) -> bool:
        return (
            _FIGURES.fullmatch(text) is not None
            or _SHORT_CODE.fullmatch(text) is not None
            or text in self._grades
            or len(text) <= _LETTERS
        )

    def _names(self, record: str, start: int, end: int, most: int) -> None:
        """Examine a stretch with numbers and at most so many possible names."""
        seen, at = 0, start
        for piece in _GAP.split(record[start:end]):
            at = record.index(piece, at)
            words = " ".join(word for word in piece.split() if not _is_number(word))
            if len(words) > _LETTERS:
                seen += 1
                if seen > most or not self._may_be_name(words):
                    self._put(at, record[at:end])
                    return
            at += len(piece)

    def _may_be_name(self, words: str) -> bool:
        return len(words) <= _NAME_LENGTH and not is_story(words) and not self._rules.sensitive.of_text(words)

    def _put(self, place: int, text: str) -> None:
        text = text.strip()
        if not text:
            return
        part = self._parts.get(place)
        if part is None:
            part = self._parts[place] = self._account.part("", None, at=place + 1)
        part.shape.add(text)
        part.told.look({text}, self._rules)


def _is_number(word: str) -> bool:
    """Return True for a word of mostly figures: a number, or several without a gap."""
    return 2 * sum(map(str.isdigit, word)) >= len(word)
