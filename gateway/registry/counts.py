"""Deliveries of counts: files of which a team is given no more than numbers of pupils."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from gateway.registry.tables import DeliveryRow, TransferRow
from gateway.registry.vouched_rows import add_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class CountsGiven:
    """That a team was given counts of a file. `collected`: somebody has opened them."""

    delivery: int
    transfer: int
    period: str | None
    landed_at: datetime
    collected: bool


def given(session: Session, team: str, provider: str, data_type: str) -> Sequence[CountsGiven]:
    """The counts of one kind of files of a provider that a team was given and that were not taken back."""
    query = (
        select(DeliveryRow, TransferRow.period, TransferRow.landed_at)
        .join(TransferRow, col(TransferRow.sequence) == col(DeliveryRow.transfer))
        .where(
            DeliveryRow.team == team,
            col(DeliveryRow.counts).is_(True),
            TransferRow.provider == provider,
            TransferRow.data_type == data_type,
        )
        .order_by(col(DeliveryRow.transfer))
    )
    return [
        CountsGiven(
            delivery=row.id or 0,
            transfer=row.transfer,
            period=period,
            landed_at=landed_at,
            collected=row.collected_at is not None,
        )
        for row, period, landed_at in session.exec(query)
    ]


def deliver(
    session: Session, transfer: int, teams: Collection[str], at: datetime, *, known: bool = False
) -> None:
    """Give teams counts of a file that none of them has yet; where it is `known`, all of them have."""
    if not teams:
        return
    if known:
        query = select(DeliveryRow).where(DeliveryRow.transfer == transfer, col(DeliveryRow.team).in_(teams))
        for row in session.exec(query):
            row.counts = True
        session.flush()
        return
    rows = [{"transfer": transfer, "team": team, "delivered_at": at} for team in teams]
    rest = dict.fromkeys(("dealt_with_at", "dealt_with_by", "collected_at", "whole"))
    add_rows(session, DeliveryRow, [{**row, **rest, "counts": True} for row in rows])


def take_back(session: Session, given: Iterable[CountsGiven]) -> None:
    """Take counts back that nobody has opened: those of a later file stand instead."""
    for one in given:
        session.delete(session.get_one(DeliveryRow, one.delivery))
