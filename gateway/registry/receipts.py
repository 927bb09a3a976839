"""Receipts as they were signed and published."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session, col, select

from gateway.registry.tables import DeclarationRow, ReceiptRow, TransferRow
from gateway.zones.spool import new_reference

# The names under which notices are published.
KEY_NOTICE = "key-notice"
AGREEMENT_NOTICE = "agreement-notice"
DISCREPANCY_NOTICE = "NOTICE"


def fresh_reference(session: Session, provider: str, at: datetime) -> str:
    """A reference that neither a transfer nor a notice nor a declaration bears."""
    while True:
        reference = new_reference(provider, at)
        if not borne(session, [reference]):
            return reference


def borne(session: Session, references: Iterable[str]) -> set[str]:
    """Those of `references` that a transfer, a notice or a declaration bears."""
    wanted = list(references)
    columns = (ReceiptRow.reference, TransferRow.reference, DeclarationRow.reference)
    return {
        found
        for column in columns
        for found in session.exec(select(column).where(col(column).in_(wanted)).distinct()).all()
    }


def latest(session: Session, reference: str) -> ReceiptRow | None:
    """The receipt in force of a transfer, if it has one yet."""
    return session.exec(
        select(ReceiptRow)
        .where(ReceiptRow.reference == reference)
        .order_by(col(ReceiptRow.sequence).desc())
        .limit(1)
    ).first()
