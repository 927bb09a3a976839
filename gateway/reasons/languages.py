"""Translate the gateway's texts into other languages, by tables of whole sentences."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Literal

from gateway.reasons import REASONS

Language = Literal["en", "cy"]
_BLANK = re.compile(r"\{(\w+)\}")
_MONTH = "January|February|March|April|May|June|July|August|September|October|November|December"
_REASON = re.compile(r"(?P<before>\s*)(?P<told>\S.*) \[(?P<code>[a-z]+:[a-z-]+)\]", re.DOTALL)
_DATE = re.compile(
    rf"(?P<on> on)?(?P<day>(?:^| )\d{{1,2}}) (?P<month>{_MONTH}) (?P<year>\d{{4}})"
    r"(?P<at> at(?= \d))?"
)


@lru_cache(8)
def table(language: Language) -> Mapping[str, tuple[str, str]]:
    """Return the sentence and next step of every reason code in a language other than English."""
    text = files("gateway.reasons").joinpath(f"{language}.toml").read_text("utf-8")
    return {code: (entry["sentence"], entry["next_step"]) for code, entry in tomllib.loads(text).items()}


@lru_cache(8)
def _texts(
    language: Language, kind: str = "texts"
) -> tuple[Mapping[str, str], tuple[tuple[re.Pattern[str], str], ...]]:
    """Return the translations into a language: by English text, and by pattern for texts with blanks.

    `kind`: the table of texts to read, such as "kit" for LANGUAGE-kit.toml.
    """
    text = files("gateway.reasons").joinpath(f"{language}-{kind}.toml").read_text("utf-8")
    tables: dict[str, dict[str, str]] = tomllib.loads(text)
    known, pages = tables["texts"], tables.get("pages", {})
    if kind == "console":
        fixed = {one: theirs for one, theirs in _texts(language)[0].items() if "{" not in one}
        of_reasons = {
            english: theirs
            for code, both in table(language).items()
            for english, theirs in zip((REASONS[code].sentence, REASONS[code].next_step), both, strict=True)
            if _BLANK.sub("", english)  # Not a text of blanks alone, which would fit anything.
        }
        known = {**fixed, **of_reasons, **known}
    blank = sorted((each for each in known if "{" in each), key=lambda each: -len(_BLANK.sub("", each)))
    patterns = tuple((re.compile(_pattern(each), re.DOTALL), known[each]) for each in blank)
    return {**known, **pages}, patterns


def phrases(language: Language) -> Mapping[str, str]:
    """Return the translations of the console's texts, by the English text; none for English."""
    return {} if language == "en" else _texts(language, "console")[0]


def phrases_of_receipts(language: Language) -> Mapping[str, str]:
    """Return the fixed phrases of receipts in a language, by name; some have blanks in braces."""
    return _section("en", "receipts") | _section(language, "receipts")


@lru_cache(8)
def _section(language: Language, name: str) -> dict[str, str]:
    text = files("gateway.reasons").joinpath(f"{language}-texts.toml").read_text("utf-8")
    return dict(tomllib.loads(text)[name])


@lru_cache(1024)
def translate(text: str, language: Language, kind: str = "texts") -> str:
    """Translate a text of the gateway from English; a text without a translation stays English.

    `kind`: the table of texts. Days, data types and sentences in the blanks of a text are translated as well.
    The table "console" also has the sentences of reasons.
    """
    if language == "en" or not text:
        return text
    known, patterns = _texts(language, kind)
    if text in known:
        return known[text]
    if kind == "console" and (theirs := known.get(text[0].upper() + text[1:])):  # A label in a sentence.
        return theirs[0].lower() + theirs[1:]
    for pattern, into in patterns:
        if (found := pattern.fullmatch(text)) is not None:
            blanks = found.groupdict().items()
            return into.format_map({name: translate(value, language, kind) for name, value in blanks})
    words, months = _section(language, "words"), _section(language, "months")

    def date(found: re.Match[str]) -> str:
        on = words[found["on"]] if found["on"] else ""
        at = words[found["at"]] if found["at"] else ""
        return f"{on}{found['day']} {months[found['month']]} {found['year']}{at}"

    return words.get(text) or _DATE.sub(date, text)


@lru_cache(1024)
def begins_with(text: str, blanks: frozenset[str]) -> bool:
    """Return True if a text of the console begins with what fills one of the `blanks`, such as a name."""
    every = (pattern.fullmatch(text) for pattern, _ in _texts("cy", "console")[1])
    found = next((one for one in every if one is not None), None)
    return found is not None and any(found.start(name) == 0 for name in blanks & found.groupdict().keys())


def translate_line(text: str, language: Language) -> str:
    """Translate a line printed by the provider's program, and the reason and values in that line."""
    if language == "en" or not text.strip():
        return text
    known, patterns = _texts(language, "kit")
    if text in known:
        return known[text]
    said = _REASON.fullmatch(text)
    if said is not None and said["code"] in REASONS:
        template, code = REASONS[said["code"]], said["code"]
        into = " ".join(table(language)[code])
        line = translate_filled(said["told"], f"{template.sentence} {template.next_step}", into, language, {})
        if line is not None:
            return f"{said['before']}{line} [{code}]"
    for pattern, into in patterns:
        if (found := pattern.fullmatch(text)) is not None:
            blanks = found.groupdict().items()
            return into.format_map({name: translate_line(value, language) for name, value in blanks})
    return translate(text, language)


def translate_filled(
    filled: str, template: str, into: str, language: Language, terms: Mapping[str, str]
) -> str | None:
    """Return the translation of `filled`, an English text made from `template` by filling blanks.

    `into`: the translated template, whose blanks get the values found in `filled`. `terms`: translations of
    words that can be in blanks. None if `filled` is not made from `template`.
    """
    found = re.fullmatch(_pattern(template), filled, re.DOTALL)
    if found is None:
        return None
    words, blanks = {**_section(language, "words"), **terms}, found.groupdict().items()
    return into.format_map({name: words.get(value) or translate(value, language) for name, value in blanks})


def _pattern(template: str) -> str:
    """Return a regular expression for the texts made from a template, with a group for each blank.

    The blank {total} is a number: "{total} of ..." is not the name of an item, such as "Date of Birth".
    """
    seen: set[str] = set()
    pattern = ""
    for place, piece in enumerate(_BLANK.split(template)):
        if place % 2 == 0:
            pattern += re.escape(piece)
        else:
            filled = "[0-9]+" if piece == "total" else ".*"
            pattern += f"(?P={piece})" if piece in seen else f"(?P<{piece}>{filled})"
            seen.add(piece)
    return pattern
