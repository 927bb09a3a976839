"""Receipts that transactions which write beside others leave to be signed: owed, and then given.

The log vouches for what each states with the transaction that it tells of. The receipt itself is made
afterwards, while others may append to the log; its proof and its signatures stand for themselves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import delete
from sqlmodel import Session, col, select

from gateway.receipts.receipt import stated_in
from gateway.registry import places
from gateway.registry.inserting import insert_rows, next_numbers
from gateway.registry.tables import EventRow, ReceiptOwedRow, ReceiptRow
from gateway.registry.vouched_rows import add_rows, vouch_as, vouch_for_rows


def owe(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Put down what is owed: rows of all columns."""
    add_rows(session, ReceiptOwedRow, rows)


def vouch_for(session: Session, rows: Sequence[dict[str, Any]]) -> list[int] | None:
    """Let the log vouch for what receipts state that are made after its leaves; their numbers, if known."""
    if session.get_bind().dialect.name == "postgresql":
        vouch_for_rows(session, ReceiptOwedRow, rows)
        return None
    numbers = next_numbers(session, ReceiptRow, "sequence", len(rows)) if rows else []
    for number, row in zip(numbers, rows, strict=True):
        vouch_as(session, ("receipt", f"[{number}]"), ReceiptOwedRow, row)
    return numbers


def is_any_owed(session: Session) -> bool:
    """Whether a receipt is owed."""
    return session.exec(select(ReceiptOwedRow.digest).limit(1)).first() is not None


def take(session: Session, most: int) -> Sequence[ReceiptOwedRow]:
    """Some of what is owed and nobody else is making; nobody else can from now on."""
    query = select(ReceiptOwedRow).limit(most).with_for_update(skip_locked=True)
    return session.exec(query).all()


def of(session: Session, references: Collection[str]) -> Sequence[ReceiptOwedRow]:
    """What is owed of some files, in a transaction that nobody writes beside."""
    return session.exec(select(ReceiptOwedRow).where(col(ReceiptOwedRow.reference).in_(references))).all()


def numbers(session: Session, owed: Sequence[ReceiptOwedRow]) -> dict[str, int]:
    """To the digest of each receipt, the number of its leaf."""
    query = select(EventRow.number, EventRow.subject, EventRow.leaf).where(
        col(EventRow.subject).in_({one.reference for one in owed}), EventRow.kind != "delivered"
    )
    leaves = session.exec(query).all()
    return {
        one.digest: number
        for one in owed
        for number, subject, leaf in leaves
        if subject == one.reference and f'"receipt":"{one.digest}"'.encode() in leaf
    }


def give(session: Session, receipts: Sequence[dict[str, Any]], owed: Collection[str]) -> None:
    """Put signed receipts down instead of those that were owed by these digests.

    The log is told nothing: it has what they state, and asks for each once.
    """
    places.take_the_receipts_place(session)
    insert_rows(session, ReceiptRow, receipts)
    session.connection().execute(delete(ReceiptOwedRow).where(col(ReceiptOwedRow.digest).in_(owed)))


def as_owed(receipt: ReceiptRow) -> Iterator[ReceiptOwedRow]:
    """What a receipt was, if it was owed at first; nothing where it is a notice, or none that can be read."""
    try:
        statement, canonical = stated_in(receipt.text, receipt.json_text)
    except ValueError:
        return
    yield ReceiptOwedRow(
        digest=hashlib.sha256(canonical.encode()).hexdigest(),
        reference=receipt.reference,
        provider=receipt.provider,
        name=receipt.name,
        stage=receipt.stage,
        statement=statement,
        canonical=canonical,
        created_at=receipt.created_at,
    )
