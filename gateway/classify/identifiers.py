"""Check numbers of pupils and schools in England, and compare people by name and date of birth. Pure.

Every check of a number takes the text as in a file and ignores blanks around it. Only shape and check digit
are checked: a well-formed number need not exist.

Comparing names ignores accents, case, blanks, hyphens, apostrophes, and all forenames after the first. A full
name is split at its comma; without a comma, both orders are compared.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import count, repeat
from operator import mul
from typing import Literal, TypeVar

from stdnum.gb import nhs
from stdnum.gb.upn import calc_check_digit

UpnFault = Literal["upn:malformed", "upn:check-letter"]
Pupil = tuple[str, "date | None", "str | None", bool, int, str]
"""A pupil in a record: UPN, date of birth, former UPN, on roll, numbers of the record and of the school."""

_CHECK_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
_UPN = re.compile(r"[A-HJ-NP-RT-Z]\d{11}[\dA-HJ-NP-RT-Z]", re.ASCII)
_TEMPORARY = re.compile(r"[A-HJ-NP-RT-Z]\d{11}[A-HJ-NP-RT-Z]", re.ASCII)
UPN_LENGTH = 13
UPN_IN_TEXT = re.compile(rf"(?<![A-Z0-9]){_UPN.pattern}(?![A-Z0-9])", re.ASCII)
"""Matches a possible UPN in a text in upper case."""
_UPN_WEIGHTS = range(2, 14)
_ULN_WEIGHTS = range(10, 0, -1)
_ULN = re.compile(r"[1-9]\d{9}", re.ASCII)
_NATIONAL_INSURANCE = re.compile(r"[A-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-Z]?", re.ASCII | re.IGNORECASE)
_TELEPHONE = re.compile(r"(?:0|\+?44)[12378]\d{9}", re.ASCII)
# The figures and the last letter; and the two letters that HMRC gives, or QQ as in its examples. What has no
# figures is passed over quickly. "PE202526A" is a class of 2025-26, and "on 01 09 24 a new" has a date.
_SCHOOL_YEARS = "|".join(f"{year:02} ?{(year + 1) % 100:02}" for year in range(100))
_END_OF_INSURANCE = re.compile(
    rf"(?!20(?:{_SCHOOL_YEARS}))\d\d ?\d\d ?\d\d(?!(?-i: a) \w) ?[A-D]\b", re.ASCII | re.IGNORECASE
)
_START_OF_INSURANCE = re.compile(
    r"(?<![^\W_])(?:QQ|(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]) ?\Z",
    re.ASCII | re.IGNORECASE,
)
_REFERENCE = re.compile(r"[\w/.*+:{}|&-]{1,40}", re.ASCII)
_SHORT = re.compile(r"[A-Z0-9*+]{1,4}", re.ASCII | re.IGNORECASE)
# Numbers that programs draw: groups of hexadecimal figures, or letters among figures in ones and twos.
_GENERATED = re.compile(
    r"\{?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?|[0-9a-f]{16,40}|([a-z]{0,2}[0-9]){6,20}[a-z]{0,2}",
    re.ASCII | re.IGNORECASE,
)
_PREFIXED = re.compile(r"([A-Z]{1,8})[-/_]?\d{3,20}", re.ASCII)
_RUNS = re.compile(r"[A-Za-z]+")
_MOST_RUNS, _MOST_WORDS, _LONGEST_WORD, _INITIALS = 4, 2, 4, 2


Key = TypeVar("Key")
Found = TypeVar("Found")


class Remembered(dict[Key, Found]):
    """Mapping that computes its values: looking up an argument calls a function once and keeps the result."""

    def __init__(self, make: Callable[[Key], Found]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: Key) -> Found:
        """Compute the result for a key."""
        return self.setdefault(key, self._make(key))


def _sums(weight: int) -> Remembered[str, int]:
    """Return a mapping from four digits to their weighted sum; weights begin with `weight` and rise by 1."""
    return Remembered(lambda digits: sum(map(mul, count(weight), map(int, digits))))


_FIRST, _MIDDLE, _LAST = map(_sums, _UPN_WEIGHTS[::4])
_PERMANENT = re.compile(r"(?<![^\x1f])(([A-HJ-NP-RT-Z])(\d{4})(\d{4})(\d{4}))(?![^\x1f])", re.ASCII)


def right_upns(texts: Iterable[str]) -> list[str]:
    """Return the permanent UPNs with the right check letter among the texts, which must be in upper case."""
    return [
        upn
        for upn, letter, first, middle, last in _PERMANENT.findall("\x1f".join(texts))
        if _CHECK_LETTERS[(_FIRST[first] + _MIDDLE[middle] + _LAST[last]) % 23] == letter
    ]


def upn_fault(upn: str) -> UpnFault | None:
    """Return the fault of a permanent or temporary UPN; None for a valid one."""
    text = upn.strip().upper()
    if not _UPN.fullmatch(text):
        return "upn:malformed"
    return None if calc_check_digit(text[1:]) == text[0] else "upn:check-letter"


def is_upn(upn: str) -> bool:
    """Return True for a valid UPN: permanent, temporary or former, with the right check letter."""
    return upn_fault(upn) is None


def is_temporary_upn(upn: str) -> bool:
    """Return True for a text shaped like a temporary UPN, which ends in a letter."""
    return _TEMPORARY.fullmatch(upn.strip().upper()) is not None


def is_uln(uln: str) -> bool:
    """Return True for a unique learner number: ten digits, the last a check digit (modulus 11)."""
    text = uln.strip()
    if not _ULN.fullmatch(text):
        return False
    return sum(w * int(c) for w, c in zip(_ULN_WEIGHTS, text, strict=True)) % 11 == 10  # noqa: PLR2004


def is_nhs_number(number: str) -> bool:
    """Return True for an NHS number with the right check digit; blanks and hyphens may group digits."""
    return nhs.is_valid(number)


def _shape(pattern: str) -> Callable[[str], bool]:
    """Return a function to test if a text, trimmed and in upper case, is in ASCII and of this pattern."""
    matches = re.compile(pattern, re.ASCII).fullmatch
    return lambda text: text.strip().isascii() and matches(text.strip().upper()) is not None


is_uci = _shape(r"\d{5}[0-9A-Z]\d{6}[A-Z]")
"""Unique candidate identifier, of 13 signs."""
is_la = _shape(r"[2-9]\d{2}")
"""Local authority's code: three digits from 200 on."""
is_establishment = _shape(r"[1-9]\d{3}")
"""DfE establishment number: four digits."""
is_urn = _shape(r"1\d{5}|[5-7]\d{5}|EY\d{6}")
"""DfE unique reference number: six digits, or EY and six."""
is_centre = _shape(r"\d{5}")
"""Examination centre's number: five digits."""
SHAPES: dict[str, Callable[[str], bool]] = {
    "former-upn": is_upn,
    "uln": is_uln,
    "nhs": is_nhs_number,
    "uci": is_uci,
    "la": _shape(r"[2-9]\d{2}|[XM]{3}"),
    "school": _shape(r"\d{3}[ /-]?\d{4}|\d{4}|\d{5,6}|EY\d{6}|[XLM]{4}|[XM]{7}"),
    "ni": _shape(_NATIONAL_INSURANCE.pattern),
    "uprn": _shape(r"\d{1,12}"),
    "academic-year": _shape(r"(19|20)\d{2}( ?[-/]? ?(20)?\d{2})?"),
}
"""Checks of numbers by their text alone, by the name of the number in the policies."""


def is_reference(text: str, tells: Callable[[str], bool], *, short: bool) -> bool:
    """Return True for a system's reference number: figures, with letters too few or too mixed to form words.
    `tells`: a function that returns True for a sensitive word. `short`: True to accept only one to four
    letters, figures, * or +.
    """
    text = text.strip()
    if not short and (_NATIONAL_INSURANCE.fullmatch(text) or _TELEPHONE.fullmatch(text)):
        return False
    prefixed = None if short else _PREFIXED.fullmatch(text)
    if prefixed is not None:
        return len(prefixed[1]) <= _INITIALS or not tells(prefixed[1].lower())
    if not short and _GENERATED.fullmatch(text) is not None:
        return True
    runs = _RUNS.findall(text)
    if any(len(run) > _INITIALS and tells(run.lower()) for run in runs):
        return False
    if short or not any(map(str.isdigit, text)):
        return _SHORT.fullmatch(text) is not None or (text == "/" and not short)
    words = [run for run in runs if len(run) > 1]
    few = len(runs) <= _MOST_RUNS and len(words) <= _MOST_WORDS
    return few and max(map(len, words), default=0) <= _LONGEST_WORD and _REFERENCE.fullmatch(text) is not None


def holds_national_insurance(text: str) -> bool:
    """Return True if a national insurance number stands anywhere in a text, by its shape: it has no check."""
    found = (one.start() for one in _END_OF_INSURANCE.finditer(text))
    return any(_START_OF_INSURANCE.search(text, max(0, at - 4), at) for at in found)


_PARTS, _LETTERS = 6, 150


def name_keys(surname: str, forename: str, full_name: str, born: date | None) -> frozenset[str]:
    """Return the comparison keys of a person, "SURNAME|FORENAME|DATE"; an empty set if a part is missing.
    A full name without a comma has keys for each split of its words, in both orders; other names have one.
    """
    if born is None:
        return frozenset()
    pairs = [(surname, forename)] if surname.strip() and forename.strip() else _ways_round(full_name)
    keys = ((_letters(last), _letters(next(iter(given.split()), ""))) for last, given in pairs)
    return frozenset(f"{last}|{first}|{born.isoformat()}" for last, first in keys if last and first)


def _ways_round(full_name: str) -> Iterator[tuple[str, str]]:
    surname, comma, given = full_name.partition(",")
    if comma:
        yield surname, given
        return
    parts = full_name.split()[:_PARTS]
    for cut in range(1, len(parts)):
        yield " ".join(parts[cut:]), parts[0]
        yield " ".join(parts[:cut]), parts[cut]


def _letters(text: str) -> str:
    split = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in split if character.isalpha())[:_LETTERS]


# Fields distinguishing people without a UPN, the best first.
IDENTITIES = (
    ("candidate-number",), ("uci",), ("uln",), ("census-pupil",), ("surname", "forename", "birth-date"),
    ("full-name", "birth-date"), ("pupil-reference",),
)  # fmt: skip
NO_UPN = "\t"


def identities_of(upns: Sequence[str], columns: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the identity of the person in each record: the UPN or, without a UPN, other values joined in one
    text. The other values are those of the first group in `IDENTITIES` that is filled completely; "" if no
    group is. `columns`: for each field key, the values of all records.
    """
    records, found = records_of(columns) if columns else repeat({}), list(upns)
    for place, (upn, values) in enumerate(zip(upns, records, strict=False)):
        for keys in IDENTITIES if not upn else ():
            said = [values.get(key, "").strip().upper() for key in keys]
            if all(said):
                found[place] = NO_UPN.join((keys[0], *said, ""))
                break
    return found


def records_of(columns: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    """Convert columns of a table to records, each a dict of values by field."""
    keys = tuple(columns)
    for values in zip(*columns.values(), strict=True):
        yield dict(zip(keys, values, strict=True))
