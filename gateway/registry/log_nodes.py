"""The nodes of the log's tree during one transaction."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import text, tuple_
from sqlmodel import Session, col, select

from gateway.log import tree
from gateway.registry.inserting import insert_rows
from gateway.registry.tables import NodeRow

_FETCHED = 400
_NODES = "gateway log nodes"
# For each set bit of its size, a tree ends in a complete subtree of 2^level leaves.
_SIZE_AND_ROOT = text("""
    SELECT tree.size, node.level, node.position, node.hash
    FROM (SELECT coalesce((SELECT max(number) FROM event) + 1, 0) AS size) tree
    LEFT JOIN (
        WITH RECURSIVE up(level) AS (SELECT 0 UNION ALL SELECT level + 1 FROM up WHERE level < 30)
        SELECT level FROM up
    ) bit ON (tree.size >> bit.level) & 1 = 1
    LEFT JOIN log_node node ON node.level = bit.level AND node.position = (tree.size >> bit.level) - 1
""")


class Nodes:
    """The nodes read and written by one transaction.

    Nodes never change, so a node once read stays true. One statement fetches the nodes needed by an
    operation, and one writes the new nodes.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[tuple[int, int], bytes] = {}
        self._fresh: list[dict[str, int | bytes]] = []

    @classmethod
    def of(cls, session: Session) -> Nodes:
        """Return the nodes of the session's transaction."""
        known: Nodes = session.info.setdefault(_NODES, cls(session))
        return known

    def size(self) -> int:
        """Return the number of leaves, and read the nodes of the root."""
        found = self._session.execute(_SIZE_AND_ROOT).all()
        self._known |= {(level, index): node for _, level, index, node in found if node is not None}
        size: int = found[0][0]
        return size

    def get(self, level: int, index: int) -> bytes:
        """Return a node read before."""
        return self._known[level, index]

    def put(self, level: int, index: int, node: bytes) -> None:
        """Add a new node, stored by `write`."""
        self._known[level, index] = node
        self._fresh.append({"level": level, "position": index, "hash": node})

    def foresee(self, operation: Callable[[tree.NodeStore], object]) -> None:
        """Fetch every node needed by `operation` and not read yet."""
        wanted = [place for place in dict.fromkeys(tree.places(operation)) if place not in self._known]
        columns = (col(NodeRow.level), col(NodeRow.position))
        for start in range(0, len(wanted), _FETCHED):
            some = wanted[start : start + _FETCHED]
            query = select(NodeRow.level, NodeRow.position, NodeRow.hash).where(tuple_(*columns).in_(some))
            for level, index, node in self._session.exec(query):
                self._known[level, index] = node

    def write(self) -> None:
        """Store the nodes added since the last call."""
        insert_rows(self._session, NodeRow, self._fresh)
        self._fresh.clear()
