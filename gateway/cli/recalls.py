"""transfers withdraw, redeliver, confirm, open: what was passed on comes back or goes again."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.console import DEFAULT_HOME, HomeOption, counted, fails_clearly, out, registrar_of, show, who
from gateway.cli.options import ReferenceArgument, WhyOption
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from gateway.record.openings import Whole
    from gateway.registry.recalls import FileOpening

_PIECE = 1024**2


@fails_clearly
def withdraw(reference: ReferenceArgument, why: WhyOption, home: HomeOption = DEFAULT_HOME) -> None:
    """Take a file out of every mailbox at once, in your name, and see who has opened it.

    Its provider and data protection are told. A second person then withdraws it for good (confirm) or has
    it delivered again (redeliver).
    """
    from gateway.record import withdrawals  # noqa: PLC0415 - loads what decides

    with registrar_of(home) as registrar:
        done = withdrawals.withdraw(registrar, reference, by=who(), why=why)
    out.print(f"{reference} is out of every mailbox; its provider and data protection are told")
    _print_openings(done.openings)
    for provider in done.copies:
        out.print(f"its copy is out of /out of {provider}, which may have fetched it")
    out.print(f"a second person decides: gateway transfers confirm {reference} --why …", soft_wrap=True)


@fails_clearly
def redeliver(
    reference: ReferenceArgument,
    why: WhyOption,
    team: Annotated[
        list[str] | None,
        typer.Option(help="The team that gets it; may be given again. If not given: all that were sent it."),
    ] = None,
    override: Annotated[
        bool,
        typer.Option("--override", help="Propose to a second person what the agreement speaks against."),
    ] = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Put a file into mailboxes again, or into that of a further team, as far as the agreement allows it."""
    from gateway.record import redeliveries  # noqa: PLC0415 - loads what decides

    with registrar_of(home) as registrar:
        done = redeliveries.redeliver(
            registrar, reference, by=who(), why=why, teams=tuple(team or ()), override=override
        )
    if done.forbidden:
        out.print(f"{reference} waits for a second person: gateway transfers confirm {reference} --why …")
    else:
        out.print(f"{reference} is in the mailboxes of {', '.join(done.teams)}")


@fails_clearly
def confirm(reference: ReferenceArgument, why: WhyOption, home: HomeOption = DEFAULT_HOME) -> None:
    """Allow, as a second person, a withdrawal for good, or a delivery that the agreement speaks against."""
    from gateway.record import redeliveries  # noqa: PLC0415 - loads what decides

    with registrar_of(home) as registrar:
        done = redeliveries.confirm(registrar, reference, by=who(), why=why)
    if isinstance(done, redeliveries.Again):
        out.print(f"{reference} is in the mailboxes of {', '.join(done.teams)}")
        return
    out.print(f"{reference} is withdrawn for good; its provider and data protection are told")
    _print_openings(done.openings)


@fails_clearly
def open_whole(
    reference: ReferenceArgument,
    why: WhyOption,
    to: Annotated[
        Path | None,
        typer.Option(help="A new file that only you can read; if not given, the content is printed."),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Open the whole original for data protection or a legal hold, in your name. It comes in the clear."""
    from gateway.record.openings import opened_whole  # noqa: PLC0415 - loads what opens

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
    out.print(f"wrote {counted(whole.size, 'byte')} in the clear to {to}: yours to protect", soft_wrap=True)


def _pieces(whole: Whole) -> Iterator[bytes]:
    for start in range(0, whole.size, _PIECE):
        yield os.pread(whole.content, _PIECE, start)


def _print_openings(openings: Sequence[FileOpening]) -> None:
    rows = [{"at": one.at, "who": one.who, "team": one.team} for one in openings]
    if rows:
        out.print("who had opened it:")
    show(rows, ("at", "who", "team"), as_json=False, empty="nobody had opened it")


def add_to(app: typer.Typer) -> None:
    """Add these commands to the noun `transfers`."""
    app.command()(withdraw)
    app.command()(redeliver)
    app.command()(confirm)
    app.command("open")(open_whole)
