"""Legal holds: while one is in force, none of the files concerned is deleted."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlmodel import Session, col, select

from gateway.errors import GatewayError, NotFoundError
from gateway.registry import markers, persons, providers, receipts
from gateway.registry.tables import HoldRow, PersonsOfTransferRow, ReceiptRow, TransferRow


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldSubject:
    """The subject of a legal hold: one transfer, notice or declaration; all of a provider; or a child.

    `persons` are the child's digests. The hold covers every file with the child's data, now and later.
    """

    reference: str = ""
    provider: str | None = None
    persons: frozenset[bytes] = frozenset()


def place(session: Session, subject: HoldSubject, *, by: str, why: str, at: datetime) -> int:
    """Place a legal hold and return the hold's number.

    NotFoundError for an unknown subject, GatewayError for a subject on hold already.
    """
    if subject.reference and not receipts.borne(session, [subject.reference]):
        raise NotFoundError(f"there is no transfer, notice or declaration {subject.reference}")
    if subject.provider is not None:
        providers.provider_row(session, subject.provider)
    if _hold_on(session, subject) is not None:
        raise GatewayError(f"{named(subject)} is on hold already")
    row = HoldRow(
        reference=subject.reference,
        placed_at=at,
        placed_by=by,
        why=why,
        provider=subject.provider,
        persons=b"".join(sorted(subject.persons)) or None,
    )
    session.add(row)
    session.flush()
    return cast("int", row.number)


def lift(session: Session, subject: HoldSubject, *, by: str, why: str, at: datetime) -> int:
    """Lift a legal hold and return its number. GatewayError if there is none."""
    row = _hold_on(session, subject)
    if row is None:
        raise GatewayError(f"{named(subject)} is not on hold")
    row.lifted_at, row.lifted_by, row.lifted_why = at, by, why
    session.add(row)
    session.flush()
    return cast("int", row.number)


def named(subject: HoldSubject) -> str:
    """Return the reference or provider of a hold's subject, or "the child": never a child's data."""
    return subject.reference or subject.provider or "the child"


def list_holds(session: Session) -> Sequence[HoldRow]:
    """Return the legal holds in force, oldest first."""
    query = select(HoldRow).where(col(HoldRow.lifted_at).is_(None)).order_by(col(HoldRow.number))
    return session.exec(query).all()


def on_hold(session: Session, references: Collection[str]) -> set[str]:
    """Return the `references` on legal hold: by file, by provider, or by a child in the file."""
    wanted, on = list(references), list_holds(session)
    found = {row.reference for row in on}.intersection(wanted)
    held = {row.provider for row in on if row.provider is not None}
    if held:
        for table in (TransferRow, ReceiptRow):
            query = select(table.reference).where(
                col(table.reference).in_(wanted), col(table.provider).in_(held)
            )
            found |= set(session.exec(query).all())
    children = {one for row in on if row.persons for one in markers.split(row.persons)}
    return found | _with_children(session, wanted, children)


def of_child(session: Session, digests: Collection[bytes]) -> list[HoldRow]:
    """Return the legal holds on a child."""
    wanted = set(digests)
    return [row for row in list_holds(session) if not wanted.isdisjoint(markers.split(row.persons or b""))]


def _with_children(session: Session, wanted: Sequence[str], children: Collection[bytes]) -> set[str]:
    if not children:
        return set()
    query = (
        select(TransferRow.reference)
        .join(PersonsOfTransferRow, col(PersonsOfTransferRow.transfer) == col(TransferRow.sequence))
        .where(col(TransferRow.reference).in_(wanted), persons.holds_one_of(session, children))
    )
    return set(session.exec(query).all())


def _hold_on(session: Session, subject: HoldSubject) -> HoldRow | None:
    for row in list_holds(session):
        same_child = row.persons is not None and not subject.persons.isdisjoint(markers.split(row.persons))
        same = row.reference == subject.reference and row.provider == subject.provider
        if same_child or (same and not subject.persons and row.persons is None):
            return row
    return None
