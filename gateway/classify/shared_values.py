"""Judge values that many pupils share, such as classes and houses, by how many rows have each.

A word that one pupil has for a class among classes of thirty is a remark, whatever the word is.
"""

import re
from collections import Counter
from collections.abc import Collection

from gateway.classify.abbreviations import TELLING
from gateway.classify.sensitive import WORDS
from gateway.classify.value_kinds import OTHER, Judge, Test

# Of a label's form ("7 Aa" is "0 a"): a word with a small letter, a number, and a letter that is not small.
_WORD_IN_SMALL, _SOME_FIGURES = re.compile(r"[^\W\d_]*[^\W\d_A-Z][^\W\d_]*"), re.compile(r"\d+")
_LETTER, _UPPER = re.compile(r"[A-Z]"), re.compile(r"[A-Z\d]+")
# An abbreviation; among the classes of a reception or nursery, such as RH and NAM, it is a name.
_ABBREVIATION = r"[A-Z]{1,5}\.?|(?:[A-Za-z][./& ]){1,4}[A-Za-z]\.?|[A-KM-TV-X]\d[A-Z]"
_OF_RECEPTION = r"(?:R|N|Y[RN]|FS|EY|KS)[A-Z\d]{0,2}"
_NO_CLASS = re.compile(
    rf"(?!{_OF_RECEPTION}\Z)(?:{_ABBREVIATION})|.*\d[A-Z] [A-Z]\b.*|M(?:rs?|s|iss|x)\.? .* [KE]"
).fullmatch
_ODD_HOUSE = re.compile(rf"{_ABBREVIATION}|.*\d.*|.*\w(?: ?[(*]| - |, ).*|.*[a-z] [A-Z]{{2,5}}").fullmatch
# What stands in a class besides names: "7", "10X1", "Y3B", "7.1", "4th", "7x", "L6A", "Ma1", "R-KL".
_OF_A_FORM = re.compile(
    r"\(?(?:(?:Yr?|[LU])?\d{1,2}(?:[-.]\d{1,2})?(?:th|[- ]?[A-Z]{0,3}|[a-z]{1,2})\d?|[A-Z]\.?"
    rf"|[A-Z][a-z]?\d{{1,2}}|{_OF_RECEPTION}(?:-[A-Z]{{1,3}})?)\)?"
).fullmatch
_CLASS_LETTER = re.compile(r"\d[A-Z]").search
_NAME = re.compile(r"[^\W\da-z](?:[^\W\d]|['\u2019-])*[^\W\dA-Z]|[^\W\da-zA-Z]").fullmatch
# The form behind "Upper", "Lower", "Middle" or "Form": alone, VI is a pupil's impairment.
_ROMAN = re.compile(r"(?<=per|wer|dle|orm) [IVX]{1,4}\Z")
# Between the words of a class: "6 JP" is one, "3B - Miss Lee" are three, and so are "Year 3 - Oak".
_BETWEEN_WORDS = re.compile(
    r" - (?=(?:M[rsx]|Mrs|Dr|Miss)\b)|(?:(?<=ear \d)|(?<=ear \d\d)) - "
    r"|[ /&]+(?!(?:(?<=\b\d )|(?<=\b\d\d ))[A-Z]{2,3}\Z)"
)
# Where more stands behind another value ("Kestrel (PP)"); not what tells groups apart ("Oak 2", "Oak B").
_MORE = re.compile(
    r"(?<=\w)(?=[^\w/'\u2019])(?!-\w|\W+(?:[A-Z]|[AP]M|\(?Y?\d+[A-Z]?\)?|M(?:[rsx]|rs|iss)\.? .*)\Z)"
)
_OF_A_NEED = re.compile(
    r"\b(?:(?:PRU|SEMH|S?EBD|BESD|P?[MS]LD|AS[CD]|SLCN)\b|AP\Z|(?i:pupil referral|autis|hospital school))"
).search
_FEWEST_ROWS, _ROWS_OF_A_CLASS, _CLASSES_ALIKE = 50, 10, 3
_FEW_ROWS, _OF_A_CLASS, _A_CLASS, _INITIALS, _OF_AN_ORIGIN = 2, 8, 30, 3, 6
_SUPPORT = tuple(WORDS["support"])
_WORDS_OF_TEACHERS = WORDS["stages"] | WORDS["titles"] | WORDS["in_a_name"]
_USUAL_FORM, _RARE = 0.05, 0.03
_ROWS_TOGETHER = 500  # A longer table is judged in portions: the first has so many rows.
_MOST_REMEMBERED = 20_000


def _is_odd(value: str) -> bool:
    """Return True for a value that is not made as a class is: of years, letters, stages and one other name,
    or of a teacher with a title.
    """
    words = {word: word.casefold().strip(".") for word in _BETWEEN_WORDS.split(_ROMAN.sub("", value))}
    has_teacher = not WORDS["titles"].isdisjoint(words.values())
    known = _WORDS_OF_TEACHERS if has_teacher else WORDS["stages"]
    names = [word for word, small in words.items() if small not in known and not _OF_A_FORM(word)]
    is_class = has_teacher or len(names) <= (_CLASS_LETTER(value) is None)
    return _NO_CLASS(value) is not None or not is_class or not all(map(_NAME, names))


class SchoolJudge(Judge):
    """Judge of names of schools, by the rows of each: "Hillside PRU" may be the sender's own, or the
    former school of few pupils.
    """

    __slots__ = ()

    def faults(self, values: Collection[str]) -> dict[str, str]:
        """Return the faulty values of a column: also a telling school of one or two rows among others."""
        counts = Counter(filter(None, values))
        few = {value for value, rows in counts.items() if rows <= _FEW_ROWS and len(counts) > 1}
        return dict.fromkeys(filter(_OF_A_NEED, few), OTHER) | super().faults(values)


class SharedJudge(Judge):
    """Judge of a field whose values many pupils share, such as a class, also by how many rows have each.
    `initials`: the test for a class that is called by its teacher's initials. `codes`: those of other items.
    `house`: True for houses, never called by years or initials. `by_rows`: False where the rows of a value
    cannot be counted, as in XML: every value of `_tells` is then faulty.
    """

    __slots__ = ("_are_initials", "_by_rows", "_codes", "_odd", "_rows")

    def __init__(
        self, known: Judge, initials: Test, codes: frozenset[str], *, house: bool, by_rows: bool
    ) -> None:
        self._rows = Counter[str]()
        super().__init__(known.check, known.quick)
        self._are_initials, self._codes, self._odd = initials, codes, _ODD_HOUSE if house else _is_odd
        self._by_rows = by_rows

    def _tells(self, value: str) -> bool:
        """Return True for a code of another item, and a value with an abbreviation or word of support."""
        upper, small = value.upper(), value.casefold()
        asked = {upper, upper[:_OF_AN_ORIGIN]} if self._by_rows else {upper}
        is_code = (len(value) > _INITIALS and not self._codes.isdisjoint(asked)) or small in WORDS["origins"]
        is_help = f"{small.lstrip('0123456789 ')} ".startswith(_SUPPORT)
        letters = [*_UPPER.findall(value), re.sub(r"\W", "", upper)]
        return is_code or is_help or not TELLING.isdisjoint(letters)

    def forget(self) -> None:
        """Forget the values judged so far, and their rows."""
        super().forget()
        self._rows.clear()

    def faults(self, values: Collection[str]) -> dict[str, str]:
        """Return the faulty values of a column, or of the next portion of its rows.
        A value of one or two rows is faulty beside classes of at least eight times as many, unless it has a
        figure and a usual form ("7B" among "7A"), or many rows have such values: the column then lists no
        classes. In any table, values of one or two rows are faulty: those of `_tells`; another value and more
        ("Red (PP)"); one or two that are not made as a class or house is, if all other values are. A class by
        initials ("9 CSA") is not beside others.
        """
        found, column = super().faults(values), list(filter(None, values))
        if not self._by_rows:
            return found | {value: OTHER for value in values if value not in found and self._tells(value)}
        counts, filled = Counter(column), len(column)
        # Several are classes by their teachers' initials. The last class of a portion may go on in the next.
        going_on = {*column[-1:]} if len(values) >= _ROWS_TOGETHER else set[str]()
        few = {value for value, rows in counts.items() if self._rows[value] + rows <= _FEW_ROWS} - going_on
        odd = set(filter(self._odd, few))
        many = len(odd) >= _CLASSES_ALIKE or 2 * sum(map(counts.__getitem__, odd)) > filled
        if many or (odd and any(map(self._odd, counts.keys() - odd))):
            odd = set()
        odd |= set(filter(self._tells, few))
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
        big = {value for value, rows in rows_of.items() if rows >= _ROWS_OF_A_CLASS and forms[value] in usual}
        return {
            value: code for value, code in found.items() if value not in big or not self._are_initials(value)
        }
