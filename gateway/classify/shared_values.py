"""Judge values that many pupils share, such as classes and houses, by how many rows have each.

A word that one pupil has for a class among classes of thirty is a remark, whatever the word is.
"""

import re
from collections import Counter
from collections.abc import Collection

from gateway.classify.value_kinds import OTHER, Check, Judge, Quick, Test

# Of a label's form ("7 Aa" is "0 a"): a word with a small letter, a number, and a letter that is not small.
_WORD_IN_SMALL, _SOME_FIGURES = re.compile(r"[^\W\d_]*[^\W\d_A-Z][^\W\d_]*"), re.compile(r"\d+")
_LETTER, _FIGURE = re.compile(r"[A-Z]"), re.compile(r"\d").search
# An abbreviation or several words; no class of the reception or nursery, such as RH and NAM, nor a teacher.
_ABBREVIATION = r"[A-Z]{2,5}\.?|(?:[A-Za-z][. ]){1,4}[A-Za-z]\.?|[A-Z]\d[A-Z]"
_ODD = re.compile(rf"(?!R|N|Y[RN]|FS|EY)(?:{_ABBREVIATION}|(?!Y|F|P|M[rsi]|Dr).*\w[ (].*)").fullmatch
_ODD_HOUSE = re.compile(rf"{_ABBREVIATION}|.*\w(?: ?\(| - ).*").fullmatch
# Where more stands behind another value ("Kestrel (PP)"); not what tells groups apart ("Oak 2", "Oak B").
_MORE = re.compile(r"(?<=\w)(?=[^\w/'\u2019])(?!\W+(?:[A-Z]|[AP]M|\d+)\Z)")
_FEWEST_ROWS, _ROWS_OF_A_CLASS, _CLASSES_ALIKE = 50, 10, 3
_FEW_ROWS, _OF_A_CLASS, _A_CLASS, _INITIALS = 2, 8, 30, 3
_USUAL_FORM, _RARE = 0.05, 0.03
_ROWS_TOGETHER = 500  # A longer table is judged in portions: the first has so many rows.
_MOST_REMEMBERED = 20_000


class SharedJudge(Judge):
    """Judge of a field whose values many pupils share, such as a class, also by how many rows have each.
    `initials`: the test for a class that is called by its teacher's initials. `codes`: those of other items.
    `house`: True for houses, which are not called by years or initials.
    """

    __slots__ = ("_are_initials", "_codes", "_odd", "_rows")

    def __init__(
        self, check: Check | None, quick: Quick | None, initials: Test, codes: Collection[str], *, house: bool
    ) -> None:
        self._rows = Counter[str]()
        super().__init__(check, quick)
        self._are_initials, self._codes, self._odd = initials, codes, _ODD_HOUSE if house else _ODD

    def forget(self) -> None:
        """Forget the values judged so far, and their rows."""
        super().forget()
        self._rows.clear()

    def faults(self, values: Collection[str]) -> dict[str, str]:
        """Return the faulty values of a column, or of the next portion of its rows.
        A value of one or two rows is faulty beside classes of at least eight times as many, unless it has a
        figure and a usual form ("7B" among "7A"), or many rows have such values: the column then lists no
        classes. In any table, values of one or two rows are faulty: a code of another item; another value and
        more ("Red (PP)"); one or two abbreviations or several words, if all other values are words with a
        figure ("3B YC"), or houses. A class by initials ("9 CSA") is not beside others.
        """
        found, column = super().faults(values), list(filter(None, values))
        counts, filled = Counter(column), len(column)
        # Several are classes by their teachers' initials. The last class of a portion may go on in the next.
        going_on = {*column[-1:]} if len(values) >= _ROWS_TOGETHER else set[str]()
        few = {value for value, rows in counts.items() if self._rows[value] + rows <= _FEW_ROWS} - going_on
        odd, is_right = set(filter(self._odd, few)), _FIGURE if self._odd is _ODD else str
        is_odd = len(odd) < _CLASSES_ALIKE and 2 * sum(map(counts.__getitem__, odd)) <= filled
        if not is_odd or not all(is_right(one) and not self._odd(one) for one in counts.keys() - odd):
            odd = set()
        odd |= {value for value in few if len(value) > _INITIALS and value.upper() in self._codes}
        odd |= {own for own in few for at in _MORE.finditer(own) if counts[own[: at.start()]] > counts[own]}
        found = found | dict.fromkeys(odd - found.keys(), OTHER)
        if filled < max(_FEWEST_ROWS, 2 * len(counts)):
            return found
        is_portion = bool(self._rows) or len(values) >= _ROWS_TOGETHER
        if len(self._rows) > _MOST_REMEMBERED:
            self._rows.clear()
        self._rows.update(counts)
        rows_of = {value: self._rows[value] for value in counts}
        forms, rows_by_form, alike = dict[str, str](), Counter[str](), Counter[str]()
        for value, rows in counts.items():
            forms[value] = _LETTER.sub("A", _SOME_FIGURES.sub("0", _WORD_IN_SMALL.sub("a", value)))
            rows_by_form[forms[value]] += rows
            alike[forms[value]] += rows_of[value] >= _ROWS_OF_A_CLASS
        # The class of the pupil in the middle, if pupils stand in the order of the size of their classes.
        of_a_class = sorted(map(counts.__getitem__, column))[filled // 2]
        most = min(_FEW_ROWS, of_a_class // _OF_A_CLASS)
        usual = {form for form, rows in rows_by_form.items() if "0" in form and rows >= _USUAL_FORM * filled}
        # A class, and a school, at the end of a portion may go on in the next.
        last = {*column[-min(of_a_class, _A_CLASS) :]} if is_portion else set[str]()
        doubtful = counts.keys() - found.keys() - last
        rare = {value for value in doubtful if rows_of[value] <= most and forms[value] not in usual}
        if sum(map(counts.__getitem__, rare)) <= _RARE * filled:
            found = found | dict.fromkeys(rare, OTHER)
        usual = {form for form, classes in alike.items() if classes > _CLASSES_ALIKE}
        many = {
            value for value, rows in rows_of.items() if rows >= _ROWS_OF_A_CLASS and forms[value] in usual
        }
        return {
            value: code for value, code in found.items() if value not in many or not self._are_initials(value)
        }
