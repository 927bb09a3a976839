"""Place, lift and find legal holds: while a hold is in force, none of the files concerned is deleted."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlmodel import Session, col, select

from gateway.errors import GatewayError, NotFoundError
from gateway.registry import markers, persons, providers, receipts
from gateway.registry.tables import HoldRow, PersonsOfTransferRow, ReceiptRow, TransferRow
from gateway.registry.tables.row import rows, store, values


def place(session: Session, by: str, why: str, at: datetime, **subject: Any) -> int:  # noqa: ANN401 - of columns
    """Place a legal hold, to keep data from deletion; return the hold's number.
    `subject` is one keyword argument: `reference` for one transfer, notice or declaration; `provider` for all
    data of a provider; `persons`, the digests of a child, for every file with the child, now and later.
    NotFoundError for an unknown subject, GatewayError for a subject on hold already. A child of whom only
    some of these digests are on hold is not on hold already.
    """
    row = HoldRow(**{"reference": "", **subject}, placed_at=at, placed_by=by, why=why)
    if row.reference and not receipts.in_use(session, [row.reference]):
        raise NotFoundError(f"there is no transfer, notice or declaration {row.reference}")
    if row.provider is not None:
        providers.provider_row(session, row.provider)
    if _hold_on(session, **subject, wholly=True) is not None:
        raise GatewayError(f"{_named(subject)} is on hold already")
    store(session, row)
    return cast("int", row.number)


def lift(session: Session, by: str, why: str, at: datetime, **subject: Any) -> int:  # noqa: ANN401 - as `place`
    """Lift the legal hold on a subject; return the hold's number. GatewayError if the subject is not on hold.
    `subject`: one keyword argument, `reference`, `provider` or `persons`, as for `place`.
    """
    row = _hold_on(session, **subject)
    if row is None:
        raise GatewayError(f"{_named(subject)} is not on hold")
    row.lifted_at, row.lifted_by, row.lifted_why = at, by, why
    return cast("int", row.number)


def _named(subject: Mapping[str, Any]) -> str:
    """Return in words what a hold is on: the reference, the provider, or "the child"."""
    return subject.get("reference") or subject.get("provider") or "the child"


def list_holds(session: Session) -> Sequence[HoldRow]:
    """Return the legal holds in force, oldest first."""
    return rows(session, HoldRow, "number", lifted_at=None)


def on_hold(session: Session, references: Collection[str], on: Sequence[HoldRow] | None = None) -> set[str]:
    """Return the `references` under a legal hold: on the file, on the provider, or on a child in the file.
    `on`: the holds that count; None for all in force.
    """
    wanted, on = list(references), list_holds(session) if on is None else on
    found = {row.reference for row in on}.intersection(wanted)
    held = {row.provider for row in on if row.provider is not None}
    for table in (TransferRow, ReceiptRow) if held else ():
        found |= set(values(session, table.reference, reference=wanted, provider=held))
    children = {one for row in on if row.persons for one in markers.split(row.persons)}
    if children:
        with_one = (
            select(TransferRow.reference)
            .join(PersonsOfTransferRow, col(PersonsOfTransferRow.transfer) == col(TransferRow.sequence))
            .where(col(TransferRow.reference).in_(wanted), persons.holds_one_of(session, children))
        )
        found |= set(session.exec(with_one).all())
    return found


def of_child(session: Session, digests: Collection[bytes]) -> list[HoldRow]:
    """Return the legal holds on a child."""
    return [row for row in list_holds(session) if not _child(row.persons).isdisjoint(digests)]


def _hold_on(
    session: Session, reference: str = "", provider: str | None = None, persons: bytes = b"", *,
    wholly: bool = False,
) -> HoldRow | None:  # fmt: skip
    """Return the hold on a subject, or None. For a child, the hold with just these digests comes first, then
    one with more of them or, unless `wholly`, with fewer: two children of one name are not the same.
    GatewayError if several fit, unless `wholly`.
    """
    asked = _child(persons)
    fit = rows(session, HoldRow, lifted_at=None, reference=reference, provider=provider)
    fit = [row for row in fit if asked <= (child := _child(row.persons)) or (child <= asked and not wholly)]
    fit = [row for row in fit if _child(row.persons) == asked] or fit
    if len(fit) > 1 and not wholly:
        raise GatewayError("several legal holds fit: name the child as in the one to lift, with the UPN")
    return fit[0] if fit else None


def _child(persons: bytes | None) -> frozenset[bytes]:
    return frozenset(markers.split(persons or b""))
