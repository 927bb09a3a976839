"""Rows for recalls and breaches: openings of files, deliveries, notices to data protection officers."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import cast

from sqlalchemy import ColumnElement, and_, or_, true
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col, select

from gateway.model import LogStep, Reason
from gateway.registry import log
from gateway.registry.tables import (
    AuthorityNoticeRow,
    DeliveryRow,
    EventRow,
    ReasonRow,
    StaffRow,
    TransferRow,
)
from gateway.registry.tables.row import existing
from gateway.registry.vouched_rows import add_rows

OPENED = ("collected", "opened")
"""The kinds of event about the opening of a file."""


def openings(session: Session, reference: str) -> tuple[LogStep, ...]:
    """Return the logged openings of a file, in order; one outside a mailbox has no team.

    An opening is logged before any content is given out.
    """
    return tuple(step for step in log.steps(log.events(session, reference)) if step.kind in OPENED)


def places(session: Session, transfer: int) -> Sequence[DeliveryRow]:
    """Return the deliveries of a file, ordered by team."""
    query = select(DeliveryRow).where(DeliveryRow.transfer == transfer).order_by(col(DeliveryRow.team))
    return session.exec(query).all()


def deliver_again(
    session: Session, transfer: int, teams: Sequence[str], at: datetime, *, whole: bool
) -> None:
    """Deliver a file to teams as new, also to teams with an earlier delivery.

    `whole`: as sent. Otherwise each team is shown a view, except a team shown the file as sent before.
    """
    known = {
        row.team: row
        for row in session.exec(
            select(DeliveryRow).where(DeliveryRow.transfer == transfer, col(DeliveryRow.team).in_(teams))
        )
    }
    for team in teams:
        row = known.get(team) or DeliveryRow(transfer=transfer, team=team, delivered_at=at)
        row.delivered_at, row.collected_at, row.dealt_with_at, row.dealt_with_by = at, None, None, None
        row.whole = whole or row.whole
        session.add(row)
    session.flush()


def add_reasons(session: Session, transfer: int, reasons: Sequence[Reason]) -> None:
    """Append reasons to a transfer, except for codes already among the reasons."""
    rows = session.exec(select(ReasonRow).where(ReasonRow.transfer == transfer)).all()
    known = {row.code for row in rows}
    first = max((row.ordinal for row in rows), default=-1) + 1
    new = {reason.code: reason for reason in reasons if reason.code not in known}
    add_rows(
        session,
        ReasonRow,
        [
            {"transfer": transfer, "ordinal": ordinal, **asdict(reason)}
            for ordinal, reason in enumerate(new.values(), first)
        ],
    )


def tell(session: Session, reference: str, subject: str, text: str, at: datetime) -> int:
    """Store a notice for data protection officers; return its number."""
    row = AuthorityNoticeRow(reference=reference, subject=subject, text=text, created_at=at)
    session.add(row)
    session.flush()
    return cast("int", row.number)


def notices(session: Session) -> Sequence[AuthorityNoticeRow]:
    """Return every notice to data protection officers, latest first."""
    return session.exec(select(AuthorityNoticeRow).order_by(col(AuthorityNoticeRow.number).desc())).all()


def read_notice(session: Session, number: int, *, by: str, at: datetime) -> AuthorityNoticeRow:
    """Return a notice and record the first reader. NotFoundError for an unknown number."""
    row = existing(session.get(AuthorityNoticeRow, number), f"there is no notice {number}")
    if row.read_at is None:
        row.read_at, row.read_by = at, by
        session.flush()
    return row


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
    """Return references of files landed between two moments over an SSH key or signed by a certificate."""
    columns = (TransferRow.ssh_key, TransferRow.signer, TransferRow.signing_key)
    return _transfers(session, or_(*(col(column) == fingerprint for column in columns)), since, until)


def sealed_to(session: Session, fingerprint: str, since: datetime | None, until: datetime | None) -> set[str]:
    """Return references of files landed between two moments and sealed to one certificate of the gateway."""
    return _transfers(session, col(TransferRow.opened_by) == fingerprint, since, until)


def next_breach(session: Session) -> int:
    """Return the number of the next breach; the first is 1."""
    query = select(EventRow.leaf).where(EventRow.kind == "breach-recorded")
    known = [json.loads(leaf)["fields"]["number"] for leaf in session.exec(query)]
    return max(known, default=0) + 1


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
