"""The sentences of reasons in another language, word for word from their tables."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Literal

Language = Literal["en", "cy"]
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
    "cy": {" on": " ar", "all": "pob un", "no number": "dim rhif", "not on record": "heb ei gofnodi"},
}
_DATE = re.compile(
    rf"(?P<on> on)?(?P<day>(?:^| )\d{{1,2}}) (?P<month>{'|'.join(_ENGLISH)}) (?P<year>\d{{4}})"
)


@lru_cache(8)
def table(language: Language) -> Mapping[str, tuple[str, str]]:
    """The sentence and the next step of every reason code in a language that is not English."""
    text = files("gateway.reasons").joinpath(f"{language}.toml").read_text("utf-8")
    return {code: (entry["sentence"], entry["next_step"]) for code, entry in tomllib.loads(text).items()}


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
    pieces = re.split(r"\{(\w+)\}", template)
    seen: set[str] = set()
    pattern = ""
    for place, piece in enumerate(pieces):
        if place % 2 == 0:
            pattern += re.escape(piece)
        else:
            pattern += f"(?P={piece})" if piece in seen else f"(?P<{piece}>.*)"
            seen.add(piece)
    found = re.fullmatch(pattern, filled, re.DOTALL)
    return found.groupdict() if found else None


def _value(value: str, language: Language, terms: Mapping[str, str]) -> str:
    """A date, or one of a few words of ours, in another language; all else as it is."""
    words, months = {**_WORDS[language], **terms}, _MONTHS[language]

    def date(found: re.Match[str]) -> str:
        on = words[found["on"]] if found["on"] else ""
        return f"{on}{found['day']} {months[_ENGLISH.index(found['month'])]} {found['year']}"

    return words.get(value) or _DATE.sub(date, value)
