"""Copies for providers of files that are about them: which are due, and which lie in an /out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, or_
from sqlmodel import Session, col, select

from gateway.registry.markers import is_seen_by
from gateway.registry.tables import CopyRow, TransferRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One provider's copy of one file; `content_sha256` proves the content. `made` says that it was out.

    `sha256` is then of the sealed copy. `part`: it holds the records of this provider alone.
    """

    number: int
    transfer: int
    provider: str
    reference: str
    flow: str
    extension: str
    content_sha256: str
    decided_at: datetime
    made: bool
    sha256: str | None = None
    part: bool = False


def owe(session: Session, transfer: int, provider: str, at: datetime, *, part: bool = False) -> None:
    """Record that a provider is to get a copy, or its part."""
    session.add(CopyRow(transfer=transfer, provider=provider, decided_at=at, part=part or None))
    session.flush()


def owed(session: Session, *, made_too: bool = False, made_since: datetime | None = None) -> Sequence[Copy]:
    """The copies still to be made, oldest first; with `made_too` every one that was ever decided on.

    With `made_since` also those that were made from then on.

    None is made while a child in the file is for named people alone, or restricted.
    """
    query = (
        select(CopyRow, TransferRow)
        .join(TransferRow, col(TransferRow.sequence) == col(CopyRow.transfer))
        .order_by(col(CopyRow.id))
    )
    if not made_too:
        still = and_(col(CopyRow.made_at).is_(None), is_seen_by(None))
        query = query.where(still if made_since is None else or_(still, col(CopyRow.made_at) >= made_since))
    return [_copy(row, transfer) for row, transfer in session.exec(query)]


def of_transfer(session: Session, reference: str) -> Sequence[Copy]:
    """Every copy of one file, made or not."""
    query = (
        select(CopyRow, TransferRow)
        .join(TransferRow, col(TransferRow.sequence) == col(CopyRow.transfer))
        .where(TransferRow.reference == reference)
        .order_by(col(CopyRow.id))
    )
    return [_copy(row, transfer) for row, transfer in session.exec(query)]


def forget(session: Session, transfer: int) -> tuple[str, ...]:
    """No provider is owed a copy of a file any longer; those whose copy had been made, by id."""
    rows = session.exec(select(CopyRow).where(CopyRow.transfer == transfer)).all()
    for row in rows:
        session.delete(row)
    session.flush()
    return tuple(sorted(row.provider for row in rows if row.made_at is not None))


def is_owed(session: Session, number: int) -> bool:
    """Whether a copy that was owed still is."""
    return session.get(CopyRow, number) is not None


def record_made(
    session: Session, number: int, *, at: datetime, certificates: Sequence[str], sha256: str, size: int
) -> None:
    """Record the sealed copy that lies in the provider's /out, and to which certificates it is sealed."""
    row = session.get_one(CopyRow, number)
    row.made_at, row.sha256, row.size = at, sha256, size
    row.certificates = " ".join(certificates)
    session.add(row)
    session.flush()


def _copy(row: CopyRow, transfer: TransferRow) -> Copy:
    return Copy(
        number=row.id or 0,
        transfer=row.transfer,
        provider=row.provider,
        reference=transfer.reference,
        flow=transfer.flow or "none",
        extension=transfer.extension or "bin",
        content_sha256=transfer.content_sha256 or "",
        decided_at=row.decided_at,
        made=row.made_at is not None,
        sha256=row.sha256,
        part=bool(row.part),
    )
