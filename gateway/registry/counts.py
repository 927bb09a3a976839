"""Deliveries of counts: files of which a team is given no more than numbers of pupils."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from gateway.registry.tables import DeliveryRow, TransferRow
from gateway.registry.vouched_rows import add_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class CountsGiven:
    """That a team was given counts of a file. `collected`: somebody has opened them.

    `delivery`: the number of its row, once there is one.
    """

    delivery: int | None
    transfer: int
    period: str | None
    landed_at: datetime
    collected: bool


def given(session: Session, team: str, provider: str, data_type: str) -> Sequence[CountsGiven]:
    """The counts of one kind of files of a provider that a team was given and that were not taken back."""
    # The provider's own files first: a team has far more, from everybody.
    sent = select(TransferRow.sequence).where(
        TransferRow.provider == provider, TransferRow.data_type == data_type
    )
    query = (
        select(DeliveryRow, TransferRow.period, TransferRow.landed_at)
        .join(TransferRow, col(TransferRow.sequence) == col(DeliveryRow.transfer))
        .where(
            DeliveryRow.team == team,
            col(DeliveryRow.counts).is_(True),
            col(DeliveryRow.transfer).in_(sent),
        )
    )
    found = sorted(session.exec(query), key=lambda one: one[0].transfer)
    return [
        CountsGiven(
            delivery=row.id,
            transfer=row.transfer,
            period=period,
            landed_at=landed_at,
            collected=row.collected_at is not None,
        )
        for row, period, landed_at in found
    ]


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


def take_back(session: Session, given: CountsGiven) -> None:
    """Take counts back that nobody has opened: those of a later file stand instead."""
    session.delete(session.get_one(DeliveryRow, given.delivery))
