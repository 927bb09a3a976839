"""Lock out other writers in PostgreSQL: from everything, from one subject, or from the log.

SQLite allows one writer at a time, so nothing is locked there.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from enum import Enum

from sqlalchemy import text
from sqlmodel import Session

from gateway.errors import Fault
from gateway.registry import tables

# Arbitrary numbers, equal in every writing process.
_WRITERS, _SUBJECTS = 7_201_917, 7_201_920
CLOCK_SECONDS = 5.0
"""Seconds by which the clock of a host may differ from the database's."""
IDLE = "120s"
"""How long a writer that stands still keeps others out, until the server ends its session."""
BESIDE_OTHERS = "gateway writes beside others"
"""Key of `Session.info`: the locks held by a transaction beside which others write; not set without any."""


class WriterLock(Enum):
    """Locks in PostgreSQL that one writer at a time can hold.

    Every writer takes locks in the order in which they stand here, against deadlocks. After `HELD` and before
    the others a writer locks rows of keys (to count uses), then rows of pupils, both sorted.

    - `HELD`: for deciding held files again. Only the host with the lock decides them; the other hosts are
      free for arriving files.
    - `ROLLS`: for comparing providers' rolls with each other.
    - `RECEIPTS`: for numbering receipts. They are published in the order of their numbers, so a receipt must
      be visible before one with a higher number.
    - `LOG`: for appending to the log; taken last.
    """

    HELD = 7_201_922
    ROLLS = 7_201_919
    RECEIPTS = 7_201_921
    LOG = 7_201_918


def lock_writers(
    session: Session, subjects: Collection[str] | None = None, *, dated: bool = True, idle: bool = True
) -> None:
    """Lock out all other writers, or only those of the same `subjects`, until the end of the transaction.
    Does nothing in SQLite. Reads after the lock see all earlier writes. `dated`: raise Fault if this host's
    clock is more than CLOCK_SECONDS off the database's. `idle`: let the database end a transaction that
    pauses longer than `IDLE` between two statements.
    """
    tables.load_all()
    if session.get_bind().dialect.name != "postgresql":
        return
    lock = "pg_advisory_xact_lock" if subjects is None else "pg_advisory_xact_lock_shared"
    ends = f", set_config('idle_in_transaction_session_timeout', '{IDLE}', true)" if idle else ""
    taken = text(f"SELECT {lock}(:lock), clock_timestamp(){ends}")
    _, theirs, *_ = session.execute(taken, {"lock": _WRITERS}).one()
    ahead: float = (datetime.now(UTC) - theirs).total_seconds()
    if dated and abs(ahead) > CLOCK_SECONDS:
        raise Fault(
            f"the clock of this host is {ahead:+.0f} s from the database's: nothing is recorded here until "
            "it is right (timedatectl set-ntp true)"
        )
    if subjects is not None:
        session.info[BESIDE_OTHERS] = set()
    if subjects:
        # Sorted against deadlocks. Subjects with the same hash share a lock.
        one_by_one = text(
            "SELECT pg_advisory_xact_lock(:lock, number) FROM (SELECT DISTINCT hashtext(name) AS number"
            " FROM unnest(CAST(:names AS text[])) name ORDER BY 1) found"
        )
        session.execute(one_by_one, {"lock": _SUBJECTS, "names": sorted(subjects)})


def take_lock(session: Session, lock: WriterLock) -> None:
    """Take a lock until the end of the transaction, unless the transaction has it already.
    Does nothing where `lock_writers` has locked out all other writers, as always in SQLite.
    """
    if BESIDE_OTHERS in session.info and lock not in session.info[BESIDE_OTHERS]:
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock.value})
        session.info[BESIDE_OTHERS].add(lock)


def try_lock(session: Session, lock: WriterLock) -> bool:
    """Take a lock and return True; return False at once if another writer holds it."""
    if session.get_bind().dialect.name != "postgresql":
        return True
    return bool(session.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": lock.value}))
