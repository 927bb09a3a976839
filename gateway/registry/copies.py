"""Record which providers are to get a copy of a file that concerns them, and which copies are in /out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_
from sqlmodel import Session, col, select

from gateway.model import Provider, Transfer
from gateway.registry import keys
from gateway.registry.sight import is_seen_by
from gateway.registry.tables import CopyRow, ReasonRow, TransferRow
from gateway.registry.tables.row import drop, from_row, rows, store
from gateway.registry.transfers import is_stored, transfers_of

_TRANSFER = col(TransferRow.sequence) == col(CopyRow.transfer)
_COPIES = select(CopyRow, TransferRow).join(TransferRow, _TRANSFER).order_by(col(CopyRow.id))

_WAITING = (col(CopyRow.waits).is_(True), col(TransferRow.state) == "accepted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A copy of a file for one provider. `content_sha256`: the digest of the content of the file copied.
    `made`: True if the sealed copy has been put into the provider's /out folder; then `sha256` is its digest,
    and `size` its bytes. `part`: True if the copy holds the provider's own records alone. `numbers`: DfE
    number and URN by which the provider gets the copy, if others are on record now.
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
    size: int | None = None
    part: bool = False
    numbers: str | None = None


def numbered(provider: Provider, numbers: str | None) -> Provider:
    """Return a provider with the numbers of a copy (`CopyRow.numbers`); for None, unchanged."""
    if numbers is None:
        return provider
    dfe_number, urn = numbers.split(" ")
    return replace(provider, dfe_number=dfe_number or None, urn=urn or None)


def owe(
    session: Session, transfer: int, provider: str, at: datetime, *, part: bool = False, waits: bool = False,
    numbers: str | None = None,
) -> None:  # fmt: skip
    """Record that a copy of a file is to be made for a provider.
    `part`: True for a copy of the provider's own records alone. `waits`: True if the copy has to wait until
    the provider ratifies the agreement.
    `numbers`: DfE number and URN by which the provider gets the copy, as in `CopyRow`.
    """
    row = CopyRow(
        transfer=transfer, provider=provider, decided_at=at, part=part or None, waits=waits or None,
        numbers=numbers,
    )  # fmt: skip
    store(session, row)


def waiting(session: Session, providers: Collection[str]) -> Sequence[tuple[CopyRow, Transfer]]:
    """Return each copy for `providers` waiting until they ratify the agreement, with the copied transfer."""
    return _with_files(session, *_WAITING, col(CopyRow.provider).in_(providers))


def of_provider(session: Session, provider: str) -> Sequence[tuple[CopyRow, Transfer]]:
    """Return the copies for a provider, made or waiting, each with the copied transfer."""
    return _with_files(session, col(CopyRow.provider) == provider)


def without_copy(
    session: Session, provider: str, flows: Collection[str], numbers: Collection[str] = ()
) -> Sequence[Transfer]:
    """Return the accepted files, still stored, that belong to some flows and of which a provider has no copy.
    `numbers`: if given, only files with one of these numbers of schools in the content on record.
    """
    has_one = select(CopyRow.transfer).where(CopyRow.provider == provider)
    which = [col(TransferRow.state) == "accepted", col(TransferRow.flow).in_(flows), is_stored()]
    which += [or_(*(col(TransferRow.content).contains(one) for one in numbers))] if numbers else []
    query = select(TransferRow).where(*which, col(TransferRow.sequence).not_in(has_one))
    return transfers_of(session, session.exec(query.order_by(col(TransferRow.sequence))).all())


def _with_files(session: Session, *which: ColumnElement[bool]) -> Sequence[tuple[CopyRow, Transfer]]:
    found = session.exec(_COPIES.where(*which)).all()
    return list(zip([row for row, _ in found], transfers_of(session, [of for _, of in found]), strict=True))


def count_waiting(session: Session) -> Counter[str]:
    """Count, by provider, the copies not to be made before the provider ratifies the agreement."""
    counted = select(col(CopyRow.provider), func.count()).join(TransferRow, _TRANSFER).where(*_WAITING)
    return Counter(dict(session.exec(counted.group_by(col(CopyRow.provider))).all()))


def last_waiting(session: Session) -> tuple[int, int, int]:
    """Return three numbers that change when the copies that wait change, or their files, or the files'
    reasons. They are: how many copies wait, the number of the newest (0 if none), and how many reasons their
    files have.
    """
    found = (
        select(
            func.count(func.distinct(col(CopyRow.id))),
            func.max(col(CopyRow.id)),
            func.count(col(ReasonRow.code)),
        )
        .select_from(CopyRow)
        .join(TransferRow, _TRANSFER)
        .join(ReasonRow, col(ReasonRow.transfer) == col(CopyRow.transfer), isouter=True)
        .where(*_WAITING)
    )
    count, last, reasons = session.exec(found).one()
    return count, last or 0, reasons


def owed(
    session: Session,
    *,
    made_too: bool = False,
    made_since: datetime | None = None,
    of: str | None = None,
    shown: bool = False,
) -> Sequence[Copy]:
    """Return the copies to be made now, oldest first: of the file with the reference `of`, or of all files.
    Copies that wait for a ratification, and copies of a file with a marked child, are not made now.
    `made_since`: add the copies made from this moment on. `made_too`: return all copies on record instead.
    `shown`: of all these, return only copies that may be in /out: none that waits or has a marked child.
    """
    query = _COPIES if of is None else _COPIES.where(TransferRow.reference == of)
    if not made_too:
        still = and_(col(CopyRow.made_at).is_(None), col(CopyRow.waits).is_(None))
        query = query.where(still if made_since is None else or_(still, col(CopyRow.made_at) >= made_since))
    if shown or not made_too:
        query = query.where(is_seen_by(None))
    if shown:
        query = query.where(col(CopyRow.waits).is_(None))
    return [
        from_row(
            Copy,
            row,
            number=row.id or 0,
            reference=transfer.reference,
            flow=transfer.flow or "none",
            extension=transfer.extension or "bin",
            content_sha256=transfer.content_sha256 or "",
            made=row.made_at is not None,
            part=bool(row.part),
        )
        for row, transfer in session.exec(query)
    ]


def take_back(session: Session, transfer: int) -> tuple[str, ...]:
    """Hold back the copies of a withdrawn file; return the providers, sorted by id, that had got a copy."""
    found = rows(session, CopyRow, transfer=transfer)
    hold_back(session, *found)
    return tuple(sorted(row.provider for row in found if row.certificates is not None))


def forget(session: Session, transfer: int) -> list[CopyRow]:
    """Delete the record of the copies of a withdrawn file; return those due by former numbers."""
    found = rows(session, CopyRow, transfer=transfer)
    drop(session, *found)
    return [row for row in found if row.numbers is not None]


def owe_again(session: Session, former: Sequence[CopyRow], at: datetime) -> None:
    """Owe copies due by former numbers (`forget`), each waiting to be given, to providers without another."""
    for row in former:
        if not rows(session, CopyRow, transfer=row.transfer, provider=row.provider):
            part, numbers = bool(row.part), row.numbers
            owe(session, row.transfer, row.provider, at, part=part, waits=True, numbers=numbers)


def make_anew(session: Session, transfers: Collection[int]) -> None:
    """Record copies of stored files as to be made again: they were taken out of /out when a child was marked.
    The list of certificates for a copy is kept: it shows that the provider had already got the copy.
    """
    for row, _ in session.exec(_COPIES.where(col(CopyRow.transfer).in_(transfers), is_stored())):
        row.made_at = row.sha256 = row.size = None
    session.flush()


def hold_back(session: Session, *found: CopyRow) -> None:
    """Record copies as waiting until their provider may have them: they leave /out.
    The list of certificates for a copy is kept: it shows that the provider had already got the copy.
    """
    for row in found:
        row.waits, row.made_at, row.sha256, row.size = True, None, None, None
    session.flush()


def seal_anew(session: Session, provider: str, now: datetime, *, but: str | None = None) -> None:
    """Record a provider's copies as to be made again if no certificate in force opens the copy.
    Each copy stays in /out until replaced. `but`: the fingerprint of a certificate that counts as ended.
    """
    known = keys.keys_in_force(session, "provider", provider, "openpgp", now)
    in_force = {one.fingerprint for one in known}
    for row in rows(session, CopyRow, provider=provider) if in_force else ():
        if row.made_at is not None and (in_force - {but}).isdisjoint((row.certificates or "").split()):
            row.made_at = row.sha256 = row.size = None
    session.flush()


def record_sealed(session: Session, number: int, certificates: Sequence[str]) -> None:
    """Record the certificates for which copy `number` is sealed. Call before placing the copy into /out."""
    session.get_one(CopyRow, number).certificates = " ".join(certificates)


def record_made(session: Session, number: int, *, at: datetime, sha256: str, size: int) -> None:
    """Record that copy `number`, of `size` bytes, is in the provider's /out."""
    row = session.get_one(CopyRow, number)
    row.made_at, row.sha256, row.size = at, sha256, size
