"""Recording receipts with their log entries, under a signed head."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session

from gateway.publish.projection import Issued
from gateway.receipts.facts import Proof, ReceiptFacts, canonical_receipt, receipt_digest
from gateway.receipts.receipt import render_json
from gateway.receipts.text import render_statement, render_text
from gateway.record.registrar import Registrar
from gateway.registry import log, receipts
from gateway.registry.inserting import insert_rows
from gateway.registry.log import Entry
from gateway.registry.tables import ReceiptRow
from gateway.registry.vouched_rows import sealed_content, vouch_as
from gateway.secrets.signing import Signing

ReceiptsAt = Sequence[tuple[ReceiptFacts, int]]
"""Receipts, each with the place of its entry."""


def put_on_record(
    registrar: Registrar, session: Session, entries: Sequence[Entry], given: ReceiptsAt, now: datetime
) -> Issued:
    """Append entries for the transaction's changes, sign the head, and store receipts with proofs.

    A receipt's place is its index among the entries. A receipt holds a proof, so the log vouches for the
    statements; the log's key seals the row.
    """
    signing, columns = registrar.signing, []
    numbers = receipts.next_receipts(session, len(given)) if given else []
    for number, (facts, _) in zip(numbers, given, strict=True):
        row: dict[str, Any] = {
            "reference": facts.reference,
            "provider": facts.provider,
            "name": facts.name,
            "stage": facts.stage,
            "created_at": now,
        }
        stated = {"statement": render_statement(facts), "canonical": canonical_receipt(facts).decode()}
        vouch_as(session, ("receipt", f"[{number}]"), {**row, **stated, "digest": receipt_digest(facts)})
        columns.append(row)
    leaves = log.append(session, log.vouching(session, entries), now)
    head = registrar.sign_head(session, now, carried=bool(given))
    proved = proofs(session, [leaves[place] for _, place in given], head=head, signing=signing)
    pairs = [(facts, proof) for (facts, _), proof in zip(given, proved, strict=True)]
    texts = signing.clearsign_each(render_text(*pair) for pair in pairs)
    rows = []
    for number, row, (facts, proof), text in zip(numbers, columns, pairs, texts, strict=True):
        row |= {"text": text, "json_text": render_json(facts, proof, signing.log_key.sign)}
        seal = signing.log_key.sign(sealed_content(row, number)).hex()
        rows.append({"sequence": number, **row, "seal": seal})
    insert_rows(session, ReceiptRow, rows)
    return Issued(head, [ReceiptRow(**row) for row in rows])


def proofs(session: Session, numbers: Sequence[int], *, head: str, signing: Signing) -> list[Proof]:
    """Prove that leaves are in the log under the signed `head`."""
    leaves = log.leaves_of(session, numbers)
    paths = log.inclusion_proofs(session, numbers, log.size(session))
    return [
        Proof(
            leaf=leaves[number],
            index=number,
            hashes=tuple(hashes),
            checkpoint=head,
            log_key=signing.vkey,
            log_key_certificate=signing.log_statement,
        )
        for number, hashes in zip(numbers, paths, strict=True)
    ]
