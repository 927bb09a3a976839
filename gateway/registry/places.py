"""Who may write at one moment: one on everything, or several, each on subjects of its own; at the log, one.

SQLite has one writer at a time by itself.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import text
from sqlmodel import Session

from gateway.registry import tables

# Any numbers: they only have to be the same in every process that writes.
_WRITERS_PLACE, _LOGS_PLACE, _ROLLS_PLACE, _SUBJECTS = 7_201_917, 7_201_918, 7_201_919, 7_201_920
_RECEIPTS_PLACE = 7_201_921
_CONCURRENT, _AT_THE_LOG = "gateway writes beside others", "gateway appends"


def take_the_writers_place(session: Session) -> None:
    """Be the only one who writes, to the end of the transaction; wait for it. SQLite sees to that itself.

    What a writer reads is then what it changes, and the log has one next place.
    """
    tables.load_all()
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _WRITERS_PLACE})


def take_a_place_of_many(session: Session, subjects: Collection[str]) -> None:
    """Write on these subjects while others write on others, and nobody on all there is.

    SQLite has one writer, and PostgreSQL where `take_the_writers_place` is asked for. Whoever compares
    providers with each other takes `take_the_rolls_place` besides. Each of these is held to the end of the
    transaction.
    """
    tables.load_all()
    if session.get_bind().dialect.name != "postgresql":
        return
    session.execute(text("SELECT pg_advisory_xact_lock_shared(:lock)"), {"lock": _WRITERS_PLACE})
    session.info[_CONCURRENT] = True
    if not subjects:
        return
    # In one order, so that no two wait for each other; subjects of one number are as one.
    one_by_one = text(
        "SELECT pg_advisory_xact_lock(:lock, number) FROM (SELECT DISTINCT hashtext(name) AS number"
        " FROM unnest(CAST(:names AS text[])) name ORDER BY 1) found"
    )
    session.execute(one_by_one, {"lock": _SUBJECTS, "names": sorted(subjects)})


def take_the_rolls_place(session: Session) -> None:
    """Be the only one who compares the rolls of providers, to the end of the transaction."""
    if _CONCURRENT in session.info:
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ROLLS_PLACE})


def take_the_receipts_place(session: Session) -> None:
    """Be the only one who puts down what providers are given, to the end of the transaction.

    It is brought out in the order of its numbers: of two, the one with the lower is then seen first. To be
    taken before `take_the_logs_place`, and before keys are counted as used.
    """
    if _CONCURRENT in session.info:
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _RECEIPTS_PLACE})


def take_the_logs_place(session: Session) -> None:
    """Be the only one who appends, to the end of the transaction; wait for it. To be taken after all else.

    Whoever has the writer's place has it already, as have all in SQLite.
    """
    if _CONCURRENT in session.info and _AT_THE_LOG not in session.info:
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOGS_PLACE})
        session.info[_AT_THE_LOG] = True
