"""Ratifications of the agreement by provider and academic year."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlmodel import Session, col, select

from gateway.errors import GatewayError
from gateway.registry.providers import provider_row
from gateway.registry.tables import AgreementSignatureRow, RatificationRow


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
    instead: bool = False,
) -> None:
    """Record a provider's ratification of the agreement for a year. NotFoundError for an unknown provider.

    GatewayError for a second one, unless a notice ends the first, or `instead` replaces one of another text.
    `reference` and `certificate` belong to a signed copy of the text uploaded by the provider.
    """
    provider_row(session, provider)
    known = session.get(RatificationRow, (provider, academic_year))
    ended = known is not None and known.ends_on is not None
    if known is not None and not ended and not (instead and known.text_sha256 != text_sha256):
        raise GatewayError(f"{provider} has ratified the agreement for {academic_year} already")
    if known is not None:
        session.delete(known)
        session.flush()
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


def end(session: Session, provider: str, on: date, day: date) -> tuple[str, ...]:
    """End a provider's ratifications as of the day `on`; return the academic years concerned.

    A ratification that has ended by `day`, the day of the notice, or that ends before `on`, stays as it is.
    """
    rows = [
        row
        for row in ratifications(session, provider)
        if row.ends_on is None or (row.ends_on > on and row.ends_on > day)
    ]
    for row in rows:
        row.ends_on = on
        session.add(row)
    session.flush()
    return tuple(row.academic_year for row in rows)


def note_signature(session: Session, row: AgreementSignatureRow) -> None:
    """Record the signature of one role, in place of the same role's signature under another text.

    GatewayError where the role has signed the same text already.
    """
    known = session.get(AgreementSignatureRow, (row.provider, row.academic_year, row.role))
    if known is not None and known.text_sha256 == row.text_sha256:
        raise GatewayError(f"the {row.role} of {row.provider} has signed for {row.academic_year} already")
    if known is not None:
        session.delete(known)
        session.flush()
    session.add(row)
    session.flush()


def signatures(
    session: Session, provider: str, academic_year: str, text_sha256: str
) -> Sequence[AgreementSignatureRow]:
    """Return the signatures given to one text for one year by people of a provider, sorted by role."""
    query = select(AgreementSignatureRow).where(
        AgreementSignatureRow.provider == provider,
        AgreementSignatureRow.academic_year == academic_year,
        AgreementSignatureRow.text_sha256 == text_sha256,
    )
    return session.exec(query.order_by(col(AgreementSignatureRow.role))).all()


def ratifications(session: Session, provider: str | None = None) -> Sequence[RatificationRow]:
    """Return every ratification, by provider and year."""
    query = select(RatificationRow).order_by(
        col(RatificationRow.provider), col(RatificationRow.academic_year)
    )
    if provider is not None:
        query = query.where(RatificationRow.provider == provider)
    return session.exec(query).all()
