"""roles: who may do what, by name. In force from the first administrator on."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Annotated

import typer
from sqlmodel import Session

from gateway.access import POWERFUL, Role
from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    fails_clearly,
    now,
    out,
    registrar_of,
    registry,
    show,
    who,
)
from gateway.cli.identity import WAITS
from gateway.cli.options import WhyOption
from gateway.errors import GatewayError
from gateway.log.leaf import Kind
from gateway.registry import log, roles, staff
from gateway.registry.log import Entry

app = typer.Typer(no_args_is_help=True, help="Who may do what, by name.")
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A member of staff.")]


RoleArgument = Annotated[Role, typer.Argument(metavar="ROLE", help="The role.")]
AccountOption = Annotated[
    str | None, typer.Option(help="The account of this machine that is theirs alone: by it they are known.")
]


@app.command("list")
@fails_clearly
def list_all(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Everybody who has a role, and the accounts by which they are known."""
    with registry(home) as opened, opened.read() as session:
        rows = [dataclasses.asdict(person) for person in roles.people(session)]
    empty = "roles are not in force: whoever may run commands is an administrator; gateway roles grant"
    show(rows, ("name", "roles", "accounts", "teams"), as_json=as_json, empty=empty)


@app.command()
@fails_clearly
def grant(
    name: NameArgument,
    role: RoleArgument,
    why: WhyOption,
    account: AccountOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Give a person a role; with --account, enrol somebody who belongs to no team, too.

    Once there are two administrators, it takes two to make another one, or a data protection officer.
    """
    at = now()
    with registrar_of(home) as registrar, registrar.registry.write() as session:
        _check_not_oneself(session, name)
        if account is None and not roles.can_prove_themselves(session, name, at):
            raise GatewayError(f"{name} cannot prove who they are: give --account, or keys add --staff a key")
        about = name if account is None else f"{name} {account}"
        done = _agreed(session, f"grant-{role}", name, about, role, why, at)
        if done:
            _enrol(session, name, account, at)
            roles.grant(session, name, role)
            _log(session, "role-granted", name, role, why, at)
        registrar.sign_head(session, at)
    _tell(done, f"{name} has the role {role}")


@app.command()
@fails_clearly
def take(name: NameArgument, role: RoleArgument, why: WhyOption, home: HomeOption = DEFAULT_HOME) -> None:
    """Take a role from a person."""
    at = now()
    with registrar_of(home) as registrar, registrar.registry.write() as session:
        done = _agreed(session, f"take-{role}", name, name, role, why, at)
        if done:
            roles.take(session, name, role)
            _log(session, "role-taken", name, role, why, at)
        registrar.sign_head(session, at)
    _tell(done, f"{name} no longer has the role {role}")


def _check_not_oneself(session: Session, name: str) -> None:
    if roles.in_force(session) and who() == name:
        raise GatewayError("nobody gives themselves a role: ask another administrator")


def _enrol(session: Session, name: str, account: str | None, at: datetime) -> None:
    """See to it that there is such a person, known by that account."""
    if name not in {person.name for person in staff.list_staff(session)}:
        if account is None:
            raise GatewayError(f"there is no member of staff {name}: gateway staff add, or give --account")
        staff.add_staff(session, name, (), at)
        entry = Entry(kind="staff-added", subject="staff", fields={"teams": ""}, actor=who(), note=name)
        log.append(session, [entry], at)
    if account is not None:
        roles.bind(session, account, name)


def _agreed(session: Session, act: str, name: str, about: str, role: Role, why: str, at: datetime) -> bool:
    """Whether a second person need not be asked, or agrees."""
    from gateway.record.second_person import TwoPersonAct, agreed  # noqa: PLC0415 - loads the OpenPGP libraries

    asked = role in POWERFUL or roles.is_powerful(session, name)
    if not asked or len(roles.administrators(session)) < 2:  # noqa: PLR2004 - there is nobody to ask
        return True
    return agreed(session, TwoPersonAct(act, "staff", about), by=who(), why=why, at=at)


def _log(session: Session, kind: Kind, name: str, role: Role, why: str, at: datetime) -> None:
    """Whose role it is, only the registry says."""
    entry = Entry(kind=kind, subject="staff", fields={"what": role.value}, actor=who(), note=f"{name}: {why}")
    log.append(session, [entry], at)


def _tell(done: bool, said: str) -> None:
    out.print(said if done else WAITS)
