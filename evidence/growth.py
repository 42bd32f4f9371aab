"""The path of an entry that was just added, from what its batch knew: no tile is read.

Its siblings are new leaves, nodes over them, and perfect subtrees that the tree had before: those
are its frontier.
"""

from functools import lru_cache

from audit.errors import BadProof
from audit.tree import Frontier, node_hash
from evidence.proofs import inclusion_proof


class _Grown:
    """A tree with what was added to it; `node` knows what paths of the new leaves take."""

    def __init__(self, before: Frontier, leaf_hashes: tuple[bytes, ...]) -> None:
        self.size = before.size + len(leaf_hashes)
        levels = [n for n in reversed(range(before.size.bit_length())) if before.size >> n & 1]
        self._nodes = {
            (level, (before.size >> level) - 1): known
            for level, known in zip(levels, before.hashes, strict=True)
        }
        self._nodes |= {(0, at): leaf for at, leaf in enumerate(leaf_hashes, start=before.size)}

    def node(self, level: int, index: int) -> bytes:
        known = self._nodes.get((level, index))
        if known is None:
            if not level:
                raise BadProof("older than the batch")
            children = (self.node(level - 1, 2 * index + at) for at in (0, 1))
            known = self._nodes[level, index] = node_hash(*children)
        return known


_grown = lru_cache(maxsize=8)(_Grown)  # the entries of a batch share most nodes


def path_of_new(before: Frontier, leaf_hashes: tuple[bytes, ...], index: int) -> list[bytes]:
    """The inclusion path of leaf `index`, one of these that were added to the tree `before`.

    Raises `BadProof` for a leaf that is none of them.
    """
    if index < before.size:
        raise BadProof("older than the batch")
    grown = _grown(before, leaf_hashes)
    return inclusion_proof(index, grown.size, grown.node)
