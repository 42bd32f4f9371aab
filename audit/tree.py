"""The Merkle tree of RFC 6962 §2.1 and RFC 9162 §2.1: roots and growth.

A tree of n leaves is known by its frontier: the roots of the perfect subtrees whose sizes are the
bits of n, largest first. `read_node(level, index)` gives the root of the leaves index * 2^level up
to (index + 1) * 2^level. Proofs are made and checked in `evidence/proofs.py`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

from audit.errors import MalformedTile
from crypto.primitives import sha256

HASH_BYTES = 32
SIZE_MAX = 2**63 - 1
EMPTY_ROOT = sha256(b"")
_NODE = b"\x01"

ReadNode = Callable[[int, int], bytes]


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(_NODE + left + right)


def perfect_root(hashes: bytes) -> bytes:
    """The root over 2^k hashes that are laid end to end."""
    while len(hashes) > HASH_BYTES:
        pairs = range(0, len(hashes), 2 * HASH_BYTES)
        hashes = b"".join([sha256(_NODE + hashes[at : at + 2 * HASH_BYTES]) for at in pairs])
    return hashes


@dataclass(frozen=True, slots=True)
class Frontier:
    """A tree that can grow: its size and the roots of its perfect subtrees, largest first."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= SIZE_MAX or len(self.hashes) != self.size.bit_count():
            raise MalformedTile("frontier")
        if any(len(node) != HASH_BYTES for node in self.hashes):
            raise MalformedTile("frontier")

    def append(self, leaf_hash: bytes) -> "Frontier":
        return self.extend((leaf_hash,))

    def extend(self, leaf_hashes: Iterable[bytes]) -> "Frontier":
        """The tree with these leaves after its own; one hash per leaf on average."""
        size, hashes = self.size, list(self.hashes)
        for leaf_hash in leaf_hashes:
            node, carry = leaf_hash, size
            while carry & 1:
                node = sha256(_NODE + hashes.pop() + node)
                carry >>= 1
            hashes.append(node)
            size += 1
        return Frontier(size, tuple(hashes))

    def root(self) -> bytes:
        return join_roots(self.hashes)

    def encode(self) -> bytes:
        return b"".join(self.hashes)

    @classmethod
    def decode(cls, size: int, blob: bytes) -> "Frontier":
        """The frontier of `encode`'s bytes and its size. Raises `MalformedTile`."""
        if len(blob) % HASH_BYTES:
            raise MalformedTile("frontier")
        return cls(size, tuple(split_hashes(blob)))


def split_hashes(blob: bytes) -> list[bytes]:
    return [blob[at : at + HASH_BYTES] for at in range(0, len(blob), HASH_BYTES)]


def join_roots(nodes: Sequence[bytes]) -> bytes:
    """The root over the roots of perfect subtrees, largest first."""
    if not nodes:
        return EMPTY_ROOT
    return reduce(lambda right, left: node_hash(left, right), reversed(nodes))


def root_at(size: int, read_node: ReadNode) -> bytes:
    """The root of the tree of the first `size` leaves."""
    return range_root(0, size, read_node)


def range_root(start: int, end: int, read_node: ReadNode) -> bytes:
    """The root over [start, end), for a start that is aligned."""
    nodes = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append(read_node(level, start >> level))
        start += 1 << level
    return join_roots(nodes)
