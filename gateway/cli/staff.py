"""staff: who collects, and for which teams."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    existing,
    fails_clearly,
    now,
    out,
    registry,
    show,
    who,
)
from gateway.cli.enrol import enrol_ssh
from gateway.cli.providers import signed_head
from gateway.errors import GatewayError
from gateway.home import Home
from gateway.policy.catalogue import load_catalogue
from gateway.registry import keys, log, roles, staff
from gateway.registry.log import Entry

app = typer.Typer(no_args_is_help=True, help="Enrol the authority's staff and look at them.")


@app.command()
@fails_clearly
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name they log in with.")],
    team: Annotated[list[str], typer.Option(help="A team they belong to; may be given again.")],
    ssh_key: Annotated[list[Path], typer.Option(help="A file with their SSH public key.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Enrol a person who collects files."""
    known = [t.id for t in load_catalogue(existing(home).policies).teams.team]
    for wanted in team:
        if wanted not in known:
            raise GatewayError(f"there is no team {wanted}; the teams are {', '.join(known)}")
    at = now()
    with registry(home) as opened, opened.write() as session:
        staff.add_staff(session, name, team, at)
        for file in ssh_key:
            enrol_ssh(session, Home(home), "staff", name, file, at)
        fields = {"teams": ",".join(sorted(set(team)))}
        log.append(
            session, [Entry(kind="staff-added", subject="staff", fields=fields, actor=who(), note=name)], at
        )
        signed_head(session, Home(home))
    out.print(f"enrolled {name} for {', '.join(sorted(set(team)))}")


@app.command("list")
@fails_clearly
def list_all(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Everybody who may collect."""
    with registry(home) as opened, opened.read() as session:
        rows = [dataclasses.asdict(person) for person in staff.list_staff(session)]
    show(rows, ("name", "teams", "added_at"), as_json=as_json, empty="nobody is enrolled; gateway staff add")


@app.command()
@fails_clearly
def remove(name: Annotated[str, typer.Argument(metavar="NAME")], home: HomeOption = DEFAULT_HOME) -> None:
    """Take a person's access away at once. What they collected stays on record."""
    at = now()
    with registry(home) as opened, opened.write() as session:
        if roles.is_powerful(session, name):
            raise GatewayError(
                f"{name} has a role of which two decide: gateway roles take first; gateway keys revoke "
                "--staff takes their keys out of use at once"
            )
        staff.remove_staff(session, name, at)
        for key in keys.keys_in_force(session, "staff", name, "ssh", at):
            keys.end_key(session, "staff", name, key.fingerprint, state="retired", at=at, by=who())
        log.append(session, [Entry(kind="staff-removed", subject="staff", actor=who(), note=name)], at)
        signed_head(session, Home(home))
    out.print(f"{name} is removed")
