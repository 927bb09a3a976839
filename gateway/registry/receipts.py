"""Receipts as they were signed and published."""

from __future__ import annotations

from sqlmodel import Session, col, select

from gateway.registry.tables import ReceiptRow


def latest(session: Session, reference: str) -> ReceiptRow | None:
    """The receipt in force of a transfer, if it has one yet."""
    return session.exec(
        select(ReceiptRow)
        .where(ReceiptRow.reference == reference)
        .order_by(col(ReceiptRow.sequence).desc())
        .limit(1)
    ).first()
