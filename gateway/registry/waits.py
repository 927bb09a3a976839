"""Held transfers by what they wait for, and those that are to be examined once more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from gateway.model import (
    Transfer,
)
from gateway.registry.tables import ReasonRow, TransferRow
from gateway.registry.transfer_rows import (
    transfers_of,
)


def due(session: Session, now: datetime) -> Sequence[Transfer]:
    """Held transfers whose date has come, oldest first."""
    rows = session.exec(
        select(TransferRow)
        .where(TransferRow.waits_for == "date", col(TransferRow.held_until) <= now)
        .order_by(col(TransferRow.sequence))
    ).all()
    return transfers_of(session, rows)


def waiting_for_ratification(session: Session, providers: Iterable[str]) -> Sequence[Transfer]:
    """Held transfers of these providers that wait for the agreement to be ratified."""
    rows = session.exec(
        select(TransferRow)
        .where(TransferRow.waits_for == "ratification", col(TransferRow.provider).in_(list(providers)))
        .order_by(col(TransferRow.sequence))
    ).all()
    return transfers_of(session, rows)


def waiting_for_lists(session: Session) -> Sequence[Transfer]:
    """Held transfers that wait because of something in them that nobody lists, oldest first."""
    unlisted = select(ReasonRow.transfer).where(ReasonRow.code == "policy:unlisted-items")
    rows = session.exec(
        select(TransferRow)
        .where(TransferRow.state == "held", col(TransferRow.sequence).in_(unlisted))
        .order_by(col(TransferRow.sequence))
    ).all()
    return transfers_of(session, rows)


def waiting_for_schools(session: Session, provider: str) -> Sequence[Transfer]:
    """Held transfers of a provider that wait because of the schools that they name, oldest first."""
    codes = ("policy:other-school", "policy:school-not-named")
    other = select(ReasonRow.transfer).where(col(ReasonRow.code).in_(codes))
    rows = session.exec(
        select(TransferRow)
        .where(
            TransferRow.state == "held",
            TransferRow.provider == provider,
            col(TransferRow.sequence).in_(other),
        )
        .order_by(col(TransferRow.sequence))
    ).all()
    return transfers_of(session, rows)


def waiting_for_approval(session: Session) -> Sequence[str]:
    """The references of the keys that were dropped and wait for somebody to approve them."""
    query = select(TransferRow.reference).where(TransferRow.waits_for == "approval")
    return session.exec(query.order_by(col(TransferRow.sequence))).all()


def examine_again(session: Session, provider: str) -> Sequence[str]:
    """Let what waits for a key of this provider be examined once more: it is landed again."""
    return _land_again(session, provider, col(TransferRow.waits_for) == "key")


def examine_superseded(session: Session, provider: str, signer: str) -> Sequence[str]:
    """Let what was signed with this key before it was given up, and waits for a person, be examined again."""
    superseded = select(ReasonRow.transfer).where(ReasonRow.code == "open:key-superseded")
    return _land_again(
        session,
        provider,
        col(TransferRow.waits_for) == "person",
        col(TransferRow.signer) == signer,
        col(TransferRow.sequence).in_(superseded),
    )


def _land_again(session: Session, provider: str, *which: ColumnElement[bool]) -> Sequence[str]:
    query = select(TransferRow).where(TransferRow.provider == provider, *which)
    rows = session.exec(query.order_by(col(TransferRow.sequence))).all()
    for row in rows:
        row.state, row.waits_for = "landed", None
        session.add(row)
    session.flush()
    return [row.reference for row in rows]
