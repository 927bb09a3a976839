"""Read law packs: the legal requirements of an academic year as data, in files law-YYYY-YY.toml.

The policies of an agreement say who receives a return. A law pack says what a return contains: data items,
codes, versions of formats, and days. A file is judged by the pack of the year that its contents are about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from gateway.errors import ConfigurationError
from gateway.home.settings import read_toml
from gateway.home.settings_file import File

PACKS = "law-*.toml"
"""Pattern of the names of packs in a folder of policies."""

Name = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Holds = Literal["upn", "uln", "uci", "name", "date", "flag", "number", "word", "result", "nothing"]
Action = Literal["notice", "hold"]
SchoolTerm = Literal["autumn", "spring", "summer"]


class Element(File):
    """One element of a record, or one column of a table. `name`: the element's path, or the column's heading.

    - `holds`: the kind of value. `codes`: the name of the code set of the value.
    - `must`: True if every record has the element. `terms`: the terms whose returns have it; () for all.
    - `left`: True if records of pupils who have left have the element as well.
    - `since`: the first version of the format with the element, "" if unknown.
    - `unsure`: True if the name was found in no published layout.
    """

    name: str
    holds: Holds = "word"
    codes: Name | None = None
    must: bool = False
    terms: tuple[SchoolTerm, ...] = ()
    left: bool = False
    since: str = Field(default="", pattern=r"^(\d+\.\d)?$")
    unsure: bool = False


class ReturnLayout(File):
    """The layout of the files of a data type in one format.

    - `record`: the path of the records, `left_record` that of records of pupils who have left. `elements`:
      the fields of a record.
    - `root`: the name of the outermost element. `header`: values by path of the elements before the records.
    - `terms`: the terms with this layout; () for all. `read`: the source of the layout.
    - `assessments`: for each assessment with results, the values of its elements by name, and under "codes"
      the code set of its result.
    """

    data_type: Name
    format: Literal["CTF XML", "DfE Message XML", "CSV"]
    read: str
    terms: tuple[SchoolTerm, ...] = ()
    root: str = ""
    header: dict[str, str] = Field(default={})
    record: str = ""
    left_record: str = ""
    elements: tuple[Element, ...] = Field(min_length=1)
    assessments: tuple[dict[str, str], ...] = ()

    def of_term(self, term: str | None) -> tuple[Element, ...]:
        """Return the elements in the return of a term; if `term` is None, the elements of all terms."""
        return tuple(each for each in self.elements if not each.terms or term is None or term in each.terms)


class CodeSet(File):
    """The codes allowed in an element. `cbds`: the set's number in the DfE's CBDS. `read`: the source."""

    codes: tuple[str, ...] = Field(min_length=1)
    cbds: str = ""
    read: str = ""


class Versions(File):
    """The versions of a format in use; the action for files of earlier (`old`) or later ones (`unknown`)."""

    format: Literal["CTF XML"]
    present: str = Field(pattern=r"^\d+\.\d$")
    previous: str = Field(pattern=r"^\d+\.\d$")
    old: Action = "notice"
    unknown: Action = "hold"


class Lawful(File):
    """Data items that a `law` allows in files of a data type, if their contents are of the pack's year."""

    data_type: Name
    items: tuple[str, ...] = Field(min_length=1)
    law: str


class Reference(File):
    """A document `cited` by the agreement, and the edition valid in the pack's year (`today`)."""

    cited: str
    today: str


class NewRequirement(File):
    """A new requirement of a return, in words, of which schools are told from the first day of the pack."""

    data_type: Name
    term: SchoolTerm | None = None
    says: str


class LawDays(File):
    """Census days by term and results days by data type, which override the rules of the calendar."""

    census: dict[SchoolTerm, date] = Field(default={})
    results: dict[Name, date] = Field(default={})


class LawPack(File):
    """A law-YYYY-YY.toml file, valid from `first` to `last`.

    - `extends`: the year of an earlier pack, which supplies the parts missing here. `more` and `ended` change
      the earlier pack's layouts, by name: elements to add, and the names of elements to remove.
    - `withdrawn`: by code list, the codes that are no longer in use. Files of any year may have them.
    - `lawful`: items that a law allows. `awaited`: items that a coming law will allow, from the first day of
      a pack that lists them under `lawful`.
    - `optional`: data types of optional returns. `coming`: new requirements.
    """

    academic_year: str = Field(pattern=r"^\d{4}-\d{2}$")
    first: date
    last: date
    extends: str | None = None
    layouts: dict[Name, ReturnLayout] = Field(default={})
    more: dict[Name, tuple[Element, ...]] = Field(default={})
    ended: dict[Name, tuple[str, ...]] = Field(default={})
    code_sets: dict[Name, CodeSet] = Field(default={})
    withdrawn: dict[Name, tuple[str, ...]] = Field(default={})
    versions: tuple[Versions, ...] = ()
    lawful: tuple[Lawful, ...] = ()
    awaited: tuple[Lawful, ...] = ()
    dates: LawDays = LawDays()
    optional: tuple[Name, ...] = ()
    references: tuple[Reference, ...] = ()
    coming: tuple[NewRequirement, ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> LawPack:
        if self.first > self.last:
            raise ValueError("the pack ends before it begins")
        return self

    def on(self, base: LawPack) -> LawPack:
        """Return the pack with the missing parts taken from `base`, the pack that it extends."""
        layouts = {**base.layouts, **self.layouts}
        for name, gone in self.ended.items():
            kept = tuple(each for each in layouts[name].elements if each.name not in gone)
            layouts[name] = layouts[name].model_copy(update={"elements": kept})
        for name, more in self.more.items():
            elements = (*layouts[name].elements, *more)
            layouts[name] = layouts[name].model_copy(update={"elements": elements})
        merged: dict[str, object] = {
            "layouts": layouts,
            "code_sets": {**base.code_sets, **self.code_sets},
            "withdrawn": {**base.withdrawn, **self.withdrawn},
            "versions": self.versions or base.versions,
            "lawful": (*base.lawful, *self.lawful),
            "awaited": (*base.awaited, *self.awaited),
            "optional": tuple(dict.fromkeys((*base.optional, *self.optional))),
            "references": self.references or base.references,
            "more": {},
            "ended": {},
        }
        return self.model_copy(update=merged)

    def asks_for(self, data_type: str) -> frozenset[str]:
        """Return the data items that the law allows in files of a data type about the pack's year."""
        return frozenset(item for each in self.lawful if each.data_type == data_type for item in each.items)

    def layout_for(self, data_type: str, form: str, term: str | None) -> ReturnLayout | None:
        """Return the layout for a data type, format (`form`) and term; None if the pack has none."""
        of_type = (one for one in self.layouts.values() if (one.data_type, one.format) == (data_type, form))
        return next((one for one in of_type if not one.terms or term is None or term in one.terms), None)


def whole(packs: Iterable[LawPack]) -> tuple[LawPack, ...]:
    """Return the law packs in order of first day, each completed with the parts of the pack that it extends.

    ConfigurationError for a missing pack, layout or element.
    """
    found: dict[str, LawPack] = {}
    for pack in sorted(packs, key=lambda each: each.first):
        base = found.get(pack.extends or "")
        file = f"law-{pack.academic_year}.toml"
        if pack.extends and base is None:
            raise ConfigurationError(f"{file}: there is no pack {pack.extends} before it")
        layouts = {**(base.layouts if base else {}), **pack.layouts}
        if missing := sorted({*pack.more, *pack.ended} - layouts.keys()):
            raise ConfigurationError(f"{file}: there is no layout {missing[0]}")
        for name, gone in pack.ended.items():
            if missing := sorted({*gone} - {each.name for each in layouts[name].elements}):
                raise ConfigurationError(f"{file}: the layout {name} has no element {missing[0]} to end")
        found[pack.academic_year] = pack.on(base) if base else pack
    return tuple(found.values())


def load_packs(policies: Path) -> tuple[LawPack, ...]:
    """Return the law packs in a folder of policies by first day, each completed as by `whole`.

    ConfigurationError names the file, the key and the fault.
    """
    return whole(read_toml(path, LawPack) for path in sorted(policies.glob(PACKS)))


def pack_on(packs: tuple[LawPack, ...], day: date | None) -> LawPack | None:
    """Return the pack for a day: the latest one begun by then, or the first pack if none has begun.

    If `day` is None, return the latest of all packs. Return None if there are no packs.
    """
    begun = [pack for pack in packs if day is None or pack.first <= day]
    return begun[-1] if begun else next(iter(packs), None)


def with_codes_of_packs(
    packs: tuple[LawPack, ...], known: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Return the code lists `known` with the codes of all law packs added, for views of any year's files."""
    found = dict(known)
    for name, codes in ((name, codes) for pack in packs for name, codes in pack.code_sets.items()):
        if name in known:
            found[name] = tuple(dict.fromkeys((*found[name], *codes.codes)))
    return found


def codes_of(
    packs: tuple[LawPack, ...], pack: LawPack, known: Mapping[str, Iterable[str]]
) -> dict[str, tuple[str, ...]]:
    """Return the code lists of one year, by name.
    Each list has the codes of `pack`, then the codes of `known` that no pack has, such as words that some
    systems write in place of a code. Withdrawn codes, and those that only packs of other years have, are left
    out.
    """
    dated: dict[str, set[str]] = {name: set(codes) for name, codes in pack.withdrawn.items()}
    for each in packs:
        for name, codes in each.code_sets.items():
            dated.setdefault(name, set()).update(codes.codes)
    found = {}
    for name in {*known, *pack.code_sets}:
        own = pack.code_sets[name].codes if name in pack.code_sets else ()
        rest = (code for code in known.get(name, ()) if code not in dated.get(name, ()))
        found[name] = tuple(dict.fromkeys((*own, *rest)))
    return found
