"""Mark children whose data only named people, or nobody, may see; find the files about such children."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from sqlmodel import Session, col, func, select

from gateway.errors import GatewayError
from gateway.registry.tables import MarkedTransferRow, MarkerPersonRow, MarkerRow
from gateway.registry.tables.row import from_row, rows, store, values

Kind = Literal["named", "restricted"]
DIGEST = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """A marker in force. `people` may see the child's data; `files` counts the files about the child."""

    number: int
    kind: Kind
    people: tuple[str, ...]
    files: int
    placed_at: datetime
    placed_by: str
    why: str


def place(
    session: Session,
    kind: Kind,
    persons: Collection[bytes],
    *,
    people: Collection[str],
    transfers: Collection[int],
    by: str,
    why: str,
    at: datetime,
) -> int:
    """Mark a child, known by the digests `persons`; return the marker's number.
    `people` may see the child's data if `kind` is "named". `transfers` are the files with the child.
    """
    row = MarkerRow(kind=kind, persons=b"".join(sorted(persons)), placed_at=at, placed_by=by, why=why)
    store(session, row)
    number = cast("int", row.number)
    session.add_all([MarkerPersonRow(marker=number, staff=name) for name in sorted(set(people))])
    store(session, *(MarkedTransferRow(transfer=transfer, marker=number) for transfer in sorted(transfers)))
    return number


def lift(session: Session, number: int, *, by: str, why: str, at: datetime) -> Sequence[int]:
    """Lift a marker; return the sequences of the child's files. GatewayError for no marker in force."""
    row = session.get(MarkerRow, number)
    if row is None or row.lifted_at is not None:
        raise GatewayError(f"there is no marker {number}")
    row.lifted_at, row.lifted_by, row.lifted_why = at, by, why
    return values(session, MarkedTransferRow.transfer, marker=number)


def lifted_with(session: Session, number: int) -> set[int]:
    """Return the numbers of all markers ever placed on the child of marker `number`; none if one is in force.
    Markers with a digest in common are of one child: a UPN may be mistyped, and a name may change.
    """
    every, child = rows(session, MarkerRow, "number"), set[bytes]()
    theirs = [row for row in every if row.number == number]
    while (known := {one for row in theirs for one in split(row.persons)}) != child:
        child, theirs = known, [row for row in every if not known.isdisjoint(split(row.persons))]
    return {cast("int", row.number) for row in theirs} if all(row.lifted_at for row in theirs) else set()


def list_markers(session: Session) -> list[Marker]:
    """Return the markers in force, oldest first."""
    people: dict[int, list[str]] = {}
    for row in rows(session, MarkerPersonRow, "staff"):
        people.setdefault(row.marker, []).append(row.staff)
    query = select(MarkedTransferRow.marker, func.count()).group_by(col(MarkedTransferRow.marker))
    files = dict(session.exec(query).all())
    return [
        from_row(Marker, row, people=tuple(people.get(number, ())), files=files.get(number, 0))
        for row in _on(session)
        for number in [cast("int", row.number)]
    ]


def digests_of_each(session: Session) -> Mapping[int, frozenset[bytes]]:
    """Return the digests of the child of each marker in force, by the marker's number."""
    return {row.number or 0: frozenset(split(row.persons)) for row in _on(session)}


def note(
    session: Session, persons: Mapping[int, frozenset[bytes]], on: Mapping[int, frozenset[bytes]]
) -> None:
    """Record which files hold a marked child.
    `persons`: by sequence of a file, the digests of all children in the file. `on`: by number of a marker,
    the digests of its child.
    """
    found = {
        (transfer, number)
        for number, child in on.items()
        for transfer, digests in persons.items()
        if not digests.isdisjoint(child)
    }
    if not found:
        return
    of_them = col(MarkedTransferRow.transfer).in_({transfer for transfer, _ in found})
    known = set(session.exec(select(MarkedTransferRow.transfer, MarkedTransferRow.marker).where(of_them)))
    store(session, *(MarkedTransferRow(transfer=one, marker=number) for one, number in sorted(found - known)))


def of_child(session: Session, persons: Collection[bytes]) -> list[Marker]:
    """Return the markers in force on a child."""
    child = digests_of_each(session)
    return [one for one in list_markers(session) if not child[one.number].isdisjoint(persons)]


def kept_from(session: Session, person: str | None, *, marked: bool = False) -> frozenset[bytes]:
    """Return the digests of all children whom a marker hides from a person (None: of all marked children).
    `marked`: True for data protection: only a restriction hides a child.
    """
    allowed = _allowed(session, person)
    return frozenset(
        digest
        for row in _on(session)
        if row.kind != "named" or not (marked or row.number in allowed)
        for digest in split(row.persons)
    )


def _allowed(session: Session, person: str | None) -> set[int]:
    """Return the numbers of the markers that allow a person, by name, to see the child's data."""
    return set(values(session, MarkerPersonRow.marker, staff=person or ""))


def on_transfer(session: Session, transfer: int) -> list[Marker]:
    """Return the markers in force on children in a file."""
    numbers = set(values(session, MarkedTransferRow.marker, transfer=transfer))
    return [marker for marker in list_markers(session) if marker.number in numbers] if numbers else []


def restricted(session: Session, transfers: Collection[int]) -> set[int]:
    """Return those of some files, by sequence, that hold a child whose data is restricted."""
    found = kept_apart(session, transfers, None)
    numbers = {row.number for row in _on(session) if row.kind == "restricted"} if found else set()
    return {transfer for transfer, children in found.items() if not numbers.isdisjoint(children)}


KeptApart = Mapping[int, frozenset[bytes]]
"""Markers that hide children of a file from a person: each marker's number with the digests of its child."""


def kept_apart(session: Session, transfers: Collection[int], person: str | None) -> Mapping[int, KeptApart]:
    """Return the children hidden from a person by markers: by file and number of marker, their digests.
    If `person` is None, return all marked children. Files without a hidden child are left out.
    """
    if not transfers:
        return {}
    query = (
        select(MarkedTransferRow.transfer, MarkerRow)
        .join(MarkerRow, col(MarkerRow.number) == col(MarkedTransferRow.marker))
        .where(
            col(MarkerRow.lifted_at).is_(None),
            # Marked children are few, files may be thousands: naming every file would cost more.
            col(MarkedTransferRow.transfer).between(min(transfers), max(transfers)),
        )
    )
    asked = frozenset(transfers)
    marked = [(number, row) for number, row in session.exec(query) if number in asked]
    if not marked:
        return {}
    allowed = _allowed(session, person)
    found: dict[int, dict[int, frozenset[bytes]]] = {}
    for transfer, row in marked:
        if row.kind == "restricted" or row.number not in allowed:
            found.setdefault(transfer, {})[cast("int", row.number)] = frozenset(split(row.persons))
    return found


def _on(session: Session) -> Sequence[MarkerRow]:
    return rows(session, MarkerRow, "number", lifted_at=None)


def split(persons: bytes) -> list[bytes]:
    """Split a string of concatenated digests of children into the digests."""
    return [persons[start : start + DIGEST] for start in range(0, len(persons), DIGEST)]
