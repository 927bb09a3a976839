"""Deliveries of counts: files of which a team is given no more than numbers of pupils."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from gateway.registry.tables import DeliveryRow, TransferRow
from gateway.registry.vouched_rows import add_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class CountsGiven:
    """That a team was given counts of a file. `collected`: somebody has opened them.

    `delivery`: its row, once there is one.
    """

    delivery: DeliveryRow | None
    transfer: int
    period: str | None
    landed_at: datetime
    collected: bool


CountedKind = tuple[str, str, str]
"""A team, a provider, and a data type."""


def given(session: Session, kinds: Collection[CountedKind]) -> dict[CountedKind, list[CountsGiven]]:
    """Of each, the counts of the provider's files of this type that the team has and that stand."""
    found: dict[CountedKind, list[CountsGiven]] = {kind: [] for kind in kinds}
    teams, providers, data_types = (sorted({kind[place] for kind in kinds}) for place in range(3))
    # The providers' own files first: a team has far more, from everybody.
    sent = select(TransferRow.sequence).where(
        col(TransferRow.provider).in_(providers), col(TransferRow.data_type).in_(data_types)
    )
    query = (
        select_columns(
            DeliveryRow,
            col(TransferRow.provider),
            col(TransferRow.data_type),
            col(TransferRow.period),
            col(TransferRow.landed_at),
        )
        .join(TransferRow, col(TransferRow.sequence) == col(DeliveryRow.transfer))
        .where(
            col(DeliveryRow.team).in_(teams),
            col(DeliveryRow.counts).is_(True),
            col(DeliveryRow.transfer).in_(sent),
        )
    )
    for row, provider, data_type, period, landed_at in sorted(
        session.execute(query), key=lambda one: one[0].transfer
    ):
        if (row.team, provider, data_type) in found:
            found[row.team, provider, data_type].append(
                CountsGiven(
                    delivery=row,
                    transfer=row.transfer,
                    period=period,
                    landed_at=landed_at,
                    collected=row.collected_at is not None,
                )
            )
    return found


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
    session.delete(given.delivery)
