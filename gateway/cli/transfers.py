"""transfers open: in pieces, for any size."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    ReferenceArgument,
    command_in,
    out,
    registrar_of,
    who,
)
from gateway.cli.options import WhyOption
from gateway.errors import GatewayError
from gateway.model import counted
from gateway.record.delivered import opened_whole

if TYPE_CHECKING:
    from gateway.record.delivered import Whole

app = typer.Typer()
_PIECE = 1024**2


@command_in(app, "open")
def open_whole(
    reference: ReferenceArgument,
    why: WhyOption,
    to: Annotated[
        Path | None,
        typer.Option(help="A new file that only you can read; if not given, the content is printed."),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Open the whole original for data protection or a legal hold, in your name.

    The output is in the clear.
    """
    if to is None and sys.stdout.isatty():
        raise GatewayError("say where it goes: --to FILE, or into another program")
    if to is not None and to.exists():
        raise GatewayError(f"{to} is there already: it is not overwritten")
    with registrar_of(home) as registrar, opened_whole(registrar, reference, by=who(), why=why) as whole:
        if to is None:
            for piece in _pieces(whole):
                typer.echo(piece, nl=False)
            return
        descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(_pieces(whole))
    out.print(f"wrote {counted(whole.size, 'byte')} in the clear to {to}: yours to protect")


def _pieces(whole: Whole) -> Iterator[bytes]:
    for start in range(0, whole.size, _PIECE):
        yield os.pread(whole.content, _PIECE, start)
