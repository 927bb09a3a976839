"""transfers open: in pieces, for any size."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.console import HomeOption, ReferenceArgument, command_in, out, registrar_of, who
from gateway.cli.options import WhyOption
from gateway.errors import Fault, GatewayError
from gateway.examiner.parent import Examiner
from gateway.examiner.protocol import Reopen
from gateway.model import Transfer, counted
from gateway.record.dual_control import name_of
from gateway.registry import log, markers, persons, transfers
from gateway.registry.log import Entry

if TYPE_CHECKING:
    from gateway.record.registrar import Registrar

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
    with registrar_of(home) as registrar, _opened(registrar, reference, by=who(), why=why) as (whole, size):
        if to is None:
            for piece in _pieces(whole, size):
                typer.echo(piece, nl=False)
            return
        descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(_pieces(whole, size))
    out.print(f"wrote {counted(size, 'byte')} in the clear to {to}: yours to protect")


def _pieces(content: int, size: int) -> Iterator[bytes]:
    for start in range(0, size, _PIECE):
        yield os.pread(content, _PIECE, start)


@contextmanager
def _opened(registrar: Registrar, reference: str, *, by: str, why: str) -> Iterator[tuple[int, int]]:
    """Yield a descriptor of a whole file as sent, and the size, until the block ends.

    Person and reason are recorded before anything is given out. GatewayError where there is nothing to open,
    Fault where opening or recording fails for now.
    """
    with registrar.registry.read() as session:
        transfer = transfers.get(session, reference)
        gone = persons.deleted(session, [reference]).get(reference)
        # GatewayError where a child in the file is marked for other named people. Restriction (Article 18)
        # leaves data protection the use for legal claims, and is no bar here.
        on = markers.on_transfer(session, transfer.sequence)
        if any(marker.kind == "named" and name_of(by) not in marker.people for marker in on):
            raise GatewayError(
                f"only named people may see {transfer.upload.reference}: gateway pupils markers"
            )
    if gone is not None:
        raise GatewayError(f"{reference} was deleted on {gone:%Y-%m-%d} under the retention policy")
    if transfer.content_sha256 is None:
        raise GatewayError(f"{reference} was never opened: there is nothing in it that could be shown")
    content, size = _reopened(registrar, transfer, transfer.content_sha256)
    try:
        now = registrar.clock()
        entry = Entry(
            kind="opened",
            subject=transfer.upload.reference,
            fields={"provider": transfer.upload.provider},
            actor=by,
            content=transfer.content_sha256,
            note=why,
        )
        with registrar.registry.write() as session:
            log.append(session, [entry], now)
            registrar.sign_head(session, now)
        yield content, size
    finally:
        os.close(content)


def _reopened(registrar: Registrar, transfer: Transfer, sha256: str) -> tuple[int, int]:
    examiner = Examiner(registrar.home)
    try:
        return examiner.reopen(Reopen(reference=transfer.upload.reference, sha256=sha256))
    except Fault as fault:
        raise Fault(f"{transfer.upload.reference} cannot be opened now: {fault}") from None
    finally:
        examiner.close()
