"""Audit of the log itself: every leaf, every tree node, every signed head."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import tuple_
from sqlmodel import Session, col, func, select

from gateway.errors import GatewayError
from gateway.homes.audit.inconsistency import Inconsistency, paged
from gateway.homes.audit.portions import AuditPortions, Faults
from gateway.log import tree
from gateway.log.checkpoint import read_checkpoint
from gateway.log.leaf import Event, commitment, leaf, read_event
from gateway.registry import retention
from gateway.registry.tables import CheckpointRow, EventRow, NodeRow
from gateway.verify.verify_receipts import KeyInTime

_COMMITTED = ("commitment", "record", "name_commitment")


@dataclass(slots=True)
class Frontier:
    """The last two complete subtrees of each level, enough for appending and for the root."""

    levels: dict[int, dict[int, bytes]] = field(default_factory=dict)
    fresh: list[tuple[int, int, bytes]] = field(default_factory=list)

    def get(self, level: int, index: int) -> bytes:
        """Return the hash of a subtree. Raises KeyError where no longer held."""
        return self.levels[level][index]

    def put(self, level: int, index: int, node: bytes) -> None:
        """Add a complete subtree."""
        kept = self.levels.setdefault(level, {})
        kept[index] = node
        kept.pop(index - 2, None)
        self.fresh.append((level, index, node))


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Subjects whose texts, or also salts, were deleted by retention."""

    texts: frozenset[str]
    salts: frozenset[str]

    @classmethod
    def read(cls, session: Session) -> Forgotten:
        """Read them from the registry; the check of rows covers these records."""
        people = retention.deleted(session, "people") | retention.deleted(session, "declarations")
        return cls(texts=frozenset(retention.deleted(session, "index") | people), salts=frozenset(people))

    def among(self, rows: Sequence[EventRow]) -> tuple[Sequence[str], Sequence[str]]:
        """Return the texts and the salts of these rows' subjects alone, sorted."""
        subjects = {row.subject for row in rows}
        return sorted(self.texts & subjects), sorted(self.salts & subjects)


def check_tree(
    session: Session, log_keys: Sequence[KeyInTime], portions: AuditPortions
) -> Iterator[Inconsistency]:
    """Yield every inconsistency between leaves, nodes and heads, in the log's order."""
    heads = {row.size: row.text for row in session.exec(select(CheckpointRow)).all()}
    frontier, forgotten, size, nodes = Frontier(), Forgotten.read(session), 0, 0
    events = paged(session, EventRow, [col(EventRow.number)])
    for rows, faults in portions.checked(event_faults, events, lambda row: row.number, forgotten.among):
        found: list[tuple[int, Inconsistency]] = []
        for row in rows:
            where = f"event {size}"
            if row.number != size:
                yield from _in_order(found + _node_faults(session, frontier))
                yield Inconsistency(where, "it is missing from the log")
                return
            found += [(size, Inconsistency(where, what)) for what in faults.get(size, ()) if what]
            size = tree.append(frontier, size, row.leaf)
            if size in heads:
                found += [(size, one) for one in _head_faults(heads.pop(size), size, frontier, log_keys)]
        nodes += len(frontier.fresh)
        yield from _in_order(found + _node_faults(session, frontier))
    for beyond in sorted(heads):
        yield Inconsistency(f"checkpoint {beyond}", f"it is of {beyond} entries, but the log has only {size}")
    stored = session.exec(select(func.count()).select_from(NodeRow)).one()
    if stored != nodes:
        yield Inconsistency("log_node", f"there are {stored} nodes where the log makes {nodes}")


def key_at(log_keys: Sequence[KeyInTime], size: int) -> str:
    """Return the key, of the log's keys in their order, that signs the head of `size` entries."""
    return next(one.key for one in log_keys if one.last is None or size <= one.last.size)


def read_leaf(row: EventRow) -> Event:
    """Return the event in a leaf. Raises ValueError for anything else or a leaf not in canonical form."""
    event = read_event(json.loads(row.leaf))
    if leaf(event) != row.leaf:
        raise ValueError("the leaf is not in its canonical form")
    return event


def event_faults(rows: Sequence[EventRow], texts: Sequence[str], salts: Sequence[str]) -> Faults:
    """Return the faults of events by number; `texts` and `salts` are those forgotten."""
    forgotten = Forgotten(frozenset(texts), frozenset(salts))
    return {row.number: list(told) for row in rows if (told := [*faults_of(row, forgotten)])}


def faults_of(row: EventRow, forgotten: Forgotten) -> Iterator[str]:
    """Yield differences between a leaf and the columns beside the leaf."""
    try:
        event = read_leaf(row)
    except ValueError:
        yield "its leaf cannot be read"
        return
    stated = (event.sequence, event.kind, event.subject, event.at)
    if stated != (row.number, row.kind, row.subject, row.at):
        yield "its columns are not what its leaf states"
    committed = any(name in event.fields for name in _COMMITTED)
    if (row.salt is not None) != committed and not (row.salt is None and row.subject in forgotten.salts):
        yield "the salt of its commitments is missing, or it has one for none"
    for name, text in (("commitment", row.actor), ("record", row.note)):
        if text is None:
            if name in event.fields and row.subject not in forgotten.texts:
                yield f"what its {name} commits to is missing"
        elif not _opens(event.fields.get(name), text, row.salt):
            yield f"what is kept beside the leaf is not what its {name} commits to"
    rows = None if row.rows is None else hashlib.sha256(row.rows.encode()).hexdigest()
    if rows != event.fields.get("rows"):
        yield "the record of rows beside it is not the one that it vouches for"


def _opens(committed: str | int | None, text: str, salt: bytes | None) -> bool:
    try:
        opened = commitment(text, salt or b"")
    except ValueError:
        return False
    return isinstance(committed, str) and hmac.compare_digest(committed, opened)


def _node_faults(session: Session, frontier: Frontier) -> list[tuple[int, Inconsistency]]:
    """Return stored nodes that differ from the newest leaves' nodes, each with the size completing the
    node.
    """
    columns = (col(NodeRow.level), col(NodeRow.position))
    wanted = [(level, index) for level, index, _ in frontier.fresh]
    query = select(NodeRow.level, NodeRow.position, NodeRow.hash).where(tuple_(*columns).in_(wanted))
    stored = {(level, index): node for level, index, node in session.exec(query)}
    found = []
    for level, index, node in frontier.fresh:
        if stored.get((level, index)) != node:
            size = (index + 1) << level
            what = f"it is not what the leaves up to event {size - 1} make"
            found.append((size, Inconsistency(f"log_node {level}/{index}", what)))
    frontier.fresh.clear()
    return found


def _in_order(found: list[tuple[int, Inconsistency]]) -> Iterator[Inconsistency]:
    for _, inconsistency in sorted(found, key=lambda one: one[0]):
        yield inconsistency


def _head_faults(
    text: str, size: int, frontier: Frontier, log_keys: Sequence[KeyInTime]
) -> Iterator[Inconsistency]:
    where = f"checkpoint {size}"
    try:
        head = read_checkpoint(text, [key_at(log_keys, size)])
    except GatewayError:
        yield Inconsistency(where, "its signature is not good")
        return
    if head.size != size or head.root != tree.root(frontier, size):
        yield Inconsistency(where, "the log's entries do not make the root that was signed")
