"""Options shared by several commands, with the checks of their values."""

from typing import Annotated

import typer

from gateway.acts.fields import as_reason
from gateway.model import GatewayKeyKind

GatewayKeyOption = Annotated[
    GatewayKeyKind, "--key", "The kind of key; rsa4096 for senders whose program knows no Curve25519."
]


def reason_if_given(given: str | None) -> str | None:
    """Return a reason on one line, as recorded; None if not given. BadParameter if empty or too long."""
    try:
        return given if given is None else as_reason(given)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


LimitOption = Annotated[
    int | None, typer.Option(min=0, help="The most rows to show; 0: all. By default 50; JSON and CSV: all.")
]


WhyOption = Annotated[
    str, typer.Option(callback=reason_if_given, help="Why: for the record, without any pupil's data.")
]
WhyGivenOption = Annotated[
    str | None,
    typer.Option("--why", callback=reason_if_given, help="Why: for the record, without personal data."),
]
