"""transfers list and open: in pages and pieces, for any number and size."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from sqlmodel import Session

from gateway.acts.transfers import summary
from gateway.cli import dates
from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    counted,
    fails_clearly,
    local_times,
    out,
    print_json_list,
    print_table,
    registrar_of,
    registry,
    tell_rest,
    who,
)
from gateway.cli.derived import commands_of
from gateway.cli.options import LISTED, FromOption, ReferenceArgument, ToOption, WhyOption
from gateway.errors import GatewayError
from gateway.home import Home
from gateway.model import Transfer
from gateway.registry import providers, transfer_lists
from gateway.registry.transfer_lists import TransfersWanted

if TYPE_CHECKING:
    from gateway.record.openings import Whole

app = commands_of("transfers", "What landed and what became of it.", "gateway.acts.transfers")
COLUMNS = ("reference", "provider", "name", "state", "data_type", "reasons", "landed_at")
_NARROW = ("reference", "state", "reasons", "landed_at")

_PIECE = 1024**2


class TransferState(StrEnum):
    """The states of a transfer."""

    LANDED = "landed"
    ACCEPTED = "accepted"
    HELD = "held"
    REFUSED = "refused"


@app.command("list")
@fails_clearly
def list_all(
    home: HomeOption = DEFAULT_HOME,
    state: Annotated[TransferState | None, typer.Option(help="Only those in this state.")] = None,
    provider: Annotated[str | None, typer.Option(help="Only this provider's.")] = None,
    data_type: Annotated[str | None, typer.Option(help="Only files that are this.")] = None,
    team: Annotated[str | None, typer.Option(help="Only what goes to this team.")] = None,
    code: Annotated[
        str | None, typer.Option("--why", help="Only with this reason: policy:embargo, or policy for any.")
    ] = None,
    first: FromOption = None,
    last: ToOption = None,
    limit: Annotated[
        int | None, typer.Option(min=0, help="The latest so many; 0: all. 50 if not given, JSON: all.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the latest transfers, in the order of landing."""
    wanted = TransfersWanted(
        state=state,
        provider=provider,
        data_type=data_type,
        team=team,
        code=code,
        since=None if first is None else dates.beginning_of(first, Home(home).policies_in_force),
        until=None if last is None else dates.end_of(last, Home(home).policies_in_force),
    )
    most = (0 if as_json else LISTED) if limit is None else limit
    with registry(home) as opened, opened.read() as session:
        if provider is not None:
            providers.provider_row(session, provider)
        if as_json:
            print_json_list(summary(one) for page in _pages(session, wanted, most) for one in page)
            return
        _print(session, wanted, most)


def _pages(session: Session, wanted: TransfersWanted, most: int) -> Iterator[list[Transfer]]:
    if most:
        yield transfer_lists.latest(session, wanted, most)
    else:
        yield from transfer_lists.pages(session, wanted)


def _print(session: Session, wanted: TransfersWanted, most: int) -> None:
    """Print transfers in pages, so that any number can be listed."""
    shown = 0
    for page in _pages(session, wanted, most):
        if page:
            rows = [summary(one) for one in page]
            print_table(rows, COLUMNS, _NARROW, headed=not shown)
        shown += len(page)
    if not shown:
        out.print("no transfers")
        return
    out.print(f"\n{local_times()}", highlight=False)
    tell_rest(shown, transfer_lists.count(session, wanted) if most else shown)


@app.command("open")
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
    """Open the whole original for data protection or a legal hold, in your name.

    The output is in the clear.
    """
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
