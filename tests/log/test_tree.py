"""The Merkle tree against known answers, against a second implementation, and against tampering."""

from __future__ import annotations

import math
import random

import pytest

from gateway.log import tree
from tests.log import rfc
from tests.log.made import Nodes, proves_consistency, proves_inclusion

# The leaves and answers that Certificate Transparency implementations share.
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAF_0 = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
LEAF_1 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
LEAF_4 = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
NODE_01 = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
NODE_23 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
NODE_45 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
NODE_67 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
NODE_03 = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
NODE_47 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
LEAF_6 = "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f"
INCLUSIONS = [
    (0, 1, []),
    (0, 8, [LEAF_1, NODE_23, NODE_47]),
    (5, 8, [LEAF_4, NODE_67, NODE_03]),
    (2, 3, [NODE_01]),
    (1, 5, [LEAF_0, NODE_23, LEAF_4]),
]
CONSISTENCIES = [
    (1, 1, []),
    (1, 8, [LEAF_1, NODE_23, NODE_47]),
    (6, 8, [NODE_45, NODE_67, NODE_03]),
    (2, 5, [NODE_23, LEAF_4]),
    (6, 7, [NODE_45, LEAF_6, NODE_03]),
]


def grown(leaves: list[bytes]) -> Nodes:
    nodes = Nodes()
    for size, leaf in enumerate(leaves):
        assert tree.append(nodes, size, leaf) == size + 1
    return nodes


KNOWN = grown(LEAVES)


@pytest.mark.parametrize("size", range(9))
def test_known_roots(size: int) -> None:
    assert tree.root(KNOWN, size).hex() == ROOTS[size]
    assert tree.root(grown(LEAVES[:size]), size).hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size", "proof"), INCLUSIONS)
def test_known_inclusion_proofs(index: int, size: int, proof: list[str]) -> None:
    made = tree.inclusion_proof(KNOWN, index, size)
    assert [node.hex() for node in made] == proof
    leaf = tree.leaf_hash(LEAVES[index])
    assert proves_inclusion(leaf, index, size, made, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(("first", "second", "proof"), CONSISTENCIES)
def test_known_consistency_proofs(first: int, second: int, proof: list[str]) -> None:
    made = tree.consistency_proof(KNOWN, first, second)
    assert [node.hex() for node in made] == proof
    roots = bytes.fromhex(ROOTS[first]), bytes.fromhex(ROOTS[second])
    assert proves_consistency(first, second, made, *roots) == (first < second)


@pytest.mark.parametrize(("index", "size", "proof"), INCLUSIONS[1:])
def test_wrong_inclusion_is_refused(index: int, size: int, proof: list[str]) -> None:
    leaf, root = tree.leaf_hash(LEAVES[index]), bytes.fromhex(ROOTS[size])
    good = [bytes.fromhex(node) for node in proof]
    assert proves_inclusion(leaf, index, size, good, root)
    wrong = [
        (leaf, index - 1, size, good, root),
        (leaf, index + 1, size, good, root),
        (leaf, index ^ 2, size, good, root),
        (leaf, index, size * 2, good, root),
        (leaf, index, size // 2, good, root),
        (bytes(32), index, size, good, root),
        (leaf, index, size, good, tree.EMPTY_ROOT),
        (leaf, index, size, [*good, b""], root),
        (leaf, index, size, [*good, root], root),
        (leaf, index, size, [root, *good], root),
        (leaf, index, size, good[:-1], root),
        *((leaf, index, size, flipped(good, place), root) for place in range(len(good))),
    ]
    assert not [case for case in wrong if proves_inclusion(*case)]


@pytest.mark.parametrize(("first", "second", "proof"), CONSISTENCIES[1:])
def test_wrong_consistency_is_refused(first: int, second: int, proof: list[str]) -> None:
    old, new = bytes.fromhex(ROOTS[first]), bytes.fromhex(ROOTS[second])
    good = [bytes.fromhex(node) for node in proof]
    wrong = [
        (first - 1, second, good, old, new),
        (first + 1, second, good, old, new),
        (first ^ 2, second, good, old, new),
        (first, second * 2, good, old, new),
        (first, second // 2, good, old, new),
        (first, second, good, new, old),
        (first, second, good, bytes(32), new),
        (first, second, good, old, bytes(32)),
        (first, second, [], old, new),
        (first, second, [*good, new], old, new),
        (first, second, [old, *good], old, new),
        (first, second, [good[0], *good], old, new),
        (first, second, good[:-1], old, new),
        *((first, second, flipped(good, place), old, new) for place in range(len(good))),
    ]
    assert not [case for case in wrong if proves_consistency(*case)]


def test_trees_that_need_no_proof_are_proved_by_none() -> None:
    """An empty tree is the beginning of every other, and a tree is itself: heads are compared instead."""
    root = bytes.fromhex(ROOTS[3])
    for first, proof, old, new in [
        (0, [], tree.EMPTY_ROOT, root),
        (0, [root], tree.EMPTY_ROOT, root),
        (3, [], root, root),
        (3, [root], root, root),
    ]:
        assert not proves_consistency(first, 3, proof, old, new)
    assert not proves_inclusion(tree.EMPTY_ROOT, 0, 0, [], tree.EMPTY_ROOT)


def test_what_does_not_exist_has_no_proof() -> None:
    for index, size in [(8, 8), (-1, 8), (0, 0)]:
        with pytest.raises(ValueError, match="no such leaf"):
            tree.inclusion_proof(KNOWN, index, size)
    with pytest.raises(ValueError, match="not a part"):
        tree.consistency_proof(KNOWN, 5, 4)


def test_ten_thousand_random_trees_agree_with_a_second_implementation() -> None:
    chance = random.Random(9162)
    for _ in range(10_000):
        agree(chance, [chance.randbytes(chance.randrange(4)) for _ in range(chance.randint(1, 26))])


def agree(chance: random.Random, leaves: list[bytes]) -> None:
    """Both implementations make the same proofs, accept them, and refuse them when changed."""
    nodes, size = grown(leaves), len(leaves)
    first, index = chance.randint(1, size), chance.randrange(size)
    old, new = rfc.mth(leaves[:first]), rfc.mth(leaves)
    leaf = tree.leaf_hash(leaves[index])
    assert (tree.root(nodes, first), tree.root(nodes, size)) == (old, new)
    inclusion = tree.inclusion_proof(nodes, index, size)
    assert inclusion == rfc.path(index, leaves)
    assert proves_inclusion(leaf, index, size, inclusion, new)
    consistency = tree.consistency_proof(nodes, first, size)
    assert consistency == rfc.proof(first, leaves)
    assert proves_consistency(first, size, consistency, old, new) == (first < size)
    same_verdict(chance, leaf, (index, size), inclusion, new)
    same_consistency_verdict(chance, first, size, consistency, (old, new))


def same_verdict(
    chance: random.Random, leaf: bytes, at: tuple[int, int], proof: list[bytes], root: bytes
) -> None:
    assert rfc.root_from_path(*at, leaf, proof) == root
    place, length = at if chance.random() < 0.5 else (chance.randrange(at[1]), chance.randint(1, 30))
    nodes = spoilt(chance, proof)
    if place < length:
        expected = rfc.root_from_path(place, length, leaf, nodes) == root
        assert proves_inclusion(leaf, place, length, nodes, root) == expected


def same_consistency_verdict(
    chance: random.Random, first: int, size: int, proof: list[bytes], roots: tuple[bytes, bytes]
) -> None:
    nodes = spoilt(chance, proof)
    expected = rfc.roots_from_proof(first, size, nodes, roots[0]) == roots
    assert proves_consistency(first, size, nodes, *roots) == (expected and first < size)
    assert rfc.roots_from_proof(first, size, proof, roots[0]) == roots


def spoilt(chance: random.Random, proof: list[bytes]) -> list[bytes]:
    """The proof, or a change of it."""
    match chance.randrange(4):
        case 0 if proof:
            return flipped(proof, chance.randrange(len(proof)))
        case 1:
            return [*proof, chance.randbytes(32)]
        case 2:
            return proof[1:]
        case _:
            return proof


def flipped(proof: list[bytes], place: int) -> list[bytes]:
    node = bytearray(proof[place])
    node[0] ^= 8
    return [*proof[:place], bytes(node), *proof[place + 1 :]]


class Imagined(Nodes):
    """A store that has every complete subtree of a huge tree, and refuses any other."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def __getitem__(self, place: tuple[int, int]) -> bytes:
        self.gets += 1
        level, index = place
        assert (index + 1) << level <= self.size, "not a complete subtree"
        return self.get(place) or bytes([level]) * 32


@pytest.mark.parametrize("size", [1_000, 1_000_000, 2**20, 2**20 - 1, 10**12])
def test_every_operation_touches_few_nodes(size: int) -> None:
    depth = math.ceil(math.log2(size))
    chance = random.Random(size)
    for _ in range(200):
        index, first = chance.randrange(size), chance.randint(1, size)
        for bound, operate in [
            (depth, lambda store: tree.root(store, size)),
            (2 * depth, lambda store: tree.inclusion_proof(store, index, size)),  # noqa: B023
            (3 * depth, lambda store: tree.consistency_proof(store, first, size)),  # noqa: B023
            (depth, lambda store: tree.append(store, size, b"")),
        ]:
            store = Imagined(size)
            operate(store)
            assert store.gets <= bound
            assert store.puts <= depth + 1


@pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 200])
def test_the_nodes_an_operation_reads_can_be_foreseen(size: int) -> None:
    """With only the foreseen nodes at hand the operation gives the same result."""
    nodes = grown([bytes([n]) for n in range(size)])
    operations = [
        lambda store: tree.root(store, size),
        *(lambda store, at=at: tree.inclusion_proof(store, at, size) for at in range(size)),
        *(lambda store, at=at: tree.consistency_proof(store, at, size) for at in range(size + 1)),
    ]
    for operate in operations:
        few = Nodes({place: nodes[place] for place in tree.nodes_read(operate)})
        assert operate(few) == operate(nodes)
        assert few.gets == len(few)
    with pytest.raises(TypeError, match="does not support item assignment"):
        tree.nodes_read(lambda store: tree.append(store, size, b""))


def test_appending_writes_each_complete_subtree_once() -> None:
    nodes = grown([bytes([n]) for n in range(200)])
    assert nodes.puts == len(nodes) == sum(200 >> level for level in range(8))
