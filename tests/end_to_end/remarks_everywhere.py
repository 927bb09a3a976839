"""Files of every kind and form with a remark in each item and working field that such a file may hold."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from gateway.classify.pupil_xml import CTF_RECORDS, MESSAGE_RECORDS
from gateway.samples import make, school, variants
from tests.classify.stories import STORIES
from tests.classify.test_stories import ALSO_NAMES
from tests.views.making import CATALOGUE, RULES
from tests.views.remarks import REMARKS, TABLES

_PUPILS = 70
_FORMS = ("csv", "workbook", "json")
# The items for which a whole file waits where few people look, so that no view of it would be tried.
_HOLDS = {
    *CATALOGUE.rights.outside.sensitive,
    *CATALOGUE.rights.outside.hold,
    *CATALOGUE.rights.proposed.sensitive,
}
# Where few other columns are judged, a row without these is of another table, and its file waits.
_TELLING = {"upn", "birth-date"}
_NAMES_A_SCHOOL = {"school-number", "school-name", "school-urn", "urn", "centre-number", "centre"}
_WITH_TELLING = {"student-core", "school-census"}
# Groups of items and fields that make a file one of this kind.
_ONLY_IN = {
    "Attendance": "attendance", "Exclusions": "exclusions", "census-term": "school-census",
    "phonics": "phonics", "session": "attendance", "sessions": "attendance", "absence": "attendance",
}  # fmt: skip
# What makes a file a return of the law, which waits whatever else is in it.
_OF_RETURNS = {key for table in RULES.data_types.tables if table.waits for key in table.of}
# A field that makes such a table one of another kind, a notice that waits, or grades of another assessment.
_OF_ANOTHER = {
    ("exclusions", "suspension-notice"),
    ("student-core", "suspension-notice"),
    ("phonics", "exam-grade"),
}
_SENDERS = {"ks2": "dfe", "ks4": "dfe", "fft-aspire": "fft", "alps-lpuk": "alps"}


NUMBER = "9994001"
"""The DfE number of the school in them."""


@dataclass(frozen=True, slots=True)
class Remarked:
    """A file with remarks: by the marker of each, the record in which it stands and the field, by its key."""

    data_type: str
    form: str
    telling: bool
    content: bytes
    marks: dict[str, tuple[int, str]]

    @property
    def sender(self) -> str:
        """The kind of provider that sends such files."""
        return _SENDERS.get(self.data_type, "school")


class Marks:
    """Remarks, each with a word of its own behind it, of letters alone."""

    def __init__(self, *, telling: bool) -> None:
        """Those that tell a sensitive topic, for which a file waits; or those that do not."""
        both = [text for pair in zip(REMARKS * 2, STORIES, strict=False) for text in pair]
        both = [text for text in both if text not in ALSO_NAMES]
        topics = {text: RULES.sensitive.of_text(text) or "NHS" in text for text in both}
        # A file of results waits where a column says that its grades are of another assessment.
        both = [text for text in both if telling or not RULES.data_types.subjects.assessment(text)]
        self._remarks = [text for text in both if bool(topics[text]) == telling]
        self._number = 0

    def next(self) -> tuple[str, str]:
        """A remark, and its marker."""
        number = self._number
        self._number += 1
        letters = "".join(chr(ord("a") + number // 26**power % 26) for power in (2, 1, 0))
        mark = f"Zxq{letters}vyk"
        return f"{self._remarks[number % len(self._remarks)]} {mark}", mark


def files() -> Iterator[Remarked]:
    """Each kind of data in one form with remarks that tell no topic, in the next with others; and its XML."""
    quiet, telling = Marks(telling=False), Marks(telling=True)
    for number, data_type in enumerate(RULES.data_types.types):
        variant = next((v for t, v in variants() if t == data_type and v.startswith("csv")), None)
        if variant is not None:
            yield _table(data_type, variant, _FORMS[number % 3], quiet, telling=False)
            yield _table(data_type, variant, _FORMS[(number + 1) % 3], telling, telling=True)
    for data_type, variant in (("student-core", "ctf-full"), ("school-census", "xml-summer")):
        for marks in (quiet, telling):
            yield _markup(data_type, variant, marks, telling=marks is telling)


def _sample(data_type: str, variant: str) -> bytes:
    rng = random.Random(7)
    return make(data_type, variant, rng=rng, school=school(rng, 1), pupils=_PUPILS)


def _is_quiet(key: str, heading: str) -> bool:
    """Whether a remark that tells no topic leaves a file with this field to go to its teams."""
    rule = RULES.fields[key]
    held = getattr(rule, "label", "") in _HOLDS or "free" in rule.values or key in _NAMES_A_SCHOOL
    return not held and not (rule.values == ("flag",) and RULES.sensitive.of_name(heading))


def _belongs(key: str, data_type: str) -> bool:
    """Whether files of a kind may have a field, and still be told for what they are with remarks in it."""
    label = getattr(RULES.fields[key], "label", "")
    words = (label.partition(":")[0], key, key.partition("-")[0])
    only = next((_ONLY_IN[word] for word in words if word in _ONLY_IN), data_type)
    return (
        only == data_type
        and key not in _OF_RETURNS
        and (data_type, key) not in _OF_ANOTHER
        and (key not in _TELLING or data_type in _WITH_TELLING)
    )


def _table(data_type: str, variant: str, form: str, marks: Marks, *, telling: bool) -> Remarked:
    """A table with every column that may be in it, and one remark in each, each in a row of its own."""
    head, *rows = csv.reader(io.StringIO(_sample(data_type, variant).decode("utf-8-sig"), newline=""))
    carried = dict.fromkeys([*RULES.items, *RULES.others, *RULES.working, *sorted(RULES.carried[data_type])])
    there = {RULES.column_field(name): place for place, name in enumerate(head)}
    placed: dict[str, tuple[int, str]] = {}
    row = 1
    for key in carried:
        names = RULES.fields[key].columns
        heading = head[there[key]] if key in there else next(iter(names), "")
        if not heading or not _belongs(key, data_type) or not (telling or _is_quiet(key, heading)):
            continue
        if key not in there:
            there[key] = len(head)
            head.append(heading)
            for one in rows:
                one.append("")
        text, mark = marks.next()
        rows[row][there[key]] = text
        placed[mark] = (row + 1, key)
        row = row % (len(rows) - 2) + 1
    return Remarked(data_type, form, telling, TABLES[form]([head, *rows]), placed)


def _markup(data_type: str, variant: str, marks: Marks, *, telling: bool) -> Remarked:
    """A document with a remark in one element of each kind, half of them as CDATA."""
    form, names = ("ctf", CTF_RECORDS) if variant.startswith("ctf") else ("census", MESSAGE_RECORDS)
    root = etree.fromstring(_sample(data_type, variant))
    records = {
        one: number
        for number, one in enumerate((e for e in root.iter() if e.tag in names and e.tag != "Header"), 1)
    }
    placed: dict[str, tuple[int, str]] = {}
    kinds: dict[tuple[str, str], list[etree._Element]] = {}
    for element in root.iter():
        around = element.getparent()
        if not len(element) and around is not None and element.text:
            kinds.setdefault((str(around.tag), str(element.tag)), []).append(element)
    for number, (pair, several) in enumerate(kinds.items()):
        key = RULES.element_field(*pair)
        which = several[(len(several) // 2 + number) % len(several)]
        record = next((up for up in which.iterancestors() if up in records), None)
        if key is None or record is None or not (telling or _is_quiet(key, pair[1])):
            continue
        text, mark = marks.next()
        which.text = etree.CDATA(text) if number % 2 else text
        placed[mark] = (records[record], key)
    return Remarked(data_type, form, telling, etree.tostring(root, encoding="utf-8"), placed)
