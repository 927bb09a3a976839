"""Deciding held files again once a date, a ratification or an approval has come.

A portion of files is decided in one transaction. Several hosts decide different portions at the same time,
each taking files not locked by another; files whose date has come stay due until decided, whatever ends a
host. Between two portions the processor attends to files that arrive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, or_
from sqlmodel import Session

from gateway.model import Decision, Held, Transfer
from gateway.policy.decide import decide
from gateway.record import copies_owed
from gateway.record.batch import Batch, subjects
from gateway.record.conclude import SIGNED_LATE, told_late
from gateway.record.drops import keys as key_drops
from gateway.record.registrar import Registrar
from gateway.record.rulings import Ruling, put_in_force
from gateway.registry import places, register, waits

A_PORTION = 64
"""Most held files decided in one transaction."""
_UNLISTED = ("policy:unlisted-items",)
_OF_SCHOOLS = ("policy:other-school", "policy:school-not-named")
_Which = Callable[[Registrar, Session, datetime], ColumnElement[bool]]


@dataclass(slots=True)
class Portions:
    """Held files decided again, a portion each time. `after` is the sequence of the last one looked at."""

    which: _Which
    after: int = 0
    changed: int = 0

    def next(self, registrar: Registrar) -> bool:
        """Decide the next portion again; return False after the last, with all to be looked at again.

        Fault where nothing could be decided; tried again by the next call.
        """
        registry, now = registrar.registry, registrar.clock()
        with registry.read() as session:
            if not waits.are_there(session, self.which(registrar, session, now), self.after):
                self.after = 0
                return False
        with registry.write_on(()) as session:
            found = waits.portion(session, self.which(registrar, session, now), self.after, A_PORTION)
            kinds = [subjects(one.upload.reference, one.content) for one in found]
            places.take_a_place_of_many(session, {subject for some in kinds for subject in some})
            rulings = list(_decided_anew(registrar, session, found, now))
            issued = put_in_force(registrar, Batch(session), rulings, now)
        registrar.bring_out(issued)
        self.changed += len(rulings)
        has_more = len(found) == A_PORTION
        self.after = found[-1].sequence if has_more else 0
        return has_more

    def all(self, registrar: Registrar) -> int:
        """Decide every portion; return the number of changed decisions."""
        while self.next(registrar):
            pass
        return self.changed


def reconsider(registrar: Registrar) -> int:
    """Decide all files again that need not wait any longer; return how many."""
    found = Portions(due).all(registrar) + reconsider_approved(registrar)
    copies_owed.follow(registrar)
    return found


def due(registrar: Registrar, session: Session, now: datetime) -> ColumnElement[bool]:
    """Return the condition for files that wait for a date or ratification no longer."""
    known, counting = register.of(session), registrar.counting(now)
    return waits.due(session, now, lambda provider: known.provider(provider, counting).ratified)


def anew(_registrar: Registrar, session: Session, _now: datetime) -> ColumnElement[bool]:
    """Return the condition for all files waiting for what new policies may have changed."""
    latest = datetime.max.replace(tzinfo=UTC)
    return or_(waits.due(session, latest, lambda _provider: True), waits.for_reasons(*_UNLISTED))


def reconsider_approved(registrar: Registrar) -> int:
    """Settle dropped keys approved or refused by now; return how many."""
    with registrar.registry.read() as session:
        if not _settled(registrar, session):
            return 0
    with registrar.registry.write() as session:
        rulings = _settled(registrar, session)
        issued = put_in_force(registrar, Batch(session), rulings, registrar.clock())
    registrar.bring_out(issued)
    return len(rulings)


def _settled(registrar: Registrar, session: Session) -> list[Ruling]:
    found = (
        (reference, key_drops.settle_later(session, reference, registrar.catalogue))
        for reference in waits.waiting_for_approval(session)
    )
    return [
        Ruling(reference=reference, decision=settled, folder="keys")
        for reference, settled in found
        if settled is not None
    ]


def reconsider_unlisted(registrar: Registrar) -> int:
    """Decide files held for unlisted items again, after changes of the lists.

    Returns the number of changed decisions.
    """
    return Portions(lambda *_: waits.for_reasons(*_UNLISTED)).all(registrar)


def reconsider_schools(registrar: Registrar, provider: str) -> int:
    """Decide a provider's files held for the schools named in them again, after a change of its schools.

    Returns the number of changed decisions.
    """
    return Portions(lambda *_: waits.for_reasons(*_OF_SCHOOLS, provider=provider)).all(registrar)


def _decided_anew(
    registrar: Registrar, session: Session, waiting: Iterable[Transfer], now: datetime
) -> Iterator[Ruling]:
    """Yield rulings for the transfers with a changed decision."""
    for transfer in waiting:
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
