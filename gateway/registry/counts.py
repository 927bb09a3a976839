"""Accepted files of a provider and a kind, and of which of them teams were given no more than counts."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import and_, null, or_
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from gateway.registry.tables import DeliveryRow, TransferRow
from gateway.registry.vouched_rows import add_rows


class Earlier(NamedTuple):
    """An accepted file, and a team that was given counts of it; one row for each such team.

    `team` is None where there is none, `collected_at` until somebody has opened the counts.
    """

    sequence: int
    provider: str
    data_type: str
    period: str | None
    reference: str
    landed_at: datetime
    content: str | None
    team: str | None
    collected_at: datetime | None


def accepted_files(
    session: Session,
    senders: Collection[str],
    data_types: Collection[str],
    periods: Collection[str],
    teams: Collection[str],
    *,
    with_content: bool,
) -> list[Earlier]:
    """Read accepted files in the order they landed: those of some periods, those with counts for teams."""
    columns = tuple(col(getattr(TransferRow, name)) for name in Earlier._fields[:6])
    given = and_(
        col(DeliveryRow.transfer) == col(TransferRow.sequence),
        col(DeliveryRow.counts).is_(True),
        col(DeliveryRow.team).in_(teams),
    )
    content = col(TransferRow.content) if with_content else null()
    of_kind = (
        col(TransferRow.state) == "accepted",
        col(TransferRow.data_type).in_(data_types),
        col(TransferRow.provider).in_(senders),
    )
    of_period = col(TransferRow.period).in_(periods)
    if not teams:
        query = select_columns(*columns, content, null(), null()).where(*of_kind, of_period)
    else:
        query = (
            select_columns(*columns, content, col(DeliveryRow.team), col(DeliveryRow.collected_at))
            .join(DeliveryRow, given, isouter=True)
            .where(*of_kind, or_(of_period, col(DeliveryRow.id).is_not(None)))
        )
    # Ordered here: asked for an order, SQLite goes through all accepted files in it, whosever they are.
    return [Earlier(*row) for row in sorted(session.execute(query), key=itemgetter(0))]


def mark(session: Session, transfer: int, teams: Collection[str]) -> None:
    """Of a file that teams were sent, they are given counts alone."""
    query = select(DeliveryRow).where(DeliveryRow.transfer == transfer, col(DeliveryRow.team).in_(teams))
    for row in session.exec(query):
        row.counts = True
    session.flush()


def deliver(session: Session, given: Collection[tuple[int, str]], at: datetime) -> None:
    """Give counts of files to teams that have nothing of them yet."""
    rest = dict.fromkeys(("dealt_with_at", "dealt_with_by", "collected_at", "whole"))
    rows = [{"transfer": transfer, "team": team, "delivered_at": at} for transfer, team in given]
    add_rows(session, DeliveryRow, [{**row, **rest, "counts": True} for row in rows])


def take_back(session: Session, transfer: int, team: str) -> None:
    """Take counts back that nobody has opened: those of a later file stand instead."""
    query = select(DeliveryRow).where(DeliveryRow.transfer == transfer, DeliveryRow.team == team)
    session.delete(session.exec(query).one())
