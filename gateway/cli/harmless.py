"""policy harmless: columns that nobody lists, and that a person found to say nothing of a pupil's life."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer
from sqlmodel import Session

from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    counted,
    fails_clearly,
    now,
    out,
    registrar_of,
    registry,
    show,
    who,
)
from gateway.cli.options import WhyOption, one_line
from gateway.errors import GatewayError
from gateway.log.leaf import Kind
from gateway.policy.unlisted import harmless_name
from gateway.registry import harmless, log, providers
from gateway.registry.harmless import EVERY, Harmless
from gateway.registry.log import Entry

app = typer.Typer(no_args_is_help=True, help="Columns that are listed as harmless; files with them pass.")
ColumnArgument = Annotated[
    str,
    typer.Argument(
        metavar="COLUMN",
        callback=one_line,
        help="Its header, or PARENT/NAME of an element; see transfers show.",
    ),
]
ProviderOption = Annotated[
    str | None, typer.Option(metavar="ID", help="For this provider only; for every one if not given.")
]


@app.command()
@fails_clearly
def add(
    column: ColumnArgument, why: WhyOption, provider: ProviderOption = None, home: HomeOption = DEFAULT_HOME
) -> None:
    """List a column as harmless, in your name. Files that waited for nothing else go on at once.

    Nothing that looks sensitive becomes harmless by this.
    """
    from gateway.record.reconsider import reconsider_unlisted  # noqa: PLC0415 - loads the log's libraries

    name = _name(column)
    with registrar_of(home) as registrar:
        with registrar.registry.write() as session:
            if provider is not None:
                providers.get_provider(session, provider)
            listing = Harmless(
                name=name,
                header=column,
                provider=provider or EVERY,
                listed_at=now(),
                listed_by=who(),
                why=why,
            )
            harmless.add(session, listing)
            _log(session, "column-listed", provider, f"{column}: {why}")
            registrar.sign_head(session, now())
        gone_on = reconsider_unlisted(registrar)
    out.print(f"listed as harmless {_for(provider)}; {counted(gone_on, 'file')} decided anew")


@app.command()
@fails_clearly
def remove(
    column: ColumnArgument, why: WhyOption, provider: ProviderOption = None, home: HomeOption = DEFAULT_HOME
) -> None:
    """Take a column off the list, in your name. What was taken stays taken."""
    with registrar_of(home) as registrar, registrar.registry.write() as session:
        harmless.remove(session, _name(column), provider or EVERY)
        _log(session, "column-unlisted", provider, f"{column}: {why}")
        registrar.sign_head(session, now())
    out.print(f"no longer listed as harmless {_for(provider)}")


@app.command("list")
@fails_clearly
def list_all(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Every column that is listed as harmless, by whom and why."""
    with registry(home) as opened, opened.read() as session:
        rows = [dataclasses.asdict(each) for each in harmless.listed(session)]
    for row in rows:
        row["provider"] = row["provider"] or None
    columns = ("header", "provider", "listed_by", "listed_at", "why")
    show(rows, columns, as_json=as_json, empty="no column is listed as harmless")


def _name(column: str) -> str:
    name = harmless_name(column)
    if not name:
        raise GatewayError("a column without a name cannot be listed: it may hold anything")
    return name


def _for(provider: str | None) -> str:
    return f"for {provider}" if provider else "for every provider"


def _log(session: Session, kind: Kind, provider: str | None, note: str) -> None:
    entry = Entry(kind=kind, subject=provider or "every-provider", actor=who(), note=note)
    log.append(session, [entry], now())
