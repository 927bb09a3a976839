"""Held transfers by their reason for waiting, and transfers to be examined again."""

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
    """Return the held transfers due by `now`, oldest first."""
    rows = session.exec(
        select(TransferRow)
        .where(TransferRow.waits_for == "date", col(TransferRow.held_until) <= now)
        .order_by(col(TransferRow.sequence))
    ).all()
    return transfers_of(session, rows)


def waiting_for_ratification(session: Session, providers: Iterable[str]) -> Sequence[Transfer]:
    """Return the providers' held transfers waiting for ratification of the agreement."""
    rows = session.exec(
        select(TransferRow)
        .where(TransferRow.waits_for == "ratification", col(TransferRow.provider).in_(list(providers)))
        .order_by(col(TransferRow.sequence))
    ).all()
    return transfers_of(session, rows)


def waiting_for_lists(session: Session) -> Sequence[Transfer]:
    """Return the transfers held for unlisted items, oldest first."""
    unlisted = select(ReasonRow.transfer).where(ReasonRow.code == "policy:unlisted-items")
    rows = session.exec(
        select(TransferRow)
        .where(TransferRow.state == "held", col(TransferRow.sequence).in_(unlisted))
        .order_by(col(TransferRow.sequence))
    ).all()
    return transfers_of(session, rows)


def waiting_for_schools(session: Session, provider: str) -> Sequence[Transfer]:
    """Return a provider's transfers held for the schools named in them, oldest first."""
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
    """Return the references of dropped keys waiting for approval."""
    query = select(TransferRow.reference).where(TransferRow.waits_for == "approval")
    return session.exec(query.order_by(col(TransferRow.sequence))).all()


def examine_again(session: Session, provider: str) -> Sequence[str]:
    """Land a provider's transfers waiting for a key again, for a new examination."""
    return _land_again(session, provider, col(TransferRow.waits_for) == "key")


def examine_superseded(session: Session, provider: str, signer: str) -> Sequence[str]:
    """Land transfers signed with a key before its replacement and waiting for a person again."""
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
