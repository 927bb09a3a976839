"""Receipts as they were signed and published."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, select

from gateway.registry.tables import DeclarationRow, ReceiptRow, TransferRow
from gateway.spool import new_reference


def fresh_reference(session: Session, provider: str, at: datetime) -> str:
    """A reference that neither a transfer nor a notice nor a declaration bears."""
    while True:
        reference = new_reference(provider, at)
        columns = (ReceiptRow.reference, TransferRow.reference, DeclarationRow.reference)
        if not any(session.exec(select(column).where(column == reference)).first() for column in columns):
            return reference


def latest(session: Session, reference: str) -> ReceiptRow | None:
    """The receipt in force of a transfer, if it has one yet."""
    return session.exec(
        select(ReceiptRow)
        .where(ReceiptRow.reference == reference)
        .order_by(col(ReceiptRow.sequence).desc())
        .limit(1)
    ).first()
