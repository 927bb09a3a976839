"""Statements by people about the data expected of a provider, and nil returns for a period."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, select

from gateway.errors import GatewayError
from gateway.registry.providers import provider_row
from gateway.registry.tables import ExpectationRow, NilReturnRow
from gateway.registry.tables.row import answer_of


def expectations(session: Session) -> Mapping[str, Mapping[str, bool]]:
    """Return by provider and data type, as people have recorded: True if the data is expected."""
    found: defaultdict[str, dict[str, bool]] = defaultdict(dict)
    for row in session.exec(select(ExpectationRow)):
        found[row.provider][row.data_type] = row.expected
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidOfFlow:
    """A person's statement about a data type of a provider; `period` is set only where it is a nil return."""

    provider: str
    data_type: str
    what: str
    period: str | None
    at: datetime
    by: str
    why: str


def said(session: Session, provider: str | None = None) -> list[SaidOfFlow]:
    """Return every expectation and nil return on record, by provider and data type."""
    rows = (*session.exec(select(ExpectationRow)), *session.exec(select(NilReturnRow)))
    found = []
    for row in rows:
        is_nil = isinstance(row, NilReturnRow)
        what = "nil" if is_nil else "expected" if row.expected else "not-expected"
        period, when = row.period if is_nil else None, {"at": row.recorded_at, "by": row.recorded_by}
        if provider in {None, row.provider}:
            found.append(answer_of(SaidOfFlow, row, what=what, period=period, **when))
    return sorted(found, key=lambda one: (one.provider, one.data_type, one.period or ""))


def expect(
    session: Session, provider: str, data_type: str, *, expected: bool, at: datetime, by: str, why: str
) -> None:
    """Record that a data type is expected or not. NotFoundError for an unknown provider."""
    provider_row(session, provider)
    row = ExpectationRow(
        provider=provider, data_type=data_type, expected=expected, recorded_at=at, recorded_by=by, why=why
    )
    session.merge(row)
    session.flush()


def forget(session: Session, provider: str, data_type: str) -> None:
    """Delete an expectation of a data type, so that the calendar decides. GatewayError without one."""
    provider_row(session, provider)
    row = session.get(ExpectationRow, (provider, data_type))
    if row is None:
        raise GatewayError(f"nothing is on record of {data_type} of {provider}: the calendar decides")
    session.delete(row)
    session.flush()


def nil_return(
    session: Session, provider: str, data_type: str, period: str, *, at: datetime, by: str, why: str
) -> None:
    """Record a nil return for a period. GatewayError if recorded already."""
    provider_row(session, provider)
    if session.get(NilReturnRow, (provider, data_type, period)) is not None:
        raise GatewayError(f"it is on record that {provider} has no {data_type} to send for {period}")
    session.add(
        NilReturnRow(
            provider=provider, data_type=data_type, period=period, recorded_at=at, recorded_by=by, why=why
        )
    )
    session.flush()
