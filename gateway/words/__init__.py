"""Make text from outside fit for receipts: every word that is not in words.txt becomes "...".

Also make it fit for spreadsheets, which would run a cell that begins as a formula.

A column may be headed with a pupil's name, and the reason of a release may have any text. Of such text only
listed words remain, and numbers of up to four digits that are no year. No month is listed, so no date of
birth passes; nor do identifiers, addresses or names, unless a name is made of everyday words alone.
"""

import re
from functools import lru_cache
from importlib.resources import files

HIDDEN = "..."
# Adjacent numbers are one token, so that a date or a spaced-out number counts as long.
_TOKEN = re.compile(r"\d+(?:[ .,:/-]+\d+)*(?![^\W_])|[^\W_]+|[\W_]")
_SHOWN_DIGITS = 4
# "may" is allowed, but not beside a number.
_MONTH = re.compile(r"(?i)(?<!\d)\d+ *(?:st|nd|rd|th)?\W{0,3}may\b|\bmay\W{0,3}\d+")
# Single letters in a row may spell a name.
_SPELT = re.compile(r"(?<![^\W_])[^\W\d_](?:[\W_][^\W\d_]){3,}(?![^\W_])")
_YEAR = re.compile(r"(?:19|20)\d\d")
_KEPT_MARKS = frozenset(" :,;.()[]/%&+-_'\"=<>#*")
# Cells starting with an equals sign, or with another sign and a call of a function or program, or a reference
# to a program, sheet or file ("+calc|x!A0"). Marks and phone numbers start with signs as well.
_SIGNS = ("=", "@", "+", "-")
_CALL = r"(?:[A-Za-z]\(|\|\s*'|['\w\]]!['$\w])"
_FORMULA = re.compile(rf"\s*(?:=\s*\S|[@+-].*{_CALL})", re.DOTALL)
# Spreadsheets take full-width signs for signs; of a number they make no more than a number.
_CALCULATED = re.compile(r"\s*(?=[=@+\-\uff1d\uff20\uff0b\uff0d])(?![+-]?[\d\s.,()%]*\Z)")

WORDS = frozenset(files("gateway.words").joinpath("words.txt").read_text("utf-8").split())


def slug(text: str) -> str:
    """Return a phrase in lower case with hyphens between its words: "Key Stage 2!" as "key-stage-2"."""
    return "-".join(re.findall(r"[a-z0-9]+", text.casefold()))


def is_formula(cell: str) -> bool:
    """Return True if a spreadsheet program would run a cell as a formula instead of showing the text."""
    return cell.lstrip()[:1] in _SIGNS and _FORMULA.match(cell) is not None


def inert(cell: str, *, to_read: bool = False) -> str:
    """Return a cell's text, with an apostrophe in front if a spreadsheet would run or shift it.
    `to_read`: True for people: also if it would calculate with the text, of which "- late" is then an error.
    """
    runs = _CALCULATED.match(cell) is not None if to_read else is_formula(cell)
    return f"'{cell}" if runs or cell.startswith(("\t", "\r")) else cell


@lru_cache(1024)  # The same phrases occur in many receipts.
def plain(text: str) -> str:
    """Return the first 200 characters of a text, with "..." for unlisted words, years and long numbers."""
    shown = [_shown(token) for token in _TOKEN.findall(_SPELT.sub(HIDDEN, _MONTH.sub(HIDDEN, text)))]
    merged = re.sub(r"(?:\.\.\.[ ,:;/_'&-]*){2,}", HIDDEN + " ", "".join(shown))
    return " ".join(merged.split())[:200]


@lru_cache(1024)
def plain_but(text: str, own: tuple[str, ...]) -> str:
    """Return the first 200 characters of a text, with "..." for unlisted words, years and long numbers.
    The authority's `own` phrases are shown even if unlisted.
    """
    shown = plain(text)
    if HIDDEN not in shown or not own:
        return shown
    longest_first = sorted(own, key=lambda phrase: (-len(phrase), phrase))
    phrases = rf"((?<![^\W_])(?:{'|'.join(map(re.escape, longest_first))})(?![^\W_]))"
    told = (piece if place % 2 else _spaced(piece) for place, piece in enumerate(re.split(phrases, text)))
    return "".join(told).strip()[:200]


def _spaced(piece: str) -> str:
    """Return a part of a text with "..." for unlisted words, as `plain` does, but keep the outer blanks."""
    shown = plain(piece)
    before = " " if piece[:1].isspace() else ""
    return f"{before}{shown} " if shown and piece[-1:].isspace() else f"{before}{shown}"


def _shown(token: str) -> str:
    if token[0].isdigit() and not any(c.isalpha() for c in token):
        short = token.isascii() and sum(c.isdigit() for c in token) <= _SHOWN_DIGITS
        return token if short and not _YEAR.fullmatch(token) else HIDDEN
    if len(token) == 1 and not token.isalnum():
        return token if token in _KEPT_MARKS else " "
    return token if token.casefold() in WORDS else HIDDEN
