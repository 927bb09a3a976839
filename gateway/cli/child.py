"""Options that name a child: by UPN, or by name and date of birth. What is typed is never shown again."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from gateway.cli import dates

if TYPE_CHECKING:
    from gateway.record.children import Asked

UpnOption = Annotated[
    str | None,
    typer.Option("--upn", metavar="UPN", help="The child's UPN; - asks for it, so that no history keeps it."),
]
SurnameOption = Annotated[str | None, typer.Option(help="For a child without a UPN: surname,")]
ForenameOption = Annotated[str | None, typer.Option(help="first forename,")]
BornOption = Annotated[
    datetime | None, typer.Option(parser=dates.day, metavar="DAY", help="and date of birth.")
]


_OPTIONS = {"upn": UpnOption, "surname": SurnameOption, "forename": ForenameOption, "born": BornOption}
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedChild:
    """The child that was named on the command line, or none."""

    upn: str | None = None
    surname: str | None = None
    forename: str | None = None
    born: datetime | None = None

    @property
    def is_named(self) -> bool:
        """Whether anything was said of a child."""
        return any((self.upn, self.surname, self.forename, self.born))

    def asked(self) -> Asked:
        """The child to look for; a UPN of - is asked for."""
        from gateway.record.children import Asked as Named  # noqa: PLC0415 - loads what opens

        upn = typer.prompt("UPN", hide_input=True) if self.upn == "-" else self.upn
        born = self.born.date() if self.born else None
        return Named(upn=upn, surname=self.surname, forename=self.forename, born=born)


def names_child(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command that takes a `child` the options by which a child is named."""

    @wraps(command)
    def with_child(**given: object) -> R:
        named = {name: given.pop(name, None) for name in _OPTIONS}
        return command(child=NamedChild(**named), **given)  # type: ignore[arg-type]

    signature = inspect.signature(command, eval_str=True)
    own = [each for name, each in signature.parameters.items() if name != "child"]
    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=option)
        for name, option in _OPTIONS.items()
    ]
    by_name = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]
    with_child.__signature__ = signature.replace(parameters=[*options, *by_name])  # type: ignore[attr-defined]
    return with_child
