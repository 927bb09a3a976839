"""The tree of RFC 9162 section 2.1 a second time: recursive, over lists, straight from the text."""

from __future__ import annotations

from hashlib import sha256


def split(n: int) -> int:
    """k: the largest power of two smaller than n."""
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def mth(entries: list[bytes]) -> bytes:
    """MTH(D_n), section 2.1.1."""
    n = len(entries)
    if n == 0:
        return sha256().digest()
    if n == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = split(n)
    return sha256(b"\x01" + mth(entries[:k]) + mth(entries[k:])).digest()


def path(m: int, entries: list[bytes]) -> list[bytes]:
    """PATH(m, D_n), section 2.1.3.1."""
    n = len(entries)
    if n == 1:
        return []
    k = split(n)
    if m < k:
        return [*path(m, entries[:k]), mth(entries[k:])]
    return [*path(m - k, entries[k:]), mth(entries[:k])]


def proof(m: int, entries: list[bytes]) -> list[bytes]:
    """PROOF(m, D_n), section 2.1.4.1."""
    return subproof(m, entries, True)


def subproof(m: int, entries: list[bytes], b: bool) -> list[bytes]:
    """SUBPROOF(m, D_n, b), section 2.1.4.1."""
    n = len(entries)
    if m == n:
        return [] if b else [mth(entries)]
    k = split(n)
    if m <= k:
        return [*subproof(m, entries[:k], b), mth(entries[k:])]
    return [*subproof(m - k, entries[k:], False), mth(entries[:k])]


def root_from_path(index: int, size: int, leaf: bytes, nodes: list[bytes]) -> bytes | None:
    """The root that an inclusion proof leads to, by PATH's own recursion read backwards."""
    if size == 1:
        return leaf if not nodes else None
    if not nodes:
        return None
    k = split(size)
    *inner, sibling = nodes
    below = (
        root_from_path(index, k, leaf, inner)
        if index < k
        else root_from_path(index - k, size - k, leaf, inner)
    )
    if below is None:
        return None
    pair = below + sibling if index < k else sibling + below
    return sha256(b"\x01" + pair).digest()


def roots_from_proof(m: int, n: int, nodes: list[bytes], known: bytes | None) -> tuple[bytes, bytes] | None:
    """The old and the new root that a consistency proof leads to; `known` is the old root, or None."""
    if m == n:
        if known is not None:
            return (known, known) if not nodes else None
        return (nodes[0], nodes[0]) if len(nodes) == 1 else None
    if not nodes:
        return None
    k = split(n)
    *inner, other = nodes
    if m <= k:
        below = roots_from_proof(m, k, inner, known)
        return None if below is None else (below[0], sha256(b"\x01" + below[1] + other).digest())
    below = roots_from_proof(m - k, n - k, inner, None)
    if below is None:
        return None
    return sha256(b"\x01" + other + below[0]).digest(), sha256(b"\x01" + other + below[1]).digest()
