"""held: what waits for a person, and what that person decides."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated

import typer

from gateway.cli import dates
from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    counted,
    fails_clearly,
    out,
    registrar_of,
    registry,
    show,
    who,
)
from gateway.cli.few import who_looks
from gateway.cli.identity import sight_here
from gateway.cli.options import LISTED, LimitOption, ReferenceArgument, WhyOption
from gateway.cli.transfers import summary
from gateway.home import Home
from gateway.registry import transfer_lists
from gateway.registry.transfer_lists import TransfersWanted

app = typer.Typer(no_args_is_help=True, help="Files that wait for a person or a date.")


@app.command("list")
@fails_clearly
def list_all(
    home: HomeOption = DEFAULT_HOME, limit: LimitOption = LISTED, as_json: JsonOption = False
) -> None:
    """Every file that is held, and why; of what is sensitive, only those learn who may look at it."""
    with registry(home) as opened, opened.read() as session:
        sight = sight_here(session, home)
        seen = TransfersWanted(state="held", sight=sight)
        rows = [summary(one) for page in transfer_lists.pages(session, seen) for one in page]
        more = transfer_lists.count(session, replace(seen, sight=replace(sight, few=True))) - len(rows)
    columns = ("reference", "provider", "name", "data_type", "reasons", "held_until", "landed_at")
    narrow = ("reference", "reasons", "held_until", "landed_at")
    show(rows, columns, as_json=as_json, empty="nothing is held", narrow=narrow, limit=limit)
    if more and not as_json:
        out.print(f"{counted(more, 'more file')} for {who_looks(Home(home))} alone")


@app.command()
@fails_clearly
def release(
    reference: ReferenceArgument,
    why: WhyOption,
    data_type: Annotated[
        str | None,
        typer.Option("--as", metavar="DATA_TYPE", help="What the file is, where nobody knew."),
    ] = None,
    team: Annotated[
        list[str] | None,
        typer.Option(help="Where it goes; if not given, the teams of its flow that may have it."),
    ] = None,
    on: Annotated[
        datetime | None,
        typer.Option(
            parser=dates.day, metavar="DAY", help="A day of the period that it is about, where it says none."
        ),
    ] = None,
    override: Annotated[
        bool,
        typer.Option("--override", help="Propose to a second person what the agreement speaks against."),
    ] = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Send a held file on, in your name, as far as the agreement allows it.

    A file that is held because of a key cannot be released by whoever enrolled that key. Where several
    people share one account, let each set GATEWAY_ADMIN to their name.
    """
    from gateway.record import releases  # noqa: PLC0415 - loads what decides

    with registrar_of(home) as registrar:
        asked = releases.release(
            registrar,
            reference,
            by=who(),
            why=why,
            data_type=data_type,
            teams=tuple(team or ()),
            override=override,
            about=on.date() if on else None,
        )
    if asked.forbidden:
        out.print(f"{reference} waits for a second person: gateway held confirm {reference} --why …")
    else:
        out.print(f"{reference} is released to {', '.join(asked.teams)}")


@app.command()
@fails_clearly
def confirm(reference: ReferenceArgument, why: WhyOption, home: HomeOption = DEFAULT_HOME) -> None:
    """Allow, as a second person, a release that the agreement speaks against."""
    from gateway.record import releases  # noqa: PLC0415 - loads what decides

    with registrar_of(home) as registrar:
        asked = releases.confirm(registrar, reference, by=who(), why=why)
    out.print(f"{reference} is released to {', '.join(asked.teams)}")


@app.command("return")
@fails_clearly
def return_it(
    reference: ReferenceArgument,
    advice: Annotated[
        str,
        typer.Option(help="What the sender should do instead; the receipt says it; name no child."),
    ],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Send a held file back to its sender, in your name, with advice on the receipt."""
    from gateway.record import releases  # noqa: PLC0415 - loads what decides

    with registrar_of(home) as registrar:
        releases.send_back(registrar, reference, by=who(), advice=advice)
    out.print(f"{reference} is returned")


@app.command()
@fails_clearly
def refuse(reference: ReferenceArgument, why: WhyOption, home: HomeOption = DEFAULT_HOME) -> None:
    """Refuse a held file for good, in your name."""
    from gateway.record import releases  # noqa: PLC0415 - loads what decides

    with registrar_of(home) as registrar:
        releases.refuse(registrar, reference, by=who(), why=why)
    out.print(f"{reference} is refused")
