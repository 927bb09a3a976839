"""Legal holds: while one is on, nothing of what it is on is deleted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlmodel import Session, col, select

from gateway.errors import GatewayError, NotFoundError
from gateway.registry import receipts
from gateway.registry.tables import HoldRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A legal hold that is on."""

    number: int
    reference: str
    placed_at: datetime
    placed_by: str
    why: str


def place(session: Session, reference: str, *, by: str, why: str, at: datetime) -> int:
    """Put a transfer, a notice or a declaration on legal hold and return the hold's number.

    NotFoundError where nothing bears that reference, GatewayError where it is on hold already.
    """
    if not receipts.borne(session, [reference]):
        raise NotFoundError(f"there is no transfer, notice or declaration {reference}")
    if _hold_on(session, reference) is not None:
        raise GatewayError(f"{reference} is on hold already")
    row = HoldRow(reference=reference, placed_at=at, placed_by=by, why=why)
    session.add(row)
    session.flush()
    return cast("int", row.number)


def lift(session: Session, reference: str, *, by: str, why: str, at: datetime) -> int:
    """Lift a legal hold and return its number. GatewayError where there is none."""
    row = _hold_on(session, reference)
    if row is None:
        raise GatewayError(f"{reference} is not on hold")
    row.lifted_at, row.lifted_by, row.lifted_why = at, by, why
    session.add(row)
    session.flush()
    return cast("int", row.number)


def list_holds(session: Session) -> Sequence[Hold]:
    """The legal holds that are on, oldest first."""
    query = select(HoldRow).where(col(HoldRow.lifted_at).is_(None)).order_by(col(HoldRow.number))
    return [
        Hold(
            number=cast("int", row.number),
            reference=row.reference,
            placed_at=row.placed_at,
            placed_by=row.placed_by,
            why=row.why,
        )
        for row in session.exec(query)
    ]


def on_hold(session: Session, references: Collection[str]) -> set[str]:
    """Those of `references` that are on hold."""
    query = select(HoldRow.reference).where(
        col(HoldRow.reference).in_(list(references)), col(HoldRow.lifted_at).is_(None)
    )
    return set(session.exec(query).all())


def _hold_on(session: Session, reference: str) -> HoldRow | None:
    query = select(HoldRow).where(HoldRow.reference == reference, col(HoldRow.lifted_at).is_(None))
    return session.exec(query).first()
