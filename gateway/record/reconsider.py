"""Deciding held files again once a date, a ratification or an approval has come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from sqlmodel import Session

from gateway.model import Decision, Held, Transfer
from gateway.policy.decide import decide
from gateway.record.batch import Batch
from gateway.record.conclude import SIGNED_LATE, told_late
from gateway.record.drops import keys as key_drops
from gateway.record.registrar import Registrar
from gateway.record.rulings import Ruling, put_in_force
from gateway.registry import register, waits


def reconsider(registrar: Registrar, *, anew: bool = False) -> int:
    """Decide files again that need not wait any longer; return how many.

    With `anew`, decide all files waiting for a date or ratification: new policies may have changed either.
    """
    now = registrar.clock()
    with registrar.registry.read() as session:
        waiting = bool(_rulings(registrar, session, now, anew=anew))
    if not waiting:
        return 0
    with registrar.registry.write() as session:
        rulings = _rulings(registrar, session, now, anew=anew)
        head = put_in_force(registrar, Batch(session), rulings, now)
    registrar.bring_out(head)
    return len(rulings)


def _rulings(registrar: Registrar, session: Session, now: datetime, *, anew: bool) -> list[Ruling]:
    until = datetime.max.replace(tzinfo=UTC) if anew else now
    enrolled = register.of(session).enrolled(registrar.counting(now))
    ratified = [provider.id for provider in enrolled if provider.ratified or anew]
    found = [*waits.due(session, until), *waits.waiting_for_ratification(session, ratified)]
    if anew:
        found += waits.waiting_for_lists(session)
    rulings = list(_decided_anew(registrar, session, found, now))
    for reference in waits.waiting_for_approval(session):
        settled = key_drops.settle_later(session, reference, registrar.catalogue)
        if settled is not None:
            rulings.append(Ruling(reference=reference, decision=settled, folder="keys"))
    return rulings


def reconsider_unlisted(registrar: Registrar) -> int:
    """Decide files held for unlisted items again, after changes of the lists.

    Returns the number of changed decisions.
    """
    now = registrar.clock()
    with registrar.registry.write() as session:
        waiting = waits.waiting_for_lists(session)
        rulings = list(_decided_anew(registrar, session, waiting, now))
        head = put_in_force(registrar, Batch(session), rulings, now)
    registrar.bring_out(head)
    return len(rulings)


def reconsider_schools(registrar: Registrar, provider: str) -> int:
    """Decide a provider's files held for the schools named in them again, after a change of its schools.

    Returns the number of changed decisions.
    """
    now = registrar.clock()
    with registrar.registry.write() as session:
        waiting = waits.waiting_for_schools(session, provider)
        rulings = list(_decided_anew(registrar, session, waiting, now))
        head = put_in_force(registrar, Batch(session), rulings, now)
    registrar.bring_out(head)
    return len(rulings)


def _decided_anew(
    registrar: Registrar, session: Session, waiting: Iterable[Transfer], now: datetime
) -> Iterator[Ruling]:
    """Yield rulings for the transfers with a changed decision, each once."""
    for transfer in {one.upload.reference: one for one in waiting}.values():
        decision = _anew(registrar, session, transfer, now)
        if decision is not None and not _same(decision, transfer):
            held_for = () if isinstance(decision, Held) else transfer.reasons
            yield Ruling(reference=transfer.upload.reference, decision=decision, held_for=held_for)


def _anew(registrar: Registrar, session: Session, transfer: Transfer, now: datetime) -> Decision | None:
    if transfer.content is None or _waits_for_more(transfer):
        return None
    provider = registrar.provider(session, transfer.upload.provider, now)
    decision = decide(transfer.content, registrar.catalogue, provider, now)
    late = next((why.code for why in transfer.reasons if why.code in SIGNED_LATE), None)
    return decision if late is None else told_late(decision, late, registrar.catalogue)


def _same(decision: Decision, transfer: Transfer) -> bool:
    """Would a decision change nothing? Then no entry is written."""
    return (
        isinstance(decision, Held)
        and decision.until == transfer.held_until
        and decision.reasons == transfer.reasons
    )


def _waits_for_more(transfer: Transfer) -> bool:
    """Return True if a file waits for something outside the policies: its manner of arrival, or its key."""
    return any(why.code.startswith("open:") and why.code not in SIGNED_LATE for why in transfer.reasons)
