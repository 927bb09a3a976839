"""agreement: who has ratified it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import typer

from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    fails_clearly,
    now,
    out,
    registry,
    show,
    who,
)
from gateway.home import Home
from gateway.policy.catalogue import load_catalogue
from gateway.policy.dates import academic_year
from gateway.processing.service import open_registrar
from gateway.registry import agreements, log, providers
from gateway.registry.log import Entry

app = typer.Typer(no_args_is_help=True, help="The yearly data sharing agreement.")


@app.command()
@fails_clearly
def ratify(
    identifier: Annotated[str, typer.Argument(metavar="ID")],
    signatory: Annotated[str, typer.Option(help="Who signed for the provider.")],
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day it was signed; today if not given.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Record that a provider has ratified the agreement (1.4); files that waited for it are released."""
    at = now()
    with open_registrar(Home(home), now) as registrar:
        day = on.date() if on else at.date()
        year = academic_year(day, registrar.catalogue.agreement.year.starts)
        with registrar.registry.write() as session:
            agreements.ratify(
                session, identifier, year, signatory=signatory, on=day, at=at, by=who()
            )  # fmt: skip
            entry = Entry(kind="ratified", subject=identifier, fields={"academic_year": year}, actor=who())
            log.append(session, [entry], at)
            log.sign_head(session, registrar.signing.log_key, registrar.signing.origin, at)
        released = registrar.reconsider()
    out.print(f"{identifier} has ratified the agreement for {year}")
    if released:
        out.print(f"{released} held files were decided again")


@app.command()
@fails_clearly
def status(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Who has ratified this year's agreement, and who has not."""
    year = academic_year(date.today(), load_catalogue(Home(home).policies).agreement.year.starts)  # noqa: DTZ011
    with registry(home) as opened, opened.read() as session:
        signed = {r.provider: r for r in agreements.ratifications(session) if r.academic_year == year}
        rows = [
            {
                "provider": provider.id,
                "name": provider.name,
                "academic_year": year,
                "ratified": provider.ratified,
                "ratified_on": str(signed[provider.id].ratified_on) if provider.id in signed else None,
                "signatory": signed[provider.id].signatory if provider.id in signed else None,
            }
            for provider in providers.list_providers(session, year)
        ]
    columns = ("provider", "name", "academic_year", "ratified", "ratified_on", "signatory")
    show(rows, columns, as_json=as_json, empty="no provider is enrolled")


@app.command()
@fails_clearly
def text(home: HomeOption = DEFAULT_HOME) -> None:
    """Print the text of the agreement, as providers find it in /agreement."""
    typer.echo(load_catalogue(Home(home).policies).agreement_text, nl=False)
