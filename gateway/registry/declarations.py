"""Declared transfers by another method, past and future."""

import json
from collections.abc import Sequence

from sqlmodel import Session, col, select

from gateway.errors import NotFoundError
from gateway.model import Reason
from gateway.registry.tables import DeclarationRow


def get(session: Session, reference: str) -> DeclarationRow:
    """Return a declaration. NotFoundError for an unknown reference."""
    row = session.exec(select(DeclarationRow).where(DeclarationRow.reference == reference)).first()
    if row is None:
        raise NotFoundError(f"there is no declaration {reference}")
    return row


def find(session: Session, *, provider: str | None = None) -> Sequence[DeclarationRow]:
    """Return the declarations of one provider, or of all, in the order of recording."""
    query = select(DeclarationRow).order_by(col(DeclarationRow.sequence))
    if provider is not None:
        query = query.where(DeclarationRow.provider == provider)
    return session.exec(query).all()


def reasons_of(row: DeclarationRow) -> tuple[Reason, ...]:
    """Return the reasons of the decision on a declaration."""
    return tuple(Reason(**each) for each in json.loads(row.reasons))
