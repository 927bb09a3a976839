"""What is recorded of a provider is put right, or its access taken away: `set`, `suspend` and `resume`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import Session

from gateway.cli import numbers
from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    counted,
    existing,
    fails_clearly,
    now,
    out,
    registrar_of,
    registry,
    who,
)
from gateway.cli.on_record import record_of_provider, signed_head
from gateway.cli.options import NewNameOption, NumberOption, WhyGivenOption
from gateway.errors import GatewayError
from gateway.home import Home
from gateway.log.leaf import Kind
from gateway.model import Provider
from gateway.policy.bodies_schema import BodiesFile
from gateway.policy.catalogue import load_catalogue
from gateway.publish.projection import publish_access
from gateway.record.enroller import Enroller
from gateway.registry import providers
from gateway.registry.contacts import Contact

_NUMBERS = ("name", "dfe_number", "urn", "schools", "number")


@fails_clearly
def set_columns(
    identifier: Annotated[str, typer.Argument(metavar="ID")],
    dfe_number: Annotated[str | None, typer.Option(help="LA and establishment number, 7 digits.")] = None,
    urn: Annotated[str | None, typer.Option(help="Unique reference number, 6 digits.")] = None,
    number: NumberOption = None,
    name: NewNameOption = None,
    schools: Annotated[
        str | None,
        typer.Option(
            help="Numbers (DfE or URN) of the schools for which it sends, as a trust does, by commas; "
            '"" for none.'
        ),
    ] = None,
    contact: Annotated[
        str | None, typer.Option(metavar="ROLE", help='Whom to ask for, such as "data manager"; no name.')
    ] = None,
    email: Annotated[str | None, typer.Option(help="The contact's e-mail address.")] = None,
    telephone: Annotated[str | None, typer.Option(help="The contact's telephone number.")] = None,
    forget_contact: Annotated[
        str | None, typer.Option(metavar="ROLE", help="Delete the contact of this role.")
    ] = None,
    why: WhyGivenOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Put right what is recorded of a provider. What waited for the schools that it names goes on.

    A contact is given by --contact with --email, --telephone or both.
    """
    given = (name, numbers.dfe_number(dfe_number), numbers.urn(urn), numbers.schools(schools), number)
    wanted = {column: value for column, value in zip(_NUMBERS, given, strict=True) if value is not None}
    if contact is None and (email or telephone):
        raise GatewayError("say whose address that is: --contact ROLE")
    if not wanted and contact is None and forget_contact is None:
        raise GatewayError(
            "say what to put right: --name, --dfe-number, --urn, --number, --schools or --contact"
        )
    at, bodies = now(), load_catalogue(existing(home).policies_in_force).bodies
    with registry(home) as opened, opened.write() as session:
        enroller = Enroller(session=session, by=who(), at=at)
        changed = [_set_columns(session, identifier, wanted, why, bodies)] if wanted else []
        if contact is not None:
            kept = Contact(provider=identifier, role=contact, email=email, telephone=telephone)
            changed.append(enroller.keep_contact(kept, why))
        if forget_contact is not None:
            enroller.forget_contact(identifier, forget_contact, why)
            changed.append(True)
        if any(changed):
            signed_head(session, Home(home))
    out.print(f"{identifier} is changed" if any(changed) else f"{identifier} is on record so already")
    if any(changed) and wanted.keys() & {"schools", "dfe_number", "urn"}:
        _reconsider(home, identifier)


def _set_columns(
    session: Session, identifier: str, wanted: dict[str, str], why: str | None, bodies: BodiesFile
) -> bool:
    """Put columns of a provider right; whether anything is new."""
    row = providers.provider_row(session, identifier)
    if (number := wanted.pop("number", None)) is not None:
        wanted[numbers.column_of(row.kind, bodies)] = numbers.own_number(number, row.kind, bodies) or ""
    if all((getattr(row, column) or "") == value for column, value in wanted.items()):
        return False
    if wanted.get("schools") and not bodies.of(row.kind).speaks_for_others:
        raise GatewayError(f"bodies.toml does not let a provider of the kind {row.kind} send for others")
    for column, value in wanted.items():
        setattr(row, column, value or None)
    session.add(row)
    session.flush()
    provider = providers.get_provider(session, identifier)
    providers.check_numbers(session, provider)
    said = [_said(provider)] if "schools" in wanted else []
    note = "; ".join([*said, *([why] if why else [])])
    record_of_provider(session, "provider-changed", provider, note or None)
    return True


def _reconsider(home: Path, identifier: str) -> None:
    """Let what waited for the schools that it names be decided anew."""
    from gateway.record.reconsider import reconsider_schools  # noqa: PLC0415 - loads the log's libraries

    with registrar_of(home) as registrar:
        gone_on = reconsider_schools(registrar, identifier)
    if gone_on:
        out.print(f"{counted(gone_on, 'file')} decided anew")


@fails_clearly
def suspend(
    identifier: Annotated[str, typer.Argument(metavar="ID")],
    why: WhyGivenOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Take a provider's access away until it is resumed; what it sent before waits for a person."""
    _set(home, identifier, why, suspended=True)


@fails_clearly
def resume(
    identifier: Annotated[str, typer.Argument(metavar="ID")],
    why: WhyGivenOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Give a suspended provider its access back."""
    _set(home, identifier, why, suspended=False)


def _set(home: Path, identifier: str, why: str | None, *, suspended: bool) -> None:
    place = Home(home)
    with registry(home) as opened:
        with opened.write() as session:
            providers.set_suspended(session, identifier, suspended=suspended)
            provider = providers.get_provider(session, identifier)
            kind: Kind = "provider-suspended" if suspended else "provider-resumed"
            record_of_provider(session, kind, provider, why)
            signed_head(session, place)
        publish_access(opened, place.published, now())
    out.print(f"{identifier} is {'suspended' if suspended else 'back'}")


def _said(provider: Provider) -> str:
    return f"sends for {', '.join(provider.schools)}" if provider.schools else "sends for itself alone"
