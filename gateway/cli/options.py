"""Options shared by several commands, with the checks of their values."""

from typing import Annotated, TypeVar

import typer

from gateway.acts.act import as_reference
from gateway.model import GatewayKeyKind

GatewayKeyOption = Annotated[
    GatewayKeyKind,
    typer.Option(
        "--key", help="What the key is made of; rsa4096 for senders whose program knows no Curve25519."
    ),
]
Given = TypeVar("Given", str, None)


def one_line(given: Given) -> Given:
    """Return text to be recorded, checked to be one printable line. BadParameter otherwise."""
    if given is None:
        return given
    if not given.strip():
        raise typer.BadParameter("it goes on record, so it cannot be empty")
    if not given.isprintable():
        raise typer.BadParameter("it goes on record: one line, no control characters")
    return given.strip()


def reason(given: str) -> str:
    """Return a reason to be recorded with the person's name. BadParameter for an empty one."""
    if not given.strip():
        raise typer.BadParameter("it needs a reason, which goes on record")
    return one_line(given)


def reason_if_given(given: str | None) -> str | None:
    """Return an optional reason. BadParameter where given and empty."""
    return None if given is None else reason(given)


def as_reference_if_given(given: Given) -> Given:
    """Return a reference as spelled on record, or None."""
    return given if given is None else as_reference(given)


ReferenceArgument = Annotated[str, typer.Argument(metavar="REF", callback=as_reference_if_given)]
LimitOption = Annotated[
    int | None, typer.Option(min=0, help="So many at most; 0: all. If not given, 50; JSON and CSV: all.")
]


WhyOption = Annotated[
    str, typer.Option(callback=reason, help="Why: for the record, without any pupil's data.")
]
WhyGivenOption = Annotated[
    str | None,
    typer.Option("--why", callback=reason_if_given, help="Why: for the record, without personal data."),
]
