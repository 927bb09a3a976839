"""Enrol staff of the local authority; record teams and saved filters; list everybody with the state."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import or_
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from gateway.errors import GatewayError, NotFoundError
from gateway.registry import givings, keys, logins, programs, tables
from gateway.registry.tables import KeyRow, SavedFilterRow, StaffRow, StaffTeamRow
from gateway.registry.tables.row import drop, only, rows, store, values

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")


class StaffState(StrEnum):
    """State of a person: with a key in use, with an open invitation, with neither, or gone."""

    ACTIVE = "active"
    INVITED = "invited"
    OUTSIDE = "not invited"
    LEFT = "left"


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
        # A removal before 0.3.0 left the former person's name on markers.
        drop(session, *rows(session, tables.MarkerPersonRow, staff=name))
    session.flush()
    store(session, *(StaffTeamRow(staff=name, team=team) for team in sorted(set(teams))))


def get_staff(session: Session, name: str) -> tuple[str, ...]:
    """Return a person's teams, sorted. NotFoundError for a former or unknown person."""
    row = session.get(StaffRow, name)
    if row is None or row.removed_at is not None:
        raise NotFoundError(f"there is no member of staff {name}")
    return tuple(each.team for each in rows(session, StaffTeamRow, "team", staff=name))


def list_staff(session: Session) -> Mapping[str, Sequence[str]]:
    """Return the teams of each member of the current staff, by name."""
    teams = by_person(session, StaffTeamRow.staff, StaffTeamRow.team)
    return {name: teams[name] for name in values(session, StaffRow.name, "name", removed_at=None)}


def list_everybody(session: Session, now: datetime) -> list[Mapping[str, Any]]:
    """Return all staff, present and former, by name: teams, roles, state, enrolment and last login."""
    teams = by_person(session, StaffTeamRow.staff, StaffTeamRow.team)
    roles = by_person(session, tables.RoleRow.staff, tables.RoleRow.role)
    invited = [name for name, _ in logins.open_invitations(session, now)]
    of_staff = select(KeyRow.owner, KeyRow.state, KeyRow.last_used_at).where(KeyRow.owner_kind == "staff")
    held = session.exec(of_staff).all()
    enters = {owner for owner, state, _ in held if state in keys.IN_FORCE}
    used = {owner: at for owner, _, at in sorted(held, key=lambda key: str(key[2] or "")) if at}

    states = {**dict.fromkeys(invited, StaffState.INVITED), **dict.fromkeys(enters, StaffState.ACTIVE)}
    return [
        {
            "name": one.name, "teams": teams[one.name], "added_at": one.added_at, "roles": roles[one.name],
            "state": StaffState.LEFT if one.removed_at else states.get(one.name, StaffState.OUTSIDE),
            # Whoever had the name before has keys under it still.
            "last_login": at if (at := used.get(one.name)) and at >= one.added_at else None,
        }
        for one in rows(session, StaffRow, "name")
    ]  # fmt: skip


def by_person(session: Session, name: str, what: str) -> Mapping[str, Sequence[str]]:
    """Return the sorted values of the column `what`, for each person in the column `name`."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for person, value in session.exec(select(name, what).order_by(what)):
        found[person].append(value)
    return found


def teams_while_in_force(
    session: Session, name: str, fingerprint: str, now: datetime
) -> tuple[str, ...] | None:
    """Return the teams of a logged-in person, or the teams for which a program collects files, sorted.
    `fingerprint`: of the person's SSH key, passkey or OpenID account; of a program, the mark of its
    credential. None if the person has left, or if the key or credential is not in force.
    """
    if programs.is_program(fingerprint):
        program = programs.in_force(session, fingerprint, now)
        return None if program is None else program.collects
    found = session.execute(
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
    return tuple(sorted(row.team for row in found if row.team is not None)) if found else None


def set_teams(session: Session, name: str, teams: Sequence[str]) -> None:
    """Replace a person's teams; keys stay. NotFoundError for an unknown person."""
    get_staff(session, name)
    wanted = set(teams)
    for membership in rows(session, StaffTeamRow, staff=name):
        if membership.team in wanted:
            wanted.remove(membership.team)
        else:
            session.delete(membership)
    store(session, *(StaffTeamRow(staff=name, team=team) for team in sorted(wanted)))


def remove_staff(session: Session, name: str, at: datetime) -> None:
    """End a person's access. The record of the files opened by the person stays."""
    get_staff(session, name)
    session.get_one(StaffRow, name).removed_at = at
    # A later person of the same name must inherit nothing.
    logins = (tables.InvitationRow, tables.ConsoleSessionRow)
    rights = (StaffTeamRow, tables.RoleRow, tables.AccountRow, tables.MarkerPersonRow)
    for table in (*rights, *logins, SavedFilterRow):
        drop(session, *rows(session, table, staff=name))
    givings.forget(session, name, "role")  # By a key or account, a former person is known again.


def saved_filters(session: Session, name: str, listing: str | None = None) -> list[SavedFilterRow]:
    """Return a person's saved filters of one list, or of all lists, sorted by list and name."""
    return [*rows(session, SavedFilterRow, "listing", "name", staff=name, **only(listing=listing))]
