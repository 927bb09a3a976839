"""Tell abbreviations such as YC (young carer) from the names, classes and streets beside them. Pure."""

import re

from gateway.classify.sensitive import ACCENTED, WORDS

# An abbreviation behind a word in small letters ("Morgan YC", "Amelia - JW"), but for one of generations.
# Sought from the beginning of a word: from each letter, a long value would take the square of its length.
_ABBREVIATED = re.compile(
    rf"(?<![^\W\d_])([^\W\d_]*[a-z{ACCENTED}])[,.-]*\s+(?:-\s*)?(?!(?:I{{2,3}}|IV|JN?R|SN?R)\b)([A-Z]{{2,5}})"
    r"(?![\w'\u2019-])"
)
_BETWEEN_LETTERS = re.compile(r"(?<=\b[A-Z])[./](?=[A-Z]\b)")
# Behind a word, or behind a class and a sign: "Mrs Reed YC", "3B/YC", and, if it is nobody's name, in
# any letters ("Nowak Ukr"). SEN, LA and TA are surnames, RC a church, and CP and CIC kinds of schools, too.
TELLING = frozenset(map(str.upper, WORDS["abbreviations"]))
_TELLING = "|".join(sorted(TELLING))
_NEVER_A_NAME = rf"(?i:(?!(?:send?|lac|cla|cin|cic|tac|la|ta|rc)\b)(?:{_TELLING}))\b"
_IN_A_LABEL = (
    rf"(?:[^\W\d_A-Z]\W+|\d[A-Z]? *[^\w\s] *|\d{{3}} )(?:{_TELLING})\b|[^\W\d_A-Z]\W+{_NEVER_A_NAME}"
    rf"|\b(?:{_TELLING})(?: [A-Z][a-z]| \d|(?<=[A-Z]{{3}})\d)|:(?! )"
)
_ELSEWHERE = re.compile(
    rf"(?:[^\W\d_A-Z]|\b\d+[A-Z]?)\W+(?:(?!SEN|RC|[LT]A)(?:{_TELLING})\b|{_NEVER_A_NAME})"
)
_TELLS_BESIDE = {
    "label": re.compile(_IN_A_LABEL),
    "school": re.compile(rf"[^\W\d_A-Z]\W+(?!SEND?|RC|CP|CIC)(?:{_TELLING})\b"),
    "name": _ELSEWHERE,
    "address line": _ELSEWHERE,
}
# Behind a word, three to five letters without a vowel in any language of these letters ("Jo Spld").
WITHOUT_VOWEL = "[b-df-hj-np-tvxz]{3,5}"
_MUTE = re.compile(rf"[^\W\d_A-Z][^\w'\u2019-]+(?i:(?!jnr|snr){WITHOUT_VOWEL})\b")
# Letters in upper case without a vowel are an abbreviation, such as SS for social services; NG is a surname.
ALONE = re.compile(rf"(?!NG\Z)[B-DF-HJ-NP-TVXZ]{{2,5}}|{_TELLING}")
# Two vowels, or one before the last of four letters, as in "Tommy LEE" and "Rahim KHAN".
_SPOKEN = re.compile(r"(?=...).*[AEIOUY].*[AEIOUY].*|(?=.{4}).*[AEIOU][^AEIOU]")


def behind_words(name: str) -> list[tuple[str, str]]:
    """Return each abbreviation that stands behind a word in small letters, after that word; "J.W." is one."""
    return _ABBREVIATED.findall(_BETWEEN_LETTERS.sub("", name))


def is_spoken(upper: str) -> bool:
    """Return True for letters in upper case that can be spoken, and so may be a name."""
    return _SPOKEN.fullmatch(upper) is not None


def end_a_street(piece: str) -> bool:
    """Return True if an abbreviation of no street or house ends a piece of an address ("3 Hill View T/A")."""
    piece = _BETWEEN_LETTERS.sub("", piece).rstrip(".")
    for found in _ABBREVIATED.finditer(piece):
        behind, word, upper = piece[found.end() :], found[1].lower(), found[2]
        is_known = upper in WORDS["behind_a_street"] or word in WORDS["parts_of_houses"]
        # As the area of a postcode behind its town ("Leeds LS").
        if word not in WORDS["streets"] | WORDS["numbered_streets"]:
            is_known |= word[0] == upper[0].lower() and upper[1:].lower() in word[1:]
        if not is_known and not is_spoken(found[2]) and (not behind or behind.isupper()):
            return True
    return False


def is_never_a_name(text: str, *, is_given: bool) -> bool:
    """Return True for a telling abbreviation that is nobody's name ("YC", but not "LAC"), and for a name with
    unspeakable letters behind a word. `is_given`: True for a forename, never an abbreviation in upper case.
    """
    is_abbreviation = (is_given and text in TELLING) or re.fullmatch(_NEVER_A_NAME, text) is not None
    return is_abbreviation or _MUTE.search(text) is not None


def tell_beside(text: str, kind: str) -> bool:
    """Return True if an abbreviation that tells of a pupil stands beside a word. `kind`: as in `Words`."""
    return _TELLS_BESIDE[kind].search(text) is not None
