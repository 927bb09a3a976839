"""Staff of the local authority: teams, accounts of OpenID, and the state of person and key."""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import or_
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from gateway.errors import GatewayError, NotFoundError
from gateway.registry import givings, keys, programs
from gateway.registry.tables import (
    AccountRow,
    ConsoleSessionRow,
    InvitationRow,
    KeyRow,
    RoleRow,
    SavedFilterRow,
    StaffRow,
    StaffTeamRow,
)


def openid_fingerprint(issuer: str, subject: str) -> str:
    """Return the name of an OpenID account in listings and in the log: SHA-256 of issuer and subject."""
    return hashlib.sha256(f"{issuer}\0{subject}".encode()).hexdigest()


def bind_openid(session: Session, name: str, issuer: str, subject: str, *, by: str, at: datetime) -> str:
    """Record an invited person's OpenID account; return the fingerprint. GatewayError if on record."""
    fingerprint = openid_fingerprint(issuer, subject)
    material = json.dumps({"issuer": issuer}, sort_keys=True)
    keys.add_key(
        session, "staff", name, "openid",
        fingerprint=fingerprint, material=material, at=at, by=by, unconfirmed=True,
    )  # fmt: skip
    return fingerprint


def find_openid(session: Session, issuer: str, subject: str, now: datetime) -> tuple[str, str] | None:
    """Return owner and fingerprint of an OpenID account; None if account or owner is not in force."""
    key = keys.holder(session, "openid", openid_fingerprint(issuer, subject))
    if key is None or key.owner_kind != "staff" or not key.is_in_force(now):
        return None
    person = session.get(StaffRow, key.owner)
    if person is None or person.removed_at is not None:
        return None
    return key.owner, key.fingerprint


_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")


class StaffState(StrEnum):
    """State of a person: with a key in use, with an open invitation, with neither, or gone."""

    ACTIVE = "active"
    INVITED = "invited"
    OUTSIDE = "not invited"
    LEFT = "left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """A person with a login to the mailboxes, and the person's teams."""

    name: str
    teams: tuple[str, ...]
    added_at: datetime


def add_staff(session: Session, name: str, teams: Sequence[str], at: datetime) -> None:
    """Enrol a person. GatewayError if the name is malformed or in use."""
    if not _NAME.fullmatch(name):
        raise GatewayError("a staff name is 1 to 32 of the characters a-z, 0-9, dot, hyphen and underscore")
    row = session.get(StaffRow, name)
    if row is not None and row.removed_at is None:
        raise GatewayError(f"there is a member of staff {name} already")
    if row is None:
        session.add(StaffRow(name=name, added_at=at))
    else:
        row.added_at, row.removed_at, row.knows_pages = at, None, None
    session.flush()
    for team in sorted(set(teams)):
        session.add(StaffTeamRow(staff=name, team=team))
    session.flush()


def get_staff(session: Session, name: str) -> Staff:
    """Return a person. NotFoundError for a former or unknown one."""
    row = session.get(StaffRow, name)
    if row is None or row.removed_at is not None:
        raise NotFoundError(f"there is no member of staff {name}")
    teams = session.exec(
        select(StaffTeamRow.team).where(StaffTeamRow.staff == name).order_by(col(StaffTeamRow.team))
    ).all()
    return Staff(name=name, teams=tuple(teams), added_at=row.added_at)


def knows_pages(session: Session, name: str) -> bool:
    """Return True if the person has dismissed the first steps in the console."""
    return bool(session.get_one(StaffRow, name).knows_pages)


def note_knows_pages(session: Session, name: str) -> None:
    """Record that the person has dismissed the first steps in the console."""
    row = session.get_one(StaffRow, name)
    row.knows_pages = True
    session.add(row)
    session.flush()


def list_staff(session: Session) -> Sequence[Staff]:
    """Return the current staff, by name."""
    rows = session.exec(
        select(StaffRow).where(col(StaffRow.removed_at).is_(None)).order_by(col(StaffRow.name))
    ).all()
    teams = _by_person(session, StaffTeamRow.staff, StaffTeamRow.team)
    return [Staff(name=one.name, teams=tuple(teams[one.name]), added_at=one.added_at) for one in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffAtWork(Staff):
    """A member of staff with roles, state, and the last login with any key or passkey."""

    roles: tuple[str, ...]
    state: StaffState
    last_login: datetime | None


def list_at_work(session: Session, now: datetime) -> Sequence[StaffAtWork]:
    """Return all staff, present and former, by name."""
    teams = _by_person(session, StaffTeamRow.staff, StaffTeamRow.team)
    roles = _by_person(session, RoleRow.staff, RoleRow.role)
    open_links = select(InvitationRow.staff).where(col(InvitationRow.ends_at) > now)
    invited = set(session.exec(open_links).all())
    of_staff = select(KeyRow.owner, KeyRow.state, KeyRow.last_used_at).where(KeyRow.owner_kind == "staff")
    held = session.exec(of_staff).all()
    enters = {owner for owner, state, _ in held if state in keys.IN_FORCE}
    used = {owner: at for owner, _, at in sorted(held, key=lambda key: str(key[2] or "")) if at}

    def state(row: StaffRow) -> StaffState:
        if row.removed_at is not None:
            return StaffState.LEFT
        if row.name in enters:
            return StaffState.ACTIVE
        return StaffState.INVITED if row.name in invited else StaffState.OUTSIDE

    return [
        StaffAtWork(
            name=one.name, teams=tuple(teams[one.name]), added_at=one.added_at, roles=tuple(roles[one.name]),
            state=state(one), last_login=used.get(one.name),
        )
        for one in session.exec(select(StaffRow).order_by(col(StaffRow.name))).all()
    ]  # fmt: skip


def _by_person(session: Session, name: str, what: str) -> Mapping[str, Sequence[str]]:
    """Return by person the values of a second column, sorted."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for person, value in session.exec(select(name, what).order_by(what)).all():
        found[person].append(value)
    return found


def teams_while_in_force(
    session: Session, name: str, fingerprint: str, now: datetime
) -> tuple[str, ...] | None:
    """Return the teams of a member of staff, sorted; None if the person or the key is not in force.

    The key is the fingerprint of the SSH key, passkey or OpenID account that logged in, or a program's `key`.
    One query gives the answers of `get_staff` and `keys_in_force`.
    """
    if programs.is_program(fingerprint):
        return programs.teams_of(session, fingerprint, now)
    rows = session.execute(
        select_columns(col(StaffTeamRow.team))
        .select_from(StaffRow)
        .join(KeyRow, col(KeyRow.owner) == col(StaffRow.name))
        .outerjoin(StaffTeamRow, col(StaffTeamRow.staff) == col(StaffRow.name))
        .where(
            col(StaffRow.name) == name,
            col(StaffRow.removed_at).is_(None),
            col(KeyRow.owner_kind) == "staff",
            col(KeyRow.kind).in_(("ssh", "passkey", "openid")),
            col(KeyRow.fingerprint) == fingerprint,
            col(KeyRow.state).in_(keys.IN_FORCE),
            or_(col(KeyRow.not_before).is_(None), col(KeyRow.not_before) <= now),
            or_(col(KeyRow.not_after).is_(None), col(KeyRow.not_after) > now),
        )
    ).all()
    if not rows:
        return None
    return tuple(sorted(row.team for row in rows if row.team is not None))


def set_teams(session: Session, name: str, teams: Sequence[str]) -> None:
    """Replace a person's teams; keys stay. NotFoundError for an unknown person."""
    get_staff(session, name)
    wanted = set(teams)
    for membership in session.exec(select(StaffTeamRow).where(StaffTeamRow.staff == name)).all():
        if membership.team in wanted:
            wanted.remove(membership.team)
        else:
            session.delete(membership)
    for team in sorted(wanted):
        session.add(StaffTeamRow(staff=name, team=team))
    session.flush()


def remove_staff(session: Session, name: str, at: datetime) -> None:
    """End a person's access. The record of the files opened by the person stays."""
    get_staff(session, name)
    row = session.get_one(StaffRow, name)
    row.removed_at = at
    # A later person of the same name must inherit nothing.
    for table in (StaffTeamRow, RoleRow, AccountRow, InvitationRow, ConsoleSessionRow, SavedFilterRow):
        for row_of_theirs in session.exec(select(table).where(table.staff == name)).all():
            session.delete(row_of_theirs)
    session.add(row)
    session.flush()
    givings.forget(session, name)
