"""Events in a provider's life: closing, reopening, conversion to an academy, merger, removal."""

from collections.abc import Collection, Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement
from sqlmodel import Session, SQLModel, col, select

from gateway.errors import GatewayError
from gateway.model import Provider, ProviderKind
from gateway.registry import providers, rolls
from gateway.registry.tables import (
    AgreementSignatureRow,
    ContactRow,
    CopyRow,
    DeclarationRow,
    DiscrepancyPartyRow,
    ExpectationRow,
    HarmlessRow,
    KeyRow,
    NilReturnRow,
    ProviderRow,
    RatificationRow,
    ReceiptRow,
    SchoolOfTransferRow,
    TransferRow,
)


def close(session: Session, provider: str, on: date, at: datetime) -> Provider:
    """Record the closure of a provider: `on` is the last day. From now on no pupil is on the roll.

    The provider keeps the keys and may still fetch receipts. GatewayError for a closed provider.
    """
    row = providers.provider_row(session, provider)
    if row.closed_on is not None:
        raise GatewayError(f"{provider} is on record as closed since {row.closed_on}")
    row.closed_on = on
    rolls.note_full_rolls(session, {provider: at})
    session.flush()
    return providers.get_provider(session, provider)


def reopen(session: Session, provider: str) -> Provider:
    """Undo a closure. GatewayError for an open provider, or if another has taken one of the numbers."""
    row = providers.provider_row(session, provider)
    if row.closed_on is None:
        raise GatewayError(f"{provider} is not on record as closed")
    row.closed_on, row.succeeded_by = None, None
    session.flush()
    found = providers.get_provider(session, provider)
    providers.check_numbers(session, found)
    return found


def convert(
    session: Session,
    provider: str,
    kind: ProviderKind,
    *,
    may_become: Collection[str],
    name: str | None = None,
    dfe_number: str | None = None,
    urn: str | None = None,
) -> Provider:
    """Change a provider's kind, as when a school becomes an academy; keys and history stay.

    `may_become` lists the kinds allowed. GatewayError for the same kind, a kind not allowed, a closed
    provider, or a number of another provider.
    """
    row = providers.provider_row(session, provider)
    if row.kind == kind:
        raise GatewayError(f"{provider} is {kind} already")
    if row.closed_on is not None:
        raise GatewayError(f"{provider} has closed: gateway providers reopen {provider}")
    if kind not in may_become:
        raise GatewayError(f"{row.kind} never becomes {kind}, as the policies say: add it anew")
    row.kind = kind
    row.name, row.dfe_number, row.urn = name or row.name, dfe_number or row.dfe_number, urn or row.urn
    session.flush()
    found = providers.get_provider(session, provider)
    providers.check_numbers(session, found)
    return found


def succeed(session: Session, former: str, successor: str) -> None:
    """Record one provider as successor of a closed one.

    GatewayError for an open provider, or one with another successor.
    """
    row = providers.provider_row(session, former)
    if former == successor:
        raise GatewayError("a provider cannot take its own place")
    if row.closed_on is None:
        raise GatewayError(f"{former} is open: gateway providers close {former}")
    if row.succeeded_by not in {None, successor}:
        raise GatewayError(f"{row.succeeded_by} took the place of {former} already")
    row.succeeded_by = successor
    session.flush()


def remove(session: Session, provider: str) -> None:
    """Delete a provider enrolled by mistake, with keys and contacts.

    GatewayError where anything was received from, made for or said about the provider: closing is then the
    only way.
    """
    row = providers.provider_row(session, provider)
    for what, column in _HISTORY:
        if session.exec(select(column).where(column == provider).limit(1)).first() is not None:
            raise GatewayError(
                f"{provider} has {what}, which stay on record: gateway providers close {provider}"
            )
    owned: Sequence[tuple[type[SQLModel], ColumnElement[bool]]] = (
        (KeyRow, (col(KeyRow.owner_kind) == "provider") & (col(KeyRow.owner) == provider)),
        (ContactRow, col(ContactRow.provider) == provider),
        (RatificationRow, col(RatificationRow.provider) == provider),
        (AgreementSignatureRow, col(AgreementSignatureRow.provider) == provider),
        (ExpectationRow, col(ExpectationRow.provider) == provider),
        (NilReturnRow, col(NilReturnRow.provider) == provider),
        (HarmlessRow, col(HarmlessRow.provider) == provider),
        (ReceiptRow, col(ReceiptRow.provider) == provider),
    )
    for table, whose in owned:
        for each in session.exec(select(table).where(whose)).all():
            session.delete(each)
    session.flush()
    session.delete(row)
    session.flush()


_HISTORY = (
    ("transfers", col(TransferRow.provider)),
    ("declarations", col(DeclarationRow.provider)),
    ("copies of files", col(CopyRow.provider)),
    ("discrepancies", col(DiscrepancyPartyRow.provider)),
    ("files of others about it", col(SchoolOfTransferRow.provider)),
    ("a provider whose place it took", col(ProviderRow.succeeded_by)),
)
