"""Synthetic schools, pupils and files, for the demo, the tests and for trying the gateway out.

Files of every data type in the formats written by schools' systems, the DfE and others. The samples are
independent of the rules recognising files, so as to check them. Every pupil is invented, every UPN carries
the LA number 999, and every file carries `MARKER` in some field of each pupil.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path, PurePath
from pkgutil import resolve_name
from random import Random
from typing import Any, Literal

from gateway.errors import GatewayError, as_fault
from gateway.samples import people
from gateway.samples.drawing import Cohort, Document
from gateway.samples.people import MARKER, Pupil, School, pupils, school
from gateway.samples.presentation import PLAIN, PRESENTATIONS, Form, Presentation, present

__all__ = ["MARKER", "TODAY", "Pupil", "School", "build", "make", "pupils", "school", "variants"]
PRIMARY = ("R", "1", "2", "3", "4", "5", "6")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One kind of file.

    `name`: a template with the fields `dfe la estab urn centre yy yyyy`. `years`: year groups of the pupils.
    `faults`: those that can be planted and counted. `code`: the field in which an unknown code is planted.
    `missing`: the item to leave empty. `records`: "pupil" for one record a pupil, "row" for several. `main`
    layouts are written in every presentation, the others in the default one.
    """

    data_type: str
    variant: str
    name: str
    draw: Callable[[Cohort], Document]
    years: Sequence[str] = PRIMARY
    faults: Sequence[str] = people.RECORD_FAULTS
    code: people.CodeField = "result"
    missing: people.MissingItem = "surname"
    records: Literal["pupil", "row"] = "pupil"
    main: bool = False

    @property
    def phase(self) -> people.Phase:
        """The phase of the schools that write such a file."""
        return "primary" if set(self.years) <= set(PRIMARY) else "secondary"

    @property
    def form(self) -> Form:
        """The kind of document to generate, by the suffix of the file name."""
        suffix = PurePath(self.name).suffix.lower()
        return "xml" if suffix == ".xml" else "table" if suffix in (".csv", ".dat") else "lines"


def _layout(told: dict[str, Any]) -> Layout:
    """Return the layout that an entry of layouts.toml (`told`) describes."""
    draw = resolve_name(f"gateway.samples.{told.pop('draw').replace('.', ':')}")
    return Layout(draw=partial(draw, **told.pop("with", {})), **told)


LAYOUTS: tuple[Layout, ...] = tuple(map(_layout, people.data("layouts")["layout"]))


# Build one sample, or write a folder of all of them.

TODAY = date(2026, 6, 15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A synthetic file, with the true facts to compare with the gateway's findings.

    `data_type`: None for a file outside every flow. `pupils`: the number of distinct pupils. `faults`: the
    number of pupils with each fault. `one_record`: each pupil has a single record, so a count of records is a
    count of pupils.
    """

    path: Path
    data_type: str | None
    variant: str
    encoding: str
    pupils: int | None
    faults: Mapping[str, int] = field(default_factory=dict)
    school: School | None = None
    one_record: bool = True
    content: bytes = b""

    @property
    def name(self) -> str:
        """The name of the file, without the folder."""
        return self.path.name


def variants() -> list[tuple[str, str]]:
    """Return every (data type, variant) known to `make`, in a fixed order."""
    return [(layout.data_type, _variant(layout, way)) for layout, way in _catalogue()]


def make(data_type: str, variant: str, **given: Any) -> bytes:  # noqa: ANN401 - as `build` takes them
    """Make one synthetic file and return the bytes alone. KeyError for a variant not in `variants()`."""
    return build(data_type, variant, **given).content


def build(data_type: str, variant: str, **given: Any) -> Sample:  # noqa: ANN401 - as `build_layout` takes them
    """Make one synthetic file, of a variant listed by `variants`; `given`: arguments of `build_layout`.
    The same arguments, with `rng` in the same state, give the same bytes.
    """
    return build_layout(*_BY_VARIANT[data_type, variant], **given)


def build_layout(
    layout: Layout,
    way: Presentation = PLAIN,
    *,
    rng: Random | None = None,
    school: School | None = None,
    pupils: int = 20,
    errors: bool = False,
    today: date = TODAY,
) -> Sample:
    """Make a file of a layout in any presentation, including those outside `variants()`."""
    rng = rng or Random(0)
    of = school or people.school(rng, 0 if layout.phase == "primary" else 1, phase=layout.phase)
    encoding = "windows-1252" if layout.form == "lines" else way.encoding
    narrow = encoding == "windows-1252"
    children = people.pupils(rng, of, pupils, years=layout.years, today=today, narrow=narrow)
    planted: dict[str, int] = {}
    if errors:
        children, planted = people.plant(
            rng, children, layout.faults, code=layout.code, missing=layout.missing, today=today
        )
    cohort = Cohort(school=of, pupils=tuple(children), today=today, rng=rng)
    ends = cohort.year + 1
    named = layout.name.format(
        dfe=of.dfe_number, la=of.la, estab=of.establishment, urn=of.urn, centre=of.centre,
        yy=f"{ends % 100:02d}", yyyy=ends,
    )  # fmt: skip
    name, content = present(layout.draw(cohort), named, way)
    whole = PurePath(name)  # A folder can hold several presentations of one layout.
    return Sample(
        path=Path(f"{whole.stem}_{way.name}{whole.suffix}" if way.name else name),
        data_type=layout.data_type,
        variant=_variant(layout, way),
        encoding=encoding,
        pupils=pupils,
        faults=planted,
        school=of,
        one_record=layout.records == "pupil",
        content=content,
    )


def write_samples(folder: Path, *, seed: int, pupils: int, errors: bool) -> list[Sample]:
    """Write one file of every variant under `folder`, each into the folder of its data type.
    The same `seed`, `pupils` and `errors` write byte-identical files. `pupils`: their number in each file.
    `errors`: faults are planted. The samples returned have the path, but not the content.
    """
    written = []
    for layout, way in _catalogue():
        rng = Random(f"{seed} {layout.data_type} {_variant(layout, way)}")
        built = build_layout(layout, way, rng=rng, pupils=pupils, errors=errors)
        path = folder / layout.data_type / built.name
        with as_fault(f"{path} cannot be written", GatewayError):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(built.content)
        written.append(replace(built, path=path, content=b""))
    return written


def _variant(layout: Layout, way: Presentation) -> str:
    if way.container == "xlsx":
        return way.name.replace("xlsx", "xlsx" + layout.variant.removeprefix("csv"))
    return f"{layout.variant}-{way.name}" if way.name else layout.variant


def _catalogue() -> list[tuple[Layout, Presentation]]:
    """Return every layout in the default presentation, and main layouts in each suitable one."""
    return [
        (layout, way)
        for layout in LAYOUTS
        for way in PRESENTATIONS
        if way is PLAIN or (layout.main and layout.form in way.suits)
    ]


_BY_VARIANT = {(layout.data_type, _variant(layout, way)): (layout, way) for layout, way in _catalogue()}
