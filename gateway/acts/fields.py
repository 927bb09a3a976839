"""Declare the fields of acts, and describe them for every door: type, choices, one value or several."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Annotated, Any, Literal, TypeAlias, get_args, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, model_validator
from pydantic.fields import FieldInfo

from gateway import acts
from gateway.acts.act import Act, Area
from gateway.home import as_reference
from gateway.home.settings_file import read_at_most
from gateway.zones.http_paths import personal_in

Names: TypeAlias = Literal["school", "person", "team", "kind"]
"""The sorts of things identified by short names in fields; a kind is a data type."""
_FILE_BYTES = 64 * 1024**2  # The largest given file is the public extract of GIAS.
REASON_LENGTH = 400
"""The longest reason, in characters, at every door."""


def given_to_option(field: FieldInfo, what: str) -> Any:  # noqa: ANN401 - as declared
    """Return the value of an argument in the call of `option` that declared a field; None for a field
    declared otherwise. `what`: the argument's name, such as "place".
    """
    told = field.json_schema_extra
    return told.get(what) if isinstance(told, dict) else None


def spelled(name: str) -> str:
    """Return a field's name as an option, such as "--data-type"."""
    return f"--{name.rstrip('_').replace('_', '-')}"


class GivenFile(BaseModel):
    """A file uploaded or pasted. `folder` is the file's folder, for a file on the same machine."""

    model_config = ConfigDict(frozen=True)

    content: bytes
    folder: Path | None = None

    @classmethod
    def read(cls, file: Path) -> GivenFile:
        """Read a file of this machine. GatewayError if unreadable or larger than 64 MiB."""
        return cls(content=read_at_most(file, _FILE_BYTES), folder=file.parent)

    @model_validator(mode="before")
    @classmethod
    def _pasted(cls, given: object) -> object:
        return {"content": given.encode()} if isinstance(given, str) else given


def option(
    about: str,
    default: Any = ...,  # noqa: ANN401 - as pydantic's Field
    *,
    place: bool = False,
    metavar: str = "",
    asked: bool = False,
    personal: bool = False,
    names: Names | None = None,
    also: str = "",
    form: str = "",
    **limits: Any,  # noqa: ANN401 - as above
) -> Any:  # noqa: ANN401 - as above
    """Declare a field of an act, given on the command line as an option such as --team.
    - `about`: the description. `form`: another description for forms, if `about` speaks of the command line.
    - `also`: a second name of the option, for older scripts. `metavar`: the word for the value in the help.
    - `asked`: the command prompts for the value without echo if given as `-`, or if required and left out,
      to keep the value out of histories.
    - `personal`: the console sends the value by POST, never in an address.
    - `names`: the sort of thing that the value identifies, such as "school"; forms offer the known ones.
    - `place`: True if the value is given by position, without --. `limits`: limits of pydantic's Field.
    """
    told: dict[str, JsonValue] = {
        "place": place, "metavar": metavar, "asked": asked, "personal": personal, "names": names,
        "also": also, "form": form,
    }  # fmt: skip
    return Field(default, description=about, json_schema_extra=told, **limits)


argument = partial(option, place=True)
"""Declare a field taken by position on the command line."""


def _one_line(given: str) -> str:
    said = given.strip()
    if not said:
        raise ValueError("it goes on record, so it cannot be empty")
    if not said.isprintable():
        raise ValueError("it goes on record: one line, no control characters")
    return said


def as_reason(given: str) -> str:
    """Return a person's reason in one line. ValueError if empty, too long, or with control characters."""
    said = " ".join(given.split())
    if not said:
        raise ValueError("it needs a reason, which goes on record")
    if len(said) > REASON_LENGTH:
        raise ValueError(f"it goes on record: at most {REASON_LENGTH} characters")
    return _one_line(said)


Reference = Annotated[str, AfterValidator(as_reference)]
"""The reference of a transfer, in any spelling."""
FileReference = Annotated[Reference, argument("The file, as its receipt names it.", metavar="REF")]
"""The field of an act on one file."""
ProviderId = Annotated[str, argument("The provider, by its short name.", metavar="ID", names="school")]
"""The field of an act on one provider."""
OneLine = Annotated[str, AfterValidator(_one_line)]
"""Text to be recorded, on one line."""
Why = Annotated[
    str, AfterValidator(as_reason), Field(description="Why: for the record, without any pupil's data.")
]
"""The reason for an act, recorded with the person's name."""

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?([+-]\d\d:?\d\d|Z)?)?")


def _typed_moment(given: object) -> object:
    if isinstance(given, str) and not _MOMENT.fullmatch(given):
        told = "write a day like 2026-11-24, or a time like 2026-11-24T14:30 (local, or with its zone)"
        raise ValueError(told)
    return given


def _typed_end(given: object) -> object:
    typed = _typed_moment(given)
    if isinstance(typed, str) and len(typed) == len("2026-11-24"):
        with suppress(ValueError, OverflowError):  # Days that do not exist are refused as in other fields.
            return datetime.fromisoformat(typed) + timedelta(days=1)
    return typed


Moment = Annotated[datetime, BeforeValidator(_typed_moment)]
"""A day, as its first moment, or a time; without a zone for local time."""
MomentAfter = Annotated[datetime, BeforeValidator(_typed_end)]
"""The end of a span, as a `Moment`; a day counts in full, up to the first moment of the next day."""


MODULES = tuple(
    f"{acts.__name__}.{found.name}"
    for found in iter_modules(acts.__path__)
    if found.name not in {"act", "fields"}
)
"""Every module with acts: one for each noun."""

_AREAS = {
    noun: area
    for area, nouns in {
        Area.SCHOOLS: "agreement declarations discrepancies flows letters providers",
        Area.FILES: "filters handon headings held legal-holds report retention transfers",
        Area.CHILDREN: "breach notices pupils sensitive",
        Area.PEOPLE: "hooks keys programs roles staff",
        Area.RULES: "hosts mailbox penalties policy",
    }.items()
    for noun in nouns.split()
}
"""The area of the acts on each noun."""
FieldKind = Literal["text", "number", "day", "moment", "yes-no", "choice", "file"]
_KINDS: dict[Any, FieldKind] = {
    int: "number",
    date: "day",
    datetime: "moment",
    bool: "yes-no",
    GivenFile: "file",
}


@dataclass(frozen=True, slots=True)
class ActField:
    """One field of an act, as the doors need it to ask for a value.

    - `about`: the description. `form`: another description for forms, if `about` speaks of the command line.
    - `kind`: the type of one value. `several`: True if the field takes several values.
    - `choices`: the allowed values, or () for any. `longest`: the most characters of a text, if limited.
    - `names`: the sort of thing that the value identifies, such as "school".
    - `personal`: True if the value may not appear in an address.
    """

    name: str
    about: str
    kind: FieldKind
    required: bool
    several: bool
    choices: tuple[str, ...]
    personal: bool
    names: Names | None
    form: str
    longest: int | None


@cache
def every_act() -> Mapping[str, type[Act]]:
    """Return every act by its command, in the order of declaration."""
    return {act.command: act for module in MODULES for act in acts_in(module)}


def kept_from_addresses(act: type[Act]) -> frozenset[str]:
    """Return the names of an act's fields whose values may not stand in a URL, since servers log URLs."""
    return frozenset(one.name for one in fields_of(act) if one.personal)


def personal_given(act: type[Act], given: Mapping[str, object]) -> list[str]:
    """Return the names of given fields with values not fit for a URL, given directly or in a filter."""
    return personal_in(given.items(), kept_from_addresses(act), getattr(act, "personal_columns", ()))


def acts_in(module: str) -> Iterator[type[Act]]:
    """Yield the acts declared in the module with the full name `module`, in the order of declaration."""
    for declared in vars(import_module(module)).values():
        if (
            isinstance(declared, type)
            and issubclass(declared, Act)
            and declared.__module__ == module
            and declared.command
        ):
            yield declared


def fields_of(act: type[Act]) -> tuple[ActField, ...]:
    """Return descriptions of an act's fields, in the order of the act's groups or else of declaration."""
    told = []
    for name in headings_of(act):
        field = act.model_fields[name]
        kind, several = type_of(field.annotation)
        choices = choices_of(kind)
        limits = (most for one in field.metadata if (most := getattr(one, "max_length", None)))
        one = ActField(
            name=name,
            about=field.description or name,
            kind="choice" if choices else _KINDS.get(kind, "text"),
            required=field.is_required(),
            several=several,
            choices=choices,
            personal=bool(given_to_option(field, "personal")),
            names=given_to_option(field, "names"),
            form=given_to_option(field, "form") or "",
            longest=None if several else next(limits, None),
        )
        told.append(one)
    return tuple(told)


def headings_of(act: type[Act]) -> Mapping[str, str]:
    """Return by field the heading of its group, in the order of the groups; "" for an act without groups."""
    headings = {name: group.heading for group in act.field_groups for name in group.fields}
    return headings or dict.fromkeys(act.model_fields, "")


def area_of(act: type[Act]) -> Area:
    """Return the area of an act (the heading in lists of acts), found by the first word of the command."""
    return _AREAS[act.command.partition(" ")[0]]


def answer_of(act: type[Act]) -> str:
    """Return the name of an act's answer type, such as "ActListing"."""
    told: object = act.carry_out.__annotations__["return"]
    return told if isinstance(told, str) else str(getattr(told, "__name__", told))


def type_of(annotation: Any) -> tuple[Any, bool]:  # noqa: ANN401 - a type
    """Return the type of a single value of a field, and True if the field takes several values."""
    if get_origin(annotation) is tuple:
        return type_of(get_args(annotation)[0])[0], True
    parts = [part for part in get_args(annotation) if part is not type(None)]
    if type(None) in get_args(annotation) and len(parts) == 1:
        return type_of(parts[0])
    if get_origin(annotation) is Annotated:
        return type_of(get_args(annotation)[0])
    return annotation, False


def choices_of(kind: Any) -> tuple[str, ...]:  # noqa: ANN401 - a type
    """Return the allowed values of an enumeration or Literal type as texts; () for any other type."""
    if get_origin(kind) is Literal:
        return get_args(kind)
    return tuple(str(one.value) for one in kind) if isinstance(kind, type) and issubclass(kind, Enum) else ()
