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
    Tile,
    decode_bundle,
    encode_bundle,
    parse_tile_path,
    tile_path,
    tile_updates,
    tiles_at,
)
from audit.tree import Frontier, inclusion_proof, perfect_root, root_at, verify_inclusion
from tests.audit.logbook import fixed

HASHES = [leaf_hash(fixed(f"leaf {i}")) for i in range(256 * 3)]


@pytest.mark.parametrize(
    ("path", "tile"),
    [
        ("tile/0/000", Tile(0, 0)),
        ("tile/0/255", Tile(0, 255)),
        ("tile/1/000.p/1", Tile(1, 0, 1)),
        ("tile/0/x001/000", Tile(0, 1000)),
        ("tile/3/x001/x234/067", Tile(3, 1234067)),
        ("tile/3/x001/x234/067.p/255", Tile(3, 1234067, 255)),
        ("tile/entries/x273/056", Tile(None, 273056)),
        ("tile/entries/000.p/16", Tile(None, 0, 16)),
    ],
)
def test_a_tile_has_this_path(path: str, tile: Tile) -> None:
    assert tile_path(tile) == path
    assert parse_tile_path(path) == tile


@given(st.none() | st.integers(0, 7), st.integers(0, 2**55 - 1), st.integers(1, 256))
def test_every_path_reads_back(level: int | None, n: int, width: int) -> None:
    tile = Tile(level, n, width)
    assert parse_tile_path(tile_path(tile)) == tile


@pytest.mark.parametrize(
    "path",
    [
        "", "tile", "tile/0", "/tile/0/000", "tile/0/000/", "tile//000", "tile/0/0", "tile/0/00",
        "tile/0/0000", "tile/00/000", "tile/01/000", "tile/8/000", "tile/63/000", "tile/-1/000",
        "tile/0/x000/000", "tile/0/x000/x001/000", "tile/0/001/000", "tile/0/x001", "tile/0/1234",
        "tile/0/000.p", "tile/0/000.p/", "tile/0/000.p/0", "tile/0/000.p/01", "tile/0/000.p/256",
        "tile/0/000.p/300", "tile/0/000.p/1000", "tile/0/000.p/-1", "tile/0/000.P/1",
        "tile/0/x999/x999/x999/x999/x999/x999/999", "tile/entries/000\n",
        "tile/0/\u0660\u0660\u0660",
        "tile/data/000", "tile/8/0/000", "tile/0/X001/000", "tile/0/../000", "tile/0/000.p/1/2",
        "tile/0/" + "x001/" * 500 + "000",
    ],
)  # fmt: skip
def test_any_other_path_is_refused(path: str) -> None:
    with pytest.raises(MalformedTile):
        parse_tile_path(path)


@pytest.mark.parametrize(
    ("level", "n", "width"), [(0, -1, 1), (-1, 0, 1), (8, 0, 1), (0, 0, 0), (0, 0, 257)]
)
def test_no_tile_exists_that_has_no_path(level: int, n: int, width: int) -> None:
    with pytest.raises(MalformedTile):
        Tile(level, n, width)


def test_a_tree_has_these_tiles() -> None:
    assert [tile_path(tile) for tile in tiles_at(70_000)][-5:] == [
        "tile/0/272",
        "tile/0/273.p/112",
        "tile/1/000",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
    ]
    assert list(tiles_at(0)) == []
    assert list(tiles_at(1)) == [Tile(None, 0, 1), Tile(0, 0, 1)]
    assert list(tiles_at(256)) == [Tile(None, 0), Tile(0, 0), Tile(1, 0, 1)]


@given(st.lists(st.binary(max_size=100), min_size=1, max_size=256))
def test_a_bundle_reads_back_as_it_was_written(leaves: list[bytes]) -> None:
    assert decode_bundle(encode_bundle(leaves)) == leaves


def test_a_bundle_of_our_leaves_has_35_bytes_each() -> None:
    blob = encode_bundle([b"\x01" + fixed("a"), b"\x01" + fixed("b")])
    assert blob[:3] == b"\x00\x21\x01"
    assert len(blob) == 2 * 35


@pytest.mark.parametrize("blob", [b"", b"\x00", b"\x00\x02a", b"\x00\x01a\x00", b"\x00\x01ab"])
def test_a_bundle_cut_short_is_refused(blob: bytes) -> None:
    with pytest.raises(MalformedTile):
        decode_bundle(blob)


def test_a_bundle_is_never_wider_than_a_tile_nor_empty() -> None:
    with pytest.raises(MalformedTile):
        decode_bundle(b"\x00\x01a" * 257)
    with pytest.raises(MalformedTile):
        encode_bundle([])


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


def test_a_batch_reads_one_tile_a_level_at_most() -> None:
    store = Store()
    store.add(list(many(65_536 - 10)))
    store.asked.clear()
    store.add(HASHES[:512])
    assert store.asked == [(0, 255), (1, 0)]


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
