"""Record the files handed on to systems of the authority, in batches: made, sent and acknowledged."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlmodel import Session, col, exists, func, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from gateway.errors import GatewayError
from gateway.policy.small_schemas import HandOn
from gateway.registry.deliveries import is_shown_to
from gateway.registry.tables import (
    DeliveryRow,
    HandOnBatchRow,
    HandOnFileRow,
    MarkedTransferRow,
    MarkerRow,
    TransferRow,
)
from gateway.registry.tables.row import existing, first, only, rows, store

AT_ONCE = 200
"""The most files of a batch."""
IN_FOLDER = "a folder of the home"
_ACTOR = "hand-on "


def actor_of(hand_on: str) -> str:
    """Return the name of a hand-on in the log. The name has a space, which a person's name never has."""
    return f"{_ACTOR}{hand_on}"


def name_of(batch: HandOnBatchRow) -> str:
    """Return the name of a batch, as of its folder, manifest and acknowledgement: "payroll-000012"."""
    return f"{batch.hand_on}-{batch.number:06}"


def target_of(hand_on: HandOn) -> str:
    """Return where a hand-on's files go: "a folder of the home", or an SFTP server.
    A server is written as USER@HOST:PORT and the fingerprint of its host key.
    """
    sftp = hand_on.sftp
    return IN_FOLDER if sftp is None else f"{sftp.user}@{sftp.host}:{sftp.port} {sftp.fingerprint}"


def lies_here(batch: HandOnBatchRow) -> bool:
    """Return True if the files of a batch, once made, lie here: not sent yet, or in a folder of the home."""
    return batch.sent_at is None or batch.target == IN_FOLDER


def _of_team(hand_on: HandOn) -> SelectOfScalar[str]:
    """Return the query for references of the files whose view a hand-on may send: its team has the view."""
    return (
        select(TransferRow.reference)
        .join(DeliveryRow, col(DeliveryRow.transfer) == col(TransferRow.sequence))
        .where(
            col(DeliveryRow.team) == hand_on.team,
            col(DeliveryRow.whole).is_not(True),
            col(DeliveryRow.counts).is_not(True),
            col(TransferRow.data_type).in_(hand_on.data_types),
            col(TransferRow.content_sha256).is_not(None),
            is_shown_to(actor_of(hand_on.id)),
        )
    )


def may_have(session: Session, hand_on: HandOn, references: Collection[str]) -> frozenset[str]:
    """Return the `references` whose files the system of a hand-on may have now."""
    return frozenset(session.exec(_of_team(hand_on).where(col(TransferRow.reference).in_(references))))


def due(session: Session, hand_on: HandOn, since: datetime, until: datetime) -> Sequence[str]:
    """Return references of files still to be handed on, in the order of landing, at most AT_ONCE.
    Only files delivered to the team from `since` until before `until` count.
    """
    handed = exists().where(
        col(HandOnFileRow.reference) == col(TransferRow.reference),
        col(HandOnFileRow.batch) == col(HandOnBatchRow.id),
        col(HandOnBatchRow.hand_on) == hand_on.id,
        col(HandOnFileRow.recalled_in).is_(None),
    )
    delivered_at = col(DeliveryRow.delivered_at)
    query = _of_team(hand_on).where(delivered_at >= since, delivered_at < until, ~handed)
    return session.exec(query.order_by(col(TransferRow.sequence)).limit(AT_ONCE)).all()


def taken_back(session: Session, hand_on: str) -> Sequence[HandOnFileRow]:
    """Return the files to recall: handed on, no longer delivered to the team, recalled in no batch yet."""
    still = exists().where(
        col(TransferRow.reference) == col(HandOnFileRow.reference),
        col(DeliveryRow.transfer) == col(TransferRow.sequence),
        col(DeliveryRow.team) == col(HandOnBatchRow.team),
    )
    query = (
        select(HandOnFileRow)
        .join(HandOnBatchRow, col(HandOnBatchRow.id) == col(HandOnFileRow.batch))
        .where(HandOnBatchRow.hand_on == hand_on, col(HandOnFileRow.recalled_in).is_(None), ~still)
        .order_by(col(HandOnFileRow.id))
    )
    return session.exec(query).all()


def owe(
    session: Session,
    hand_on: HandOn,
    references: Sequence[str],
    recalled: Sequence[HandOnFileRow],
    at: datetime,
) -> HandOnBatchRow:
    """Record a new batch of files to hand on (`references`) and of files to recall; return the row of the
    batch. An earlier batch that handed on a recalled file is made again without the file, if it still lies
    here.
    """
    numbers = select(func.max(HandOnBatchRow.number)).where(HandOnBatchRow.hand_on == hand_on.id)
    number = (session.exec(numbers).one() or 0) + 1
    target, team = target_of(hand_on), hand_on.team
    batch = HandOnBatchRow(hand_on=hand_on.id, number=number, team=team, target=target, owed_at=at)
    store(session, batch)
    session.add_all(HandOnFileRow(batch=batch.id or 0, reference=reference) for reference in references)
    for file in recalled:
        file.recalled_in = batch.id
        _make_again(session.get_one(HandOnBatchRow, file.batch))
    return batch


def batches(session: Session, *, open_only: bool = False) -> Sequence[HandOnBatchRow]:
    """Return the batches in order. `open_only`: True to leave out batches that the receiving system
    acknowledged.
    """
    return rows(session, HandOnBatchRow, "id", **({"acknowledged_at": None} if open_only else {}))


def find(session: Session, hand_on: str, number: int) -> HandOnBatchRow:
    """Return a batch. NotFoundError for an unknown number."""
    batch = first(session, HandOnBatchRow, hand_on=hand_on, number=number)
    return existing(batch, f"there is no batch {number} of {hand_on}")


def files(session: Session, batch: HandOnBatchRow | None = None) -> Sequence[HandOnFileRow]:
    """Return the files of a batch, or of every batch, in the order of adding."""
    return rows(session, HandOnFileRow, "id", **only(batch=batch and batch.id))


def recalls(session: Session, batch: HandOnBatchRow) -> Sequence[tuple[str, str]]:
    """Return the reference of each file that a batch recalls, and the name of the batch that handed it on."""
    query = (
        select(HandOnFileRow.reference, HandOnBatchRow)
        .join(HandOnBatchRow, col(HandOnBatchRow.id) == col(HandOnFileRow.batch))
        .where(HandOnFileRow.recalled_in == batch.id, col(HandOnFileRow.handed_at).is_not(None))
        .order_by(col(HandOnFileRow.id))
    )
    return [(reference, name_of(earlier)) for reference, earlier in session.exec(query)]


def owe_again(session: Session, batch: HandOnBatchRow) -> None:
    """Reset a batch, so it is made and sent again. The log records its files as collected again.
    A file withdrawn from the team meanwhile stays on record as handed on: only what is handed on can be
    recalled.
    """
    batch.made_at = batch.sent_at = batch.due_at = batch.acknowledged_at = batch.acknowledged_by = None
    gone = taken_back(session, batch.hand_on)
    for file in files(session, batch):
        if file.recalled_in is None and file not in gone:
            file.handed_at = None


_WITH_TRANSFERS = (
    select(HandOnBatchRow)
    .join(HandOnFileRow, col(HandOnFileRow.batch) == col(HandOnBatchRow.id))
    .join(TransferRow, col(TransferRow.reference) == col(HandOnFileRow.reference))
)


def make_anew(session: Session, transfers: Collection[int]) -> None:
    """Reset the batches with files in which children have been marked (`transfers`), to be made again.
    Only batches whose files still lie here are reset.
    """
    here = col(TransferRow.sequence).in_(transfers), col(HandOnBatchRow.acknowledged_at).is_(None)
    for batch in session.exec(_WITH_TRANSFERS.where(*here)):
        _make_again(batch)


def made_under(session: Session, numbers: Collection[int]) -> Mapping[str, list[int]]:
    """Return the batches made while one of some markers, now lifted, was on a file: numbers by hand-on."""
    query = (
        _WITH_TRANSFERS.join(MarkedTransferRow, col(MarkedTransferRow.transfer) == col(TransferRow.sequence))
        .join(MarkerRow, col(MarkerRow.number) == col(MarkedTransferRow.marker))
        .where(
            col(MarkerRow.number).in_(numbers),
            col(HandOnBatchRow.made_at).between(col(MarkerRow.placed_at), col(MarkerRow.lifted_at)),
        )
        .order_by(col(HandOnBatchRow.id))
    )
    found: dict[str, list[int]] = {}
    for batch in session.exec(query).unique():
        found.setdefault(batch.hand_on, []).append(batch.number)
    return found


def _make_again(batch: HandOnBatchRow) -> None:
    """Reset a batch, to be made again, unless acknowledged or already sent to another machine."""
    if batch.acknowledged_at is None and lies_here(batch):
        batch.made_at = batch.sent_at = batch.due_at = None


def acknowledge(batch: HandOnBatchRow, *, by: str, at: datetime) -> None:
    """Record that the receiving system acknowledged a batch. GatewayError if the batch was not sent."""
    if batch.sent_at is None:
        raise GatewayError(f"{name_of(batch)} was not sent yet")
    batch.acknowledged_at, batch.acknowledged_by = at, by


def unacknowledged(session: Session, now: datetime) -> Sequence[HandOnBatchRow]:
    """Return, in order, the unacknowledged batches that are overdue at `now` or had trouble in sending."""
    late = or_(col(HandOnBatchRow.due_at) < now, col(HandOnBatchRow.trouble).is_not(None))
    return rows(session, HandOnBatchRow, "id", where=[late], acknowledged_at=None)
