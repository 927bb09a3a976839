"""Receipts and the log entries that they rest on are put on record, under a signed head."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from gateway.receipts.facts import ReceiptFacts
from gateway.record import outcome, receipts_owed
from gateway.record.outcome import Issued
from gateway.record.registrar import Registrar
from gateway.registry import log, places
from gateway.registry.log import Entry

ReceiptsAt = Sequence[tuple[ReceiptFacts, int]]
"""Receipts, each with the place of its own entry."""


def put_on_record(
    registrar: Registrar, session: Session, entries: Sequence[Entry], receipts: ReceiptsAt, now: datetime
) -> Issued:
    """Append entries, and what the transaction changed, and sign the head; the head, with the receipts.

    A place is one among these entries. Where others write meanwhile, the receipts are owed, to be made by
    `Registrar.bring_out` or `publish`; else they are issued.
    """
    if places.writes_beside_others(session):
        receipts_owed.owe(session, [facts for facts, _ in receipts], now)
        signing = registrar.signing
        return Issued(
            log.append_under_head(session, entries, now, key=signing.log_key, origin=signing.origin)
        )
    given = receipts_owed.vouch_for(session, [facts for facts, _ in receipts], now)
    numbers = log.append(session, log.vouching(session, entries), now)
    return _issue(registrar, session, [(facts, numbers[place]) for facts, place in receipts], given, now)


def issue(registrar: Registrar, session: Session, now: datetime) -> Issued:
    """Sign the log's head over what a transaction added that gives nobody a receipt; the head."""
    return _issue(registrar, session, (), None, now)


def _issue(
    registrar: Registrar, session: Session, receipts: ReceiptsAt, given: Sequence[int] | None, now: datetime
) -> Issued:
    if registrar.registry.is_shared:
        references = {facts.reference for facts, _ in receipts}
        receipts_owed.give_first(
            session, registrar.signing, registrar.catalogue.wording.languages, references
        )
    head = registrar.sign_head(session, now, carried=bool(receipts))
    return outcome.issue(session, receipts, given, head=head, signing=registrar.signing, at=now)
