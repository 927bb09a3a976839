"""Rows 10 and 11: copies of an accepted file, or parts of one, owed to the schools concerned."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlmodel import Session

from gateway.model import Accepted, Classified, Decision, Released, Transfer
from gateway.policy.catalogue import Catalogue
from gateway.policy.recipients import copies_for, is_shared, parts_for
from gateway.record.schools import Enrolled
from gateway.registry import copies
from gateway.registry.log import Entry


def owe(
    session: Session,
    transfer: Transfer,
    decision: Decision,
    catalogue: Catalogue,
    enrolled: Callable[[], Enrolled],
) -> Sequence[Entry]:
    """Record the providers to be sent a copy of an accepted file; return the log's entries."""
    content, decided_at = transfer.content, transfer.decided_at
    if not isinstance(decision, Accepted | Released) or not is_shared(decision, catalogue):
        return ()
    if not isinstance(content, Classified) or decided_at is None:
        return ()
    everybody = tuple(enrolled().providers.values())
    recipients = copies_for(decision, content, catalogue, everybody)
    parts = parts_for(decision, content, catalogue, everybody)
    for provider in recipients:
        copies.owe(session, transfer.sequence, provider.id, decided_at)
    for provider in parts:
        copies.owe(session, transfer.sequence, provider.id, decided_at, part=True)
    return [
        Entry(
            kind="delivered",
            subject=transfer.upload.reference,
            fields={"provider": provider.id, "flow": decision.flow},
        )
        for provider in (*recipients, *parts)
    ]
