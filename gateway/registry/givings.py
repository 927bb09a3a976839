"""Credentials of members of staff (keys, roles, system accounts), and which persons gave them."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from sqlmodel import Session, col, or_, select

from gateway.registry.tables import AccountRow, GivingRow, KeyRow, RoleRow

What = Literal["key", "role", "account"]
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential of a member of staff, and the people giving or confirming it, the first one first.

    A giver's name is empty where none is on record. `mark` is the fingerprint, role or account.
    """

    owner: str
    what: What
    mark: str
    givers: tuple[GivingRow, ...]


def note(session: Session, owner: str, what: What, mark: str, *, by: str, at: datetime) -> None:
    """Record `by` as the person giving a member of staff a credential, or confirming one."""
    session.add(GivingRow(staff=owner, what=what, mark=mark, by=by, at=at))
    session.flush()


def forget(session: Session, owner: str, what: What | None = None, mark: str | None = None) -> None:
    """Delete the givers on record of a person's role or account; without `what`, of all. Keys keep theirs."""
    for row in session.exec(select(GivingRow).where(GivingRow.staff == owner)).all():
        if row.what != "key" and (what is None or (row.what, row.mark) == (what, mark)):
            session.delete(row)
    session.flush()


def credentials(session: Session, since: datetime) -> list[Credential]:
    """Return every credential of staff in force, and the keys ended from `since` on, with the givers.

    A key not confirmed by anybody is left out: the owner cannot confirm others with it.
    """
    givers: defaultdict[tuple[str, str, str], list[GivingRow]] = defaultdict(list)
    for row in session.exec(select(GivingRow).order_by(col(GivingRow.id))).all():
        givers[row.staff, row.what, row.mark].append(row)

    def credential(owner: str, what: What, mark: str, by: str = "", at: datetime = _LONG_AGO) -> Credential:
        known = givers[owner, what, mark] or [GivingRow(staff=owner, what=what, mark=mark, by=by, at=at)]
        return Credential(owner, what, mark, tuple(known))

    counted = or_(col(KeyRow.ended_at).is_(None), col(KeyRow.ended_at) >= since)
    confirmed = col(KeyRow.unconfirmed).is_not(True)
    theirs = session.exec(select(KeyRow).where(KeyRow.owner_kind == "staff", counted, confirmed)).all()
    return [
        *(credential(key.owner, "key", key.fingerprint, key.added_by, key.added_at) for key in theirs),
        *(credential(one.staff, "role", one.role) for one in session.exec(select(RoleRow)).all()),
        *(credential(one.staff, "account", one.account) for one in session.exec(select(AccountRow)).all()),
    ]
