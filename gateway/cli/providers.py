"""providers: who may send."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli import numbers, provider_changes, provider_import
from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    existing,
    fails_clearly,
    now,
    out,
    print_json,
    registry,
    rfc3339,
    show,
    who,
)
from gateway.cli.derived import add_acts
from gateway.cli.enrol import RING, THEN, enrol_openpgp, enrol_ssh, show_key
from gateway.cli.key_files import read_key_file
from gateway.cli.on_record import signed_head
from gateway.cli.options import LISTED, LimitOption, NameOption, NumberOption
from gateway.home import Home
from gateway.model import Provider, RatificationsThatCount
from gateway.policy.catalogue import load_catalogue
from gateway.policy.ratification import years_at
from gateway.publish.projection import publish_access
from gateway.record.enroller import Enroller
from gateway.registry import contacts, keys, log, providers
from gateway.registry.tables import EventRow

app = typer.Typer(no_args_is_help=True, help="Enrol providers and look at them.")
app.command("set")(provider_changes.set_columns)
app.command()(provider_changes.suspend)
app.command()(provider_changes.resume)
app.command("import")(provider_import.import_list)
add_acts(app, "providers", "gateway.acts.provider_life")
_COLUMNS = ("id", "name", "kind", "dfe_number", "schools", "suspended", "ratified", "closed_on")


@app.command()
@fails_clearly
def add(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="1 to 32 of a-z, 0-9 and hyphen.")],
    name: NameOption,
    kind: Annotated[str, typer.Option(help="One that bodies.toml of the policies lists, such as school.")],
    home: HomeOption = DEFAULT_HOME,
    ssh_key: Annotated[list[Path] | None, typer.Option(help="A file with an SSH public key.")] = None,
    openpgp_key: Annotated[
        list[Path] | None, typer.Option(help="A file with an OpenPGP certificate.")
    ] = None,
    dfe_number: Annotated[
        str | None, typer.Option(help="LA and establishment number, 7 digits, such as 999/1234.")
    ] = None,
    urn: Annotated[str | None, typer.Option(help="Unique reference number, 6 digits.")] = None,
    number: NumberOption = None,
    succeeds: Annotated[
        str | None, typer.Option(metavar="ID", help="The closed provider whose place it takes.")
    ] = None,
) -> None:
    """Enrol a provider, with its keys where they are at hand. All of it or nothing."""
    place, at = existing(home), now()
    bodies = load_catalogue(place.policies_in_force).bodies
    provider = numbers.with_own_number(
        Provider(
            id=identifier,
            name=name,
            kind=numbers.provider_kind(kind, bodies),
            dfe_number=numbers.dfe_number(dfe_number),
            urn=numbers.urn(urn),
        ),
        number,
        bodies,
    )
    files = [*(ssh_key or ()), *(openpgp_key or ())]
    for file in files:
        show_key(read_key_file(file), at)
    with registry(home) as opened:
        with opened.write() as session:
            Enroller(session=session, by=who(), at=at).add(provider, succeeds=succeeds)
            for file in ssh_key or ():
                enrol_ssh(session, place, "provider", identifier, file, at)
            for file in openpgp_key or ():
                enrol_openpgp(session, place, identifier, file, at)
            signed_head(session, place)
        publish_access(opened, place.published, at)
    out.print(f"enrolled {identifier}")
    if files:
        out.print(RING)
        out.print(THEN.format(identifier), soft_wrap=True)
    asked = bodies.identifier_of(kind) is None or numbers.column_of(kind, bodies) == "dfe_number"
    if bodies.of(kind).own_pupils and asked and provider.dfe_number is None:
        out.print("without --dfe-number the gateway cannot tell when a file names another school")


@app.command("list")
@fails_clearly
def list_all(
    home: HomeOption = DEFAULT_HOME, limit: LimitOption = LISTED, as_json: JsonOption = False
) -> None:
    """Every provider."""
    with registry(home) as opened, opened.read() as session:
        rows = [dataclasses.asdict(p) for p in providers.list_providers(session, _counting(Home(home)))]
    empty = "no provider is enrolled; add one with: gateway providers add"
    narrow = ("id", "kind", "name", "ratified", "closed_on")
    show(rows, _COLUMNS, as_json=as_json, empty=empty, narrow=narrow, limit=limit)


@app.command("show")
@fails_clearly
def show_one(
    identifier: Annotated[str, typer.Argument(metavar="ID")],
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """One provider with its contacts, its keys, and what was done with it and why."""
    with registry(home) as opened, opened.read() as session:
        row = dataclasses.asdict(providers.get_provider(session, identifier, _counting(Home(home))))
        reached = [dataclasses.asdict(one) for one in contacts.contacts(session, identifier)]
        held = [dataclasses.asdict(key) for key in keys.list_keys(session, "provider", identifier)]
        past = [_event(event) for event in log.events(session, identifier)]
    if as_json:
        print_json(row | {"contacts": reached, "keys": held, "history": past})
        return
    show([row], (*_COLUMNS, "succeeded_by"), as_json=False, empty="")
    for rows, columns, empty in (
        (reached, ("role", "email", "telephone"), "no contact is on record"),
        (held, ("kind", "fingerprint", "state", "added_at", "last_used_at", "why"), "no keys"),
        (past, ("at", "kind", "by", "why"), "nothing was done"),
    ):
        out.print()
        show(rows, columns, as_json=False, empty=empty)


def _event(event: EventRow) -> dict[str, Any]:
    return {"at": rfc3339(event.at), "kind": event.kind, "by": event.actor, "why": event.note}


def _counting(place: Home) -> RatificationsThatCount:
    """Which ratifications count today."""
    catalogue = load_catalogue(place.policies_in_force)
    return years_at(now(), catalogue)
