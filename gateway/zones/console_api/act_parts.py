"""Fields and lists of acts: declared by acts inside, shown by forms and pages outside."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from gateway.zones.console_api.answers import Named

FieldKind = Literal["text", "number", "day", "moment", "yes-no", "choice", "file"]
Names: TypeAlias = Literal["school", "person", "team", "kind"]
"""Objects that the value of a field can name by a short name; a kind is a kind of data."""


@dataclass(frozen=True, slots=True)
class ActField:
    """One field of an act: `kind` is the type of one value, `choices` are the allowed values, if limited.

    `names` is the sort of object the value identifies; `form` describes the field in forms, as `about`
    uses words of the command line. `longest` is the most characters of a text, if limited.

    In a form, `known` are the choices for the object the field `names`. `reveals`: for a choice of this
    field, the further fields needed, with the choices allowed.
    """

    name: str
    about: str
    kind: FieldKind
    required: bool
    several: bool
    choices: tuple[str, ...] = ()
    personal: bool = False
    names: Names | None = None
    form: str = ""
    longest: int | None = None
    known: tuple[Named, ...] = ()
    reveals: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The label of the field: the first words of its description."""
        return re.split(r"[:;.,(]", self.about)[0].strip()


@dataclass(frozen=True, slots=True)
class FieldGroup:
    """Fields of an act under a heading, in the order of every door. Forms fold what is rarely needed."""

    heading: str
    fields: tuple[str, ...]
    help: str = ""
    folded: bool = False


@dataclass(frozen=True, slots=True)
class RowGroup:
    """One group of a list: the common value, in words for people, and the number of rows."""

    value: str
    name: str
    number: int
