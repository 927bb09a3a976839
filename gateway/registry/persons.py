"""Which files hold a child, asked by keyed digests: an index made from sealed files, and to be made again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, LargeBinary, bindparam, false, or_
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, func, select

from gateway.registry import markers, register
from gateway.registry.inserting import insert_rows, inserting
from gateway.registry.tables import DeletionRow, PersonsOfTransferRow, PupilRow, TransferRow

DIGEST = 16


def note(session: Session, transfer: int, persons: bytes) -> None:
    """Put down who is in a file, instead of what was known of it before; and whether a marked child is."""
    note_each(session, {transfer: persons})


def note_each(session: Session, persons: Mapping[int, bytes]) -> None:
    """The same for many files, by their sequences."""
    new = inserting(session, PersonsOfTransferRow)
    known = new.on_conflict_do_update(index_elements=["transfer"], set_={"persons": new.excluded.persons})
    rows = [{"transfer": transfer, "persons": found} for transfer, found in persons.items()]
    insert_rows(session, PersonsOfTransferRow, rows, known)
    marked = register.of(session).markers
    markers.note(session, {one: frozenset(split(found)) for one, found in persons.items() if marked}, marked)


def split(persons: bytes) -> list[bytes]:
    """The digests that stand one behind the other."""
    return [persons[start : start + DIGEST] for start in range(0, len(persons), DIGEST)]


def transfers_with(session: Session, persons: Collection[bytes]) -> Sequence[int]:
    """The sequences of the files in which one of these digests is, in the order they landed."""
    query = select(PersonsOfTransferRow.transfer).where(holds_one_of(session, persons))
    return session.exec(query.order_by(col(PersonsOfTransferRow.transfer))).all()


def holds_one_of(session: Session, persons: Collection[bytes]) -> ColumnElement[bool]:
    """Whether a row of the index has one of these digests.

    That one begins within another and ends in a third happens once in 2^128 times.
    """
    column: Any = col(PersonsOfTransferRow.persons)
    wanted: list[Any] = [bindparam(None, one, type_=LargeBinary) for one in sorted(persons)]
    if session.get_bind().dialect.name == "postgresql":
        return or_(false(), *(func.position(one.op("IN")(column)) > 0 for one in wanted))
    return or_(false(), *(func.instr(column, one) > 0 for one in wanted))


def unindexed(session: Session) -> Sequence[str]:
    """The references of the files that are kept, could be opened, and are not in the index yet."""
    gone = select(DeletionRow.reference).where(DeletionRow.what == "sealed")
    known = select(PersonsOfTransferRow.transfer)
    query = select(TransferRow.reference).where(
        col(TransferRow.content_sha256).is_not(None),
        TransferRow.folder == "in",
        col(TransferRow.sequence).not_in(known),
        col(TransferRow.reference).not_in(gone),
    )
    return session.exec(query.order_by(col(TransferRow.sequence))).all()


def on_rolls(session: Session, persons: Collection[bytes]) -> Sequence[PupilRow]:
    """What each provider's latest file said of a child, the latest first."""
    query = select(PupilRow).where(col(PupilRow.pupil).in_(list(persons)))
    return session.exec(query.order_by(col(PupilRow.at).desc())).all()


class LatestWord(NamedTuple):
    """What a provider's latest file said of a pupil."""

    provider: str
    pupil: bytes
    on_roll: bool
    at: datetime
    former: bytes | None
    transfer: int
    record: int


def latest_of_everybody(session: Session) -> Iterator[LatestWord]:
    """What each provider's latest file said of each pupil, in no order. Plain rows: there are very many."""
    query = select_columns(*(getattr(PupilRow, name) for name in LatestWord._fields))
    for row in session.execute(query.execution_options(yield_per=1000)):
        yield LatestWord(*row)


def deleted(session: Session, references: Collection[str]) -> Mapping[str, datetime]:
    """When the sealed file of each of these was deleted, where it was."""
    query = select(DeletionRow.reference, DeletionRow.deleted_at).where(
        DeletionRow.what == "sealed", col(DeletionRow.reference).in_(list(references))
    )
    return dict(session.exec(query).all())
