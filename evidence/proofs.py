"""Proofs that a leaf is in a tree and that a tree continues another (RFC 6962 §2.1, RFC 9162 §2.1).

They are made from the nodes of `audit/tree.py`, and checked with nothing but hashes.
"""

from collections.abc import Sequence

from audit.errors import BadProof
from audit.tree import EMPTY_ROOT, HASH_BYTES, SIZE_MAX, ReadNode, node_hash, range_root


def inclusion_proof(index: int, size: int, read_node: ReadNode) -> list[bytes]:
    """PATH(index, D[size]) of RFC 6962 §2.1.1: the siblings from the leaf up."""
    if not 0 <= index < size <= SIZE_MAX:
        raise BadProof("index beyond size")
    start, end, path = 0, size, []
    while end - start > 1:
        start, end, sibling = _descend(start, end, index, read_node)
        path.append(sibling)
    return path[::-1]


def consistency_proof(size1: int, size2: int, read_node: ReadNode) -> list[bytes]:
    """PROOF(size1, D[size2]) of RFC 6962 §2.1.2; empty where either tree is empty or both equal."""
    if not 0 <= size1 <= size2 <= SIZE_MAX:
        raise BadProof("sizes")
    if size1 == 0:
        return []
    start, end, path = 0, size2, []
    while size1 < end:
        start, end, sibling = _descend(start, end, size1 - 1, read_node)
        path.append(sibling)
    if start > 0:  # at 0 the last piece is the old tree itself, whose root the verifier has
        path.append(range_root(start, end, read_node))
    return path[::-1]


def _descend(start: int, end: int, index: int, read_node: ReadNode) -> tuple[int, int, bytes]:
    """The half of the subtree [start, end) in which a leaf stands, and the root of the other."""
    middle = start + (1 << (end - start - 1).bit_length() - 1)  # the left half is perfect
    if index < middle:
        return start, middle, range_root(middle, end, read_node)
    return middle, end, range_root(start, middle, read_node)


def verify_inclusion(
    leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """The leaf stands at `index` in the tree of `size` leaves with this root (RFC 9162 §2.1.3.2).

    Raises `BadProof`, also for a proof that is longer or shorter than it must be.
    """
    _check_hashes(leaf_hash, root, *proof)
    if not 0 <= index < size <= SIZE_MAX:
        raise BadProof("index beyond size")
    node = leaf_hash
    for sibling, is_left in zip(proof, _sides(index, size - 1, len(proof)), strict=True):
        node = node_hash(sibling, node) if is_left else node_hash(node, sibling)
    if node != root:
        raise BadProof("root")


def verify_consistency(
    size1: int, root1: bytes, size2: int, root2: bytes, proof: Sequence[bytes]
) -> None:
    """The tree of `size1` is a prefix of the tree of `size2` (RFC 9162 §2.1.4.2), else `BadProof`.

    The empty tree is a prefix of every tree, with an empty proof: so C2SP tlog-witness has it.
    """
    _check_hashes(root1, root2, *proof)
    if not 0 <= size1 <= size2 <= SIZE_MAX:
        raise BadProof("sizes")
    if size1 in {0, size2}:
        if proof:
            raise BadProof("length")
        if (size1 == 0 and root1 != EMPTY_ROOT) or (size1 == size2 and root1 != root2):
            raise BadProof("root")
        return
    path = list(proof)
    if size1.bit_count() == 1:  # the old tree is perfect: its root is the first node of the path
        path.insert(0, root1)
    if not path:
        raise BadProof("length")
    left, last = size1 - 1, size2 - 1
    while left & 1:
        left, last = left >> 1, last >> 1
    old = new = path.pop(0)
    for node, is_left in zip(path, _sides(left, last, len(path)), strict=True):
        new = node_hash(node, new) if is_left else node_hash(new, node)
        old = node_hash(node, old) if is_left else old
    if old != root1 or new != root2:
        raise BadProof("root")


def _sides(index: int, last: int, count: int) -> list[bool]:
    """Which of a path's nodes stand on the left, from node `index` of a level up to the root.

    `last` is the level's last node. Raises `BadProof` unless the path has exactly `count` nodes.
    """
    sides: list[bool] = []
    while last and len(sides) <= count:
        sides.append(bool(index & 1) or index == last)
        while sides[-1] and index and not index & 1:  # a node without a sibling is its parent
            index, last = index >> 1, last >> 1
        index, last = index >> 1, last >> 1
    if len(sides) != count:
        raise BadProof("length")
    return sides


def _check_hashes(*hashes: bytes) -> None:
    if any(len(node) != HASH_BYTES for node in hashes):
        raise BadProof("hash length")
