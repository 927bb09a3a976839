"""Rows for the withdrawal of a file: its openings, its deliveries, notices to data protection officers."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import cast

from sqlmodel import Session, col, select

from gateway.errors import NotFoundError
from gateway.model import Reason
from gateway.registry.tables import AuthorityNoticeRow, DeletionRow, DeliveryRow, EventRow, ReasonRow
from gateway.registry.vouched_rows import add_rows

OPENED = ("collected", "opened")
"""The kinds of event about the opening of a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOpening:
    """The opening of a file by a person; `team` is None for an opening outside a mailbox."""

    at: datetime
    who: str
    team: str | None


def openings(session: Session, reference: str) -> list[FileOpening]:
    """Return the openings of a file in order. The log records each before a person gets any of the file."""
    rows = session.exec(
        select(EventRow)
        .where(EventRow.subject == reference, col(EventRow.kind).in_(OPENED))
        .order_by(col(EventRow.number))
    ).all()
    return [
        FileOpening(at=row.at, who=row.actor or "", team=json.loads(row.leaf)["fields"].get("team"))
        for row in rows
    ]


def places(session: Session, transfer: int) -> Sequence[DeliveryRow]:
    """Return the deliveries of a file, ordered by team."""
    query = select(DeliveryRow).where(DeliveryRow.transfer == transfer).order_by(col(DeliveryRow.team))
    return session.exec(query).all()


def deliver_again(
    session: Session, transfer: int, teams: Sequence[str], at: datetime, *, whole: bool
) -> None:
    """Deliver a file to teams as new, also to teams with an earlier delivery.

    `whole`: as sent. Otherwise each team is shown the view, or the same as in the earlier delivery.
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


def deleted_on(session: Session, reference: str) -> datetime | None:
    """Return the time of deletion of a transfer's sealed file; None if still stored."""
    row = session.get(DeletionRow, (reference, "sealed"))
    return None if row is None else row.deleted_at


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
    row = session.get(AuthorityNoticeRow, number)
    if row is None:
        raise NotFoundError(f"there is no notice {number}")
    if row.read_at is None:
        row.read_at, row.read_by = at, by
        session.add(row)
        session.flush()
    return row
