"""A layout is one kind of file of one data type, before presentation as bytes; layouts.toml has them all."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath
from typing import Any, Literal

from gateway.samples import attendance, cells, census, ctf, exams, exclusions
from gateway.samples.drawing import Cohort, Document
from gateway.samples.faults import RECORD_FAULTS, CodeField, MissingItem
from gateway.samples.people import Phase
from gateway.samples.presentation import Form

PRIMARY = ("R", "1", "2", "3", "4", "5", "6")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One kind of file.

    `name` is a template with the fields of `name_fields`. `years` are the year groups of the pupils. `faults`
    are those that can be planted and counted; `code` is the field for an unknown code, `missing` the item
    left empty. `records` is "pupil" for one record a pupil, "row" for several. `main` layouts are written in
    every presentation, the others plainly.
    """

    data_type: str
    variant: str
    name: str
    draw: Callable[[Cohort], Document]
    years: Sequence[str] = PRIMARY
    faults: Sequence[str] = RECORD_FAULTS
    code: CodeField = "result"
    missing: MissingItem = "surname"
    records: Literal["pupil", "row"] = "pupil"
    main: bool = False

    @property
    def phase(self) -> Phase:
        """The phase of the schools that write such a file."""
        return "primary" if set(self.years) <= set(PRIMARY) else "secondary"

    @property
    def form(self) -> Form:
        """The kind of document drawn, from the suffix of its name."""
        suffix = PurePath(self.name).suffix.lower()
        return "xml" if suffix == ".xml" else "table" if suffix in (".csv", ".dat") else "lines"


def name_fields(cohort: Cohort) -> dict[str, str]:
    """Return the fields allowed in a layout's name: `dfe la estab urn centre yy yyyy`."""
    of = cohort.school
    ends = cohort.year + 1
    return {
        "dfe": of.dfe_number,
        "la": of.la,
        "estab": of.establishment,
        "urn": of.urn,
        "centre": of.centre,
        "yy": f"{ends % 100:02d}",
        "yyyy": str(ends),
    }


_MODULES = {
    "attendance": attendance,
    "cells": cells,
    "census": census,
    "ctf": ctf,
    "exams": exams,
    "exclusions": exclusions,
}


def _drawer(name: str, given: Mapping[str, Any]) -> Callable[[Cohort], Document]:
    """Return the function `name`, MODULE.FUNCTION of this package, with its arguments besides the cohort."""
    module, _, function = name.partition(".")
    return partial(getattr(_MODULES[module], function), **given)


LAYOUTS: tuple[Layout, ...] = tuple(
    Layout(draw=_drawer(each.pop("draw"), each.pop("with", {})), **each)
    for each in cells.data("layouts")["layout"]
)
