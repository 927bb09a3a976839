"""Copies of an accepted file, or parts of one, owed to the providers that the agreement names as recipients.

A recipient that still has to ratify the agreement gets its copy once it has; until then the copy waits, on
record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from gateway.model import Accepted, Classified, Decision, Provider, Released, Transfer
from gateway.policy.catalogue import Catalogue
from gateway.policy.schools import copies_for, is_shared, partners, parts_for
from gateway.reasons import told
from gateway.record.outcome import put_on_record
from gateway.record.registrar import Registrar
from gateway.record.schools import Enrolled
from gateway.registry import copies
from gateway.registry.log import Entry
from gateway.registry.tables import CopyRow


@dataclass(frozen=True, slots=True)
class CopiesOwed:
    """The log's entries about the copies owed of a file, and the receipt's sentences about them."""

    entries: tuple[Entry, ...] = ()
    told: tuple[str, ...] = ()


_NOTHING = CopiesOwed()


def owe(
    session: Session,
    transfer: Transfer,
    decision: Decision,
    catalogue: Catalogue,
    enrolled: Callable[[], Enrolled],
) -> CopiesOwed:
    """Record the providers to be sent a copy of an accepted file, now or once they have ratified."""
    content, decided_at = transfer.content, transfer.decided_at
    if not isinstance(decision, Accepted | Released) or not is_shared(decision, catalogue):
        return _NOTHING
    if not isinstance(content, Classified) or decided_at is None:
        return _NOTHING
    everybody = tuple(enrolled().providers.values())
    ready: list[Provider] = []
    waiting: list[Provider] = []
    for waits in (False, True):
        whole = copies_for(decision, content, catalogue, everybody, unratified=waits)
        parts = parts_for(decision, content, catalogue, everybody, unratified=waits)
        for provider in (*whole, *parts):
            part = provider in parts
            copies.owe(session, transfer.sequence, provider.id, decided_at, part=part, waits=waits)
            (waiting if waits else ready).append(provider)
    entries = [_delivered(transfer.upload.reference, each.id, decision.flow) for each in ready]
    # Who gets a copy, and who has signed, is told to a sender only of the partners of a flow, never of single
    # schools.
    sent = partners(decision, catalogue, ready)
    later = partners(decision, catalogue, waiting)
    notes = [told("policy:copy-sent", recipient=name) for name in sent]
    notes += [told("policy:copy-waits", recipient=name) for name in later if name not in sent]
    return CopiesOwed(tuple(entries), tuple(f"{sentence} {next_step}" for sentence, next_step in notes))


def follow(registrar: Registrar) -> int:
    """Let the copies follow whose recipients have ratified by now; return how many."""
    with registrar.registry.read() as session:
        if not _ready(registrar, session):
            return 0
    now = registrar.clock()
    with registrar.registry.write() as session:
        entries = []
        for row, transfer in _ready(registrar, session):
            row.waits, row.decided_at = None, now
            session.add(row)
            entries.append(_delivered(transfer.upload.reference, row.provider, transfer.flow or "none"))
        session.flush()
        issued = put_on_record(registrar, session, entries, (), now)
    registrar.bring_out(issued)
    return len(entries)


def _ready(registrar: Registrar, session: Session) -> Sequence[tuple[CopyRow, Transfer]]:
    """Return the waiting copies, of accepted files, that their recipients may have now."""
    now = registrar.clock()
    return [
        (row, transfer)
        for row, transfer in copies.waiting(session)
        if _may_have(
            transfer, registrar.catalogue, registrar.provider(session, row.provider, now), part=row.part
        )
    ]


def _may_have(transfer: Transfer, catalogue: Catalogue, provider: Provider, *, part: bool | None) -> bool:
    if not isinstance(transfer.content, Classified) or transfer.flow is None:
        return False
    decision = Released(flow=transfer.flow, teams=transfer.teams, reasons=transfer.reasons)
    chosen = parts_for if part else copies_for
    return bool(chosen(decision, transfer.content, catalogue, (provider,)))


def _delivered(reference: str, provider: str, flow: str) -> Entry:
    return Entry(kind="delivered", subject=reference, fields={"provider": provider, "flow": flow})
