"""transfers open: write out a whole original, of any size, piece by piece."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.commands import HomeOption, ReferenceArgument, command_in
from gateway.cli.console import out, registrar_of, who
from gateway.cli.options import WhyOption
from gateway.errors import Fault, GatewayError
from gateway.examiner.parent import Examiner
from gateway.examiner.protocol import Reopen
from gateway.model import counted
from gateway.record.dual_control import name_of
from gateway.registry import log, markers, persons, transfers
from gateway.registry.log import Entry
from gateway.zones.spool import copy_durably

app = typer.Typer()
_PIECE = 1024**2


@command_in(app, "open")
def open_whole(
    home: HomeOption,
    reference: ReferenceArgument,
    why: WhyOption,
    to: Annotated[
        Path | None, "A new file that only you can read; if not given, the content is printed."
    ] = None,
) -> None:
    """Open the whole original for data protection or a legal hold, in your name.

    The output is in the clear.
    """
    if to is None and sys.stdout.isatty():
        raise GatewayError("say where it goes: --to FILE, or into another program")
    if to is not None and to.exists():
        raise GatewayError(f"{to} is there already: it is not overwritten")
    with registrar_of(home) as registrar:
        with registrar.registry.read() as session:
            transfer = transfers.get(session, reference)
            gone = persons.deleted(session, [reference]).get(reference)
            # GatewayError where a child in the file is marked for other named people. Restriction
            # (Article 18) leaves data protection the use for legal claims, and is no bar here.
            on = markers.on_transfer(session, transfer.sequence)
            if any(marker.kind == "named" and name_of(who()) not in marker.people for marker in on):
                raise GatewayError(f"only named people may see {reference}: gateway pupils markers")
        if gone is not None:
            raise GatewayError(f"{reference} was deleted on {gone:%Y-%m-%d} under the retention policy")
        if transfer.content_sha256 is None:
            raise GatewayError(f"{reference} was never opened: there is nothing in it that could be shown")
        with closing(Examiner(registrar.home)) as examiner:
            try:
                whole, size = examiner.reopen(Reopen(reference=reference, sha256=transfer.content_sha256))
            except Fault as fault:
                raise Fault(f"{reference} cannot be opened now: {fault}") from None
        with os.fdopen(whole, "rb") as content:
            entry = Entry(
                kind="opened", subject=reference, fields={"provider": transfer.upload.provider}, actor=who(),
                content=transfer.content_sha256, note=why,
            )  # fmt: skip
            at = registrar.clock()
            with registrar.registry.write() as session:  # On record before anything is given out.
                log.append(session, [entry], at)
                registrar.sign_head(session, at)
            if to is None:
                for start in range(0, size, _PIECE):
                    typer.echo(os.pread(content.fileno(), _PIECE, start), nl=False)
                return
            copy_durably(content.fileno(), to, mode=0o600)  # No half of it stays where a disk is full.
    out.print(f"wrote {counted(size, 'byte')} in the clear to {to}: yours to protect")
