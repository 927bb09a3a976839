"""Find the transfers that a breach concerns, in the log and the transfers."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, true
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col, select

from gateway.registry.recalls import OPENED
from gateway.registry.tables import EventRow, StaffRow, TransferRow

# The kinds of events between arrival and deletion.
_STEPS = (
    "landed",
    "decided",
    "delivered",
    "collected",
    "opened",
    "dealt-with",
    "restored",
    "released",
    "refused",
    "withdrawn",
    "redelivered",
)


def collected_by(session: Session, name: str, since: datetime | None, until: datetime | None) -> set[str]:
    """Return references of files opened by a member of staff from `since` until before `until`.

    None leaves an end of the time open.
    """
    return _subjects(session, and_(col(EventRow.kind).in_(OPENED), col(EventRow.actor) == name), since, until)


def is_staff(session: Session, name: str) -> bool:
    """Return True if a member of staff has, or once had, this name."""
    return session.get(StaffRow, name) is not None


def stepped_between(session: Session, since: datetime | None, until: datetime | None) -> set[str]:
    """Return references of the files with any log entry from `since` until before `until`; None: no bound."""
    return _subjects(session, col(EventRow.kind).in_(_STEPS), since, until)


def sent_with(session: Session, fingerprint: str, since: datetime | None, until: datetime | None) -> set[str]:
    """Return references of files landed in a time over an SSH key, or signed by a certificate or subkey."""
    columns = (TransferRow.ssh_key, TransferRow.signer, TransferRow.signing_key)
    return _transfers(session, or_(*(col(column) == fingerprint for column in columns)), since, until)


def sealed_to(session: Session, fingerprint: str, since: datetime | None, until: datetime | None) -> set[str]:
    """Return references of files landed between two moments and sealed to one certificate of the gateway."""
    return _transfers(session, col(TransferRow.opened_by) == fingerprint, since, until)


def _subjects(
    session: Session, wanted: ColumnElement[bool], since: datetime | None, until: datetime | None
) -> set[str]:
    when = _within(col(EventRow.at), since, until)
    return set(session.exec(select(EventRow.subject).where(wanted, when).distinct()).all())


def _transfers(
    session: Session, wanted: ColumnElement[bool], since: datetime | None, until: datetime | None
) -> set[str]:
    when = _within(col(TransferRow.landed_at), since, until)
    return set(session.exec(select(TransferRow.reference).where(wanted, when)).all())


def _within(column: Mapped[datetime], since: datetime | None, until: datetime | None) -> ColumnElement[bool]:
    begun = true() if since is None else column >= since
    return and_(begun, true() if until is None else column < until)
