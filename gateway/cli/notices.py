"""notices: what the authority's data protection officers are told."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    fails_clearly,
    now,
    print_exactly,
    registrar_of,
    registry,
    show,
    who,
)
from gateway.registry import log, recalls
from gateway.registry.log import Entry

app = typer.Typer(no_args_is_help=True, help="Notices to the authority's data protection officers.")
_COLUMNS = ("number", "created_at", "reference", "subject", "read_at", "read_by")


@app.command("list")
@fails_clearly
def list_all(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Every notice, latest first, and who has read it."""
    with registry(home) as opened, opened.read() as session:
        rows = [dataclasses.asdict(one) for one in recalls.notices(session)]
    for row in rows:
        del row["text"]  # It names persons: whoever reads it is on record.
    show(rows, _COLUMNS, as_json=as_json, empty="no notices")


@app.command("show")
@fails_clearly
def show_one(
    number: Annotated[int, typer.Argument(metavar="N", help="The number of the notice.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Print a signed notice. That you have read it is on record."""
    at = now()
    with registrar_of(home) as registrar, registrar.registry.write() as session:
        notice = recalls.read_notice(session, number, by=who(), at=at)
        entry = Entry(kind="notice-read", subject=notice.reference, fields={"number": number}, actor=who())
        log.append(session, [entry], at)
        registrar.sign_head(session, at)
    print_exactly(notice.text)
