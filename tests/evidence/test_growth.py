"""Paths of new leaves from a frontier are those that the tiles give."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import BadProof
from audit.tree import Frontier
from crypto.primitives import sha256
from evidence.growth import path_of_new
from evidence.proofs import inclusion_proof, verify_inclusion


def leaf(number: int) -> bytes:
    return sha256(b"leaf %d" % number)


def tree_of(size: int) -> Frontier:
    return Frontier().extend(map(leaf, range(size)))


def nodes(level: int, index: int) -> bytes:
    """Any node, from all the leaves."""
    first = index << level
    return Frontier().extend(map(leaf, range(first, first + (1 << level)))).root()


@given(before=st.integers(0, 600), added=st.integers(1, 40))
def test_the_path_of_each_new_leaf_is_the_one_that_the_whole_tree_gives(
    before: int, added: int
) -> None:
    tree, new = tree_of(before), tuple(map(leaf, range(before, before + added)))
    root, size = tree.extend(new).root(), before + added
    for index in {before, before + added // 2, size - 1}:
        path = path_of_new(tree, new, index)
        assert path == inclusion_proof(index, size, nodes)
        verify_inclusion(leaf(index), index, size, path, root)


@pytest.mark.parametrize("index", [0, 6, 12, 10**6])
def test_a_leaf_that_is_not_new_has_no_path(index: int) -> None:
    new = tuple(map(leaf, range(7, 12)))
    with pytest.raises(BadProof):
        path_of_new(tree_of(7), new, index)
