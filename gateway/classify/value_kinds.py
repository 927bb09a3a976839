"""Check single values: each is of a kind allowed by the field, or has a fault. Pure.

items.toml and data_types.toml state the kinds of every field. Values are judged here in the same way for
every format, both when a file is classified and when a view is made.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date
from functools import partial
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from gateway.classify import abbreviations, identifiers
from gateway.classify.attendance_marks import marks_check
from gateway.classify.content import data
from gateway.classify.sensitive import ACCENTED, WORDS, RuleTable, Sensitive, is_latin, is_legible, plain_text

Kind = Literal[
    "code", "marks", "date", "past date", "time", "identifier", "number", "flag", "name", "names", "label",
    "address line", "postcode", "contact", "free",
]  # fmt: skip
Identifier = Literal[
    "upn", "former-upn", "uln", "nhs", "uci", "la", "school", "ni", "uprn", "short", "reference",
    "academic-year",
]  # fmt: skip


class FieldRule(RuleTable):
    """One field: the names of its columns and elements, and the kinds of its values.
    `patterns`: regular expressions for a whole column name as written by `plain`; `{words}` stands for words
    of [columns], subjects and short figures. `elements`: each `Name` or `Parent/Name`; the longer form wins.
    `values`: the allowed kinds. For the kind `code`, `codes` names a list in [codes], and `several` allows
    more than one code in a value.
    """

    columns: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    elements: tuple[str, ...] = ()
    values: Annotated[
        tuple[Kind, ...],
        BeforeValidator(lambda given: (given,) if isinstance(given, str) else given),
        Field(min_length=1),
    ]
    codes: str | None = None
    several: bool = False
    identifier: Identifier | None = None


CodeSets = Mapping[str, frozenset[str]]
"""Lists of codes by name, in upper case."""
Test = Callable[[str], bool]
Check = Callable[[str], "str | None"]
"""Function from a filled value to the code of its fault; to None for a good value."""

OTHER_YEAR = "code:other-year"
QUERIES = frozenset({"upn:check-letter", "date:future", OTHER_YEAR})
"""Faults of values shown in views all the same; a value with any other fault is left out of every view."""

OTHER = "value:other"
"""Fault of a value of another kind, where that kind has no fault of its own."""

_KINDS = data("value_kinds")

WORDY = frozenset({"name", "names", "label", "address line", "free"})
"""Kinds of values in people's own words."""

# Day, month as a number or name, year; strptime would try its formats one by one, each slowly.
_DAY_FIRST = re.compile(r"(\d{1,2})([/. -])(\d{1,2}|[A-Za-z]{3,9})\2(\d{4}|\d{2})", re.ASCII)
_MONTH_NAMED = re.compile(r"(\d{4})-([A-Za-z]{3})-(\d{2})", re.ASCII)
"""2025-Oct-02, as COLLECT writes a day."""
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAME_LENGTH = 3
_LAST_YEAR_OF_2000S = 68  # as the C library reads years of two figures
_CLOCK = r"\d{1,2}:\d{2}(:\d{2}([.,]\d{1,9})?)?( ?[AaPp]\.?[Mm]\.?)?( ?(Z|UTC|GMT|BST|[+-]\d{2}:?\d{2}))?"
_TIME_AFTER = re.compile(rf"[T ]{_CLOCK}\Z", re.ASCII)
_TIME = re.compile(_CLOCK, re.ASCII)
_REMEMBERED = 20_000
_BAD_REMEMBERED = 1_000
_LONG = 100
BETWEEN = "\x1f"
"""Control character between values checked together: no good value contains one."""
_FIGURES = dict.fromkeys(map(ord, "123456789"), "0")
_DATES = frozenset({"date", "past date"})
_BLANK: frozenset[str | None] = frozenset({"", None})

FLAGS = frozenset(["Y", "N", "YES", "NO", "TRUE", "FALSE", "T", "F", "0", "1", "\u2713", "\u2714"])
_NOTHING = WORDS["nothing"]
_NUMBER_OR_AGE = re.compile(
    r"[-+<>]?(£ ?)?\d{1,7}([.,]\d{1,20})?( ?(%|days?|sessions?|hours?|hrs?|minutes?|years?))?"
    r"|\d{1,2} ?(y|yrs?|years?)\.?[ ,]*(\d{1,2} ?(m|mths?|months?)\.?)?|\d{1,2}[:;]\d{1,2}",
    re.ASCII,
)
# Some systems put the second half at a fixed place, behind up to three blanks ("M1   1AA").
_POSTCODE = re.compile(
    r"[A-Z]{1,2}\d[A-Z\d]?[ \u00a0]{0,3}\d[A-Z]{2}|BFPO ?\d{1,4}", re.ASCII | re.IGNORECASE
)
_TELEPHONE = re.compile(r"\+?[\d ()-]{7,20}( ?(ext|x)\.? ?\d{1,5})?", re.ASCII | re.IGNORECASE)
_EMAIL = re.compile(r"([\w.%+'-]{1,64})@((?:[a-z0-9-]{1,63}\.){1,5}[a-z]{2,24})", re.ASCII | re.IGNORECASE)
_WORDS_OF_A_MAILBOX = 4

_MOST_WORDS = {"name": 8, "label": 9, "address line": 18}
_MOST_CHARACTERS = {"name": 90, "label": 90, "address line": 200}
_WORDS_OF_A_LINE = 6
_MOST_DIGITS = 8
_WORDS_IN_LOWER_CASE = 3
_DIGITS = frozenset("0123456789")
# Accents over the letter before; U+034F is nothing that one sees.
_ACCENTS = frozenset(map(chr, range(0x300, 0x370))) - {"\u034f"}
_MARKS = {
    "name": frozenset(" .,-'?") | frozenset("\u2018\u2019\u00b4`\u02bb\u2010\u2011\ufffd\xb7"),
    "label": frozenset(" .,-'/&()+_*#:\u2019\u2013"),
    "address line": frozenset(" .,-'/&\"\n\r\u2019\u2013"),
}
_IN_A_NAME, _IN_A_PLACE = WORDS["in_a_name"], WORDS["in_a_place"]
# As in "d'Arcy", "hUiginn" and "al-Amin".
_ELIDED = re.compile(
    r"[dlo]['\u2019]\w|[htn][A-Z\u00c1\u00c9\u00cd\u00d3\u00da][a-z\u00e1\u00e9\u00ed\u00f3\u00fa]"
    r"|(?:al|el|ad|an|ar|as|ash|at|az|ud|ur)-\w"
)
# Joined as in the files of awarding bodies: "SMITH:ANN", "Smith: Ann".
_SURNAME_AND_FORENAME = re.compile(r"(?<=[^\W\d_]{2}): ?(?=[^\W\d_])")
_PIECES_OF_NAMES = re.compile(r"[;:/&\n|()]|, (?=(?:Mr|Mrs|Ms|Miss|Dr)\b)| - |\band\b")
_PIECES_OF_ADDRESS = re.compile(r"[,\n\r]+")
# Towns that are written like remarks, some with a district of postcodes; and "B & B", which is no place.
_TOWN = re.compile(
    r"\bWestward Ho!|\b(?:Sheffield,?\s+S\d{1,2}|London,?\s+SW(?:\d{1,2}[A-Z]?)?)(?=\s*(?:[,\n\r]|\Z))"
)
_TWO_LETTERS = re.compile(r"(?!N/A)[A-Z] ?[&/] ?[A-Z]", re.IGNORECASE)
# Of a hotel, hostel, hospital or site; a family's own home has none.
_ROOM = r"\b(?i:room|rm|ward|bed|pitch|caravan)\b\.? ?(?:(?i:no)\b\.? ?)?\d"
_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")


def read_date(text: str) -> date | None:
    """Return the date in a text, in ISO form or day first, ignoring a time of day; None if it has no date."""
    day = text.strip()
    if not (day[2:3] == day[5:6] == "/" and len(day) == len("31/12/2026")):
        day = _TIME_AFTER.sub("", day)
        try:
            return date.fromisoformat(day)
        except ValueError:
            day = _MONTH_NAMED.sub(r"\3-\2-\1", day)
    found = _DAY_FIRST.fullmatch(day)
    if found is None:
        return None
    year, named = int(found[4]), found[3].lower()
    if len(found[4]) == len("26"):
        year += 2000 if year <= _LAST_YEAR_OF_2000S else 1900
    if not named.isdigit() and len(named) > _NAME_LENGTH and named not in WORDS["months"]:
        return None
    short = named[:_NAME_LENGTH]
    month = int(named) if named.isdigit() else _MONTHS.index(short) + 1 if short in _MONTHS else 0
    try:
        return date(year, month, int(found[1]))
    except ValueError:
        return None


def lists_of(rule: FieldRule) -> frozenset[str | None]:
    """Return the names of the lists in [codes] by which the values of a field are checked."""
    by_kind: dict[Kind, str] = {"marks": "attendance", "names": "relationship"}
    return frozenset({rule.codes, *map(by_kind.get, rule.values)})


def check_for(
    rule: FieldRule, codes: CodeSets, sensitive: Sensitive, *, of_people: bool = True
) -> Check | None:
    """Return the function to check a field's values; None for free text, which no view shows.
    `of_people`: False for a field that names schools.
    """
    if "free" in rule.values:
        return None
    several = [_check(kind, rule, codes, sensitive, of_people=of_people) for kind in rule.values]
    if len(several) == 1:
        return several[0]

    def check(text: str) -> str | None:
        faults = []
        for one in several:
            if (fault := one(text)) is None:
                return None
            faults.append(fault)
        return next((fault for fault in faults if fault in QUERIES), faults[0])

    return check


def check_of_name(check: Check, field: str, is_heading: Test, tells: Test) -> Check:
    """Return a check like `check` for a field that names a pupil. `is_heading`: the test for a column's name.
    `tells` returns True for a sensitive word: none stands behind a dash or, in upper case, a word, even
    if it is a name ("Byrne - Ramadan", "Morgan ARAP"). No abbreviation stands behind a surname or forename
    ("Morgan YC", "Lee EAL"), or alone, unless people have it as a name ("YC", but not "Lac"); no code of
    help with needs behind a surname ("Lee K"); no unspeakable letters, people or faith behind a word ("Bell
    Spld", "Bell Syrian"); no people and no surname that tells among middle names ("Roma", "Bail"). Initials
    with full stops may stand behind a forename ("Amy B.J."); a rare surname that is an ordinary word may
    stand alone, or before a comma ("Full"; "Full, Ann").
    """
    is_part, called, before = field in WORDS["parts_of_names"], WORDS["called"], WORDS["before_a_name"]
    given, also_given, origins = WORDS["given_names"], WORDS["also_given"], WORDS["origins"]

    def checked(text: str) -> str | None:
        name = unicodedata.normalize("NFC", text.strip())
        surname, _, rest = name.partition(", ")
        for word, upper in abbreviations.behind_words(name) if is_part else ():
            small = upper.casefold()
            is_name = abbreviations.is_spoken(upper) or (field in given and ".".join(upper) in name)
            is_name = is_name and not (is_heading(upper) or tells(small) or small in WORDS["abbreviations"])
            if word.casefold() not in before and not is_name:
                return OTHER
        is_coded = is_part and field not in given and name.endswith((" E", " K"))
        words = plain_text(name).split()
        is_told = any(word in origins and first not in _IN_A_NAME for first, word in pairwise(words))
        if field == "middle-names":
            is_told = any(word in origins or (tells(word) and word not in also_given) for word in words)
        if is_coded or is_told or abbreviations.is_never_a_name(name, is_given=field in given):
            return OTHER
        is_called = field in WORDS["names_of_all"] and surname.istitle() and surname.casefold() in called
        fault = check(rest if is_called else text) if rest or not is_called else None
        return OTHER if tells_behind_a_dash(name, tells) else fault

    return checked


def tells_behind_a_dash(text: str, tells: Test) -> bool:
    """Return True if a word behind a dash or bracket, but no title ("Mrs"), is sensitive, even if a name."""
    pieces = map(plain_text, re.split(r"\s[-\u2013]+|\(", text)[1:])
    behind = ([*piece.split(), piece.replace(" ", "")] for piece in pieces)  # "D.V." is joined.
    return any(any(map(tells, words)) for words in behind if words[:1] and words[0] not in WORDS["titles"])


def _check(kind: Kind, rule: FieldRule, codes: CodeSets, sensitive: Sensitive, *, of_people: bool) -> Check:
    """Return the function to check values of one kind. In most kinds, a word such as "none" is no fault."""
    which = rule.identifier or "reference"
    short = which == "short"  # EHC is a code of the census.
    telling = frozenset[str]() if short else WORDS["abbreviations"]
    of_kind: Test
    if kind == "identifier":
        if which == "upn":
            return identifiers.upn_fault
        is_number = identifiers.SHAPES.get(which)
        of_kind = is_number or partial(
            identifiers.is_reference,
            tells=lambda word: word in telling or sensitive.is_sensitive_word(word),
            short=short,
        )
    elif kind == "code":
        known = Codes(codes[rule.codes or ""])
        of_kind = known.has_all if rule.several else known.has
    elif kind == "marks":
        of_kind = marks_check(codes["attendance"], sensitive.is_sensitive_word)
    elif kind == "contact":
        of_kind = partial(_is_contact, sensitive=sensitive)
    elif kind in _SIMPLE:
        of_kind = _SIMPLE[kind]
    else:
        words = Words(kind, codes, sensitive, of_people=of_people or kind != "label")
        of_kind = {"names": words.are_names, "address line": words.are_address}.get(kind, words.are)
    fault = _KINDS["faults"].get(rule.identifier or "" if kind == "identifier" else kind, OTHER)
    if fault == "date:malformed" or kind == "identifier":
        return lambda text: None if of_kind(text) else fault
    return lambda text: None if of_kind(text) or text.strip().upper() in _NOTHING else fault


_SIMPLE: dict[str, Test] = {
    **dict.fromkeys(_DATES, lambda text: read_date(text) is not None),
    "time": lambda text: _TIME.fullmatch(text.strip()) is not None,
    "number": lambda text: _NUMBER_OR_AGE.fullmatch(text.strip().casefold()) is not None,
    "flag": lambda text: text.strip().upper() in FLAGS,
    "postcode": lambda text: _POSTCODE.fullmatch(text.strip()) is not None,
}


def _is_contact(text: str, sensitive: Sensitive) -> bool:
    """Return True for a telephone number, or for an e-mail address of few and harmless words."""
    text = text.strip()
    if _TELEPHONE.fullmatch(text) is not None:
        return True
    found = _EMAIL.fullmatch(text)
    if found is None:
        return False
    mailbox, host = (" ".join(_WORD.findall(part.replace("_", " "))) for part in found.groups())
    is_office = mailbox.replace(" ", "").casefold() in WORDS["offices"]
    return len(mailbox.split()) <= _WORDS_OF_A_MAILBOX and not any(
        sensitive.of_value(words, "label") for words in (mailbox, host)[is_office:]
    )


_EXPECTED: dict[str, str] = _KINDS["expected"]
PUBLISHED_CODE = "a published code"
_UPN, _NOTHING_ELSE = "a UPN", "nothing"
EXPECTED_TEXTS = frozenset({*_EXPECTED.values(), _UPN, PUBLISHED_CODE, _NOTHING_ELSE})
_CODES_NAMED = 4
_CODE_LENGTH = 5
EXPECTED_CODES = re.compile(
    rf"one of the codes [^\s,]{{1,{_CODE_LENGTH}}}(, [^\s,]{{1,{_CODE_LENGTH}}}){{0,{_CODES_NAMED - 1}}} …"
)


def expected(rule: FieldRule, codes: Sequence[str]) -> str:
    """Describe the values expected in a field, by the first kind in `rule`; name a few of its `codes`."""
    kind = rule.values[0]
    if rule.identifier in ("upn", "former-upn"):
        return _UPN
    if kind != "code":
        return _EXPECTED.get(kind, _NOTHING_ELSE)
    length = min(len(codes[0]) if codes else 0, _CODE_LENGTH)
    short = [code for code in codes if len(code) == length and not set(code) & {" ", ","}]
    return f"one of the codes {', '.join(short[:_CODES_NAMED])} …" if short else PUBLISHED_CODE


Quick = Callable[[Collection[str]], Collection[str]]
"""Function from values to the certainly good ones; to `values` itself where all are."""


def quick_for(rule: FieldRule, sensitive: Sensitive, *, with_queries: bool) -> Quick | None:
    """Return a quick check that picks surely valid values of a field; None if there is none for its kinds.
    `with_queries`: True to accept also values whose only fault is in `QUERIES`.
    """
    kinds = [rule.identifier or "" if kind == "identifier" else kind for kind in rule.values]
    if kinds == ["upn"] and not with_queries:
        return identifiers.right_upns
    patterns = [_QUICK[kind] for kind in kinds if kind in _QUICK and (kind != "upn" or with_queries)]
    wordy = next((kind for kind in kinds if kind in WORDY), None)
    if not patterns or wordy is None:
        return _matching(patterns) if patterns else None
    matching, words = _matching(patterns), "name" if wordy == "names" else wordy
    without_sensitive_words = sensitive.without_sensitive_words
    if wordy in ("name", "names") or not _DATES.isdisjoint(kinds):
        return lambda values: without_sensitive_words(matching(values), words)
    return lambda values: _by_figures(values, lambda forms: without_sensitive_words(matching(forms), words))


def _by_figures(values: Collection[str], quick: Quick) -> Collection[str]:
    """Return the values valid by the check `quick`. Values that differ in figures alone are judged as one."""
    forms = BETWEEN.join(values).translate(_FIGURES).split(BETWEEN)
    different = set(forms)
    if len(forms) != len(values) or (good := quick(different)) is different:
        return values if len(forms) == len(values) else quick(values)
    known = set(good)
    return [value for value, form in zip(values, forms, strict=True) if form in known]


def _matching(patterns: Sequence[str]) -> Quick:
    """Return a quick check for values that match one of the patterns: it joins the values by `BETWEEN`, which
    no pattern may match, and searches them once.
    """
    pattern = "|".join(rf"{each}(?![^{BETWEEN}])" for each in patterns)
    all_match = re.compile(rf"(?:(?:{pattern})?+(?:{BETWEEN}|\Z))*+", re.ASCII).fullmatch
    matching = re.compile(rf"(?<![^{BETWEEN}])(?:{pattern})", re.ASCII).findall

    def quick(values: Collection[str]) -> Collection[str]:
        text = BETWEEN.join(values)
        return values if all_match(text) and text.count(BETWEEN) < len(values) else matching(text)

    return quick


class Judge:
    """Judge of one field's values: checks each distinct value once, by `quick` first, then by `check`."""

    __slots__ = ("_all_differ", "_bad", "check", "good", "quick")

    def __init__(self, check: Check | None, quick: Quick | None = None) -> None:
        self.check, self.quick = check, quick
        self._bad: dict[str, str] = {}
        self.forget()

    def forget(self) -> None:
        """Forget the values judged so far."""
        self.good: set[str | None] = set(_BLANK)
        self._bad.clear()
        self._all_differ = False

    def faults(self, values: Collection[str]) -> dict[str, str]:
        """Return the distinct faulty values, each with the fault's code. An empty text is never faulty."""
        if self.check is None:
            return {}
        quick = self.quick
        # Where many are equal, checking each distinct one is quicker.
        if self._all_differ and quick is not None and quick(values) is values:
            return {}
        met = distinct(values)
        self._all_differ = 2 * len(met) > len(values)
        doubtful = met - self.good
        if not doubtful:
            return {}
        known = {text: self._bad[text] for text in self._bad.keys() & doubtful}
        doubtful -= known.keys()
        if quick is not None and doubtful:
            sure = quick(doubtful)
            self._remember(sure)
            doubtful = frozenset() if sure is doubtful else doubtful - set(sure)
        found = {text: fault for text in doubtful if (fault := self.check(text)) is not None}
        self._remember(doubtful - found.keys())
        if len(self._bad) < _BAD_REMEMBERED:
            self._bad.update((text, fault) for text, fault in found.items() if len(text) <= _LONG)
        return known | found

    def _remember(self, texts: Collection[str]) -> None:
        if len(self.good) + len(texts) > _REMEMBERED:
            self.good.clear()
            self.good.update(_BLANK)
        self.good.update(texts)

    def others(self, values: Collection[str]) -> AbstractSet[str]:
        """Return the values of a wrong kind; of a free-text field, all values. Empty texts are left out."""
        if self.check is None:
            return set(values) - _BLANK
        return {text for text, fault in self.faults(values).items() if fault not in QUERIES}


def distinct(values: Collection[str]) -> AbstractSet[str]:
    """Return the distinct values. A column with one value in every row is answered quickly."""
    if isinstance(values, tuple) and values and values[0] == values[-1]:
        first = values[0]
        if values.count(first) == len(values):
            return {first}
    return values if isinstance(values, AbstractSet) else set(values)


_END_OF_WORD = rf"(?![^ ,\n{BETWEEN}])"
# Words in title case, and the small ones in names and places, a longer word before its own beginning;
# `without_sensitive_words` checks the meaning.
_UPPER = "".join(c.upper() for c in ACCENTED if c.upper().lower() == c)
_TITLED = rf"[A-Z{_UPPER}][A-Za-z{ACCENTED}{_UPPER}]*+(?:['\u2019-][A-Za-z{ACCENTED}{_UPPER}]++)*+"
_NAME = rf"(?:{_TITLED}|(?:{'|'.join(sorted(_IN_A_NAME - {'and', 'or'}, reverse=True))}){_END_OF_WORD})"
_MUTE = rf"(?i:{abbreviations.WITHOUT_VOWEL}){_END_OF_WORD}"
# "McDonald" and "J", and words of a name without a small letter: both are rarely in one name.
_ENDING_SMALL = (
    rf"(?=[^ ,\n{BETWEEN}]*[a-z{ACCENTED}]{_END_OF_WORD}|[A-DF-JL-Z]{_END_OF_WORD})(?!{_MUTE}){_NAME}"
)
_LOUD = rf"(?![KE]{_END_OF_WORD}|{_MUTE})[A-Z]++(?:['\u2019-][A-Z]++)*+{_END_OF_WORD}"
_SMALL = rf"(?:{'|'.join(sorted(_IN_A_PLACE, reverse=True))}){_END_OF_WORD}"
_NOT_ABBREVIATED = "".join(rf"(?<![a-z{ACCENTED}] [A-Z]{{{n}}})" for n in (2, 3, 4, 5))
_PLACE = rf"(?:{_TITLED}{_NOT_ABBREVIATED}|{_SMALL})"
_LABEL = rf"(?:{_TITLED}|[A-Z]?[0-9][A-Za-z0-9]*+|{_SMALL})"
_SHORT_TEXT = rf"(?=[^{BETWEEN}]{{1,90}}+(?![^{BETWEEN}]))"
_FEW_DIGITS = rf"(?!(?:[^{BETWEEN}\d]*+\d){{{_MOST_DIGITS + 1}}})"
# As a national insurance number has.
_NO_PAIRS = rf"(?![^{BETWEEN}]*?\d\d ?\d\d ?\d\d ?[A-Da-d])"
_LABELLED = rf"{_SHORT_TEXT}{_FEW_DIGITS}{_NO_PAIRS}"
_LINE = rf"{_PLACE}(?: {_PLACE}){{0,3}}+"
_CODE_OF_A_PLACE = r"[A-Z]{1,2}\d{1,2} \d[A-Z]{2}"
_BREAK = r"(?:,[ \n]|\n)"
_COMMA = rf"{_BREAK}(?!{_CODE_OF_A_PLACE})"
_DAY, _MONTH, _YEAR = r"(?:0[1-9]|1\d|2[0-8])", r"(?:0[1-9]|1[0-2])", r"(?:19|20)\d\d"
_DATE = rf"(?:{_YEAR}-{_MONTH}-{_DAY}|{_DAY}/{_MONTH}/{_YEAR})"
_QUICK = {
    "name": rf"{_SHORT_TEXT}(?:{_ENDING_SMALL}(?:,? {_ENDING_SMALL}){{0,7}}+"
    rf"|{_LOUD}(?:,? {_LOUD}){{0,7}}+)",
    "names": rf"{_SHORT_TEXT}(?![A-Z]++(?![^{BETWEEN}])){_NAME}(?: {_NAME}){{0,7}}+",
    "label": rf"[A-Z]{{1,3}}(?![^{BETWEEN}])|{_LABELLED}{_LABEL}(?: {_LABEL}){{0,8}}+",
    "address line": rf"{_SHORT_TEXT}(?![^{BETWEEN}]*?{_ROOM})(?:\d{{1,3}}[A-Z]? )?+{_LINE}"
    rf"(?: \d{{1,3}}[A-Z]?)?+(?:{_COMMA}(?:\d{{1,2}}[A-Z]? )?+{_LINE}(?:{_COMMA}{_LINE}){{0,2}}+)?+"
    rf"(?:{_BREAK}{_CODE_OF_A_PLACE})?+",
    "date": _DATE,
    "past date": _DATE,
    "number": r"\d{1,7}(?:\.\d{1,9})?",
    "postcode": _CODE_OF_A_PLACE,
    "contact": r"0[\d ]{9,12}",
    "upn": r"[A-HJ-NP-RT-Z]\d{12}",
    "reference": r"(?!(?:0|44)[12378]\d{9}(?!\d))[A-Z]?\d{1,20}",
}
"""Patterns of evidently good values of a kind: each matches fewer values than the full check passes."""


class Codes:
    """A set of codes and of words in place of codes, compared without case, blanks and punctuation."""

    def __init__(self, codes: frozenset[str]) -> None:
        self._codes = codes
        self._phrases = frozenset(_words_of(code) for code in codes) - {()}
        self._longest = max(map(len, self._phrases), default=1)

    def has(self, text: str) -> bool:
        """Return True where a text is one of the codes."""
        return text.strip().upper() in self._codes or (is_legible(text) and _words_of(text) in self._phrases)

    def has_all(self, text: str) -> bool:
        """Return True if a text consists only of codes ("MLD; SLCN"), or of a code and its words."""
        if self.has(text) or not is_legible(text):
            return self.has(text)
        # True at each word from which the rest consists of codes; a ranking's figures may stand between.
        words = _words_of(text)
        fits = [False] * len(words) + [True]
        for at in reversed(range(len(words))):
            fits[at] = (
                len(words[at]) == 1 and words[at].isdigit() and at + 1 < len(words) and fits[at + 1]
            ) or any(
                fits[at + length] and words[at : at + length] in self._phrases
                for length in range(1, min(self._longest, len(words) - at) + 1)
            )
        return bool(words) and fits[0]


def _words_of(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.upper().replace("\u2019", "'")))


class Words:
    """Tests names, labels or address lines (`kind`) by characters, number of words and sensitive words."""

    def __init__(self, kind: Kind, codes: CodeSets, sensitive: Sensitive, *, of_people: bool = True) -> None:
        self._kind = "name" if kind == "names" else kind
        self._of_people = of_people
        self._marks = _MARKS[self._kind]
        self._small = _IN_A_NAME if self._kind == "name" else _IN_A_PLACE
        self._sensitive = sensitive
        self._relations = Codes(codes["relationship"]) if kind == "names" else None

    def are_names(self, text: str) -> bool:
        """Return True if a text has only people's names, titles and relations to a pupil."""
        relations = self._relations
        assert relations is not None  # noqa: S101 - made for this kind
        pieces = [piece.strip() for piece in _PIECES_OF_NAMES.split(text) if piece.strip(" ,.")]
        alone = len(pieces) == 1  # A letter beside other pieces is half of an abbreviation, as in "F/C".
        if len(text) > _MOST_CHARACTERS["address line"] or tells_behind_a_dash(
            text, lambda word: self._sensitive.is_sensitive_word(word) and not relations.has(word)
        ):
            return False
        return all(
            relations.has(piece)
            or piece.casefold().strip(".") in WORDS["titles"]
            or (
                (alone or (len(piece) > 1 and not piece.islower()))
                and not abbreviations.ALONE.fullmatch(piece)
                and self.are(piece)
            )
            for piece in pieces
        )

    def are_address(self, text: str) -> bool:
        """Return True where a text is an address, or lines of one, with or without a postcode."""
        pieces = map(str.strip, _PIECES_OF_ADDRESS.split(_TOWN.sub("Town", text)))
        rest = [piece for piece in pieces if piece and not _POSTCODE.fullmatch(piece)]
        if any(len(piece.split()) > _WORDS_OF_A_LINE or _TWO_LETTERS.fullmatch(piece) for piece in rest):
            return False
        if any(map(abbreviations.end_a_street, rest)) or re.search(_ROOM, text):
            return False
        if any(map(self._sensitive.is_no_place, rest)):
            return False
        return self.are(", ".join(rest))

    def are(self, text: str) -> bool:
        """Return True if a text is a single name, label or address: of few and harmless words.
        Words must be in title case; lower case is allowed in short labels, and in names like "smith, ann".
        """
        kind = self._kind
        text = text.strip() if text.isascii() else unicodedata.normalize("NFC", text.strip())
        if kind == "name":
            text = _SURNAME_AND_FORENAME.sub(", ", text, count=1)
        words = text.split()
        if len(text) > _MOST_CHARACTERS[kind] or len(words) > _MOST_WORDS[kind]:
            return False
        if not all(is_latin(c) or c in self._marks or c in _DIGITS or c in _ACCENTS for c in text):
            return False
        figures = sum(map(_DIGITS.__contains__, text))
        most = 0 if kind == "name" else _MOST_DIGITS
        if figures > most or (figures and identifiers.holds_national_insurance(text)):
            return False
        has_teacher = kind == "label" and text.casefold().partition(" ")[0].strip(".") in WORDS["titles"]
        small, known = [], self._small | _IN_A_NAME if has_teacher else self._small
        for word in words:
            bare = word.strip(".,-'/&()+_*#\u2018\u2019")
            if bare[:1].islower() and plain_text(bare) not in known and not _ELIDED.match(bare):
                small.append(word)
        in_case = not small
        if small and kind != "name":
            in_case = small == [w for w in words if w[:1].isalpha()] and len(small) <= _WORDS_IN_LOWER_CASE
        elif small:
            whole = [word for word in words if word.strip(",").casefold() not in self._small]
            in_case = len(small) == len(whole) and all(word.endswith(",") for word in whole[:-1])
        if not in_case or abbreviations.tell_beside(text, kind if self._of_people else "school"):
            return False
        return not self._sensitive.of_value(text, kind, of_people=self._of_people)
