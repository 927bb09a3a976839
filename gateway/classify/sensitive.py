"""Which sensitive topic a name or a text is about, by the vocabulary in policies/sensitive.toml."""

from __future__ import annotations

import re
import string
from collections.abc import Collection
from functools import cached_property
from operator import itemgetter

from pydantic import BaseModel, ConfigDict, Field

_LOWER_THEN_UPPER = re.compile(r"(?<=[a-z])(?=[A-Z])")
_APART = re.compile(r"[\W_]+")
_IDENTITY = "identity"
# Shorter stems begin words of many kinds.
_TELLING_STEM = 6
_BEGINNING = itemgetter(slice(_TELLING_STEM))
# What stands between words, as a blank.
_MARKS = dict.fromkeys(map(ord, string.punctuation + "\u2018\u2019\u201c\u201d\u2013\u2014\u2026\xa0"), " ")


class Topic(BaseModel):
    """One topic: what it is called, and the words that tell it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    words: tuple[str, ...] = ()
    stems: tuple[str, ...] = ()
    text: tuple[str, ...] = ()


class Remarks(BaseModel):
    """Words that no name, label or address has, beside those of the topics; and those that they may have.

    `names` and `places` are words of topics that are names of people, or of streets, houses and classes too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    words: tuple[str, ...]
    names: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


class Sensitive(BaseModel):
    """sensitive.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topics: dict[str, Topic] = Field(min_length=1)
    remarks: Remarks

    def of_name(self, name: str) -> str:
        """The topic that the name of a column or an element tells, by its label; empty where none."""
        words = _APART.sub(" ", _LOWER_THEN_UPPER.sub(" ", name)).casefold().strip()
        # A title in upper case may be run together otherwise than its words are.
        found = self._words.search(f" {words} ") or self._stems.search(words.replace(" ", ""))
        return self._label(found) if found else ""

    def of_text(self, text: str) -> str:
        """The topic that a stretch of text is about, by its label; empty where it is about none."""
        plain = text.casefold()
        # Looking for single words is many times as fast as the pattern of all, and mostly enough.
        if not self.may_tell(plain):
            return ""
        found = self._text.search(plain)
        return self._label(found) if found else ""

    def of_value(self, text: str, kind: str) -> bool:
        """Whether a name, a label or an address has a word that tells of something."""
        may = self._names if kind == "name" else self._places
        words = _without_marks(text.casefold()).split()
        telling = self._value_words.intersection(words) - may
        if telling or any(word.startswith(self._value_stems) and word not in may for word in words):
            return True
        return not self._telling_phrases.isdisjoint(words) and bool(self._phrases.search(" ".join(words)))

    def telling_nothing(self, texts: Collection[str], kind: str) -> Collection[str]:
        """Those of these names, labels or addresses that are sure to have no such word."""
        words = _without_marks("\n".join(texts).casefold()).split()
        may = self._names if kind == "name" else self._places
        beginnings, whole = self._signs
        if beginnings.isdisjoint(map(_BEGINNING, words)) and whole.isdisjoint(words):
            return texts
        telling = {w for w in words if w in self._value_words or _BEGINNING(w) in beginnings} - may
        telling |= self._telling_phrases.intersection(words)
        if not telling:
            return texts
        return [text for text in texts if not any(word in text.casefold() for word in telling)]

    @cached_property
    def _signs(self) -> tuple[frozenset[str], frozenset[str]]:
        """How words of the stems begin, and all words that tell of something, alone or with others."""
        beginnings = frozenset(map(_BEGINNING, self._value_stems))
        return beginnings, self._value_words | self._telling_phrases

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(self.remarks.names)

    @cached_property
    def _places(self) -> frozenset[str]:
        return frozenset(self.remarks.places)

    @cached_property
    def _value_vocabulary(self) -> frozenset[str]:
        """Words and phrases of all topics and of remarks, without marks."""
        several = (text for topic in self.topics.values() for text in (*topic.words, *topic.text))
        return frozenset(
            " ".join(t.casefold().translate(_MARKS).split()) for t in (*several, *self.remarks.words)
        )

    @cached_property
    def _value_words(self) -> frozenset[str]:
        return frozenset(text for text in self._value_vocabulary if " " not in text)

    @cached_property
    def _value_stems(self) -> tuple[str, ...]:
        return tuple(
            {stem for topic in self.topics.values() for stem in topic.stems if len(stem) >= _TELLING_STEM}
        )

    @cached_property
    def _phrases(self) -> re.Pattern[str]:
        phrases = (text for text in self._value_vocabulary if " " in text)
        return re.compile(rf"\b(?:{'|'.join(map(re.escape, phrases))})\b")

    @cached_property
    def _telling_phrases(self) -> frozenset[str]:
        return frozenset(max(text.split(), key=len) for text in self._value_vocabulary if " " in text)

    def may_tell(self, text: str) -> bool:
        """Whether a text, of any number of values together, may be about a topic: a quick look."""
        return not self._telling.isdisjoint(_without_marks(text.casefold()).split())

    @property
    def identifiers(self) -> str:
        """What numbers that identify a person are called, where their shape gives them away."""
        return self.topics[_IDENTITY].label

    def _label(self, found: re.Match[str]) -> str:
        return self.topics[(found.lastgroup or "").replace("_", "-")].label

    @cached_property
    def _words(self) -> re.Pattern[str]:
        return self._compiled(r" (?:{}) ", "words")

    @cached_property
    def _stems(self) -> re.Pattern[str]:
        return self._compiled(r"(?:{})", "stems")

    @cached_property
    def _text(self) -> re.Pattern[str]:
        return self._compiled(r"\b(?:{})\b", "text")

    @cached_property
    def _telling(self) -> frozenset[str]:
        """Of each text that tells a topic, its longest word."""
        texts = (word.casefold() for topic in self.topics.values() for word in topic.text)
        return frozenset(max(text.translate(_MARKS).split(), key=len) for text in texts)

    def _compiled(self, form: str, which: str) -> re.Pattern[str]:
        groups = []
        for key, topic in self.topics.items():
            listed = sorted(getattr(topic, which), key=len, reverse=True)
            if listed:
                groups.append(f"(?P<{key.replace('-', '_')}>{form.format('|'.join(map(re.escape, listed)))})")
        return re.compile("|".join(groups), re.IGNORECASE)


def _without_marks(text: str) -> str:
    """A text with blanks in the place of marks."""
    if text.isascii():
        return text.translate(_MARKS)
    # For other texts, `translate` asks for each character by itself.
    for mark in _MARKS:
        text = text.replace(chr(mark), " ")
    return text
