"""What the law asks for in an academic year, as data with a first and a last day: law-YYYY-YY.toml.

A pack stands beside an agreement's policies and apart from them: the agreement says who gets what, the pack
what a return holds, in which codes and versions, and when. A file is judged by the pack of the period that
it is about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.errors import ConfigurationError
from gateway.home.settings import read_toml

PACKS = "law-*.toml"
"""The names of packs in a folder of policies."""

Name = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Holds = Literal["upn", "uln", "uci", "name", "date", "flag", "number", "word", "result", "nothing"]
Action = Literal["notice", "hold"]
SchoolTerm = Literal["autumn", "spring", "summer"]


class LawTable(BaseModel):
    """A table of a pack: unknown keys are faults."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Element(LawTable):
    """One element of a record, by its path, or one heading of a table.

    `holds` is what kind of value stands in it, `codes` the code set that it is of. Every record `must` have
    it, or may. `terms`: only the returns of these have it; `left`: records of pupils who have left have it,
    too. `since`: the version of the format that was the first to have it, where that was read. `unsure`: the
    name was not read in a published layout.
    """

    name: str
    holds: Holds = "word"
    codes: Name | None = None
    must: bool = False
    terms: tuple[SchoolTerm, ...] = ()
    left: bool = False
    since: str = Field(default="", pattern=r"^(\d+\.\d)?$")
    unsure: bool = False


class ReturnLayout(LawTable):
    """What a return or a file holds: `record` names its records by their path, `elements` what stands in
    each.

    `header` gives the elements before the records, by path, and what stands in them; of a table there are
    none. `read` says where that was read. `assessments` are those of a record that holds results: what each
    element of one says, and under `codes` the code set of its result.
    """

    data_type: Name
    format: Literal["CTF XML", "DfE Message XML", "CSV"]
    read: str
    terms: tuple[SchoolTerm, ...] = ()
    root: str = ""
    header: dict[str, str] = {}
    record: str = ""
    left_record: str = ""
    elements: tuple[Element, ...] = Field(min_length=1)
    assessments: tuple[dict[str, str], ...] = ()

    def of_term(self, term: str | None) -> tuple[Element, ...]:
        """Return the elements that the return of a term has; all where no term is said."""
        return tuple(each for each in self.elements if not each.terms or term is None or term in each.terms)

    def of_version(self, version: str) -> ReturnLayout:
        """Return the layout as a version of its format has it, such as 18.0."""
        had = tuple(each for each in self.elements if not each.since or float(each.since) <= float(version))
        return self.model_copy(update={"elements": had})


class CodeSet(LawTable):
    """The codes that may stand in an element, the number of the set in the CBDS, and where it was read."""

    codes: tuple[str, ...] = Field(min_length=1)
    cbds: str = ""
    read: str = ""


class Versions(LawTable):
    """The versions of a format that are in use: the present one and the one before.

    `old` is what becomes of a file of a version older than the one before, `unknown` of one that is not
    known.
    """

    format: Literal["CTF XML"]
    present: str
    previous: str
    old: Action = "notice"
    unknown: Action = "hold"


class Lawful(LawTable):
    """Items that files of a data type may hold in the period of this pack, and in no other that does not
    say so.
    """

    data_type: Name
    items: tuple[str, ...] = Field(min_length=1)
    law: str


class Reference(LawTable):
    """A document that the agreement cites under the name of its day, and its edition of the period."""

    cited: str
    today: str


class Coming(LawTable):
    """What a return of the period asks for that the one before did not: told to schools from the first day
    on.
    """

    data_type: Name
    term: SchoolTerm | None = None
    says: str


class LawDays(LawTable):
    """Days of the period that win over the rules of the calendar."""

    census: dict[SchoolTerm, date] = {}
    results: dict[Name, date] = {}


class LawPack(LawTable):
    """law-YYYY-YY.toml. What it does not say itself is as in the pack that it `extends`.

    `awaited` items are named by a law that is not in force: files may hold them from the first day of the
    pack that has them under `lawful`.
    """

    academic_year: str = Field(pattern=r"^\d{4}-\d{2}$")
    first: date
    last: date
    extends: str | None = None
    layouts: dict[Name, ReturnLayout] = {}
    more: dict[Name, tuple[Element, ...]] = {}
    ended: dict[Name, tuple[str, ...]] = {}
    code_sets: dict[Name, CodeSet] = {}
    versions: tuple[Versions, ...] = ()
    lawful: tuple[Lawful, ...] = ()
    awaited: tuple[Lawful, ...] = ()
    dates: LawDays = LawDays()
    optional: tuple[Name, ...] = ()
    references: tuple[Reference, ...] = ()
    coming: tuple[Coming, ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> LawPack:
        if self.first > self.last:
            raise ValueError("the pack ends before it begins")
        return self

    def on(self, base: LawPack) -> LawPack:
        """Return the pack with what it does not say itself taken from the one that it extends."""
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
            "versions": self.versions or base.versions,
            "lawful": (*base.lawful, *self.lawful),
            "awaited": (*base.awaited, *self.awaited),
            "optional": tuple(dict.fromkeys((*base.optional, *self.optional))),
            "references": self.references or base.references,
            "more": {},
            "ended": {},
        }
        return self.model_copy(update=merged)

    def version(self, form: str) -> Versions | None:
        """Return what is said of the versions of a format."""
        return next((each for each in self.versions if each.format == form), None)

    def asks_for(self, data_type: str) -> frozenset[str]:
        """Return the items that files of a data type may hold because of the law of this period."""
        return frozenset(item for each in self.lawful if each.data_type == data_type for item in each.items)

    def layout_for(self, data_type: str, form: str, term: str | None) -> ReturnLayout | None:
        """Return the layout of files of a data type, format and term."""
        return next(
            (
                each
                for each in self.layouts.values()
                if (each.data_type, each.format) == (data_type, form)
                and (not each.terms or term is None or term in each.terms)
            ),
            None,
        )


def whole(packs: Iterable[LawPack]) -> tuple[LawPack, ...]:
    """Return packs in the order of their first days, each with what it extends. ConfigurationError names a
    gap.
    """
    found: dict[str, LawPack] = {}
    for pack in sorted(packs, key=lambda each: each.first):
        base = found.get(pack.extends or "")
        if pack.extends and base is None:
            raise ConfigurationError(
                f"law-{pack.academic_year}.toml: there is no pack {pack.extends} before it"
            )
        missing = sorted({*pack.more, *pack.ended} - {*pack.layouts, *(base.layouts if base else ())})
        if missing:
            raise ConfigurationError(f"law-{pack.academic_year}.toml: there is no layout {missing[0]}")
        found[pack.academic_year] = pack.on(base) if base else pack
    return tuple(found.values())


def load_packs(policies: Path) -> tuple[LawPack, ...]:
    """Return the packs in a folder of policies. ConfigurationError names the file, the key and the fault."""
    return whole(read_toml(path, LawPack) for path in sorted(policies.glob(PACKS)))


def pack_on(packs: tuple[LawPack, ...], day: date | None) -> LawPack | None:
    """Return the pack of a day: the last that has begun by then, else the first; none where there are none.

    The days after the last pack are judged by that one until another follows.
    """
    begun = [pack for pack in packs if day is None or pack.first <= day]
    return begun[-1] if begun else next(iter(packs), None)


def codes_of(
    packs: tuple[LawPack, ...], pack: LawPack, known: Mapping[str, Iterable[str]]
) -> dict[str, tuple[str, ...]]:
    """Return code lists with the codes that a pack knows, and without those that only others do.

    What no pack speaks of, such as words that systems write beside codes, stays.
    """
    dated: dict[str, set[str]] = {}
    for each in packs:
        for name, codes in each.code_sets.items():
            dated.setdefault(name, set()).update(codes.codes)
    found = {}
    for name in {*known, *pack.code_sets}:
        own = pack.code_sets[name].codes if name in pack.code_sets else ()
        rest = (code for code in known.get(name, ()) if code not in dated.get(name, ()))
        found[name] = tuple(dict.fromkeys((*own, *rest)))
    return found
