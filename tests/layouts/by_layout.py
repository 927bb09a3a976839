"""Draw files from the layouts of a law pack alone: every element at least once, and every code of its set.

The drawing is independent of the rules recognising files, and of the names in the policies.
"""

import csv
import io
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from random import Random

from lxml import etree

from gateway.law import Element, LawPack, ReturnLayout
from gateway.samples import drawing
from gateway.samples.people import Pupil, School, pupils, school

_TERMS = {"autumn": "AUT", "spring": "SPR", "summer": "SUM"}
_ASSESSMENT = "StageAssessment"
_LEFT = 2
_WORDS: dict[str, str] = tomllib.loads(Path(__file__).with_name("values.toml").read_text("utf-8"))["layouts"]
_YEARS = {"primary": ("1", "2", "3", "4", "5", "6"), "secondary": ("7", "8", "9", "10", "11")}
_BY_NAME = {name.casefold(): text for name, text in _WORDS.items()}
_PLAIN = {"flag": "true", "number": "12", "word": "A1", "nothing": ""}
_OF_PUPIL = {
    "surname": "surname", "preferredsurname": "surname", "formersurname": "surname", "forename": "forename",
    "forenames": "forename", "preferredforename": "forename", "formerforename": "forename", "dob": "dob",
    "middlenames": "middle_names", "pupilmatchingref": "candidate",
}  # fmt: skip


def files_of(pack: LawPack) -> Iterator[tuple[str, ReturnLayout, str | None, bytes]]:
    """Yield a file of each layout and term of a pack: layout name, layout, term and file."""
    for name, layout in pack.layouts.items():
        has_terms = any(each.terms for each in layout.elements)
        every: tuple[str | None, ...] = tuple(_TERMS) if has_terms else (None,)
        for term in layout.terms or every:
            yield name, layout, term, draw(pack, layout, term)


def of_version(layout: ReturnLayout, version: str) -> ReturnLayout:
    """The layout of one version of the format, such as 18.0."""
    had = tuple(each for each in layout.elements if not each.since or float(each.since) <= float(version))
    return layout.model_copy(update={"elements": had})


def draw(
    pack: LawPack,
    layout: ReturnLayout,
    term: str | None = None,
    *,
    version: str = "",
    of: School | None = None,
) -> bytes:
    """Draw one file of a layout, for a school, or for an invented one with pupils of every year.

    All pupils but the last have every element; the last has only the mandatory ones.
    """
    drawn = _Drawing(
        pack,
        of_version(layout, version) if version else layout,
        term,
        version,
        of or replace(school(Random(7), 0), establishment="6900"),
        () if of is None else _YEARS[of.phase],
    )
    return drawn.table() if layout.format == "CSV" else drawn.document()


@dataclass(frozen=True)
class _Drawing:
    pack: LawPack
    layout: ReturnLayout
    term: str | None
    version: str
    school: School
    years: tuple[str, ...] = ()

    @cached_property
    def day(self) -> date:
        days = (day for term, day in self.pack.dates.census.items() if term == self.term)
        return next(days, self.pack.first + timedelta(days=60))

    @cached_property
    def elements(self) -> tuple[Element, ...]:
        return self.layout.of_term(self.term)

    @cached_property
    def pupils(self) -> list[Pupil]:
        named = (*(each.codes for each in self.elements), *(row["codes"] for row in self.layout.assessments))
        longest = max((len(self.pack.code_sets[name].codes) for name in named if name), default=3)
        count = longest + 1 + (_LEFT if self.layout.left_record else 0)
        return pupils(Random(7), self.school, count, years=("2",), today=self.day, narrow=True)

    def table(self) -> bytes:
        text = io.StringIO(newline="")
        out = csv.writer(text)
        out.writerow(each.name for each in self.elements)
        for number, pupil in enumerate(self.pupils):
            out.writerow(self._value(each, pupil, number) for each in self.elements)
        return text.getvalue().encode()

    def document(self) -> bytes:
        root = etree.Element(self.layout.root)
        of, own = self.school, (each for each in self.pack.versions if each.format == self.layout.format)
        version = next(own, None)
        said = {
            "term": _TERMS.get(self.term or "", ""), "year": self.day.year, "day": self.day, "la": of.la,
            "estab": of.establishment, "urn": of.urn, "school": of.name, "first_year": self.pack.first.year,
            "made": f"{self.day}T09:00:00", "version": self.version or (version.present if version else ""),
        }  # fmt: skip
        for path, text in self.layout.header.items():
            _put(root, path, text.format(**said))
        on_roll = len(self.pupils) - (_LEFT if self.layout.left_record else 0)
        for number, pupil in enumerate(self.pupils):
            if number >= on_roll:
                left = (each for each in self.elements if each.left)
                self._record(root, self.layout.left_record, left, pupil, number)
                continue
            inside = (each for each in self.elements if each.must or number < on_roll - 1)
            record = self._record(root, self.layout.record, inside, pupil, number)
            for row in self.layout.assessments:
                stage = _around(record, "StageAssessments/KeyStage")
                if stage.find("Stage") is None:
                    drawing.leaf(stage, "Stage", row["Stage"])
                codes = self.pack.code_sets[row["codes"]].codes
                drawing.branch(
                    stage, _ASSESSMENT, Locale="ENG", Year=self.pack.first.year, Subject=row["Subject"],
                    Method=row["Method"], Component=row["Component"], ResultStatus="R",
                    ResultQualifier=row["ResultQualifier"],
                    Result=codes[number % len(codes)], ResultDate=self.pack.first - timedelta(days=60),
                )  # fmt: skip
        return bytes(etree.tostring(root, encoding="utf-8", xml_declaration=True))

    def _record(
        self, root: drawing.Element, path: str, inside: Iterator[Element], pupil: Pupil, number: int
    ) -> drawing.Element:
        around, _, name = path.rpartition("/")
        record = etree.SubElement(_around(root, around), name)
        for each in inside:
            if _ASSESSMENT not in each.name and each.holds != "result":
                _put(record, each.name, self._value(each, pupil, number))
        return record

    def _value(self, element: Element, pupil: Pupil, number: int) -> str:
        name = element.name.rpartition("/")[2]
        plain = name.rpartition("_")[2].casefold()
        if element.codes:
            codes = self.pack.code_sets[element.codes].codes
            codes = self.years if self.years and element.codes == "year-group" else codes
            return codes[number % len(codes)]
        if element.holds in {"upn", "uln", "uci"}:
            return str(getattr(pupil, element.holds))
        if plain in _OF_PUPIL:
            return str(getattr(pupil, _OF_PUPIL[plain]))
        if element.holds == "date":
            return (self.pack.first - timedelta(days=60 - number)).isoformat()
        names = name, name.partition("_")[2], plain
        known = (_BY_NAME[each.casefold()] for each in names if each.casefold() in _BY_NAME)
        return next(known, _PLAIN.get(element.holds, ""))


def _around(node: drawing.Element, path: str) -> drawing.Element:
    """Return the element at a path below a node, made if missing."""
    for name in filter(None, path.split("/")):
        found = node.find(name)
        node = etree.SubElement(node, name) if found is None else found
    return node


def _put(node: drawing.Element, path: str, text: str) -> None:
    around, _, name = path.rpartition("/")
    drawing.leaf(_around(node, around), name, text)
