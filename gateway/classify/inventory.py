"""List every column and kind of element of a file, known or not, and search all values for sensitive content.

The result leaves out the expected columns and elements of the file's type. Any other becomes an `Unlisted`:
unknown to the rules, outside the file's type, sensitive, or with grades that are not final results.

`kind_of` describes a column by one word, such as grades, dates or free text, from a sample of values, kept
only while the file is read. One pupil's story among a thousand addresses would not show in a sample, so the
search for sensitive content covers every value. No value is stored after the search, except the last few of a
repetitive column.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from gateway.classify.archive import Place
from gateway.classify.content import beside
from gateway.classify.identifiers import holds_national_insurance, is_nhs_number
from gateway.classify.report_wording import is_free_text, is_long
from gateway.classify.rules import ItemRule, Rules, WorkingRule
from gateway.classify.sensitive import WORDS
from gateway.classify.value_kinds import FLAGS, Judge, read_date
from gateway.model import Unlisted, ValueKind

SAMPLE = 300
_LENGTH = 200
_MOSTLY = 0.8
_STORIES = 0.02
_NUMBER = re.compile(r"[-+]?\d{1,7}([.,]\d+)?%?", re.ASCII)
_IDENTIFIER = re.compile(
    r"[A-Z]{0,3}[- ]?\d[\d -]{6,}\d?[A-Z]?|[A-Z0-9]{10,20}|[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}",
    re.ASCII,
)
_CODE = re.compile(r"[A-Z0-9][A-Z0-9/_.*+-]{0,11}|[/\\#-]", re.ASCII)
_CONTACT = re.compile(r"[^@\s]+@[^@\s]+|\+?0[\d ()-]{8,}")
_TIME = re.compile(r"\d{1,2}:\d{2}(:\d{2})?", re.ASCII)
_NAME = re.compile(r"[^\W\d_][^\W\d_'\u2019.-]*(?:[,]? +[^\W\d_][\w'\u2019.-]*){0,3}")
# Checked in this order.
_LOOKS: dict[ValueKind, Callable[[str], object]] = {
    "times": _TIME.fullmatch,
    "dates": read_date,
    "contact details": _CONTACT.fullmatch,
    "identifiers": lambda text: _IDENTIFIER.fullmatch(text.upper()) and any(map(str.isdigit, text)),
    "codes": _CODE.fullmatch,
    "names": lambda text: text[:1].isupper() and _NAME.fullmatch(text),
}


def kind_of(counts: Counter[str], grades: frozenset[str]) -> ValueKind:
    """Return the kind of most values in a sample; "free text" if more than 2 % of the values are free text.
    `counts`: how often each sampled value occurs. `grades`: all grades of examinations and assessments.
    """
    kinds: Counter[ValueKind] = Counter()
    for value, count in counts.items():
        text = value.strip()
        if text and is_free_text(text):
            kinds["free text"] += count
        elif text and _NUMBER.fullmatch(text):
            kinds["numbers"] += count
        elif text and text.upper() in grades:
            kinds["grades"] += count
        elif text:
            kinds[next((kind for kind, fits in _LOOKS.items() if fits(text)), "words")] += count
    if not kinds:
        return "nothing"
    total = kinds.total()
    if kinds["free text"] > _STORIES * total:
        return "free text"
    flags = sum(count for value, count in counts.items() if value.strip().upper() in FLAGS)
    if flags >= _MOSTLY * total:
        return "flags"
    figures = kinds["numbers"] + kinds["grades"]
    if kinds["grades"] and figures >= _MOSTLY * total and kinds["grades"] < total:
        return "grades" if kinds["grades"] > _STORIES * total else "numbers"
    kind, count = kinds.most_common(1)[0]
    return kind if count >= total / 2 else "mixed"


_NHS_LENGTHS = (10, 12)
_DIGITS_OF_NHS = 10
_FEW = 5
_FEW_VALUES = 20
_HALF = 0.5
# Numbers of people with a check proving they are no NHS numbers, or already judged as NHS numbers.
_OTHER_NUMBERS = frozenset({"nhs-number", "upn", "former-upn"})
_LOST_NOUGHT = 3
_TEN_DIGITS = re.compile(r"(?<!\d)\d{3}[ -]?\d{3}[ -]?\d{4}(?!\d)", re.ASCII)


@dataclass(slots=True)
class Disclosure:
    """Sensitive content found in the values of a column or kind of element: numbers, free text, a topic.
    `key`: the field's key; None if unknown. `topic`: label of the first sensitive topic found; "" for none.
    `story`: True if any value is free text. `insured`: True if a national insurance number was found where
    none belongs. `met`: True once any value was searched.
    """

    key: str | None
    topic: str = ""
    story: bool = False
    insured: bool = False
    met: bool = False
    _nhs: int = 0
    _ten_digits: int = 0
    _last: set[str] = field(default_factory=set)

    def look(self, values: Collection[str], rules: Rules) -> None:
        """Search distinct values for numbers, free text and sensitive topics; record what is found."""
        if not values or values == self._last:
            return
        self._last = set(values) if len(values) <= _FEW_VALUES else set()
        self.met = True
        if self.key not in _OTHER_NUMBERS:
            for value in values:
                if len(value) in _NHS_LENGTHS:
                    numbers: Iterable[str] = (value,) if _TEN_DIGITS.fullmatch(value) else ()
                elif len(value) > _DIGITS_OF_NHS and "NHS" in value.upper():
                    numbers = _TEN_DIGITS.findall(value)
                else:
                    continue
                for number in numbers:
                    self._ten_digits += 1
                    self._nhs += is_nhs_number(number)
        together = "\n".join(values)
        if not self.insured and self.key != "national-insurance":
            self.insured = holds_national_insurance(together)
        if not self.story:
            has_sentences = not WORDS["in_sentences"].isdisjoint(together.casefold().split())
            self.story = any(map(_is_text, values if has_sentences else filter(is_free_text, values)))
        if not self.topic and rules.sensitive.may_tell(together):
            self.topic = next(filter(None, map(rules.sensitive.of_cell, values)), "")

    def has_nhs_numbers(self) -> bool:
        """Return True if at least half of the ten-digit numbers are valid NHS numbers; of fewer than five,
        all must be. By chance, one in eleven is valid.
        """
        if self.key == "phone" and self._ten_digits < _LOST_NOUGHT:
            return False
        enough = self._ten_digits if self._ten_digits < _FEW else self._ten_digits * _HALF
        return self._nhs > 0 and self._nhs >= enough


def _is_text(value: str) -> bool:
    if " " not in value:
        return is_free_text(value)
    if not WORDS["in_sentences"].isdisjoint(value.casefold().split()):
        return True
    words = value.replace(",", " ").split()
    is_in_case = all(word[:1].isupper() or word.casefold() in WORDS["in_a_long_name"] for word in words)
    is_long_name = is_in_case and not any(map(str.isdigit, value))
    return is_free_text(value) and not is_long_name


_WORD = re.compile(r"[^\W\d_]{2,}")
# Years, numbers of schools, and words for no value.
_NO_RESULT = re.compile(
    rf"\d{{4}}([/-]\d{{2}}(\d\d)?)?|\d{{6,7}}|{'|'.join(map(re.escape, WORDS['nothing']))}", re.ASCII
)
_LIKE_RESULTS = ("grades", "numbers", "codes")
_MOST = 100
PARTS = 4_000
_HEADER_LENGTH = 80


@dataclass(slots=True)
class Part:
    """One column or kind of element. `key`: the key of its field in the rules; None if unknown.
    `at`: position in a fixed-width record, from 1; 0 in other files. `others`: number of values not of the
    field's kind. `assessment`: name of an assessment without final results, such as "mock"; "" for results.
    `filled`: number of filled values. `counts`: how often each value of a sample occurs. `judge`: judge of a
    column whose values many pupils share, such as a class; each such column has its own rows. `elsewhere`:
    sensitive content among values that are right in files of other types.
    """

    header: str
    key: str | None
    disclosure: Disclosure
    element: bool = False
    at: int = 0
    others: int = 0
    assessment: str = ""
    filled: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    judge: Judge | None = None
    elsewhere: Disclosure = field(default_factory=lambda: Disclosure(None))

    def add(self, values: Sequence[str], filled: int, *, sample: bool = True) -> None:
        """Add `filled` to the number of filled values; sample some of `values` until the sample is complete.
        `sample`: False to sample only if no value has been sampled so far.
        """
        self.filled += filled
        if filled and (sample or not self.counts) and len(self.counts) < SAMPLE:
            self.counts.update([value[:_LENGTH] for value in islice(filter(None, values), SAMPLE)])


class ColumnInventory:
    """Inventory of all columns and kinds of elements of one file, in the order of appearance."""

    def __init__(self, rules: Rules) -> None:
        self.parts: list[Part] = []
        self._texts: list[str] = []
        self._disclosures: dict[str, Disclosure] = {}
        self.left_over = 0
        self._beside_cells = 0
        self._rules = rules
        self._grades = rules.grades

    def add_part(self, header: str, key: str | None, *, element: bool = False, at: int = 0) -> Part:
        """Make a `Part` for a new column or kind of element, and return the part.
        The first 4,000 parts are kept in the inventory; later ones are only counted.
        """
        # All elements of one field share a `Disclosure`: if one reveals something, each is reported.
        shared = element and key is not None
        found = self._disclosures.setdefault(key or "", Disclosure(key)) if shared else Disclosure(key)
        made = Part(header[:_HEADER_LENGTH], key, found, element, at)
        if len(self.parts) < PARTS:
            self.parts.append(made)
        else:
            self.left_over += 1
        return made

    def unlisted(self, data_type: str) -> tuple[Unlisted, ...]:
        """Return content outside a data type: up to 100 columns, elements and texts, sensitive ones first.
        If there are more, a last entry states the number of the entries left off.
        """
        topics = [*filter(None, map(self._topic_of, self._texts))]
        found = [Unlisted(position=0, header="", filled=1, kind="words", topic=topic) for topic in topics]
        if beside := self._beside_cells:
            found.append(Unlisted(position=0, header="", filled=beside, kind="words", place="text"))
        carried, subjects = self._rules.carried, self._rules.data_types.subjects
        for position, part in enumerate(self.parts, 1):
            topic, rule = self._topic(part), self._rules.fields.get(part.key or "")
            listed = isinstance(rule, ItemRule | WorkingRule) or part.key in carried[data_type]
            if not listed and not topic and not part.assessment:  # What is right elsewhere tells here.
                topic = part.elsewhere.topic or self._rules.sensitive.of_name(part.header)
            if part.filled and (topic or part.assessment or not listed):
                kind = kind_of(part.counts, self._grades)
                graded = subjects.assessment(part.header) if kind in _LIKE_RESULTS else ""
                one = Unlisted(
                    position=part.at or position,
                    header=part.header.strip(),
                    filled=part.filled,
                    kind="free text" if part.disclosure.story else kind,
                    place="element" if part.element else "column",
                    topic=topic,
                    assessment=part.assessment or graded,
                    field=part.key or "",
                    types=tuple(name for name, keys in carried.items() if part.key in keys),
                )
                found.append(one)
        found.sort(key=lambda one: (not one.topic, one.position))
        beyond = max(0, len(found) - _MOST) + self.left_over
        if not beyond:
            return tuple(found)
        more = Unlisted(position=len(self.parts) + 1, header="", filled=beyond, kind="mixed", further=True)
        return (*found[:_MOST], more)

    def topics(self) -> list[str]:
        """Return the labels of the sensitive topics that columns are about, some "" for none."""
        return [self._topic(part) for part in self.parts if not part.element]

    def names_people(self) -> bool:
        """Return True if a column or element is of people's names."""
        rules = (self._rules.fields.get(part.key or "") for part in self.parts)
        return any("name" in rule.values for rule in rules if rule is not None)

    def has_unknown_results(self) -> bool:
        """Return True if a column or element without a known field looks like examination results."""
        strange = (part.counts for part in self.parts if part.key is None and part.filled)
        told = (Counter({v: n for v, n in c.items() if not _NO_RESULT.fullmatch(v.upper())}) for c in strange)
        return any(kind_of(counts, self._grades) in _LIKE_RESULTS for counts in told)

    def add_title(self, text: str) -> None:
        """Keep one of the first 100 titles, comments or sheet names, to be searched for sensitive topics."""
        if len(self._texts) < _MOST and text:
            self._texts.append(text)

    def add_beside_cells(self, place: Place, text: str) -> None:
        """Search a text shown by a workbook beside its cells, such as a page header, for sensitive topics.
        No view contains the text. Raises Unreadable for a long text in a page's header or footer, so a person
        reads the file.
        """
        wording = self._rules.report_wording
        if place == "page" and is_long(text) and not wording.is_line(text):
            raise beside("a long text in the header or footer of a page")
        if place != "cell":
            self.add_title(text)
        elif self._topic_of(text):
            self._texts = [*self._texts[: _MOST - 1], text]
        elif len(_WORD.findall(text)) > 1 and not wording.is_line(text):
            self._beside_cells += 1

    def _topic_of(self, text: str) -> str:
        return self._rules.sensitive.of_name(text) or self._rules.sensitive.of_text(text)

    def _topic(self, part: Part) -> str:
        if part.assessment or not part.filled:
            return ""  # Grades stand under a subject, such as psychology.
        sensitive, rule, told = self._rules.sensitive, self._rules.fields.get(part.key or ""), part.disclosure
        if told.insured or told.has_nhs_numbers():
            return sensitive.topics["identity"].label
        # A flag only says yes or no; any other value may say more.
        if rule is None or (rule.values == ("flag",) and told.met):
            return sensitive.of_name(part.header) or told.topic
        return told.topic
