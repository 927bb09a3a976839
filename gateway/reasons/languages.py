"""The sentences of reasons in another language, word for word from their tables."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Literal

Language = Literal["en", "cy"]
_BLANK = re.compile(r"\{(\w+)\}")
_ENGLISH = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
_MONTHS: dict[Language, tuple[str, ...]] = {
    "cy": (
        "Ionawr", "Chwefror", "Mawrth", "Ebrill", "Mai", "Mehefin", "Gorffennaf", "Awst", "Medi", "Hydref",
        "Tachwedd", "Rhagfyr",
    ),
}  # fmt: skip
_WORDS: dict[Language, dict[str, str]] = {
    "cy": {
        " on": " ar",
        " at": " am",
        "all": "pob un",
        "no number": "dim rhif",
        "not on record": "heb ei gofnodi",
    },
}
_DATE = re.compile(
    rf"(?P<on> on)?(?P<day>(?:^| )\d{{1,2}}) (?P<month>{'|'.join(_ENGLISH)}) (?P<year>\d{{4}})"
    r"(?P<at> at(?= \d))?"
)


@lru_cache(8)
def table(language: Language) -> Mapping[str, tuple[str, str]]:
    """The sentence and the next step of every reason code in a language that is not English."""
    text = files("gateway.reasons").joinpath(f"{language}.toml").read_text("utf-8")
    return {code: (entry["sentence"], entry["next_step"]) for code, entry in tomllib.loads(text).items()}


@lru_cache(8)
def _texts(language: Language) -> tuple[Mapping[str, str], tuple[tuple[re.Pattern[str], str], ...]]:
    """All other texts of ours: word for word, and those with blanks, what says most first."""
    text = files("gateway.reasons").joinpath(f"{language}-texts.toml").read_text("utf-8")
    known: dict[str, str] = tomllib.loads(text)["texts"]
    blank = sorted((each for each in known if "{" in each), key=lambda each: -len(_BLANK.sub("", each)))
    return known, tuple((re.compile(_pattern(each), re.DOTALL), known[each]) for each in blank)


@lru_cache(1024)
def told(text: str, language: Language) -> str:
    """A text of ours in a language; as it is where its table does not have it.

    What stands in its blanks is told in that language too, where it is ours: days, kinds, sentences.
    """
    if language == "en" or not text:
        return text
    known, patterns = _texts(language)
    if text in known:
        return known[text]
    for pattern, into in patterns:
        if (found := pattern.fullmatch(text)) is not None:
            return into.format_map({name: told(value, language) for name, value in found.groupdict().items()})
    return _with_days(text, language)


def is_told(text: str, language: Language) -> bool:
    """Whether the table of a language has a text."""
    known, patterns = _texts(language)
    return text in known or any(pattern.fullmatch(text) for pattern, _ in patterns)


def translated(
    filled: str, template: str, into: str, language: Language, terms: Mapping[str, str]
) -> str | None:
    """What `template` was filled with, in `into`, its form in another language; None where it does not fit.

    `terms` are further words that may stand in blanks, with what they are in that language.
    """
    blanks = blanks_of(template, filled)
    if blanks is None:
        return None
    return into.format_map({name: _value(value, language, terms) for name, value in blanks.items()})


def blanks_of(template: str, filled: str) -> dict[str, str] | None:
    """What the blanks of a template were filled with; None where the text is not made of it."""
    found = re.fullmatch(_pattern(template), filled, re.DOTALL)
    return found.groupdict() if found else None


def _pattern(template: str) -> str:
    """A template as an expression with a group for each of its blanks."""
    seen: set[str] = set()
    pattern = ""
    for place, piece in enumerate(_BLANK.split(template)):
        if place % 2 == 0:
            pattern += re.escape(piece)
        else:
            pattern += f"(?P={piece})" if piece in seen else f"(?P<{piece}>.*)"
            seen.add(piece)
    return pattern


def _value(value: str, language: Language, terms: Mapping[str, str]) -> str:
    """A date, or one of a few words of ours, in another language; all else as it is."""
    words = {**_WORDS[language], **terms}
    return words.get(value) or told(value, language)


def _with_days(text: str, language: Language) -> str:
    """A text with its days in another language."""
    words, months = _WORDS[language], _MONTHS[language]

    def date(found: re.Match[str]) -> str:
        on = words[found["on"]] if found["on"] else ""
        at = words[found["at"]] if found["at"] else ""
        return f"{on}{found['day']} {months[_ENGLISH.index(found['month'])]} {found['year']}{at}"

    return words.get(text) or _DATE.sub(date, text)
