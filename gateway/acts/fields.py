"""Describe the fields of acts for every door: the type of a value, the choices, one value or several."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Annotated, Any, Literal, get_args, get_origin

from gateway import acts
from gateway.acts.act import Act, Area, GivenFile, Names, given_to_option

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
