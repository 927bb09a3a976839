"""Conditions of queries that limit listings to the files within a person's sight."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from sqlalchemy import ColumnElement, false
from sqlalchemy import select as select_columns
from sqlmodel import Session, col

from gateway.access import EVERYTHING, FEW_REASONS, Sight, is_for_few
from gateway.model import Transfer
from gateway.registry.markers import is_seen_by
from gateway.registry.tables import ReasonRow, TransferRow


def is_sensitive(transfer: Transfer) -> bool:
    """Are few people to know of a transfer?"""
    return is_for_few(why.code for why in transfer.reasons)


def is_few() -> ColumnElement[bool]:
    """Return the condition for a sensitive transfer; such reasons are rare, and looked up once."""
    few = select_columns(col(ReasonRow.transfer)).where(col(ReasonRow.code).in_(FEW_REASONS))
    return cast("ColumnElement[bool]", col(TransferRow.sequence).in_(few))


def within(sight: Sight) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions for a transfer to be within a person's sight."""
    if not sight.ordinary:
        yield is_few() if sight.few else false()
    elif not sight.few:
        yield ~is_few()
    if not sight.marked:
        yield is_seen_by(sight.person)


def sees(session: Session, sight: Sight, reference: str) -> bool:
    """Is a file within a person's sight? A reference of no transfer is."""
    if sight == EVERYTHING:
        return True
    of_it = select_columns(col(TransferRow.sequence)).where(col(TransferRow.reference) == reference)
    there = session.execute(of_it).first() is not None
    return not there or session.execute(of_it.where(*within(sight))).first() is not None
