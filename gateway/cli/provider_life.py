"""What becomes of a provider: `providers close`, `reopen`, `convert`, `merge` and `remove`."""

from __future__ import annotations

import shutil
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import Session

from gateway.cli import dates, numbers
from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    counted,
    existing,
    fails_clearly,
    now,
    out,
    registry,
    who,
)
from gateway.cli.on_record import record_of_provider, signed_head
from gateway.cli.options import NewNameOption, WhyOption
from gateway.errors import GatewayError
from gateway.home import Home, provider_of
from gateway.policy.catalogue import load_catalogue
from gateway.policy.dates import local_day
from gateway.record.enroller import Enroller
from gateway.registry import providers
from gateway.zones.landed import waiting

ProviderArgument = Annotated[str, typer.Argument(metavar="ID")]
LastDayOption = Annotated[
    datetime | None,
    typer.Option("--on", parser=dates.day, metavar="DAY", help="Its last day; today if not given."),
]


@fails_clearly
def close(
    identifier: ProviderArgument, why: WhyOption, on: LastDayOption = None, home: HomeOption = DEFAULT_HOME
) -> None:
    """Put on record that a provider has closed: it owes nothing, and may still fetch its receipts.

    What it sends after that waits for a person.
    """
    day = _last_day(home, on)
    with registry(home) as opened, opened.write() as session:
        _enroller(session).close(identifier, day, why, today=_today(home))
        signed_head(session, Home(home))
    out.print(f"{identifier} is closed; its last day was {day}")


@fails_clearly
def reopen(identifier: ProviderArgument, why: WhyOption, home: HomeOption = DEFAULT_HOME) -> None:
    """Take a closure back."""
    with registry(home) as opened, opened.write() as session:
        _enroller(session).reopen(identifier, why)
        signed_head(session, Home(home))
    out.print(f"{identifier} is open again")


@fails_clearly
def convert(
    identifier: ProviderArgument,
    kind: Annotated[str, typer.Option(help="What it has become, such as academy.")],
    why: WhyOption,
    name: NewNameOption = None,
    dfe_number: Annotated[str | None, typer.Option(help="Its DfE number, if that is new.")] = None,
    urn: Annotated[str | None, typer.Option(help="Its URN, which is new for an academy.")] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Put on record that a school has become an academy: it keeps its keys, history and receipts."""
    bodies = load_catalogue(existing(home).policies_in_force).bodies
    with registry(home) as opened, opened.write() as session:
        before = providers.get_provider(session, identifier)
        provider = _enroller(session).convert(
            identifier,
            numbers.provider_kind(kind, bodies),
            why,
            may_become=bodies.of(before.kind).becomes,
            name=name,
            dfe_number=numbers.dfe_number(dfe_number),
            urn=numbers.urn(urn),
        )
        signed_head(session, Home(home))
    out.print(f"{identifier} is {provider.kind} now, with its keys, history and receipts")
    if urn is None:
        out.print(f"if it has a new URN: gateway providers set {identifier} --urn NUMBER")


@fails_clearly
def merge(
    former: Annotated[str, typer.Argument(metavar="FROM")],
    into: Annotated[str, typer.Argument(metavar="INTO")],
    why: WhyOption,
    on: LastDayOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Put on record that a provider has become part of another: it closes, and that one follows it."""
    day = _last_day(home, on)
    with registry(home) as opened, opened.write() as session:
        successor = providers.get_provider(session, into)
        if successor.is_closed:
            raise GatewayError(f"{into} has closed: nothing can become part of it")
        gone = providers.get_provider(session, former)
        if not gone.is_closed:
            gone = _enroller(session).close(former, day, why, today=_today(home))
        from gateway.registry import provider_life  # noqa: PLC0415 - loads all tables with providers

        provider_life.succeed(session, former, into)
        record_of_provider(session, "provider-merged", gone, why, {"provider": into})
        signed_head(session, Home(home))
    out.print(f"{former} is closed, and {into} has its place")
    out.print(f"the pupils of {former} are on the roll of {into} once {into} sends them")


@fails_clearly
def remove(identifier: ProviderArgument, why: WhyOption, home: HomeOption = DEFAULT_HOME) -> None:
    """Delete a provider that was enrolled by mistake, while nothing was sent. Later it can only close."""
    place = Home(home)
    landed = [reference for reference in waiting(place.spool) if provider_of(reference) == identifier]
    if landed:
        raise GatewayError(f"{counted(len(landed), 'file')} of {identifier} landed: gateway process")
    with registry(home) as opened, opened.write() as session:
        provider = providers.get_provider(session, identifier)
        from gateway.registry import provider_life  # noqa: PLC0415 - loads all tables with providers

        provider_life.remove(session, identifier)
        record_of_provider(session, "provider-removed", provider, why)
        signed_head(session, place)
    shutil.rmtree(place.published.provider(identifier), ignore_errors=True)
    out.print(f"{identifier} is removed, with its keys")


def _enroller(session: Session) -> Enroller:
    return Enroller(session=session, by=who(), at=now())


def _last_day(home: Path, on: datetime | None) -> date:
    return _today(home) if on is None else on.date()


def _today(home: Path) -> date:
    return local_day(now(), load_catalogue(Home(home).policies_in_force).calendar.timezone)
