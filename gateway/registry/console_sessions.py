"""Logins to the console. The registry stores only the digest of the secret that the browser has."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from gateway.registry.invitations import digest_of
from gateway.registry.tables import ConsoleSessionRow

LONGEST = timedelta(hours=10)
"""How long a session lasts at most: a working day."""
IDLE = timedelta(hours=1)
"""After how long without a request a session is over."""
NOTED_EVERY = timedelta(minutes=5)
"""After how long the time of last use is written again."""


def begin(session: Session, secret: str, name: str, *, passkey: str, address: str, at: datetime) -> None:
    """Record a new login, and delete expired sessions."""
    for row in session.exec(
        select(ConsoleSessionRow).where(
            (col(ConsoleSessionRow.begun_at) <= at - LONGEST) | (col(ConsoleSessionRow.seen_at) <= at - IDLE)
        )
    ).all():
        session.delete(row)
    session.add(
        ConsoleSessionRow(
            digest=digest_of(secret), staff=name, passkey=passkey, address=address, begun_at=at, seen_at=at
        )
    )
    session.flush()


def find(session: Session, secret: str, address: str, now: datetime) -> ConsoleSessionRow | None:
    """Return the session with a browser's secret; None if unknown, expired, or begun at another address."""
    row = session.get(ConsoleSessionRow, digest_of(secret))
    if row is None or row.address != address:
        return None
    over = row.begun_at <= now - LONGEST or row.seen_at <= now - IDLE
    return None if over else row


def note_seen(session: Session, secret: str, at: datetime) -> None:
    """Record the time of a session's last use."""
    row = session.get(ConsoleSessionRow, digest_of(secret))
    if row is not None:
        row.seen_at = at
        session.add(row)
        session.flush()


def of_person(session: Session, name: str, now: datetime) -> Sequence[ConsoleSessionRow]:
    """Return the current sessions of a person, latest first."""
    return session.exec(
        select(ConsoleSessionRow)
        .where(
            col(ConsoleSessionRow.staff) == name,
            col(ConsoleSessionRow.begun_at) > now - LONGEST,
            col(ConsoleSessionRow.seen_at) > now - IDLE,
        )
        .order_by(col(ConsoleSessionRow.begun_at).desc())
    ).all()


def end(session: Session, secret: str) -> None:
    """End a session at logout. Does nothing for an ended session."""
    row = session.get(ConsoleSessionRow, digest_of(secret))
    if row is not None:
        session.delete(row)
        session.flush()


def end_all(session: Session, name: str, *, but: str | None = None) -> int:
    """End a person's sessions, except the one whose secret is `but`; return the number of sessions ended."""
    kept = None if but is None else digest_of(but)
    rows = session.exec(select(ConsoleSessionRow).where(col(ConsoleSessionRow.staff) == name)).all()
    ended = [row for row in rows if row.digest != kept]
    for row in ended:
        session.delete(row)
    session.flush()
    return len(ended)
