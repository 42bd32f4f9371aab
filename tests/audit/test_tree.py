"""The tree of RFC 6962: published vectors, our own naive tree, and proofs bent in every way."""

import base64
import hashlib
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import BadProof, MalformedTile
from audit.leaf import leaf_hash
from audit.tree import EMPTY_ROOT, SIZE_MAX, Frontier, node_hash, root_at
from evidence.proofs import consistency_proof, inclusion_proof, verify_consistency, verify_inclusion
from tests.audit.logbook import fixed

VECTORS = Path(__file__).with_name("vectors")

# RFC 6962 test leaves and roots of certificate-transparency (testonly/constants.go).
RFC_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
RFC_ROOTS = [
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
RFC_PROOF_0_8 = [
    "lqKW0iTyhcZ77pPDD4owkVfw2qNdxbh+QQt4YwoJz8c=",
    "Xwg/ChozygdqlSeYMlgNs+DvRYS9/x9UyKNg9Q3jAx4=",
    "a0eq8p7jwq+a+Im8H7klTavTEXfxYjLdaqsDXKOb9uQ=",
]

HASHES = [leaf_hash(fixed(f"leaf {i}")) for i in range(1024)]


def naive_root(hashes: list[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1, as it stands there."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while 2 * k < len(hashes):
        k *= 2
    both = naive_root(hashes[:k]) + naive_root(hashes[k:])
    return hashlib.sha256(b"\x01" + both).digest()


ROOTS = [naive_root(HASHES[:size]) for size in range(601)]
sizes = st.integers(1, 600)


def reader(hashes: list[bytes]) -> Callable[[int, int], bytes]:
    def read_node(level: int, index: int) -> bytes:
        leaves = hashes[index << level : index + 1 << level]
        assert len(leaves) == 1 << level, "asked for a node that is not perfect yet"
        return naive_root(leaves)

    return read_node


READ = reader(HASHES)


def test_the_empty_tree_has_the_hash_of_nothing_as_root() -> None:
    assert Frontier().root().hex() == EMPTY_ROOT.hex() == RFC_ROOTS[0]
    assert root_at(0, READ) == EMPTY_ROOT


@pytest.mark.parametrize("size", range(9))
def test_the_published_roots_are_met(size: int) -> None:
    hashes = [leaf_hash(leaf) for leaf in RFC_LEAVES[:size]]
    assert Frontier().extend(hashes).root().hex() == RFC_ROOTS[size]
    assert root_at(size, reader(hashes)).hex() == RFC_ROOTS[size]


def test_the_published_proof_is_met() -> None:
    read_node = reader([leaf_hash(leaf) for leaf in RFC_LEAVES])
    proof = [base64.b64decode(text) for text in RFC_PROOF_0_8]
    assert inclusion_proof(0, 8, read_node) == proof
    assert consistency_proof(1, 8, read_node) == proof


def test_every_root_up_to_600_is_the_naive_one() -> None:
    frontier = Frontier()
    for size, root in enumerate(ROOTS):
        assert frontier.size == size
        assert frontier.root() == root == root_at(size, READ)
        frontier = frontier.append(HASHES[size])


@given(st.lists(st.integers(0, 600), min_size=2, max_size=6).map(sorted))
def test_a_frontier_grows_alike_in_batches_of_any_size(ends: list[int]) -> None:
    frontier = Frontier().extend(HASHES[: ends[0]])
    for start, end in pairwise(ends):
        frontier = Frontier.decode(frontier.size, frontier.encode()).extend(HASHES[start:end])
        assert (frontier.size, frontier.root()) == (end, ROOTS[end])


@pytest.mark.parametrize(
    "vector", json.loads((VECTORS / "trees.json").read_text())["trees"], ids=lambda v: v["size"]
)
def test_a_frozen_frontier_reads_and_has_its_root(vector: dict[str, Any]) -> None:
    blob = bytes.fromhex(vector["frontier"])
    frontier = Frontier.decode(vector["size"], blob)
    assert frontier.root().hex() == vector["root"]
    assert frontier.encode() == blob


@pytest.mark.parametrize(
    ("size", "length"), [(0, 32), (1, 0), (1, 31), (1, 33), (1, 64), (3, 32), (-1, 32), (2**63, 32)]
)
def test_a_frontier_of_another_length_than_its_size_has_is_refused(size: int, length: int) -> None:
    with pytest.raises(MalformedTile):
        Frontier.decode(size, bytes(length))


def test_a_frontier_grows_to_the_largest_size_and_not_beyond() -> None:
    before = Frontier(SIZE_MAX - 1, tuple(HASHES[:62]))
    assert before.append(HASHES[62]) == Frontier(SIZE_MAX, tuple(HASHES[:63]))
    with pytest.raises(MalformedTile):
        before.extend(HASHES[62:64])


def test_a_frontier_takes_no_hash_of_another_length() -> None:
    with pytest.raises(MalformedTile):
        Frontier().append(bytes(31))


@given(sizes, st.data())
def test_every_leaf_is_proved_to_be_in(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, READ)
    verify_inclusion(HASHES[index], index, size, proof, ROOTS[size])
    assert len(proof) <= (size - 1).bit_length()


@given(st.integers(0, 600), st.integers(0, 600))
def test_every_earlier_tree_is_proved_to_be_a_prefix(one: int, other: int) -> None:
    small, large = sorted((one, other))
    proof = consistency_proof(small, large, READ)
    verify_consistency(small, ROOTS[small], large, ROOTS[large], proof)


def bend(proof: list[bytes]) -> list[tuple[str, list[bytes]]]:
    """Every hash flipped, dropped, doubled; one more at each end; two swapped."""
    bent = [("one more", [*proof, bytes(32)]), ("one before", [bytes(32), *proof])]
    for at, node in enumerate(proof):
        flipped = bytes([node[0] ^ 1]) + node[1:]
        bent.append((f"flipped {at}", [*proof[:at], flipped, *proof[at + 1 :]]))
        bent.append((f"dropped {at}", proof[:at] + proof[at + 1 :]))
        bent.append((f"doubled {at}", [*proof[: at + 1], *proof[at:]]))
        bent.append((f"short {at}", [*proof[:at], node[:31], *proof[at + 1 :]]))
    if len(proof) > 1:
        bent.append(("turned", proof[::-1]))
    return bent


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13, 33])
def test_no_bent_proof_of_inclusion_passes(size: int) -> None:
    root = ROOTS[size]
    for index in range(size):
        proof, leaf = inclusion_proof(index, size, READ), HASHES[index]
        for _, bent in bend(proof):
            with pytest.raises(BadProof):
                verify_inclusion(leaf, index, size, bent, root)
        for other in {-1, index - 1, index + 1, index ^ 1, size, size + 1} - {index}:
            with pytest.raises(BadProof):
                verify_inclusion(leaf, other, size, proof, root)
        for bad_leaf, bad_root in [(HASHES[index + 1], root), (leaf, ROOTS[size + 1])]:
            with pytest.raises(BadProof):
                verify_inclusion(bad_leaf, index, size, proof, bad_root)


@pytest.mark.parametrize("large", [1, 2, 3, 5, 8, 13, 33])
def test_no_bent_proof_of_consistency_passes(large: int) -> None:
    for small in range(large + 1):
        proof = consistency_proof(small, large, READ)
        for _, bent in bend(proof):
            with pytest.raises(BadProof):
                verify_consistency(small, ROOTS[small], large, ROOTS[large], bent)
        with pytest.raises(BadProof):
            verify_consistency(small, ROOTS[small + 1], large, ROOTS[large], proof)
        if small:
            with pytest.raises(BadProof):
                verify_consistency(small, ROOTS[small], large, ROOTS[large + 1], proof)
        if small < large:
            with pytest.raises(BadProof):
                verify_consistency(large, ROOTS[large], small, ROOTS[small], proof)


def test_a_proof_that_goes_on_above_the_root_is_refused_though_its_hashes_fit() -> None:
    leaf, more = HASHES[:2]
    for size, root in [(1, node_hash(more, leaf)), (1, node_hash(leaf, more))]:
        with pytest.raises(BadProof):
            verify_inclusion(leaf, 0, size, [more], root)
    new = node_hash(more, ROOTS[3])
    proof = consistency_proof(2, 3, READ)
    verify_consistency(2, ROOTS[2], 3, ROOTS[3], proof)
    with pytest.raises(BadProof):
        verify_consistency(2, ROOTS[2], 3, new, [*proof, more])
    three_to_five = consistency_proof(3, 5, READ)
    old, new = node_hash(more, ROOTS[3]), node_hash(more, ROOTS[5])
    with pytest.raises(BadProof):
        verify_consistency(3, old, 5, new, [*three_to_five, more])


def test_a_proof_is_only_made_for_what_is_there() -> None:
    for index, size in [(0, 0), (5, 5), (-1, 5)]:
        with pytest.raises(BadProof):
            inclusion_proof(index, size, READ)
    for small, large in [(6, 5), (-1, 5)]:
        with pytest.raises(BadProof):
            consistency_proof(small, large, READ)


def test_the_empty_tree_is_a_prefix_of_every_tree_with_its_own_root_alone() -> None:
    verify_consistency(0, EMPTY_ROOT, 5, ROOTS[5], [])
    verify_consistency(0, EMPTY_ROOT, 0, EMPTY_ROOT, [])
    with pytest.raises(BadProof):
        verify_consistency(0, ROOTS[1], 5, ROOTS[5], [])
    with pytest.raises(BadProof):
        verify_consistency(0, EMPTY_ROOT, 0, ROOTS[1], [])


def test_a_node_is_no_leaf() -> None:
    left, right = HASHES[:2]
    assert node_hash(left, right) != leaf_hash(left + right)


# Their roots are 14 bytes of junk: ours are 32 bytes or nothing.
STRICTER = {"additional/sizes-are-equal-one-and-proof-is-empty"}


def unbase64(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def test_the_published_proofs_of_inclusion_are_judged_alike(shared: Callable[[str], Path]) -> None:
    cases = json.loads(shared("vectors/merkle_proofs.json").read_text())["inclusion"]
    assert len(cases) == 98
    for name, case in cases.items():
        proof = [unbase64(text) for text in case["proof"] or ()]
        leaf, root = unbase64(case["leafHash"]), unbase64(case["root"])
        accepted = True
        try:
            verify_inclusion(leaf, case["leafIdx"], case["treeSize"], proof, root)
        except BadProof:
            accepted = False
        assert accepted is not case["wantErr"], name


def test_the_published_proofs_of_consistency_are_judged_alike(
    shared: Callable[[str], Path],
) -> None:
    cases = json.loads(shared("vectors/merkle_proofs.json").read_text())["consistency"]
    assert len(cases) == 98
    for name, case in cases.items():
        proof = [unbase64(text) for text in case["proof"] or ()]
        roots = unbase64(case["root1"]), unbase64(case["root2"])
        accepted = True
        try:
            verify_consistency(case["size1"], roots[0], case["size2"], roots[1], proof)
        except BadProof:
            accepted = False
        assert accepted is not (case["wantErr"] or name in STRICTER), name


def test_a_tree_may_have_as_many_leaves_as_may_be() -> None:
    """Of the largest tree, whose nodes nobody could write down: all the same but for the path."""

    def read_node(level: int, index: int) -> bytes:
        return fixed(f"{level} {index}")

    leaf, path = read_node(0, 0), inclusion_proof(0, SIZE_MAX, read_node)
    root = leaf
    for sibling in path:
        root = node_hash(root, sibling)
    assert len(path) == 63
    verify_inclusion(leaf, 0, SIZE_MAX, path, root)
    verify_consistency(1, leaf, SIZE_MAX, root, consistency_proof(1, SIZE_MAX, read_node))
    with pytest.raises(BadProof):
        inclusion_proof(0, SIZE_MAX + 1, read_node)
    with pytest.raises(BadProof):
        verify_inclusion(leaf, 0, SIZE_MAX + 1, path, root)
