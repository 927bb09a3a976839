"""Options that name a child: by UPN, or by name and date of birth. What is typed is never shown again."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

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


def asked(upn: str | None, surname: str | None, forename: str | None, born: datetime | None) -> Asked:
    """The child that the options name."""
    from gateway.record.children import Asked as Named  # noqa: PLC0415 - loads what opens

    if upn == "-":
        upn = typer.prompt("UPN", hide_input=True)
    return Named(upn=upn, surname=surname, forename=forename, born=born.date() if born else None)
