"""Rows of the registry as transfers, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from pydantic import TypeAdapter
from sqlmodel import Session, col, select

from gateway.errors import NotFoundError
from gateway.model import (
    Classified,
    ContentRefused,
    Folder,
    LooksLike,
    Reason,
    Signature,
    State,
    Transfer,
    Upload,
    WaitsFor,
)
from gateway.registry.tables import DeliveryRow, ReasonRow, TransferRow

CONTENT: TypeAdapter[Classified | ContentRefused] = TypeAdapter(Classified | ContentRefused)
ROWS = "gateway transfer rows"
AT_ONCE = 500


def sequence_of(row: TransferRow) -> int:
    """Return the place of a row in the order of landing."""
    if row.sequence is None:
        raise AssertionError("the row has not been flushed")
    return row.sequence


def row_of(session: Session, reference: str) -> TransferRow:
    """Return the row of a transfer. NotFoundError where there is none."""
    kept: TransferRow | None = session.info.get(ROWS, {}).get(reference)
    if kept is not None and (kept in session or kept.sequence is None):
        return kept
    row = session.exec(select(TransferRow).where(TransferRow.reference == reference)).first()
    if row is None:
        raise NotFoundError(f"there is no transfer {reference}")
    return row


def transfers_of(
    session: Session, rows: Sequence[TransferRow], *, with_content: bool = True
) -> list[Transfer]:
    """Build the transfers of rows, in their order; without contents, if so asked."""
    sequences = [sequence_of(row) for row in rows]
    reasons: dict[int, list[Reason]] = {sequence: [] for sequence in sequences}
    teams: dict[int, list[str]] = {sequence: [] for sequence in sequences}
    for start in range(0, len(sequences), AT_ONCE):
        some = sequences[start : start + AT_ONCE]
        for found in session.exec(
            select(ReasonRow).where(col(ReasonRow.transfer).in_(some)).order_by(col(ReasonRow.ordinal))
        ):
            reasons[found.transfer].append(
                Reason(
                    code=found.code, clause=found.clause, sentence=found.sentence, next_step=found.next_step
                )
            )
        for delivery in session.exec(
            select(DeliveryRow).where(col(DeliveryRow.transfer).in_(some)).order_by(col(DeliveryRow.team))
        ):
            teams[delivery.transfer].append(delivery.team)
    return [
        transfer_of(row, tuple(reasons[sequence]), tuple(teams[sequence]), with_content=with_content)
        for row, sequence in zip(rows, sequences, strict=True)
    ]


def transfer_of(
    row: TransferRow, reasons: tuple[Reason, ...], teams: tuple[str, ...], *, with_content: bool = True
) -> Transfer:
    """Build the transfer of a row with its rows in other tables."""
    signature = None
    if row.signer is not None and row.signing_key is not None and row.signed_at is not None:
        signature = Signature(certificate=row.signer, signing_key=row.signing_key, created_at=row.signed_at)
    return Transfer(
        sequence=sequence_of(row),
        upload=upload_of(row),
        state=cast("State", row.state),
        flow=row.flow,
        data_type=row.data_type,
        period=row.period,
        extension=row.extension or "bin",
        content_size=row.content_size,
        content_sha256=row.content_sha256,
        signature=signature,
        opened_by=row.opened_by,
        engine=row.engine,
        content=CONTENT.validate_json(row.content) if row.content and with_content else None,
        decided_at=row.decided_at,
        held_until=row.held_until,
        waits_for=cast("WaitsFor | None", row.waits_for),
        rules=row.rules,
        teams=teams,
        reasons=reasons,
    )


def upload_of(row: TransferRow) -> Upload:
    """Build the upload of a row, as landed."""
    return Upload(
        reference=row.reference,
        provider=row.provider,
        name=row.name,
        folder=cast("Folder", row.folder),
        size=row.size,
        sha256=row.sha256,
        started_at=row.started_at,
        landed_at=row.landed_at,
        ssh_key=row.ssh_key,
        client=row.client,
        withheld=row.withheld,
        looks_like=cast("LooksLike", row.looks_like),
    )
