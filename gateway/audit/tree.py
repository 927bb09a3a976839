"""The log against itself: every leaf, every node of the tree, every signed head."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlmodel import Session, col, select

from gateway.audit.misfit import Misfit, paged
from gateway.errors import GatewayError
from gateway.receipts import tree
from gateway.receipts.checkpoint import read_checkpoint
from gateway.receipts.leaf import Event, commitment, leaf, read_event
from gateway.registry.tables import CheckpointRow, EventRow, NodeRow


@dataclass(slots=True)
class Frontier:
    """The last two complete subtrees of each level: all that appending and the root ever ask for."""

    levels: dict[int, dict[int, bytes]] = field(default_factory=dict)
    fresh: list[tuple[int, int, bytes]] = field(default_factory=list)

    def get(self, level: int, index: int) -> bytes:
        """The hash of a subtree. KeyError where it is no longer held."""
        return self.levels[level][index]

    def put(self, level: int, index: int, node: bytes) -> None:
        """Hold a subtree that is complete now."""
        kept = self.levels.setdefault(level, {})
        kept[index] = node
        kept.pop(index - 2, None)
        self.fresh.append((level, index, node))


def check_tree(session: Session, vkeys: tuple[str, ...]) -> Iterator[Misfit]:
    """Everything that does not fit between the leaves, the nodes and the heads, in the log's order."""
    heads = {row.size: row.text for row in session.exec(select(CheckpointRow)).all()}
    frontier, size, nodes = Frontier(), 0, 0
    for row in paged(session, EventRow, [col(EventRow.number)]):
        where = f"event {size}"
        if row.number != size:
            yield Misfit(where, "it is missing from the log")
            return
        yield from (Misfit(where, what) for what in _faults_of(row))
        size = tree.append(frontier, size, row.leaf)
        yield from _check_nodes(session, frontier, where)
        nodes += len(frontier.fresh)
        frontier.fresh.clear()
        if size in heads:
            yield from _check_head(heads.pop(size), size, frontier, vkeys)
    for beyond in sorted(heads):
        yield Misfit(f"checkpoint {beyond}", f"it is of {beyond} entries, but the log has only {size}")
    stored = len(session.exec(select(NodeRow.level)).all())
    if stored != nodes:
        yield Misfit("log_node", f"there are {stored} nodes where the log makes {nodes}")


def read_leaf(row: EventRow) -> Event:
    """The event that a leaf states. ValueError where it states none."""
    event = read_event(json.loads(row.leaf))
    if leaf(event) != row.leaf:
        raise ValueError("the leaf is not in its canonical form")
    return event


def _faults_of(row: EventRow) -> Iterator[str]:
    try:
        event = read_leaf(row)
    except ValueError:
        yield "its leaf cannot be read"
        return
    stated = (event.sequence, event.kind, event.subject, event.at)
    if stated != (row.number, row.kind, row.subject, row.at):
        yield "its columns are not what its leaf states"
    for name, text in (("commitment", row.actor), ("record", row.note)):
        committed = event.fields.get(name)
        opened = commitment(text, row.salt) if text is not None and row.salt is not None else None
        # A salt may be destroyed to forget a person; then nothing is claimed and nothing can be checked.
        if (
            (text is not None or row.salt is not None)
            and not _equal(committed, opened)
            and (text or committed)
        ):
            yield f"what is kept beside the leaf is not what its {name} commits to"


def _equal(committed: str | int | None, opened: str | None) -> bool:
    return isinstance(committed, str) and opened is not None and hmac.compare_digest(committed, opened)


def _check_nodes(session: Session, frontier: Frontier, where: str) -> Iterator[Misfit]:
    for level, index, node in frontier.fresh:
        stored = session.get(NodeRow, (level, index))
        if stored is None or stored.hash != node:
            yield Misfit(f"log_node {level}/{index}", f"it is not what the leaves up to {where} make")


def _check_head(text: str, size: int, frontier: Frontier, vkeys: tuple[str, ...]) -> Iterator[Misfit]:
    where = f"checkpoint {size}"
    try:
        head = read_checkpoint(text, vkeys)
    except GatewayError:
        yield Misfit(where, "its signature is not good")
        return
    if head.size != size or head.root != tree.root(frontier, size):
        yield Misfit(where, "the log's entries do not make the root that was signed")
