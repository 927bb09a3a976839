"""Receipts where many write at once: what each states is committed with what it tells of; then it is signed.

A receipt proves its leaf under a signed head, so it cannot be made before the log has its entry. To make
it takes longer than to append: whoever kept the log's place for that long would have all others wait. So it
is owed, in the same transaction, and made at once by whoever committed. Where that one dies in between,
the next processor that looks makes it. Who takes what is owed takes it alone: each receipt is made once, and
all doors show the same bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session

from gateway.reasons.languages import Language
from gateway.receipts.facts import ReceiptFacts, canonical_receipt, receipt_digest
from gateway.receipts.receipt import envelope, proved_text
from gateway.receipts.text import render_statement
from gateway.record.outcome import proofs, sealed
from gateway.registry import log, receipts_owed
from gateway.registry.database import Registry
from gateway.registry.tables import ReceiptOwedRow
from gateway.secrets.signing import Signing
from gateway.zones.failpoints import passing

_AT_ONCE = 64


def owe(session: Session, receipts: Sequence[ReceiptFacts], at: datetime) -> None:
    """Owe receipts: they are part of what the transaction changes."""
    receipts_owed.owe(session, _owed(receipts, at))


def vouch_for(session: Session, receipts: Sequence[ReceiptFacts], at: datetime) -> list[int] | None:
    """Let the log vouch for what receipts state that are made in the same transaction, after its leaves.

    Their numbers, where these are known before.
    """
    return receipts_owed.vouch_for(session, _owed(receipts, at))


def _owed(receipts: Sequence[ReceiptFacts], at: datetime) -> list[dict[str, Any]]:
    return [
        {
            "digest": receipt_digest(facts),
            "reference": facts.reference,
            "provider": facts.provider,
            "name": facts.name,
            "stage": facts.stage,
            "statement": render_statement(facts),
            "canonical": canonical_receipt(facts).decode(),
            "created_at": at,
        }
        for facts in receipts
    ]


def is_any_owed(registry: Registry) -> bool:
    """Whether a receipt is owed, as where somebody died who had it to make."""
    with registry.read() as session:
        return receipts_owed.is_any_owed(session)


def give(registry: Registry, signing: Signing, languages: Sequence[Language]) -> None:
    """Make the receipts that are owed and that nobody else is making. A Fault leaves them owed."""
    taken = _AT_ONCE
    while taken == _AT_ONCE:
        with registry.write_on(()) as session:
            owed = receipts_owed.take(session, _AT_ONCE)
            if owed:
                _give(session, signing, languages, owed)
                passing("receipts.given")
        passing("receipts.committed")
        taken = len(owed)


def give_first(
    session: Session, signing: Signing, languages: Sequence[Language], references: Collection[str]
) -> None:
    """Make what is still owed of some files, before they are given further receipts.

    What is brought out last stands at the door, and it must be the last that was decided. To be called where
    nobody writes beside the transaction: no one else is making these then.
    """
    owed = receipts_owed.of(session, references)
    if owed:
        _give(session, signing, languages, owed)


def _give(
    session: Session, signing: Signing, languages: Sequence[Language], owed: Sequence[ReceiptOwedRow]
) -> None:
    numbers = receipts_owed.numbers(session, owed)
    head = log.newest_head(session)
    if head is None or len(numbers) < len(owed):
        raise AssertionError("a receipt is owed for which the log does not ask")
    owed = sorted(owed, key=lambda one: numbers[one.digest])
    proved = proofs(
        session, [numbers[one.digest] for one in owed], head.size, head=head.text, signing=signing
    )
    pairs = list(zip(owed, proved, strict=True))
    texts = signing.clearsign_each(
        proved_text(one.statement, one.digest, proof, languages) for one, proof in pairs
    )
    rows = [
        {
            "reference": one.reference,
            "provider": one.provider,
            "name": one.name,
            "stage": one.stage,
            "text": text,
            "json_text": envelope(one.canonical.encode(), proof, signing.log_key.sign),
            "created_at": one.created_at,
        }
        for (one, proof), text in zip(pairs, texts, strict=True)
    ]
    given = [sealed(row, None, signing) for row in rows]
    receipts_owed.give(session, given, [one.digest for one in owed])
