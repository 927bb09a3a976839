"""Keep the index of the children in each file: digests with a secret key, computed from the sealed files."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, bindparam, false, or_, update
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, func, select

from gateway.registry import markers, register, tables
from gateway.registry.markers import split
from gateway.registry.tables import DeletionRow, PersonsOfTransferRow, PupilRow, TransferRow
from gateway.registry.tables.row import rows, values
from gateway.registry.transfers import is_stored
from gateway.registry.vouched_rows import insert_rows


def note(session: Session, persons: Mapping[int, bytes]) -> None:
    """Store the digests of the children in each file, by sequence, in place of earlier ones.
    The digests are joined into one string of bytes. Record also which files hold a marked child.
    """
    rows = [{"transfer": transfer, "persons": found} for transfer, found in persons.items()]
    insert_rows(session, PersonsOfTransferRow, rows, ("persons",))
    if marked := register.of(session).markers:
        markers.note(session, {one: frozenset(split(found)) for one, found in persons.items()}, marked)


def transfers_with(session: Session, persons: Collection[bytes]) -> Sequence[int]:
    """Return the sequences of files with any of the children (by digests), in the order of landing."""
    which = [holds_one_of(session, persons)]
    return values(session, PersonsOfTransferRow.transfer, "transfer", where=which)


def holds_one_of(session: Session, persons: Collection[bytes]) -> ColumnElement[bool]:
    """Return the SQL condition that a file's row in the index has one of the digests `persons`.
    A false match across the borders of neighbouring digests has a chance of 1 in 2^128.
    """
    column: Any = col(PersonsOfTransferRow.persons)
    wanted: list[Any] = [bindparam(None, one, type_=LargeBinary) for one in sorted(persons)]
    if session.get_bind().dialect.name == "postgresql":
        return or_(false(), *(func.position(one.op("IN")(column)) > 0 for one in wanted))
    return or_(false(), *(func.instr(column, one) > 0 for one in wanted))


def has_entries(session: Session) -> bool:
    """Return True if the index of children has any entry, or a marker or legal hold is on a child."""
    on_child = [col(tables.HoldRow.persons).is_not(None)]
    return bool(
        values(session, PersonsOfTransferRow.transfer, limit=1)
        or values(session, tables.MarkerRow.number, limit=1)
        or values(session, tables.HoldRow.number, where=on_child, limit=1)
    )


def unindexed(session: Session) -> Sequence[str]:
    """Return references of files that were opened and are still stored, but whose children are not indexed
    yet.
    """
    known = select(PersonsOfTransferRow.transfer)
    opened = col(TransferRow.content_sha256).is_not(None)
    which = opened, col(TransferRow.sequence).not_in(known), is_stored()
    return values(session, TransferRow.reference, "sequence", where=which, folder="in")


def on_rolls(session: Session, persons: Collection[bytes]) -> Sequence[PupilRow]:
    """Return each provider's latest roll entry for a child (by digests), on roll or not; latest first."""
    return rows(session, PupilRow, "-at", pupil=persons)


def deleted(session: Session, references: Collection[str]) -> Mapping[str, datetime]:
    """Return, by reference, when the sealed file of a transfer was deleted; stored files are left out."""
    query = select(DeletionRow.reference, DeletionRow.deleted_at).where(
        DeletionRow.what == "sealed", col(DeletionRow.reference).in_(list(references))
    )
    return dict(session.exec(query).all())


def carry_over(
    session: Session, carry: Callable[[bytes], bytes], carry_roll: Callable[[bytes], bytes]
) -> None:
    """Replace the digests of all children, because the secret key for digests changes.
    `carry`: a function that returns the new digest for an old one. `carry_roll`: a function that returns a
    packed roll with new digests.
    """

    def all_of(persons: bytes) -> bytes:
        return b"".join(sorted(map(carry, split(persons))))

    # Nothing vouches for the indexes, which are long.
    place, key = PupilRow.__table__, col(PupilRow.provider)  # type: ignore[attr-defined] # as in vouched_rows
    said = select_columns(key, *(getattr(PupilRow, name) for name in ("pupil", "former", "birth_date")))
    pupils = []
    for provider, was, former, born in session.execute(said):
        new, old, birth = (one and carry(one) for one in (was, former, born))
        pupils.append({"of": provider, "was": was, "pupil": new, "former": old, "birth_date": birth})
    one = update(place).where(place.c.provider == bindparam("of"), place.c.pupil == bindparam("was"))
    if pupils:
        session.connection().execute(one, pupils)
    for indexed in rows(session, PersonsOfTransferRow):
        indexed.persons = all_of(indexed.persons)
    for marker in rows(session, tables.MarkerRow):
        marker.persons = all_of(marker.persons)
    for staged in rows(session, tables.StagedRollRow):
        staged.roll = carry_roll(staged.roll)
    for hold in rows(session, tables.HoldRow):
        hold.persons = None if hold.persons is None else all_of(hold.persons)
    for party in rows(session, tables.DiscrepancyPartyRow):
        party.pupil = carry(party.pupil)
    for found in rows(session, tables.DiscrepancyRow):
        # Spelled by `discrepancies.key_of`: the kind, one digest or two in hexadecimal, the providers.
        digests = 2 if found.kind == "former-upn" else 1
        kind, *parts = found.key.split(":")
        carried = [carry(bytes.fromhex(part)).hex() for part in parts[:digests]]
        found.key = ":".join((kind, *carried, *parts[digests:]))
    session.flush()
