"""agreement: who has ratified it, until when, and its text."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from typing import Annotated, Any

import typer

from gateway.cli import dates
from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    counted,
    existing,
    fails_clearly,
    now,
    out,
    print_exactly,
    registrar_of,
    registry,
    show,
    who,
)
from gateway.cli.options import LISTED, LimitOption, SignatoryOption
from gateway.model import Provider
from gateway.policy.catalogue import Catalogue, load_catalogue
from gateway.policy.dates import local_day
from gateway.policy.ratification import register, text_wanted, years_in_force
from gateway.record.ratifying import sign_for
from gateway.registry import agreements, providers
from gateway.registry.tables import RatificationRow

app = typer.Typer(no_args_is_help=True, help="The yearly data sharing agreement.")
_COLUMNS = ("provider", "name", "standing", "academic_year", "lapses", "days_left", "warning", "next_year",
            "ratified_on", "signatory")  # fmt: skip


@app.command()
@fails_clearly
def ratify(
    identifier: Annotated[str, typer.Argument(metavar="ID")],
    signatory: SignatoryOption,
    on: Annotated[
        datetime | None,
        typer.Option(parser=dates.day, metavar="DAY", help="The day it was signed; today if not given."),
    ] = None,
    role: Annotated[
        str | None, typer.Option(help="Whose signature it is, where the agreement wants several.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Record that a provider has ratified the agreement; files that waited for it are released."""
    from gateway.record.reconsider import reconsider  # noqa: PLC0415 - loads what decides

    at = now()
    with registrar_of(home) as registrar:
        with registrar.registry.write() as session:
            year, missing = sign_for(
                session, registrar.catalogue, identifier, signatory,
                on=on.date() if on else None, role=role, by=who(), at=at,
            )  # fmt: skip
            registrar.sign_head(session, at)
        released = reconsider(registrar)
    if missing:
        out.print(f"signed for {year}; still to sign: {', '.join(missing)}", soft_wrap=True)
        return
    out.print(f"{identifier} has ratified the agreement for {year}")
    if released:
        out.print(f"{counted(released, 'held file')} {'was' if released == 1 else 'were'} decided again")


@app.command()
@fails_clearly
def status(
    home: HomeOption = DEFAULT_HOME,
    on: Annotated[
        datetime | None,
        typer.Option(parser=dates.day, metavar="DAY", help="How it stands on a day; today if not given."),
    ] = None,
    limit: LimitOption = LISTED,
    as_json: JsonOption = False,
) -> None:
    """Who has ratified the agreement, when that lapses, and who has to be reminded.

    For teams of the local authority only: the agreement keeps this list from other agencies.
    """
    catalogue = load_catalogue(existing(home).policies_in_force)
    day = on.date() if on else local_day(now(), catalogue.calendar.timezone)
    signed: defaultdict[str, dict[str, RatificationRow]] = defaultdict(dict)
    with registry(home) as opened, opened.read() as session:
        for row in agreements.ratifications(session):
            signed[row.provider][row.academic_year] = row
        enrolled = providers.list_providers(session, years_in_force(day, catalogue))
        rows = [
            _standing(provider, signed[provider.id], day, catalogue)
            for provider in enrolled
            if catalogue.bodies.of(provider.kind).ratifies and not provider.is_closed
        ]
    narrow = ("provider", "standing", "lapses", "next_year")
    show(
        rows, _COLUMNS, as_json=as_json, empty="no education provider is enrolled", narrow=narrow, limit=limit
    )


@app.command()
@fails_clearly
def text(home: HomeOption = DEFAULT_HOME) -> None:
    """Print the text of the agreement, as providers find it in /agreement."""
    print_exactly(load_catalogue(existing(home).policies_in_force).agreement_text)


def _standing(
    provider: Provider, signed: dict[str, RatificationRow], day: date, catalogue: Catalogue
) -> dict[str, Any]:
    wanted = text_wanted(catalogue)
    counts = [year for year, row in signed.items() if wanted in {None, row.text_sha256}]
    found = register(counts, day, catalogue)
    latest = signed.get(found.academic_year or "")
    return {
        "provider": provider.id,
        "name": provider.name,
        "standing": found.standing,
        "ratified": provider.ratified,
        "academic_year": found.academic_year,
        "lapses": None if found.lapses is None else found.lapses.isoformat(),
        "days_left": found.days_left,
        "warning": None if found.warning is None else f"{found.warning} days or less",
        "warning_days": found.warning,
        "next_year": found.next_year,
        "ratified_on": None if latest is None else latest.ratified_on.isoformat(),
        "signatory": None if latest is None else latest.signatory,
        "signed_copy": None if latest is None else latest.reference,
    }
