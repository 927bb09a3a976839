"""Receipts as signed and published."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import text, union
from sqlmodel import Session, col, select

from gateway.registry.places import WritersPlace, take_a_place
from gateway.registry.tables import DeclarationRow, ReceiptRow, TransferRow
from gateway.registry.vouched_rows import next_numbers
from gateway.zones.spool import new_reference

# The names under which notices are published.
KEY_NOTICE = "key-notice"
GATEWAY_KEY_HEADLINE = "The GATEWAY has a new OpenPGP key."
AGREEMENT_NOTICE = "agreement-notice"
DISCREPANCY_NOTICE = "NOTICE"


def fresh_reference(session: Session, provider: str, at: datetime) -> str:
    """Return a new reference, unused by any transfer, notice or declaration."""
    while True:
        reference = new_reference(provider, at)
        if not borne(session, [reference]):
            return reference


def borne(session: Session, references: Iterable[str]) -> set[str]:
    """Return the references in use by a transfer, a notice or a declaration."""
    wanted = list(references)
    columns = (ReceiptRow.reference, TransferRow.reference, DeclarationRow.reference)
    asked = (select(column).where(col(column).in_(wanted)) for column in columns)
    return set(session.scalars(union(*asked)))


def next_receipts(session: Session, count: int) -> list[int]:
    """Reserve consecutive numbers for the transaction's receipts.

    Takes the receipts' lock until the end of the transaction, so that no other number lies between.
    """
    take_a_place(session, WritersPlace.RECEIPTS)
    if session.get_bind().dialect.name != "postgresql":
        return next_numbers(session, ReceiptRow, "sequence", count)
    drawn = text(
        "SELECT nextval(pg_get_serial_sequence('receipt', 'sequence')) FROM generate_series(1, :count)"
    )
    return sorted(session.connection().execute(drawn, {"count": count}).scalars())


def latest(session: Session, reference: str) -> ReceiptRow | None:
    """Return the receipt in force of a transfer, or None."""
    return session.exec(
        select(ReceiptRow)
        .where(ReceiptRow.reference == reference)
        .order_by(col(ReceiptRow.sequence).desc())
        .limit(1)
    ).first()


def notices_to(session: Session, provider: str, limit: int) -> Sequence[tuple[str, str, datetime]]:
    """Return the latest notices to a provider: reference, published name and time of each."""
    query = (
        select(ReceiptRow.reference, ReceiptRow.name, ReceiptRow.created_at)
        # Spelled as in the index of notices: a bound parameter would miss the index.
        .where(ReceiptRow.provider == provider, text("receipt.json_text = ''"))
        .order_by(col(ReceiptRow.sequence).desc())
        .limit(limit)
    )
    return session.exec(query).all()
