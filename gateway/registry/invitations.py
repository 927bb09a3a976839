"""One-time links by which members of staff enrol a passkey. Only a digest of each is kept."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from gateway.registry.tables import InvitationRow, StaffRow


@dataclass(frozen=True, slots=True)
class Invitation:
    """Whom an invitation is for, and to whom its link was shown."""

    name: str
    made_by: str


def digest_of(secret: str) -> str:
    """What is kept of a secret that only one browser or one link holds."""
    return hashlib.sha256(secret.encode()).hexdigest()


def invite(session: Session, name: str, secret: str, *, by: str, at: datetime, ends_at: datetime) -> None:
    """Put an invitation on record; those that the person had before are over. What has ended is forgotten."""
    take_back(session, name)
    for row in session.exec(select(InvitationRow).where(col(InvitationRow.ends_at) <= at)).all():
        session.delete(row)
    session.add(InvitationRow(digest=digest_of(secret), staff=name, made_at=at, ends_at=ends_at, made_by=by))
    session.flush()


def invited(session: Session, secret: str, now: datetime) -> Invitation | None:
    """An invitation; None where it is none, was used or has ended, or its person is gone."""
    row = session.get(InvitationRow, digest_of(secret))
    if row is None or row.ends_at <= now:
        return None
    person = session.get(StaffRow, row.staff)
    here = person is not None and person.removed_at is None
    return Invitation(row.staff, row.made_by) if here else None


def take_back(session: Session, name: str) -> None:
    """End every invitation of a person, because one was used or another is made."""
    for row in session.exec(select(InvitationRow).where(col(InvitationRow.staff) == name)).all():
        session.delete(row)
    session.flush()
