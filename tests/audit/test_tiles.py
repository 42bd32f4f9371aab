"""Tiles: paths, bundles, nodes from tiles, and rows that grow at their end."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import BadProof, MalformedTile
from audit.leaf import leaf_hash
from audit.tiles import (
    NodeReader,
    RowUpdate,
    tile_updates,
)
from audit.tree import Frontier, perfect_root, root_at
from evidence.proofs import inclusion_proof, verify_inclusion
from tests.audit.logbook import fixed

HASHES = [leaf_hash(fixed(f"leaf {i}")) for i in range(256 * 3)]


class Store:
    """Leaf hashes and rows as a database keeps them; writes down what is asked of it."""

    def __init__(self) -> None:
        self.leaves = b""
        self.rows: dict[tuple[int, int], bytes] = {}
        self.asked: list[tuple[int, int]] = []

    @property
    def size(self) -> int:
        return len(self.leaves) // 32

    def read_tile(self, level: int, n: int) -> bytes:
        self.asked.append((level, n))
        if level == 0:
            return self.leaves[n * 8192 : (n + 1) * 8192]
        return self.rows.get((level, n), b"")

    def add(self, hashes: list[bytes]) -> tuple[RowUpdate, ...]:
        updates = tile_updates(self.size, hashes, self.read_tile)
        for update in updates:
            row = self.rows.get((update.level, update.n), b"")
            assert len(row) == 32 * update.width_before
            self.rows[update.level, update.n] = row + update.hashes
        self.leaves += b"".join(hashes)
        return updates


def naive_rows(leaves: bytes) -> dict[tuple[int, int], bytes]:
    rows: dict[tuple[int, int], bytes] = {}
    level = 0
    while leaves:
        if level:
            rows |= {
                (level, at // 8192): leaves[at : at + 8192] for at in range(0, len(leaves), 8192)
            }
        full = range(0, len(leaves) - 8191, 8192)
        leaves = b"".join(perfect_root(leaves[at : at + 8192]) for at in full)
        level += 1
    return rows


@given(st.lists(st.integers(0, 512), min_size=1, max_size=8))
def test_rows_grow_alike_in_batches_of_any_size(batches: list[int]) -> None:
    store, pool = Store(), iter(HASHES * 6)
    for size in batches:
        store.add([next(pool) for _ in range(size)])
    assert store.rows == naive_rows(store.leaves)


def many(count: int) -> Iterator[bytes]:
    return (i.to_bytes(32, "big") for i in range(count))


def test_rows_grow_over_every_level() -> None:
    store, hashes = Store(), list(many(256 * 256 * 2 + 300))
    edges = [0, 255, 256, 257, 65_000, 65_535, 65_537, 131_071, 131_072, 131_372]
    for start, end in pairwise(edges):
        store.add(hashes[start:end])
    assert store.rows == naive_rows(store.leaves)
    assert {level for level, _ in store.rows} == {1, 2}
    frontier = Frontier().extend(hashes)
    read = NodeReader(store.read_tile)
    assert root_at(len(hashes), read.read_node) == frontier.root()
    proof = inclusion_proof(70_000, len(hashes), read.read_node)
    verify_inclusion(hashes[70_000], 70_000, len(hashes), proof, frontier.root())


def test_a_batch_that_fills_no_tile_reads_and_writes_nothing() -> None:
    store = Store()
    store.add(HASHES[:100])
    assert store.add(HASHES[100:255]) == ()
    assert store.asked == []
    (update,) = store.add(HASHES[255:256])
    assert update == RowUpdate(1, 0, 0, perfect_root(b"".join(HASHES[:256])))
    assert store.asked == [(0, 0)]


def test_a_tile_in_which_nothing_stands_yet_is_not_read() -> None:
    store = Store()
    store.add(HASHES[:512])
    assert store.asked == []


def test_a_batch_reads_one_tile_a_level_at_most() -> None:
    store = Store()
    store.add(list(many(65_536 - 10)))
    store.asked.clear()
    store.add(HASHES[:512])
    assert store.asked == [(0, 255), (1, 0)]
    assert store.rows == naive_rows(store.leaves)  # one row ended, the next one begun


def test_new_leaves_may_stand_in_the_level_0_tile_already() -> None:
    before, new = HASHES[:200], HASHES[200:500]
    tile = b"".join(HASHES[:256])
    updates = tile_updates(200, new, lambda level, n: tile)
    assert updates == tile_updates(200, new, lambda level, n: b"".join(before))


def test_a_level_0_tile_too_short_is_refused() -> None:
    with pytest.raises(MalformedTile):
        tile_updates(200, HASHES[200:300], lambda level, n: b"".join(HASHES[:199]))


def test_any_node_of_any_level_comes_from_the_tiles() -> None:
    store, hashes = Store(), list(many(65_536))
    store.add(hashes)
    read = NodeReader(store.read_tile)
    for level in range(17):
        for index in {0, 1, 5, (65_536 >> level) - 1} & set(range(65_536 >> level)):
            leaves = hashes[index << level : index + 1 << level]
            assert read.read_node(level, index) == perfect_root(b"".join(leaves))


@given(st.integers(1, 768), st.data())
def test_a_wider_tile_serves_every_smaller_tree(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    store = Store()
    store.add(HASHES)
    read = NodeReader(store.read_tile)
    root = Frontier().extend(HASHES[:size]).root()
    assert root_at(size, read.read_node) == root
    proof = inclusion_proof(index, size, read.read_node)
    verify_inclusion(HASHES[index], index, size, proof, root)


def test_each_tile_is_read_once() -> None:
    store = Store()
    store.add(list(many(66_000)))
    store.asked.clear()
    inclusion_proof(300, 66_000, NodeReader(store.read_tile).read_node)
    assert len(store.asked) == len(set(store.asked)) <= 5


def test_a_node_that_is_not_there_is_refused() -> None:
    store = Store()
    store.add(HASHES[:300])
    for level, index in [(0, 300), (5, 9), (8, 1), (9, 0), (16, 0)]:
        with pytest.raises(BadProof):
            NodeReader(store.read_tile).read_node(level, index)
