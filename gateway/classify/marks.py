"""The marks of attendance in a value, by the published codes; letters that spell a word are none. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_LETTERS = re.compile(r"[^\W\d_]{3,}")
_GAPS = re.compile(r"[\s,;]+")
_SIGNS = re.compile(r"[^a-z]+")
# Letters in a row of which none is as the one before.
_CHANGING = re.compile(r"(?:([a-z])(?!\1)){5,}")
_SHORTEST_WORD = 4
_DIFFERENT_IN_A_ROW = 2
_MOST = 1_000  # sessions of two years


def are_marks(text: str, known: frozenset[str], tells: Callable[[str], bool]) -> bool:
    """Tell whether a text is made of marks. Most letters are a mark, so a word is none, however it is spelt.

    `known` are the codes and the words for them; `tells` says whether a word tells of something.
    """
    whole = text.strip().upper()
    if whole in known:
        return True
    words = _GAPS.split(whole)
    if len(whole) > _MOST or _spell(
        "".join(w for w in words if len(w) == 1 or w not in known).lower(), tells
    ):
        return False
    runs = _LETTERS.findall(text)
    mostly_signs = 2 * sum(map(str.isalpha, whole)) <= len(whole)
    if any(run != run.upper() or (len(set(run)) > _DIFFERENT_IN_A_ROW and not mostly_signs) for run in runs):
        return all(word in known for word in words)
    return all(mark in known for mark in marks_of(text, known))


def _spell(marks: str, tells: Callable[[str], bool]) -> bool:
    """Tell whether the letters among marks are a word, together or in a row.

    Pupils seldom have five codes in a row of which each is another than the one before.
    """
    runs = _SIGNS.split(marks)
    letters = "".join(runs)
    if len(set(letters)) <= _DIFFERENT_IN_A_ROW:
        return False
    if any(len(run) >= _SHORTEST_WORD and tells(run) for run in (letters, *runs)):
        return True
    return any(len(set(found[0])) > _DIFFERENT_IN_A_ROW for found in _CHANGING.finditer(marks))


def marks_of(text: str, known: frozenset[str]) -> list[str]:
    """Return the marks in a value: one in words, one, several with gaps, or a string of one per session.

    In a string, codes of two characters (C1, J1, Y2) are kept whole.
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


def _tokens(word: str, known: frozenset[str]) -> Iterator[str]:
    position = 0
    while position < len(word):
        length = 2 if word[position : position + 2] in known else 1
        yield word[position : position + length]
        position += length
