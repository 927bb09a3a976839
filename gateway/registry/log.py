"""The append-only log in the registry: leaves, the hashes of complete subtrees, signed heads."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import text
from sqlmodel import Session, col, func, select

from gateway.receipts import tree
from gateway.receipts.checkpoint import LogKey, checkpoint
from gateway.receipts.leaf import Event, Kind, commitment, leaf
from gateway.registry.record import take_changes
from gateway.registry.tables import CheckpointRow, EventRow, NodeRow

# Any number: it only has to be the same in every process that appends.
_APPEND_LOCK = 7_201_917


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something that happened, before it has its place in the log.

    `actor` is the person who did it, `name` the name of a file, `note` what is to be kept beside the
    log in a person's own words: of each, the leaf holds only a commitment.
    """

    kind: Kind
    subject: str
    fields: Mapping[str, str | int] = field(default_factory=dict)
    actor: str | None = None
    name: str | None = None
    note: str | None = None


class _Nodes:
    """The tree's nodes in the registry."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, level: int, index: int) -> bytes:
        return self._session.get_one(NodeRow, (level, index)).hash

    def put(self, level: int, index: int, node: bytes) -> None:
        self._session.add(NodeRow(level=level, position=index, hash=node))


def append(session: Session, entries: Sequence[Entry], at: datetime) -> list[int]:
    """Append events in order and return their places. ValueError where the log does not admit one."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _APPEND_LOCK})
    first = size(session)
    nodes = _Nodes(session)
    for number, entry in enumerate(entries, start=first):
        salt = secrets.token_bytes(16) if entry.actor or entry.name or entry.note else None
        committed = _commitments(entry, salt)
        event = Event(
            sequence=number,
            at=at,
            kind=entry.kind,
            subject=entry.subject,
            fields={**entry.fields, **committed},
        )
        data = leaf(event)
        tree.append(nodes, number, data)
        session.add(
            EventRow(
                number=number,
                at=at,
                kind=entry.kind,
                subject=entry.subject,
                leaf=data,
                actor=entry.actor,
                salt=salt,
                note=entry.note,
            )
        )
    session.flush()
    return list(range(first, first + len(entries)))


def size(session: Session) -> int:
    """How many leaves the log has."""
    last = session.exec(select(func.max(EventRow.number))).one()
    return 0 if last is None else last + 1


def sign_head(session: Session, key: LogKey, origin: str, at: datetime) -> str:
    """The checkpoint of the log as it is now, signed once for each size and kept.

    It vouches for every row that the transaction has written so far.
    """
    record_changes(session, at)
    now = size(session)
    known = session.get(CheckpointRow, now)
    if known is not None:
        return known.text
    signed = checkpoint(origin, now, tree.root(_Nodes(session), now), key)
    session.add(CheckpointRow(size=now, text=signed, created_at=at))
    session.flush()
    return signed


def record_changes(session: Session, at: datetime) -> None:
    """Let the log vouch for the rows that this transaction has written and that it does not yet."""
    changes = take_changes(session)
    if changes is not None:
        append(session, [Entry(kind="recorded", subject="registry", note=changes)], at)


def inclusion_proof(session: Session, number: int, at_size: int) -> list[bytes]:
    """The proof that leaf `number` is in the tree of `at_size` leaves."""
    return tree.inclusion_proof(_Nodes(session), number, at_size)


def consistency_proof(session: Session, first: int, second: int) -> list[bytes]:
    """The proof that the log of `second` leaves begins with that of `first`."""
    return tree.consistency_proof(_Nodes(session), first, second)


def root(session: Session, at_size: int) -> bytes:
    """The root of the log's first `at_size` leaves."""
    return tree.root(_Nodes(session), at_size)


def leaves(session: Session) -> Iterator[bytes]:
    """The bytes of every leaf, in order."""
    query = select(EventRow.leaf).order_by(col(EventRow.number)).execution_options(yield_per=1000)
    yield from session.exec(query)


def checkpoints(session: Session) -> Sequence[CheckpointRow]:
    """Every signed head, by size."""
    return session.exec(select(CheckpointRow).order_by(col(CheckpointRow.size))).all()


def leaf_of(session: Session, number: int) -> bytes:
    """The bytes of one leaf."""
    return session.get_one(EventRow, number).leaf


def events(session: Session, subject: str) -> Sequence[EventRow]:
    """Everything the log holds on one subject, in order."""
    return session.exec(
        select(EventRow).where(EventRow.subject == subject).order_by(col(EventRow.number))
    ).all()


def _commitments(entry: Entry, salt: bytes | None) -> dict[str, str]:
    if salt is None:
        return {}
    committed = {}
    if entry.actor:
        committed["commitment"] = commitment(entry.actor, salt)
    if entry.name:
        committed["name_commitment"] = commitment(entry.name, salt)
    if entry.note:
        committed["record"] = commitment(entry.note, salt)
    return committed
