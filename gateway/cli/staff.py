"""staff: persons who collect, and their teams."""

from __future__ import annotations

import dataclasses
import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from sqlmodel import Session

from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    counted,
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
from gateway.cli.enrol import RING, enrol_ssh, least_rsa_bits
from gateway.cli.identity import WAITS
from gateway.cli.key_files import read_key_file
from gateway.cli.on_record import signed_head
from gateway.cli.options import LISTED, LimitOption, WhyGivenOption
from gateway.errors import GatewayError, NotFoundError
from gateway.home import Home
from gateway.home.settings import load_settings
from gateway.log.leaf import Kind
from gateway.registry import console_sessions, invitations, keys, log, roles, staff
from gateway.registry.keys import Key
from gateway.registry.log import Entry
from gateway.zones.places import places_of

if TYPE_CHECKING:
    from gateway.record.second_person import TwoPersonAct

app = typer.Typer(no_args_is_help=True, help="Enrol the authority's staff and look at them.")
NameArgument = Annotated[str, typer.Argument(metavar="NAME")]
_SAID = "; "
_SECRET_BYTES = 32


@app.command()
@fails_clearly
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name they log in with.")],
    team: Annotated[list[str], typer.Option(help="A team they belong to; may be given again.")],
    ssh_key: Annotated[list[Path], typer.Option(help="A file with their SSH public key.")],
    why: WhyGivenOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Enrol a person who collects files. A removed person may come back with the earlier key.

    Another key of a removed person waits for `gateway keys confirm`.
    """
    at, looking = now(), _looking_among(home, team)
    with registry(home) as opened, opened.write() as session:
        act = _putting(name, team, ssh_key)
        done = not looking or _agreed_to_show(session, act, name, why, at)
        if done:
            # Nobody takes the name of somebody else over by a key of their own.
            back = bool(keys.list_keys(session, "staff", name))
            staff.add_staff(session, name, team, at)
            for file in ssh_key:
                _note_proposer(session, act, name, file, at)
                if not _restored(session, Home(home), name, file):
                    enrol_ssh(session, Home(home), "staff", name, file, at, waits=back)
            waiting = [key for key in keys.list_keys(session, "staff", name) if key.state == "pending"]
            _record(session, "staff-added", name, why, team)
        signed_head(session, Home(home))
    out.print(f"enrolled {name} for {', '.join(sorted(set(team)))}" if done else WAITS)
    if done and waiting:
        out.print(RING)


@app.command("set")
@fails_clearly
def set_teams(
    name: NameArgument,
    team: Annotated[list[str], typer.Option(help="A team they belong to from now on: name all of them.")],
    why: WhyGivenOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Put a person into other teams. Keys stay; sight changes at once."""
    looking = _looking_among(home, team)
    with registry(home) as opened, opened.write() as session:
        before = set(staff.get_staff(session, name).teams)
        if before == set(team):
            raise GatewayError(f"{name} belongs to just these teams already")
        done = looking <= before or _agreed_to_show(session, _putting(name, team), name, why, now())
        if done:
            staff.set_teams(session, name, team)
            _record(session, "staff-changed", name, why, team)
        signed_head(session, Home(home))
    out.print(f"{name} belongs to {', '.join(sorted(set(team)))} now" if done else WAITS)


@app.command("list")
@fails_clearly
def list_all(
    home: HomeOption = DEFAULT_HOME, limit: LimitOption = LISTED, as_json: JsonOption = False
) -> None:
    """List everybody who may collect."""
    with registry(home) as opened, opened.read() as session:
        rows = [dataclasses.asdict(person) for person in staff.list_staff(session)]
    empty = "nobody is enrolled; gateway staff add"
    show(rows, ("name", "teams", "added_at"), as_json=as_json, empty=empty, limit=limit)


@app.command("show")
@fails_clearly
def show_one(name: NameArgument, home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Show one person with keys, changes and reasons, also after removal."""
    with registry(home) as opened, opened.read() as session:
        held = [dataclasses.asdict(key) for key in keys.list_keys(session, "staff", name)]
        past = [
            {"at": rfc3339(event.at), "kind": event.kind, "by": event.actor, "why": said.partition(_SAID)[2]}
            for event in log.events(session, "staff")
            if (said := event.note or "").partition(_SAID)[0] == name
        ]
        if not past:
            raise NotFoundError(f"there is no member of staff {name}")
        here = [person for person in staff.list_staff(session) if person.name == name]
        row = {"name": name, "teams": list(here[0].teams) if here else [], "removed": not here}
    if as_json:
        print_json({**row, "keys": held, "history": past})
        return
    show([row], ("name", "teams", "removed"), as_json=False, empty="")
    out.print()
    columns = ("kind", "fingerprint", "state", "added_at", "last_used_at", "why")
    show(held, columns, as_json=False, empty="no keys")
    out.print()
    show(past, ("at", "kind", "by", "why"), as_json=False, empty="nothing was done")


@app.command()
@fails_clearly
def remove(name: NameArgument, why: WhyGivenOption = None, home: HomeOption = DEFAULT_HOME) -> None:
    """End a person's access at once. The record of collected files stays."""
    at = now()
    with registry(home) as opened, opened.write() as session:
        if roles.is_powerful(session, name):
            raise GatewayError(
                f"{name} has a role of which two decide: gateway roles take first; gateway keys revoke "
                "--staff takes their keys out of use at once"
            )
        staff.remove_staff(session, name, at)
        for key in _in_force(session, name, at):
            keys.end_key(
                session, "staff", name, key.fingerprint, state="retired", at=at, by=who(),
                why=why or _REMOVED,
            )  # fmt: skip
        _record(session, "staff-removed", name, why)
        signed_head(session, Home(home))
    out.print(f"{name} is removed")


@app.command()
@fails_clearly
def invite(
    name: NameArgument,
    hours: Annotated[int, typer.Option(min=1, max=336, help="For how many hours the link works.")] = 24,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Print a one-time link to the console, for making a passkey. Give the link to the person only.

    The passkey logs in and reads; it signs for acts after `gateway keys confirm`. Once there are two
    administrators, two people decide on an invitation for a powerful role.
    """
    at, secret = now(), secrets.token_urlsafe(_SECRET_BYTES)
    with registry(home) as opened, opened.write() as session:
        staff.get_staff(session, name)
        invited = _agreed_to_invite(session, Home(home), name, at)
        if invited:
            ends_at = at + timedelta(hours=hours)
            invitations.invite(session, name, secret, by=who(), at=at, ends_at=ends_at)
            _record(session, "staff-invited", name, None)
        signed_head(session, Home(home))
    out.print(f"{_console(Home(home))}/invitation#{secret}" if invited else WAITS, soft_wrap=True)
    if invited:
        confirm = f"gateway keys confirm {name} NUMBER --staff"
        typer.echo(f"then let them read the number on their page to you: {confirm}", err=True)


@app.command("log-out")
@fails_clearly
def log_out(name: NameArgument, home: HomeOption = DEFAULT_HOME) -> None:
    """End every session of a person in the console. Passkeys stay: gateway keys revoke --staff."""
    with registry(home) as opened, opened.write() as session:
        staff.get_staff(session, name)
        ended = console_sessions.end_all(session, name)
    out.print(f"{counted(ended, 'session')} of {name} ended")


def _console(home: Home) -> str:
    """Return the console's address for browsers."""
    configured = load_settings(home).console
    return configured.origin or places_of(home).get("console") or f"http://localhost:{configured.port}"


def _agreed_to_invite(session: Session, place: Home, name: str, at: datetime) -> bool:
    """May a person be invited now? Whoever has the link can act as the person."""
    # A listing of staff asks nobody.
    from gateway.policy.catalogue import load_catalogue  # noqa: PLC0415
    from gateway.record.second_person import TwoPersonAct, agreed_to_give  # noqa: PLC0415

    looking = load_catalogue(place.policies_in_force).looking_teams()
    act = TwoPersonAct("invite", "staff", name)
    return agreed_to_give(session, act, name, looking=looking, by=who(), why=None, at=at)


def _putting(name: str, team: Sequence[str], ssh_key: Sequence[Path] = ()) -> TwoPersonAct:
    """Return the act of putting a person into teams, with the given keys."""
    from gateway.record.second_person import TwoPersonAct  # noqa: PLC0415

    digests = sorted(hashlib.sha256(read_key_file(file)).hexdigest() for file in ssh_key)
    return TwoPersonAct("put-in-teams", "staff", " ".join([name, ",".join(sorted(set(team))), *digests]))


def _agreed_to_show(session: Session, act: TwoPersonAct, name: str, why: str | None, at: datetime) -> bool:
    from gateway.record.second_person import agreed_to_show  # noqa: PLC0415

    return agreed_to_show(session, act, name, by=who(), why=why, at=at)


def _note_proposer(session: Session, act: TwoPersonAct, name: str, file: Path, at: datetime) -> None:
    """Record the proposer of a person with a key as a giver of the key too."""
    from gateway.enrolment.ssh_keys import admit_ssh  # noqa: PLC0415 - loads asyncssh
    from gateway.record.second_person import note_proposer  # noqa: PLC0415

    note_proposer(session, act, name, "key", admit_ssh(read_key_file(file)).fingerprint, at=at)


def _in_force(session: Session, name: str, at: datetime) -> list[Key]:
    """Return all keys for a person's logins."""
    return [
        *keys.keys_in_force(session, "staff", name, "ssh", at),
        *keys.keys_in_force(session, "staff", name, "passkey", at),
    ]


_REMOVED = "removed from staff"


def _looking_among(home: Path, wanted: Sequence[str]) -> frozenset[str]:
    """Return the wanted teams with sight of held files. GatewayError for an unknown team."""
    from gateway.policy.catalogue import load_catalogue  # noqa: PLC0415 - a listing needs none

    catalogue = load_catalogue(existing(home).policies_in_force)
    known = [team.id for team in catalogue.teams.team]
    for team in wanted:
        if team not in known:
            raise GatewayError(f"there is no team {team}; the teams are {', '.join(known)}")
    return catalogue.looking_teams().held.intersection(wanted)


def _restored(session: Session, place: Home, name: str, file: Path) -> bool:
    """Restore an earlier key of a person, unless no longer trusted."""
    from gateway.enrolment.ssh_keys import admit_ssh  # noqa: PLC0415 - loads asyncssh

    fingerprint = admit_ssh(read_key_file(file), least_rsa_bits(place)).fingerprint
    known = keys.holder(session, "ssh", fingerprint)
    if known is None or (known.owner_kind, known.owner, known.state) != ("staff", name, "retired"):
        return False
    keys.restore_key(session, known)
    fields = {"owner": "staff"}
    log.append(session, [Entry(kind="key-restored", subject=fingerprint, fields=fields, actor=who())], now())
    return True


def _record(
    session: Session, kind: Kind, name: str, why: str | None, teams: Sequence[str] | None = None
) -> None:
    """Log a change. Name and reason are in the registry only: the leaf commits to both."""
    fields = {} if teams is None else {"teams": ",".join(sorted(set(teams)))}
    note = f"{name}{_SAID}{why}" if why else name
    entry = Entry(kind=kind, subject="staff", fields=fields, actor=who(), note=note)
    log.append(session, [entry], now())
