"""One-time links by which members of staff enrol a passkey. The registry keeps only a digest of each."""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlmodel import Session, col, select

from gateway.registry.tables import InvitationRow, StaffRow


def digest_of(secret: str) -> str:
    """Return the SHA-256 stored for a secret, in hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()


def invite(session: Session, name: str, secret: str, *, by: str, at: datetime, ends_at: datetime) -> None:
    """Record a person's invitation in place of earlier ones, and delete everybody's that have ended."""
    take_back(session, name)
    for row in session.exec(select(InvitationRow).where(col(InvitationRow.ends_at) <= at)).all():
        session.delete(row)
    session.add(InvitationRow(digest=digest_of(secret), staff=name, made_at=at, ends_at=ends_at, made_by=by))
    session.flush()


def invited(session: Session, secret: str, now: datetime) -> InvitationRow | None:
    """Return an invitation by the secret; None if unknown, used or ended, or if the person has left."""
    return invited_by(session, digest_of(secret), now)


def invited_by(session: Session, digest: str, now: datetime) -> InvitationRow | None:
    """Return an invitation by the digest of its secret; None as for `invited`."""
    row = session.get(InvitationRow, digest)
    if row is None or row.ends_at <= now:
        return None
    person = session.get(StaffRow, row.staff)
    here = person is not None and person.removed_at is None
    return row if here else None


def take_back(session: Session, name: str) -> None:
    """Delete every invitation of a person, because one was used or is replaced."""
    for row in session.exec(select(InvitationRow).where(col(InvitationRow.staff) == name)).all():
        session.delete(row)
    session.flush()
