"""Append-only Merkle tree of RFC 9162 section 2.1: SHA-256, with separate hashes for leaves and nodes.

A tree of `size` leaves is stored as the hashes of its complete subtrees only: node (level, index) covers the
leaves index * 2**level up to (index + 1) * 2**level, all present. A store maps (level, index) to the node's
hash of 32 bytes. A stored node never changes, so a store is append-only as well. Appending, the root and both
proofs read and write O(log size) nodes. Proofs and roots are 32-byte hashes, in the RFC's order.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, MutableMapping
from types import MappingProxyType

EMPTY_ROOT = hashlib.sha256(b"").digest()

Nodes = Mapping[tuple[int, int], bytes]
"""A store of nodes, by level and index."""


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf with the bytes `data` (RFC 9162 section 2.1.1)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of the node above `left` and `right` (RFC 9162 section 2.1.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def append(store: MutableMapping[tuple[int, int], bytes], size: int, leaf: bytes) -> int:
    """Append a leaf with the bytes `leaf` to the tree in `store`, of `size` leaves; return the new size."""
    level, index, node = 0, size, leaf_hash(leaf)
    store[level, index] = node
    while index & 1:
        node = node_hash(store[level, index - 1], node)
        level, index = level + 1, index >> 1
        store[level, index] = node
    return size + 1


def root(store: Nodes, size: int) -> bytes:
    """Return the root of the first `size` leaves; for the empty tree, the hash of no bytes."""
    return _subtree(store, 0, size) if size else EMPTY_ROOT


def inclusion_proof(store: Nodes, index: int, size: int) -> list[bytes]:
    """Return the proof that leaf `index` is among the first `size` leaves (RFC 9162 section 2.1.3.1).
    Raises ValueError unless 0 <= index < size.
    """
    if not 0 <= index < size:
        raise ValueError("no such leaf in a tree of this size")
    proof: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _left_size(end - start)
        if index < middle:
            proof.append(_subtree(store, middle, end))
            end = middle
        else:
            proof.append(_subtree(store, start, middle))
            start = middle
    return proof[::-1]


def consistency_proof(store: Nodes, first: int, second: int) -> list[bytes]:
    """Return the proof that `first` leaves are an unchanged prefix of `second` (RFC 9162 section 2.1.4.1).
    Empty where first is 0 or equals second. Raises ValueError unless 0 <= first <= second.
    """
    if not 0 <= first <= second:
        raise ValueError("the first tree is not a part of the second")
    if first in {0, second}:
        return []
    proof: list[bytes] = []
    start, end, whole = 0, second, True
    while first != end:
        middle = start + _left_size(end - start)
        if first <= middle:
            proof.append(_subtree(store, middle, end))
            end = middle
        else:
            proof.append(_subtree(store, start, middle))
            start, whole = middle, False
    if not whole:
        proof.append(_subtree(store, start, end))
    return proof[::-1]


def nodes_read(operation: Callable[[Nodes], object]) -> list[tuple[int, int]]:
    """Return the (level, index) of every node that `operation` would read, in the order of reading.
    Which nodes a root or proof reads depends on sizes alone, never on hashes. So a database can fetch all
    nodes with one query: `nodes_read(lambda store: inclusion_proof(store, index, size))`.
    TypeError for an operation that appends.
    """
    read: defaultdict[tuple[int, int], bytes] = defaultdict(lambda: EMPTY_ROOT)
    operation(MappingProxyType(read))
    return list(read)


def _subtree(store: Nodes, start: int, end: int) -> bytes:
    """Return the root of the subtree over leaves `start` to `end` - 1, one of the ranges of RFC 9162."""
    width = end - start
    if width & (width - 1) == 0:
        return store[width.bit_length() - 1, start // width]
    middle = start + _left_size(width)
    return node_hash(_subtree(store, start, middle), _subtree(store, middle, end))


def _left_size(width: int) -> int:
    """Return the largest power of two smaller than `width`, which is at least 2."""
    return 1 << ((width - 1).bit_length() - 1)
