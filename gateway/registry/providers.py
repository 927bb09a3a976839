"""Providers: the bodies allowed to send."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from gateway.errors import GatewayError, NotFoundError
from gateway.home import PROVIDER_ID
from gateway.model import Provider, ProviderKind
from gateway.registry import harmless
from gateway.registry.tables import ProviderRow
from gateway.registry.tables.row import answer_of


def add_provider(session: Session, provider: Provider, at: datetime) -> None:
    """Enrol a provider. GatewayError if the id is malformed or taken, or a number is another provider's."""
    if not PROVIDER_ID.fullmatch(provider.id):
        raise GatewayError("a provider id is 1 to 32 of the characters a-z, 0-9 and hyphen")
    if session.get(ProviderRow, provider.id) is not None:
        raise GatewayError(f"there is a provider {provider.id} already")
    check_numbers(session, provider)
    session.add(
        ProviderRow(
            id=provider.id,
            name=provider.name,
            kind=provider.kind,
            dfe_number=provider.dfe_number,
            urn=provider.urn,
            number=provider.number,
            added_at=at,
            schools=" ".join(provider.schools) or None,
        )
    )
    session.flush()


def check_numbers(session: Session, provider: Provider) -> None:
    """Raise GatewayError if a number of the provider is also another's, neither predecessor nor successor."""
    for what, column, number in (
        ("DfE number", ProviderRow.dfe_number, provider.dfe_number),
        ("URN", ProviderRow.urn, provider.urn),
        ("number", ProviderRow.number, provider.number),
    ):
        if number is None:
            continue
        bearers = select(ProviderRow).where(column == number, ProviderRow.id != provider.id)
        for row in session.exec(bearers.order_by(col(ProviderRow.id))):
            if not (row.succeeded_by == provider.id or provider.succeeded_by == row.id):
                raise GatewayError(
                    f"{row.id} has the {what} {number} already. An academy keeps the record of its school: "
                    f"gateway providers convert {row.id} --kind academy. For another provider that takes its "
                    f"place: gateway providers close {row.id}, then add the new one as its successor"
                )


def is_enrolled(session: Session, provider: str) -> bool:
    """Return True if a provider with this id is on record, open or closed."""
    return session.get(ProviderRow, provider) is not None


def provider_row(session: Session, provider: str) -> ProviderRow:
    """Return the row of a provider. NotFoundError for an unknown id."""
    row = session.get(ProviderRow, provider)
    if row is None:
        raise NotFoundError(f"there is no provider {provider}")
    return row


def get_provider(session: Session, provider: str) -> Provider:
    """Return a provider without ratifications (see `register`). NotFoundError for an unknown id."""
    return _provider(provider_row(session, provider), harmless.of_providers(session))


def list_providers(session: Session) -> Sequence[Provider]:
    """Return every provider by id, without ratifications (see `register`)."""
    rows = session.exec(select(ProviderRow).order_by(col(ProviderRow.id))).all()
    listed = harmless.of_providers(session)
    return [_provider(row, listed) for row in rows]


def names(session: Session) -> dict[str, str]:
    """Return the names of all providers, by id."""
    return dict(session.exec(select(ProviderRow.id, ProviderRow.name)).all())


def kinds_of(session: Session, identifiers: Collection[str]) -> dict[str, ProviderKind]:
    """Return the kinds of the given providers, by id."""
    query = select(ProviderRow.id, ProviderRow.kind).where(col(ProviderRow.id).in_(identifiers))
    return dict(session.exec(query).all())


def added(session: Session) -> dict[str, datetime]:
    """Return the times of enrolment of all providers, by id."""
    return dict(session.exec(select(ProviderRow.id, ProviderRow.added_at)).all())


def set_suspended(session: Session, provider: str, *, suspended: bool) -> None:
    """Suspend a provider or end the suspension. A suspended provider cannot log in, and all files wait."""
    row = provider_row(session, provider)
    row.suspended = suspended
    session.add(row)


def _provider(
    row: ProviderRow, listed: tuple[Mapping[str, list[str]], Mapping[str, list[tuple[str, str]]]]
) -> Provider:
    columns, stated = listed
    return answer_of(
        Provider,
        row,
        harmless=(*columns.get(harmless.EVERY, ()), *columns.get(row.id, ())),
        stated=tuple(stated.get(row.id, ())),
        schools=tuple((row.schools or "").split()),
        ratified=False,
    )
