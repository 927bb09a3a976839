"""Find sensitive topics in names and texts by policies/sensitive.toml."""

import re
import string
import unicodedata
from codecs import charmap_build, charmap_encode
from collections.abc import Collection, Iterator
from functools import cached_property, lru_cache
from importlib.resources import files
from operator import itemgetter
from string import ascii_lowercase
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from gateway.classify.content import data
from gateway.classify.identifiers import Remembered

# Also behind an abbreviation of three letters, as in "CINPlan", but not of two: "GPSscore" is of no GP.
_LOWER_THEN_UPPER = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z]{3})(?=[A-Z][a-z])")
_PUNCTUATION = re.compile(r"[\W_]+")
# Shorter stems begin words of many kinds.
_TELLING_STEM = 6
_BESIDE_A_TITLE = _INITIALS = 3
_BEGINNING = itemgetter(slice(_TELLING_STEM))
# Marks between words, mapped to blanks.
_MARKS = dict.fromkeys(map(ord, string.punctuation + "\u2018\u2019\u201c\u201d\u2013\u2014\u2026\xa0"), " ")
# Names of letters in the Unicode database: "LATIN SMALL LETTER O WITH STROKE", "... DOTLESS I".
_LATIN_LETTER = re.compile(r"LATIN (?:SMALL )?LETTER (?:[A-Z]{2,} )*([A-Z])(?: WITH .*)?")
# Alphabets with letters like Latin ones (UTS 39): Greek, Cyrillic, Armenian, Cherokee, Coptic, Lisu.
_LOOK_ALIKE = (
    "\u0370-\u058f\u13a0-\u13ff\u1c80-\u1c8f\u1f00-\u1fff\u2c80-\u2cff\u2de0-\u2dff\ua4d0-\ua4ff"
    "\ua640-\ua69f\uab70-\uabbf"
)
_LATIN = "A-Za-z\u00c0-\u024f\u1e00-\u1eff"
_ALIKE = re.compile(f"[{_LOOK_ALIKE}]")
_MIXED = re.compile(rf"(?<!\w)(?=\w*[{_LATIN}])\w*[{_LOOK_ALIKE}]")
DISGUISED = "disguised words"
"""Topic of a word that mixes letters of several alphabets to look like another one."""
# Four or more letters, each separate from the next; and three or more pieces of one or two letters.
_APART = re.compile(r"(?<![^\W_])[^\W\d_](?:[^\w\n][^\W\d_]|_[^\W\d_]){3,}(?![^\W_])")
_IN_PIECES = re.compile(r"(?<!\S)\S{1,2}(?: \S{1,2}){2,}(?!\S)")
# Between words written as one, as in "4BRefuge" and "RedRefuge7", but not in "McCall".
_GLUED = re.compile(
    r"(?<=[a-z])(?<!Mc)(?<!Mac)(?=[A-Z])|(?<=\d)(?=[A-Za-z])|(?<=[A-Za-z])(?=\d)|(?<=\d[A-Z])(?=[A-Z])",
    re.ASCII,
)
# Such a place beside a word of five letters, sought where an upper-case letter or a figure stands.
_GLUED_WORD = re.compile(
    r"[A-Z\d](?:(?<=[a-z][A-Z])[A-Za-z]{4}|(?<=[A-Za-z]{5}\d)|(?<=\d)[A-Z]?[A-Za-z]{5})", re.ASCII
)
_SHORTEST_GLUED = 5
_LETTERS = re.compile(r"(?<!\S)[a-z](?: [a-z])+(?!\S)")
# The one abbreviation sought with full stops anywhere in names: others are initials ("J.A.W. Smith").
_ALSO_KNOWN_AS = re.compile(r"(?<![\w.])a\.k\.a\b(?!\.\w\b)", re.IGNORECASE)
# Behind a class, as in "5B PRU" and "R-PRU"; and before a figure, as "LAC2".
_BEHIND_A_CLASS = re.compile(r"(?:\d[^\W\d_]{0,2}|\b[RN])[ -]([A-Z]{3})\Z", re.ASCII)
_BEFORE_A_FIGURE = re.compile(r"([A-Z]{3,4})\d+", re.ASCII)
_BY_INITIALS = re.compile(r"(?:\d{1,2}(?:[A-Z] )? ?)?[A-Z][A-Za-z][A-Z]", re.ASCII)
# In brackets behind a class, as in "5B (PRU)".
_ASIDE = re.compile(r"\d[^\W\d_]{0,2} ?\(([^()]+)\)")
# A community interest company, as "Oak Skills and Learning CIC". Behind a class, CIC is a child in care.
_COMPANY = re.compile(r"(?!.*\b(?:class|form|group|house|unit|year)\b)[a-z]{3,} ([a-z]+ )*[a-z]{3,} cic")
# Maps lengths of words: 1 for one or two letters, 0 for others.
_SHORT = bytes(length in (1, 2) for length in range(256))
_SHORTEST_WITH_MARKS = 5
# Latin letters, figures, and the punctuation that keyboards and spreadsheets have; no soft hyphen.
_LEGIBLE = re.compile(
    "[\t\n\r -~\u00a0-\u00ac\u00ae-\u024f\u1e00-\u1eff"
    "\u2010-\u2015\u2018-\u201f\u2022\u2026\u2032\u2033\u20ac\u2122]*"
)
# Frequent English words that no public list of given names or surnames has: of England and Wales (ONS), the
# United States (Census), or elsewhere. Read at once, since a confined process opens no file.
_ORDINARY = frozenset(files("gateway.classify").joinpath("ordinary.txt").read_text("ascii").split())
WORDS: dict[str, frozenset[str]] = {name: frozenset(words) for name, words in data("words").items()}
"""Lists of words.toml by which values are judged."""
# A word that a street is called by is no remark, nor is one in the name of a nursery or special school.
_STREET = re.compile(
    rf"(?<![\w'\u2019-])(?:[a-z]{{3,}} (?:{'|'.join(sorted(WORDS['streets']))})"
    rf"(?=\s*(?:,|\Z)| (?:{'|'.join(sorted(WORDS['schools'] | WORDS['streets']))})\b)"
    r"|mobile (?=homes?\b)|children['\u2019]?s (?=(?:centre|(?:day )?nursery|school)\b)"
    r"|old (?:town|county|shire) hall\b|(?:town|county|shire) hall (?=(?:apartments|close|flats|square)\b)"
    rf"|(?:town|county) hall (?=(?:{'|'.join(sorted(WORDS['schools']))})\b)"
    r"|(?:college|school) for (?:the )?deaf\b)",
    re.IGNORECASE,
)
# Behind a number, streets are also of kinds with which remarks end.
_NUMBERED = re.compile(
    rf"(?<!\w)\d{{1,4}}[a-z]? ([a-z]{{3,}}) (?:{'|'.join(sorted(WORDS['numbered_streets']))})"
    r"(?=\s*(?:,|\n|\Z))",
    re.IGNORECASE,
)
_APOSTROPHES = frozenset("'`\u2018\u2019\u02bb\u02bc")

_LATIN_SMALL = "LATIN SMALL LETTER", "LATIN SMALL LIGATURE"
# Small ae, eth, thorn, eng, oe and schwa of people's names, as the letters that they are read as.
_OF_THEIR_OWN = {
    "\u00e6": "ae", "\u00f0": "d", "\u00fe": "th", "\u014b": "n", "\u0153": "oe", "\u0259": "e",
}  # fmt: skip


def _folded(character: str) -> str:
    if character in "\n\r":
        return "\n"
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return ""
    small = character.lower()[:1]
    if small in _OF_THEIR_OWN:
        return _OF_THEIR_OWN[small]
    found = _LATIN_LETTER.fullmatch(unicodedata.name(small, ""))
    return found[1].lower() if found else character.casefold() if character.isalnum() else " "


_FOLDS = Remembered[int, str](lambda code: "".join(map(_folded, unicodedata.normalize("NFKD", chr(code)))))
"""Table of characters: letters to lower case without accent, marks to blanks, invisible ones to none."""
ACCENTED = "".join(
    c for c in map(chr, range(0xDF, 0x180)) if c.islower() and _FOLDS[ord(c)] in {*ascii_lowercase}
)
"""Small letters of Latin-1 and Latin Extended-A that are one letter of ASCII, with an accent or read so."""
_ASCII = "".join(map(chr, range(128)))
_SMALL_LETTERS = charmap_build(f"{_ASCII}{ACCENTED}".ljust(256, "\ufffe"))
_BARE = (
    "".join("0" if c.isdigit() else _FOLDS[ord(c)] if c.isalpha() else " " for c in f"{_ASCII}{ACCENTED}")
    .ljust(256)
    .encode("ascii")
)


@lru_cache(2048)
def is_latin(character: str) -> bool:
    """Return True for a Latin letter of people's names, with or without accent; False for full-width forms.
    False also for Latin alpha, iota and their like, under which a search for words would not find a word.
    """
    small = character.lower()[:1]
    return _FOLDS[ord(small)].isascii() and unicodedata.name(small, "").startswith(_LATIN_SMALL)


def is_legible(text: str) -> bool:
    """Return True if a text has only Latin letters, figures and keyboard punctuation.
    Call this before a comparison without punctuation, which would miss circled letters, braille and pictures.
    """
    return text.isascii() or _LEGIBLE.fullmatch(unicodedata.normalize("NFC", text)) is not None


def plain(name: str) -> str:
    """Normalise a name for comparison: lower case, without blanks and punctuation.
    "%" becomes "percent", and "&" between blanks "and". A name of punctuation only stays unchanged, such as
    the attendance code `/`.
    """
    words = name.replace("%", "percent").replace(" & ", "and")
    return _PUNCTUATION.sub("", words).casefold() or name.strip()


def plain_text(text: str) -> str:
    """Normalise a text: lower case, without accents, marks and invisible signs, one blank between words."""
    return " ".join(text.translate(_FOLDS).split())


def _joined_letters(plain: str) -> str:
    """Join single letters of a plain text: "r e f u g e" becomes one word."""
    return _LETTERS.sub(lambda found: found[0].replace(" ", ""), plain)


def _made_of_pieces(text: str, plain: str, *, initials: bool) -> Iterator[str]:
    """Yield words that a text has in pieces or glued together: "refuge" for "r.e.f.u.g.e", "re-fuge",
    "RedRefuge". Pieces around an apostrophe ("D'Eath") are not joined. `plain`: the text as `plain_text`
    returns it. `initials`: True to leave out three single letters before another word, as the initials of a
    person.
    """
    for found in _IN_PIECES.finditer(plain):
        pieces = found[0].split()
        for start in range(len(pieces) - 2):
            for end in range(start + 3, len(pieces) + 1):
                word = "".join(pieces[start:end])
                is_last = end == len(pieces) and found.end() == len(plain)
                if len(word) > _INITIALS or is_last or not initials:
                    yield word
    if _GLUED_WORD.search(text) is not None:
        yield from (
            word for word in plain_text(_GLUED.sub(" ", text)).split() if len(word) >= _SHORTEST_GLUED
        )
    for token in text.split():
        if not token.isalnum() and _APOSTROPHES.isdisjoint(token):
            joined = plain_text(token).replace(" ", "")
            if len(joined) >= _SHORTEST_WITH_MARKS:
                yield joined
        elif (known := _BEFORE_A_FIGURE.fullmatch(token)) is not None:
            yield known[1].lower()


Words = tuple[Annotated[str, Field(pattern=r"\S")], ...]
Stems = tuple[Annotated[str, Field(pattern=r"^[a-z0-9]{4,}$")], ...]
"""Letters anywhere in a column's plain name; fewer than four would stand in too many names."""


class RuleTable(BaseModel):
    """Table of a policy file; any unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Topic(RuleTable):
    """A sensitive topic. `words`, `stems`: found in the names of columns. `text`: phrases found in texts."""

    label: str = Field(min_length=1)
    words: Words = ()
    stems: Stems = ()
    text: Words = ()


class Remarks(RuleTable):
    """Words that make a name, label or address sensitive in addition to the words of topics, and exceptions.
    `words`: the additional sensitive words. `names`: words of topics that also occur in names of people.
    `places`: words of topics that also occur in names of streets, houses and classes. `labels`: phrases
    allowed in labels, also with figures. A label with a phrase of over three letters may add words of up to
    three letters. `nobody`: words that are in no person's name, besides those of ordinary.txt.
    """

    words: Words
    names: Words = ()
    places: Words = ()
    nobody: Words = ()
    labels: Words = ()


class Sensitive(RuleTable):
    """Model of sensitive.toml: the sensitive topics, with the search for them in names and texts."""

    topics: dict[str, Topic] = Field(min_length=1)
    remarks: Remarks

    def of_name(self, name: str) -> str:
        """Return the label of the sensitive topic shown by the name of a column or element; "" for none.
        Return `DISGUISED` if a name of no topic has letters of another alphabet that look Latin.
        """
        words = plain_text(_LOWER_THEN_UPPER.sub(" ", name))
        joined = words.replace(" ", "")
        whole = joined if len(joined) >= _SHORTEST_WITH_MARKS else ""
        # A title in upper case may be joined differently from its words.
        asked = f" {words}  {_joined_letters(words)}  {whole} "
        found = self._patterns["words"].search(asked) or self._patterns["stems"].search(joined)
        if found is None:
            return DISGUISED if _ALIKE.search(name) else ""
        return self._label(found)

    def of_text(self, text: str) -> str:
        """Return the label of the sensitive topic shown by a text; "" for none."""
        # Searching for single words is many times as fast as the full pattern, and mostly enough.
        if not self.may_tell(text):
            return ""
        plain = plain_text(text)
        pattern = self._patterns["text"]
        found = pattern.search(plain) or pattern.search(_joined_letters(plain))
        return self._label(found) if found else ""

    def of_cell(self, text: str) -> str:
        """Return the label of the sensitive topic shown by a cell; "" for none.
        Return `DISGUISED` if a cell of no topic has a word mixing Latin letters with letters that look Latin.
        """
        return self.of_text(text) or (DISGUISED if _MIXED.search(text) else "")

    def of_value(self, text: str, kind: str, *, of_people: bool = True) -> bool:
        """Return True if a text contains a sensitive word. `kind`: "name", "label" or "address line".
        `of_people`: False if the text names a school or company: ordinary words are then allowed in a name,
        and CIC (community interest company) at the end of a label.
        """
        if kind != "name":
            text = _STREET.sub(" ", _NUMBERED.sub(self._numbered, text) if kind == "address line" else text)
        plain = plain_text(text)
        may = self._allowed(text, plain, kind)
        if kind == "label" and self._has_aside(text):
            return True
        if kind == "label" and not of_people and self._is_company(plain):
            may |= {"cic"}
        # As it is written, and as "10Citizenship1" is read.
        for written in (plain, plain_text(_GLUED.sub(" ", text))) if kind == "label" else ():
            title = self._titles.search(written)
            # Without the allowed phrase, unless a long word is left.
            rest = f"{written[: title.start()]} {written[title.end() :]}" if title else ""
            longest = _BESIDE_A_TITLE if title and len(title[0]) > _INITIALS else 0
            more = WORDS["beside_a_title"] if longest else frozenset()
            if title and all(
                len(word) <= longest or not word.isalpha() or word in more for word in rest.split()
            ):
                text = plain = rest
                break
        words = plain.split()
        telling = self._value_words.intersection(words) - may
        if kind == "name" and of_people:
            telling |= self._nobody.intersection(words)
        if telling or any(word.startswith(self._value_stems) and word not in may for word in words):
            return True
        if not self._telling_phrases.isdisjoint(words) and self._phrases.search(plain):
            return True
        made = _made_of_pieces(text, plain, initials=kind == "name")
        if any(self.is_sensitive_word(word) and word not in may for word in made):
            return True
        return kind == "name" and _ALSO_KNOWN_AS.search(text) is not None

    def is_no_place(self, line: str) -> bool:
        """Return True if a line has ordinary words alone, and none that names a place ("Travelling")."""
        words = set(plain_text(_STREET.sub(" of ", line)).split()) - WORDS["in_a_place"]
        return bool(words) and words <= self._nobody and words.isdisjoint(WORDS["of_places"])

    def _numbered(self, found: re.Match[str]) -> str:
        """Return a blank for a street; the text itself if a topic's stem is in it ("12 Violence Drive")."""
        name = found[1].casefold()
        is_remark = name.startswith(self._value_stems) and name not in self.remarks.places
        return found[0] if is_remark else " "

    def may_be_called(self, text: str) -> bool:
        """Return True for a person's name with a word of a topic that is a name too ("Ann Foster")."""
        words = text.split()
        if self._exempt_words[1].isdisjoint(plain_text(text).split()):
            return False
        # "MASH" is an abbreviation, and "sees the nurse" no name.
        short = (word for word in words if 1 < len(word) < _SHORTEST_WITH_MARKS)
        is_name = all(word[:1].isupper() for word in words) and not any(map(str.isupper, short))
        return is_name and not self.of_value(text, "name")

    def are_initials(self, text: str) -> bool:
        """Return True for a class of many pupils by its teacher's three initials, which no topic has."""
        return _BY_INITIALS.fullmatch(text) is not None and not (self.of_name(text) or self.of_text(text))

    def _allowed(self, text: str, plain: str, kind: str) -> frozenset[str]:
        """Return the words of topics that are harmless in a text of this `kind`, such as surnames."""
        places, names = self._exempt_words
        if kind == "name":  # A surname of three letters may be an abbreviation but for its accent.
            return names.union(
                plain_text(word) for word in text.split() if len(word) == _INITIALS and not word.isascii()
            )
        has_teacher = kind == "label" and not WORDS["titles"].isdisjoint(plain.split()[:2])
        return places | names if has_teacher else places

    def _is_company(self, plain: str) -> bool:
        """Return True for a company's name: ending in CIC, and with a word that is in no person's name."""
        words = set(plain.split())
        return (
            _COMPANY.fullmatch(plain) is not None
            and not self._titles.search(plain)
            and self._value_words.intersection(words) == {"cic"}
            and not self._nobody.isdisjoint(words)
        )

    def _has_aside(self, text: str) -> bool:
        """Return True if brackets after the name of a class contain a sensitive word that is no teacher's
        name.

        A sensitive abbreviation of three letters that is also a name counts only in upper case, and not after
        a title such as "Mr". A word after the class without brackets is examined, too.
        """
        places, names = self._exempt_words
        behind = _BEHIND_A_CLASS.search(text)
        if behind is not None and behind[1].lower() in self._value_words & names:
            return True
        for aside in _ASIDE.findall(text):
            # An allowed title goes, but for an abbreviation.
            words = self._titles.sub(lambda of: of[0] * (len(of[0]) <= _INITIALS), plain_text(aside)).split()
            has_teacher = words[:1] and words[0] in WORDS["titles"]
            for word in self._value_words.intersection(words):
                is_short = len(word) == _INITIALS
                is_no_teacher = is_short and not has_teacher and word.upper() in aside
                if is_no_teacher if word in names else is_short or word in places:
                    return True
        return False

    @cached_property
    def _titles(self) -> re.Pattern[str]:
        titles = sorted(map(plain_text, self.remarks.labels), key=len, reverse=True)
        either = "|".join(title.replace(" and ", "(?: and)? ") for title in titles)
        return re.compile(rf"\b(?:{either or '(?!)'})\b")

    def is_sensitive_word(self, word: str) -> bool:
        """Return True if a word in small letters is sensitive, even if the same word is also a name."""
        return word in self._value_words or word.startswith(self._value_stems)

    def without_sensitive_words(self, texts: Collection[str], kind: str) -> Collection[str]:
        """Return the texts that a quick check proves to have no sensitive word.
        `kind`: the texts are names, labels or addresses. Each text must have only ASCII, letters of
        `ACCENTED` and apostrophes, and at most a hundred characters.
        """
        words = _octet_words(together := "\n".join(texts))
        signs, telling = self._signs, set[bytes]()
        if not signs.isdisjoint(map(_BEGINNING, words)):
            telling = {word for word in words if _BEGINNING(word) in signs} - self._exempt[kind == "name"]
        if kind != "label":
            telling |= self._called_by_nobody.intersection(words)
        # Three words in a row of one or two letters may be pieces of one word.
        may_be_pieces = b"\1\1\1" in bytes(map(len, words)).translate(_SHORT)
        if not telling and not may_be_pieces and _GLUED_WORD.search(together) is None:
            return texts
        return [
            text
            for text in texts
            if telling.isdisjoint(_octet_words(text))
            and not _GLUED_WORD.search(text)
            and not _IN_PIECES.search(plain_text(text))
        ]

    @cached_property
    def _signs(self) -> frozenset[bytes]:
        """First six letters of each sensitive word, stem, and phrase's longest word, for a quick search."""
        telling = {*self._value_stems, *self._value_words, *self._telling_phrases, *WORDS["abbreviations"]}
        telling |= WORDS["origins"]
        return frozenset(map(_BEGINNING, _octet_words(" ".join(telling))))

    @cached_property
    def _exempt_words(self) -> tuple[frozenset[str], frozenset[str]]:
        """Words of topics that are harmless in labels and addresses (first) or in people's names (second)."""
        return frozenset(self.remarks.places), frozenset(self.remarks.names)

    @cached_property
    def _exempt(self) -> tuple[frozenset[bytes], frozenset[bytes]]:
        """The words of `_exempt_words` as bytes, for a quick search, without the words in `_telling`. First
        come the words harmless in labels and addresses, except those that `_has_aside` examines; then the
        words harmless in names of people.
        """
        alone = [set(filter(str.isalpha, words - self._telling_phrases)) for words in self._exempt_words]
        alone[0] -= {word for word in alone[1] if len(word) == _INITIALS}
        places, names = (frozenset(_octet_words(" ".join(words))) for words in alone)
        return places, names

    @cached_property
    def _nobody(self) -> frozenset[str]:
        return _ORDINARY.difference(self.remarks.names).union(self.remarks.nobody)

    @cached_property
    def _called_by_nobody(self) -> frozenset[bytes]:
        return frozenset(_octet_words(" ".join(self._nobody)))

    @cached_property
    def _value_vocabulary(self) -> frozenset[str]:
        """The words and phrases to find in values: of topics and remarks, as `plain_text` writes them."""
        several = (text for topic in self.topics.values() for text in (*topic.words, *topic.text))
        plain = map(plain_text, (*several, *self.remarks.words))
        return frozenset(text for text in plain if any(len(word) > 1 for word in text.split()))

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
        """Return False if a text certainly shows no topic; True if a full search is needed. The text may be
        many values joined.
        """
        small = text.casefold()
        if text.isascii():
            words = small.translate(_MARKS).split()
        elif _ALIKE.search(text):
            return True
        else:
            for mark in _MARKS:  # For such texts, `translate` is slow: one call for each character.
                small = small.replace(chr(mark), " ")
            words = small.split()
            words += plain_text(" ".join(word for word in words if not word.isascii())).split()
        return not self._telling.isdisjoint(words) or _APART.search(text) is not None

    def _label(self, found: re.Match[str]) -> str:
        return self.topics[(found.lastgroup or "").replace("_", "-")].label

    @cached_property
    def _patterns(self) -> dict[str, re.Pattern[str]]:
        """Compiled patterns with a group for each topic: "words" and "stems" for names, "text" for texts."""
        found = {}
        for which, form in (("words", r" (?:{}) "), ("stems", r"(?:{})"), ("text", r"\b(?:{})\b")):
            groups = []
            for key, topic in self.topics.items():
                listed = sorted(map(plain_text, getattr(topic, which)), key=len, reverse=True)
                if listed:
                    either = form.format("|".join(map(re.escape, listed)))
                    groups.append(f"(?P<{key.replace('-', '_')}>{either})")
            found[which] = re.compile("|".join(groups))
        return found

    @cached_property
    def _telling(self) -> frozenset[str]:
        """The longest word of each sensitive phrase. A text with none of the words contains no phrase."""
        texts = (plain_text(word) for topic in self.topics.values() for word in topic.text)
        return frozenset(max(text.split(), key=len) for text in texts)


def _octet_words(text: str) -> list[bytes]:
    """Return a text's words as octets, in small letters without accents, each figure as 0.
    A word with hyphens is returned in parts, and joined. Octets are much faster to search than texts.
    """
    small = text.lower()
    octets = small.encode() if small.isascii() else charmap_encode(small, "replace", _SMALL_LETTERS)[0]
    words = octets.translate(_BARE).split()
    return words + octets.translate(_BARE, b"-").split() if b"-" in octets else words
