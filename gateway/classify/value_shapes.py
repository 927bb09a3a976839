"""Describe the values of a column or element by one word: grades, dates, names, free text.

A sample of the values across a file is kept only while the file is read, and counted by value.
"""

import re
from collections import Counter
from collections.abc import Callable

from gateway.classify.value_kinds import FLAGS, read_date
from gateway.model import ValueKind

SAMPLE = 300
LENGTH = 200
_MOST = 0.8
_STORIES = 0.02
_NUMBER = re.compile(r"[-+]?\d{1,7}([.,]\d+)?%?", re.ASCII)
_IDENTIFIER = re.compile(
    r"[A-Z]{0,3}[- ]?\d[\d -]{6,}\d?[A-Z]?|[A-Z0-9]{10,20}|[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}",
    re.ASCII,
)
_CODE = re.compile(r"[A-Z0-9][A-Z0-9/_.*+-]{0,11}|[/\\#-]", re.ASCII)
_CONTACT = re.compile(r"[^@\s]+@[^@\s]+|\+?0[\d ()-]{8,}")
_TIME = re.compile(r"\d{1,2}:\d{2}(:\d{2})?", re.ASCII)
_NAME = re.compile(r"[^\W\d_][^\W\d_'\u2019.-]*(?:[,]? +[^\W\d_][\w'\u2019.-]*){0,3}")
_NATIONAL_INSURANCE = re.compile(r"[A-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]", re.ASCII | re.IGNORECASE)
_STORY_LENGTH = 60
_STORY_WORDS = 7


def kind_of(counts: Counter[str], grades: frozenset[str]) -> ValueKind:
    """Return the kind of most sampled values. `grades`: all grades of examinations and assessments."""
    kinds: Counter[ValueKind] = Counter()
    for value, count in counts.items():
        if text := value.strip():
            kinds[_kind_of(text, grades)] += count
    if not kinds:
        return "nothing"
    total = kinds.total()
    if kinds["free text"] > _STORIES * total:
        return "free text"
    flags = sum(count for value, count in counts.items() if value.strip().upper() in FLAGS)
    if flags >= _MOST * total:
        return "flags"
    figures = kinds["numbers"] + kinds["grades"]
    if kinds["grades"] and figures >= _MOST * total and kinds["grades"] < total:
        return "grades" if kinds["grades"] > _STORIES * total else "numbers"
    kind, count = kinds.most_common(1)[0]
    return kind if count >= total / 2 else "mixed"


def share_among(counts: Counter[str], values: frozenset[str]) -> float:
    """Return the fraction of sampled values among `values`, in any case."""
    total = sum(count for value, count in counts.items() if value.strip())
    among = sum(count for value, count in counts.items() if value.strip().upper() in values)
    return among / total if total else 0.0


def are_national_insurance_numbers(counts: Counter[str]) -> bool:
    """Return True if four in five distinct sampled values look like national insurance numbers."""
    texts = [text for value in counts if (text := value.strip())]
    others = len(texts) - max(1, _MOST * len(texts))  # so many may be otherwise
    for text in texts:
        if others < 0:
            break
        others -= _NATIONAL_INSURANCE.fullmatch(text) is None
    return others >= 0


def is_free_text(text: str) -> bool:
    """Return True for a value of more than 60 characters, or at least seven words: free text."""
    return len(text) > _STORY_LENGTH or text.count(" ") >= _STORY_WORDS - 1


def _kind_of(text: str, grades: frozenset[str]) -> ValueKind:
    if is_free_text(text):
        return "free text"
    if _NUMBER.fullmatch(text):
        return "numbers"
    if text.upper() in grades:
        return "grades"
    return next((kind for kind, fits in _LOOKS.items() if fits(text)), "words")


# Checked in this order.
_LOOKS: dict[ValueKind, Callable[[str], bool]] = {
    "times": lambda text: _TIME.fullmatch(text) is not None,
    "dates": lambda text: read_date(text) is not None,
    "contact details": lambda text: _CONTACT.fullmatch(text) is not None,
    "identifiers": lambda text: (
        _IDENTIFIER.fullmatch(text.upper()) is not None and any(map(str.isdigit, text))
    ),
    "codes": lambda text: _CODE.fullmatch(text) is not None,
    "names": lambda text: text[:1].isupper() and _NAME.fullmatch(text) is not None,
}
