"""roles: the rights of persons by name. In force from the first administrator on."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Annotated

import typer
from sqlmodel import Session

from gateway.access import LookingTeams, Role
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
from gateway.cli.identity import WAITS, proved, real_account
from gateway.cli.options import WhyOption
from gateway.errors import GatewayError
from gateway.home import Home
from gateway.log.leaf import Kind
from gateway.policy.catalogue import load_catalogue
from gateway.record import dual_control
from gateway.record.second_person import TwoPersonAct, agreed_to_give, note_proposer
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
    """List all persons with a role, and their accounts."""
    with registry(home) as opened, opened.read() as session:
        behind = dual_control.who_could_be(session, now())
        rows = [
            {**dataclasses.asdict(person), "not_second_to": sorted(behind.get(person.name, ()))}
            for person in roles.people(session)
        ]
    empty = "roles are not in force: whoever may run commands is an administrator; gateway roles grant"
    show(rows, ("name", "roles", "accounts", "teams", "not_second_to"), as_json=as_json, empty=empty)


@app.command()
@fails_clearly
def grant(
    name: NameArgument,
    role: RoleArgument,
    why: WhyOption,
    account: AccountOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Give a person a role; with --account, also enrol a person without a team.

    Once there are two administrators, it takes two to make another one, or a data protection officer.
    """
    at = now()
    with registrar_of(home) as registrar, registrar.registry.write() as session:
        _check_not_oneself(session, name)
        if account is None and not roles.can_prove_themselves(session, name, at):
            raise GatewayError(f"{name} cannot prove who they are: give --account, or keys add --staff a key")
        if account is not None and account == real_account() and roles.in_force(session):
            raise GatewayError(f"{account} is the account that you act under: it cannot be that of {name}")
        about = name if account is None else f"{name} {account}"
        looking = load_catalogue(Home(home).policies_in_force).looking_teams()
        done = _agreed(session, f"grant-{role}", name, about, role, why, at, looking)
        if done:
            act = TwoPersonAct(f"grant-{role}", "staff", about)
            note_proposer(session, act, name, "role", role, at=at)
            if account is not None:
                note_proposer(session, act, name, "account", account, at=at)
            _enrol(session, name, account, at)
            roles.grant(session, name, role, by=who(), at=at)
            _log(session, "role-granted", name, role, why, at)
        registrar.sign_head(session, at)
    _tell(done, f"{name} has the role {role}")


@app.command()
@fails_clearly
def take(name: NameArgument, role: RoleArgument, why: WhyOption, home: HomeOption = DEFAULT_HOME) -> None:
    """Take a role from a person. A role given by you alone, without confirmation, you may take back alone."""
    at = now()
    with registrar_of(home) as registrar, registrar.registry.write() as session:
        done = dual_control.gave_alone(session, name, role, who(), at) or _agreed(
            session, f"take-{role}", name, name, role, why, at, LookingTeams()
        )
        if done:
            roles.take(session, name, role)
            _log(session, "role-taken", name, role, why, at)
        registrar.sign_head(session, at)
    _tell(done, f"{name} no longer has the role {role}")


@app.command()
@fails_clearly
def accept(
    own: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FPR]...", help="Each of your keys, as your own device has it."),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Accept, under your own account of the machine, all your credentials as yours.

    Name each key made by you, so that a key made by another is noticed. Three days later you count as a
    second person beside the givers.
    """
    from gateway.record.key_confirming import check_read_out  # noqa: PLC0415

    at, name = now(), who()
    for fingerprint in own or ():
        check_read_out(fingerprint)
    with registrar_of(home) as registrar, registrar.registry.write() as session:
        if not roles.in_force(session):
            raise GatewayError("roles are not in force: gateway roles grant NAME administrator comes first")
        account = real_account()
        _check_is_a_persons(Home(home), account)
        marks = dual_control.accept(session, name, account, own or (), at=at)
        _note_confirmed(session, "accepted", name, marks, at)
        registrar.sign_head(session, at)
    _tell_confirmed(name, marks)


@app.command()
@fails_clearly
def vouch(
    name: NameArgument,
    read_out: Annotated[
        list[str] | None, typer.Argument(metavar="[FPR]...", help="Each key of theirs, as they read it out.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Confirm a person's credentials, as somebody who gave none of them.

    Meet or ring the person, and have the fingerprint of each key read out. Three days later the person counts
    as a second person beside the givers.
    """
    from gateway.record.key_confirming import check_read_out  # noqa: PLC0415

    at = now()
    for fingerprint in read_out or ():
        check_read_out(fingerprint)
    with registrar_of(home) as registrar, registrar.registry.write() as session:
        staff.get_staff(session, name)
        marks = dual_control.vouch(session, name, read_out or (), by=who(), at=at)
        _note_confirmed(session, "confirmed", name, marks, at)
        registrar.sign_head(session, at)
    _tell_confirmed(name, marks)


def _check_is_a_persons(place: Home, account: str) -> None:
    """GatewayError for an account shared by several people, or of a program."""
    import pwd  # noqa: PLC0415 - Windows has none, where nobody acts for the authority

    owner = pwd.getpwuid(place.root.stat().st_uid).pw_name
    if account in {"root", owner}:
        raise GatewayError(f"{account} is nobody's own account: log in to this machine under yours")


def _note_confirmed(session: Session, how: str, name: str, marks: list[str], at: datetime) -> None:
    """Log a confirmation. The owner's name and the marks are in the registry only."""
    entry = Entry(
        kind="credentials-confirmed",
        subject="staff",
        fields={"what": how, "number": len(marks)},
        actor=who(),
        note=f"{name}: {', '.join(marks)}",
    )
    log.append(session, [entry], at)


def _tell_confirmed(name: str, marks: list[str]) -> None:
    out.print(f"on record for {name}: {', '.join(marks)}; it counts in three days", soft_wrap=True)


def _check_not_oneself(session: Session, name: str) -> None:
    if roles.in_force(session) and proved() == name:
        raise GatewayError("nobody gives themselves a role: ask another administrator")


def _enrol(session: Session, name: str, account: str | None, at: datetime) -> None:
    """Enrol a person if unknown, and bind the account."""
    if name not in {person.name for person in staff.list_staff(session)}:
        if account is None:
            raise GatewayError(f"there is no member of staff {name}: gateway staff add, or give --account")
        staff.add_staff(session, name, (), at)
        entry = Entry(kind="staff-added", subject="staff", fields={"teams": ""}, actor=who(), note=name)
        log.append(session, [entry], at)
    if account is not None:
        roles.bind(session, account, name, by=who(), at=at)


def _agreed(
    session: Session,
    what: str,
    name: str,
    about: str,
    role: Role,
    why: str,
    at: datetime,
    looking: LookingTeams,
) -> bool:
    """May the act be done now: is no second person needed, or do both agree?"""
    act = TwoPersonAct(what, "staff", about)
    return agreed_to_give(session, act, name, role, looking=looking, by=who(), why=why, at=at)


def _log(session: Session, kind: Kind, name: str, role: Role, why: str, at: datetime) -> None:
    """Log a change of roles. The owner's name is in the registry only."""
    entry = Entry(kind=kind, subject="staff", fields={"what": role.value}, actor=who(), note=f"{name}: {why}")
    log.append(session, [entry], at)


def _tell(done: bool, said: str) -> None:
    out.print(said if done else WAITS)
