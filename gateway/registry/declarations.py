"""Declared transfers by another method, past and future."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from gateway.errors import NotFoundError
from gateway.model import Decision, Reason
from gateway.policy.methods import Declaration
from gateway.registry.tables import DeclarationRow
from gateway.registry.tables.row import answer_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A declaration on record. `declared_by` is a person."""

    reference: str
    provider: str
    method: str
    data: str
    flow: str | None
    goes_at: datetime
    safeguards: tuple[str, ...]
    circumstances: tuple[str, ...]
    state: str
    reasons: tuple[Reason, ...]
    declared_at: datetime
    declared_by: str


def record(
    session: Session,
    declaration: Declaration,
    decision: Decision,
    *,
    reference: str,
    data_types: Collection[str],
    at: datetime,
    by: str,
) -> None:
    """Record a declaration and the decision."""
    session.add(
        DeclarationRow(
            reference=reference,
            provider=declaration.provider.id,
            method=declaration.method,
            data=declaration.data,
            data_types=" ".join(data_types),
            flow=decision.flow,
            goes_at=declaration.at,
            safeguards=" ".join(sorted(declaration.safeguards)),
            circumstances=" ".join(sorted(declaration.circumstances)),
            state=decision.state,
            reasons=json.dumps([asdict(reason) for reason in decision.reasons]),
            declared_at=at,
            declared_by=by,
        )
    )
    session.flush()


def get(session: Session, reference: str) -> Recorded:
    """Return a declaration. NotFoundError where there is none."""
    row = session.exec(select(DeclarationRow).where(DeclarationRow.reference == reference)).first()
    if row is None:
        raise NotFoundError(f"there is no declaration {reference}")
    return _recorded(row)


def find(session: Session, *, provider: str | None = None) -> Sequence[Recorded]:
    """Return declarations in the order of recording."""
    query = select(DeclarationRow).order_by(col(DeclarationRow.sequence))
    if provider is not None:
        query = query.where(DeclarationRow.provider == provider)
    return [_recorded(row) for row in session.exec(query)]


def _recorded(row: DeclarationRow) -> Recorded:
    return answer_of(
        Recorded,
        row,
        safeguards=tuple(row.safeguards.split()),
        circumstances=tuple(row.circumstances.split()),
        reasons=tuple(Reason(**each) for each in json.loads(row.reasons)),
    )
