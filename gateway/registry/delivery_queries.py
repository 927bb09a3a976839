"""The queries behind `deliveries`: the rows and the order of a mailbox."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Mapped
from sqlmodel import col

from gateway.access import Sight
from gateway.reasons import WITHDRAWN
from gateway.registry.sight import is_few, is_seen_by, within
from gateway.registry.tables import DeletionRow, DeliveryRow, ReasonRow, TransferRow

_COLUMNS: tuple[Any, ...] = tuple(
    col(column)
    for column in (
        TransferRow.sequence,
        TransferRow.reference,
        TransferRow.provider,
        TransferRow.flow,
        TransferRow.extension,
        TransferRow.content_size,
        TransferRow.content_sha256,
        TransferRow.landed_at,
        TransferRow.decided_at,
        TransferRow.data_type,
        TransferRow.period,
    )
)
_OF_TEAM: tuple[Any, ...] = (
    col(DeliveryRow.whole),
    col(DeliveryRow.counts),
    col(DeliveryRow.collected_at),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveriesWanted:
    """A choice of deliveries: uncollected ones, or of one data type, provider or period; or all."""

    new: bool = False
    data_type: str | None = None
    provider: str | None = None
    period: str | None = None


ALL = DeliveriesWanted()


def chosen(query: Select[*tuple[Any, ...]], wanted: DeliveriesWanted) -> Select[*tuple[Any, ...]]:
    """Narrow a query to the deliveries wanted."""
    if wanted.new:
        query = query.where(col(DeliveryRow.collected_at).is_(None))
    if wanted.data_type is not None:
        query = query.where(col(TransferRow.data_type) == wanted.data_type)
    if wanted.provider is not None:
        query = query.where(col(TransferRow.provider) == wanted.provider)
    if wanted.period is not None:
        query = query.where(col(TransferRow.period) == wanted.period)
    return query


def to_team(team: str, person: str | None, *, of_one: bool = False) -> Select[*tuple[Any, ...]]:
    """Select the deliveries of a team not dealt with.

    `of_one`: for one provider the query reads by the index of transfers instead of the team's deliveries.
    """
    dealt_with_at = col(DeliveryRow.dealt_with_at)
    if of_one:
        dealt_with_at = _unindexed(dealt_with_at)
    return (
        select(*_COLUMNS, *_OF_TEAM)
        .join(DeliveryRow, col(DeliveryRow.transfer) == col(TransferRow.sequence))
        .where(
            col(DeliveryRow.team) == team,
            dealt_with_at.is_(None),
            col(TransferRow.content_sha256).is_not(None),
            is_shown_to(person),
        )
    )


def removed_by(team: str, since: datetime, person: str | None) -> Select[*tuple[Any, ...]]:
    """Select the deliveries dealt with by a team from `since` on and still stored."""
    gone = select(col(DeletionRow.reference)).where(
        col(DeletionRow.reference) == col(TransferRow.reference), col(DeletionRow.what) == "sealed"
    )
    return (
        select(*_COLUMNS, *_OF_TEAM)
        .join(DeliveryRow, col(DeliveryRow.transfer) == col(TransferRow.sequence))
        .where(
            col(DeliveryRow.team) == team,
            # Recent deliveries come first: the index of deliveries avoids sorting.
            _unindexed(col(DeliveryRow.dealt_with_at)) >= since,
            col(TransferRow.content_sha256).is_not(None),
            ~gone.exists(),
            is_shown_to(person),
        )
    )


def _unindexed(column: Mapped[Any]) -> Any:  # noqa: ANN401 - of whatever type the column is
    """Wrap a column so that the database uses no index on the column."""
    return func.coalesce(column, None)


def is_shown_to(person: str | None) -> ColumnElement[bool]:
    """Is a delivery shown? Records of marked children can be left out of a view alone."""
    as_sent = or_(col(DeliveryRow.whole).is_(True), col(TransferRow.data_type).is_(None))
    return or_(~as_sent, is_seen_by(person))


def held_files(sight: Sight, rules: str) -> Select[*tuple[Any, ...]]:
    """Select the held files within a person's sight and possible to open.

    Files not judged by the `rules` in force are left out: these may restrict a file to few people.
    """
    return select(*_COLUMNS, is_few().label("sensitive")).where(
        col(TransferRow.state) == "held",
        col(TransferRow.content_sha256).is_not(None),
        col(TransferRow.rules) == rules,
        ~waits_for(WITHDRAWN),
        *within(sight),
    )


def waits_for(codes: Collection[str]) -> ColumnElement[bool]:
    """Return True if a transfer waits for one of the given reasons."""
    return (
        select(col(ReasonRow.transfer))
        .where(col(ReasonRow.transfer) == col(TransferRow.sequence), col(ReasonRow.code).in_(codes))
        .exists()
    )


def page_of(
    query: Select[*tuple[Any, ...]], place: Mapped[Any], before: int | None, limit: int
) -> Select[*tuple[Any, ...]]:
    """Return at most `limit` rows of a query, last first, below the place `before`.

    `place` is the column of an index already in order, so that nothing is sorted.
    """
    if before is not None:
        query = query.where(place < before)
    return query.order_by(place.desc()).limit(limit)
