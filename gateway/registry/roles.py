"""Give roles to members of staff, and tell who may do what.

Roles are not in force before an administrator is named: every user able to run commands on the home acts as
administrator until then.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, inspect
from sqlmodel import Session, col, select

from gateway.access import POWERFUL, AccessRight, Role, Viewer, roles_with
from gateway.errors import GatewayError
from gateway.registry import givings, keys
from gateway.registry.staff import by_person
from gateway.registry.tables import AccountRow, RoleRow, StaffRow, StaffTeamRow
from gateway.registry.tables.row import drop, store


def in_force(session: Session) -> bool:
    """Return True if roles are in force, because an administrator has been named."""
    if not inspect(session.connection()).has_table("person_role"):
        return False  # The tables of an earlier version, not migrated yet.
    return bool(_holders(session, Role.ADMINISTRATOR))


def people(session: Session) -> list[dict[str, Any]]:
    """Return all persons with a role, sorted by name: roles, personal accounts and teams of each."""
    accounts = by_person(session, AccountRow.staff, AccountRow.account)
    teams = by_person(session, StaffTeamRow.staff, StaffTeamRow.team)
    return [
        {"name": name, "roles": of_staff(session, name), "accounts": accounts[name], "teams": teams[name]}
        for name in sorted(_holders(session, None))
    ]


def of_staff(session: Session, name: str) -> Sequence[str]:
    """Return the roles of a member of staff; none for a former or unknown one."""
    query = select(RoleRow.role).join(StaffRow, col(StaffRow.name) == col(RoleRow.staff))
    query = query.where(RoleRow.staff == name, col(StaffRow.removed_at).is_(None))
    return session.exec(query.order_by(col(RoleRow.role))).all()


def viewer(session: Session, name: str) -> Viewer:
    """Return a person's name, teams and roles, by which `gateway.access` judges the person's rights."""
    teams = session.exec(select(StaffTeamRow.team).where(StaffTeamRow.staff == name)).all()
    return Viewer(name=name, teams=frozenset(teams), roles=frozenset(of_staff(session, name)))


def is_powerful(session: Session, name: str) -> bool:
    """Return True if roles are in force and a person is an administrator or data protection officer."""
    return in_force(session) and not POWERFUL.isdisjoint(of_staff(session, name))


def may(session: Session, name: str, right: AccessRight) -> bool:
    """Return True if a role gives a person a right, or if roles are not in force."""
    return not in_force(session) or not roles_with(right).isdisjoint(of_staff(session, name))


def administrators(session: Session) -> frozenset[str]:
    """Return the names of the administrators."""
    return _holders(session, Role.ADMINISTRATOR)


def of_account(session: Session, account: str) -> str | None:
    """Return the owner of a personal account; None if the account has no owner, or the owner has left."""
    row = session.get(AccountRow, account)
    owner = None if row is None else session.get(StaffRow, row.staff)
    return owner.name if owner is not None and owner.removed_at is None else None


def accounts_of(session: Session, name: str) -> frozenset[str]:
    """Return the accounts of the machine that are bound to a person."""
    return frozenset(session.exec(select(AccountRow.account).where(AccountRow.staff == name)).all())


def bind(session: Session, account: str, name: str, *, by: str, at: datetime) -> None:
    """Record an account as a person's own. GatewayError if the account is another person's."""
    row = session.get(AccountRow, account)
    if row is not None and row.staff != name:
        raise GatewayError(f"the account {account} is that of {row.staff}")
    if row is None:
        store(session, AccountRow(account=account, staff=name))
        givings.forget(session, name, "account", account)
        givings.note(session, name, "account", account, by=by, at=at)


def unbind(session: Session, account: str, name: str) -> None:
    """Delete the record that an account is a person's own. GatewayError for an account of somebody else.
    The record of who gave the account stays, because of what was done under the account.
    """
    row = session.get(AccountRow, account)
    if row is None or row.staff != name:
        raise GatewayError(f"the account {account} is not bound to {name}")
    drop(session, row)


def grant(session: Session, name: str, role: Role, *, by: str, at: datetime) -> None:
    """Give a person a role. GatewayError if the person has it."""
    if session.get(RoleRow, (name, str(role))) is not None:
        raise GatewayError(f"{name} has the role {role} already")
    store(session, RoleRow(staff=name, role=str(role)))
    givings.note(session, name, "role", role, by=by, at=at)


def take(session: Session, name: str, role: Role) -> None:
    """Take a role from a person. GatewayError if the person lacks the role, or is the last administrator."""
    row = session.get(RoleRow, (name, str(role)))
    if row is None:
        raise GatewayError(f"{name} does not have the role {role}")
    if role == Role.ADMINISTRATOR and administrators(session) == {name}:
        raise GatewayError(f"{name} is the last administrator: make another one first")
    drop(session, row)
    givings.forget(session, name, "role", role)


def can_prove_themselves(session: Session, name: str, now: datetime, *, in_console: bool) -> bool:
    """Return True if a person can be identified by a system account or an SSH key in force.
    `in_console`: True if a confirmed passkey or OpenID account in force is enough, too: the command line can
    ask for neither.
    """
    if accounts_of(session, name) or ssh_keys(session, name, now):
        return True
    return in_console and any(
        key.kind in {"passkey", "openid"} and key.is_in_force(now) and not key.unconfirmed
        for key in keys.list_keys(session, "staff", name)
    )


def ssh_keys(session: Session, name: str, now: datetime) -> Sequence[str]:
    """Return a person's SSH keys in force, each as an OpenSSH line."""
    return [key.material for key in keys.keys_in_force(session, "staff", name, "ssh", now)]


def _holders(session: Session, role: Role | None) -> frozenset[str]:
    here = col(StaffRow.name) == col(RoleRow.staff), col(StaffRow.removed_at).is_(None)
    query = select(RoleRow.staff).join(StaffRow, and_(*here))
    if role is not None:
        query = query.where(RoleRow.role == str(role))
    return frozenset(session.exec(query).all())
