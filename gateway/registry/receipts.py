"""Receipts as they were signed and published."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import text, union
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
    asked = (select(column).where(col(column).in_(wanted)) for column in columns)
    return set(session.scalars(union(*asked)))


def latest(session: Session, reference: str) -> ReceiptRow | None:
    """The receipt in force of a transfer, if it has one yet.

    Where many make receipts at once, that of its landing may be made after that of its decision.
    """
    return session.exec(
        select(ReceiptRow)
        .where(ReceiptRow.reference == reference)
        .order_by(col(ReceiptRow.stage) == "landed", col(ReceiptRow.sequence).desc())
        .limit(1)
    ).first()


def notices_to(session: Session, provider: str, limit: int) -> Sequence[tuple[str, str, datetime]]:
    """The latest notices to a provider: each by its reference, the name it was published under, and when."""
    query = (
        select(ReceiptRow.reference, ReceiptRow.name, ReceiptRow.created_at)
        # As the index of notices has it: a bound parameter would not lead to it.
        .where(ReceiptRow.provider == provider, text("receipt.json_text = ''"))
        .order_by(col(ReceiptRow.sequence).desc())
        .limit(limit)
    )
    return session.exec(query).all()
