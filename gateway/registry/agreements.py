"""Who has ratified the agreement, for which academic year."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlmodel import Session, col, select

from gateway.errors import GatewayError
from gateway.registry.providers import provider_row
from gateway.registry.tables import RatificationRow


def ratify(
    session: Session,
    provider: str,
    academic_year: str,
    *,
    signatory: str,
    on: date,
    at: datetime,
    by: str,
    text_sha256: str,
    reference: str | None = None,
    certificate: str | None = None,
) -> None:
    """Record a ratification. GatewayError where it is recorded already; NotFoundError for no provider.

    `reference` and `certificate` are of a signed copy of the text that the provider dropped.
    """
    provider_row(session, provider)
    if session.get(RatificationRow, (provider, academic_year)) is not None:
        raise GatewayError(f"{provider} has ratified the agreement for {academic_year} already")
    session.add(
        RatificationRow(
            provider=provider,
            academic_year=academic_year,
            signatory=signatory,
            ratified_on=on,
            recorded_at=at,
            recorded_by=by,
            text_sha256=text_sha256,
            reference=reference,
            certificate=certificate,
        )
    )
    session.flush()


def years(session: Session, provider: str) -> frozenset[str]:
    """The academic years that a provider has ratified."""
    return frozenset(row.academic_year for row in ratifications(session, provider))


def ratifications(session: Session, provider: str | None = None) -> Sequence[RatificationRow]:
    """Every ratification, by provider and year."""
    query = select(RatificationRow).order_by(
        col(RatificationRow.provider), col(RatificationRow.academic_year)
    )
    if provider is not None:
        query = query.where(RatificationRow.provider == provider)
    return session.exec(query).all()
