"""Tell whether a text consists of attendance marks. Pure."""

import re
from collections.abc import Callable

_LETTERS = re.compile(r"[^\W\d_]{3,}")
_GAPS = re.compile(r"[\s,;]+")
_SIGNS = re.compile(r"[^a-z]+")
# Letters in a row of which none is as the one before.
_CHANGING = re.compile(r"(?:([a-z])(?!\1)){5,}")
_SHORTEST_WORD = 4
_DIFFERENT_IN_A_ROW = 2
_PAIR = 2
_MOST_MARKS = 1_000  # sessions of two years


def marks_check(known: frozenset[str], tells: Callable[[str], bool]) -> Callable[[str], bool]:
    """Return a function to test if a text consists of attendance marks: one mark, its words, or many marks.
    `known`: the codes and their words in upper case. `tells` returns True for a sensitive word. Most letters
    are codes of attendance, so letters that form a word are not taken for marks.
    """
    pairs = "".join(f"{re.escape(code)}|" for code in known if len(code) == _PAIR)
    singles = re.escape("".join(code for code in known if len(code) == 1))
    is_string = re.compile(f"(?:{pairs}[{singles}])++").fullmatch

    def are_marks(text: str) -> bool:
        whole = text.strip().upper()
        if whole in known:
            return True
        words = _GAPS.split(whole)
        strings = whole if len(words) == 1 else "".join(w for w in words if len(w) == 1 or w not in known)
        if len(whole) > _MOST_MARKS or _spell(strings.lower(), tells):
            return False
        runs = _LETTERS.findall(text)
        signs = len(whole) - sum(map(str.isalpha, whole)) if runs else 0
        few_signs = 2 * signs < len(whole)
        if any(run != run.upper() or (few_signs and len(set(run)) > _DIFFERENT_IN_A_ROW) for run in runs):
            return all(word in known for word in words)  # A run of letters may be a word.
        return all(word in known or not word or is_string(word) for word in words)

    return are_marks


def _spell(marks: str, tells: Callable[[str], bool]) -> bool:
    """Return True if attendance marks, in lower case, look like words.
    They do if the letters, all joined or between two signs, spell a sensitive word; or if five letters in a
    row each differ from the one before, which is rare in marks.
    """
    if sum(map(str.isalpha, set(marks))) <= _DIFFERENT_IN_A_ROW:
        return False
    runs = _SIGNS.split(marks)
    letters = "".join(runs)
    if any(len(run) >= _SHORTEST_WORD and tells(run) for run in (letters, *runs)):
        return True
    return any(len(set(found[0])) > _DIFFERENT_IN_A_ROW for found in _CHANGING.finditer(marks))
