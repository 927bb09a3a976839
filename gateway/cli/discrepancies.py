"""discrepancies: what two rolls say of the same pupil and cannot both be right."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.text import Text

from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    fails_clearly,
    now,
    out,
    plain,
    print_json,
    registrar_of,
    registry,
    rfc3339,
    show,
    who,
)
from gateway.cli.options import LISTED, LimitOption, WhyOption
from gateway.registry import discrepancies, log, providers
from gateway.registry.discrepancies import Known
from gateway.registry.log import Entry

app = typer.Typer(no_args_is_help=True, help="Pupils on two rolls, other dates of birth, old numbers.")
NumberArgument = Annotated[int, typer.Argument(metavar="N", min=1)]
_COLUMNS = ("number", "kind", "state", "providers", "records", "opened_at")


@app.command("list")
@fails_clearly
def list_all(
    home: HomeOption = DEFAULT_HOME,
    provider: Annotated[str | None, typer.Option(metavar="ID", help="Only those of this provider.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Those that have ended too.")] = False,
    limit: LimitOption = LISTED,
    as_json: JsonOption = False,
) -> None:
    """What does not fit and is not settled."""
    with registry(home) as opened, opened.read() as session:
        if provider is not None:
            providers.provider_row(session, provider)
        found = discrepancies.find(session, state=None if every else "open", provider=provider)
    rows = [_row(each) for each in found]
    show(rows, _COLUMNS, as_json=as_json, empty="nothing that does not fit", limit=limit)


@app.command("show")
@fails_clearly
def show_one(number: NumberArgument, home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """One discrepancy: where each record stands, and how it ended."""
    with registry(home) as opened, opened.read() as session:
        row = _row(discrepancies.get(session, number))
    if as_json:
        print_json(row)
        return
    out.print(Text(f"{number}: {row['meaning']} ({row['kind']}, {row['state']})"), soft_wrap=True)
    show(row["parties"], ("provider", "reference", "record"), as_json=False, empty="")
    if row["ended_by"]:
        out.print(Text(plain(f"resolved by {row['ended_by']}: {row['why']}")), soft_wrap=True)
    out.print("To see a record, open the file in the mailbox of a team that may have it.")


@app.command()
@fails_clearly
def resolve(
    number: NumberArgument,
    why: WhyOption,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Say that a discrepancy is dealt with, in your name. It is not raised again while it lasts."""
    at = now()
    with registrar_of(home) as registrar, registrar.registry.write() as session:
        known = discrepancies.resolve(session, number, by=who(), why=why, at=at)
        fields: dict[str, str | int] = {"number": number, "cause": "resolved"}
        entry = Entry(
            kind="discrepancy-resolved", subject="discrepancies", fields=fields, actor=who(), note=why
        )
        log.append(session, [entry], at)
        registrar.sign_head(session, at)
    out.print(f"discrepancy {number} ({known.kind}) is resolved")


def _row(known: Known) -> dict[str, Any]:
    return {
        "number": known.number,
        "kind": known.kind,
        "meaning": discrepancies.MEANINGS[known.kind],
        "state": known.state,
        "providers": list(known.providers),
        "records": [f"{party.reference} record {party.record}" for party in known.parties],
        "parties": [
            {"provider": party.provider, "reference": party.reference, "record": party.record}
            for party in known.parties
        ],
        "opened_at": rfc3339(known.opened_at),
        "ended_at": rfc3339(known.ended_at),
        "ended_by": known.ended_by,
        "why": known.why,
    }
