"""Paths of tiles have one spelling, and bundles one reading."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.tree import SIZE_MAX
from evidence.errors import BadTile
from evidence.tiles import (
    Tile,
    decode_bundle,
    encode_bundle,
    parse_tile_path,
    tile_path,
    tiles_at,
)


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(3, 1_234_067), "tile/3/x001/x234/067"),
        (Tile(0, 1000, 1), "tile/0/x001/000.p/1"),
        (Tile(None, 273, 112), "tile/entries/273.p/112"),
        (Tile(7, 0, 255), "tile/7/000.p/255"),
        (Tile(0, SIZE_MAX // 256), "tile/0/x036/x028/x797/x018/x963/967"),
    ],
)
def test_the_paths_of_the_specification(tile: Tile, path: str) -> None:
    assert tile_path(tile) == path
    assert parse_tile_path(path) == tile


levels = st.none() | st.integers(0, 7)


@given(levels, st.integers(0, SIZE_MAX // 256), st.integers(1, 256))
def test_every_tile_reads_back(level: int | None, n: int, width: int) -> None:
    tile = Tile(level, n, width)
    assert parse_tile_path(tile_path(tile)) == tile


@pytest.mark.parametrize(
    "path",
    [
        "", "tile", "tile/", "tile/0", "tile/0/", "/tile/0/000", "tile/0/000/", "tile//000",
        "tile/0/0", "tile/0/00", "tile/0/0000", "tile/0/1000", "tile/0/x000/001",
        "tile/0/x001/x000/x000", "tile/0/001/000", "tile/0/X001/000", "tile/00/000", "tile/8/000",
        "tile/63/000", "tile/-1/000", "tile/0/-01", "tile/0/000.p", "tile/0/000.p/",
        "tile/0/000.p/0", "tile/0/000.p/01", "tile/0/000.p/256", "tile/0/000.p/1000",
        "tile/0/000.p/1/", "tile/0/000.p/+1", "tile/data/000", "tile/Entries/000",
        "tile/0/\u0660\u0660\u0660",
        "tile/0/000\n", "tile/0/000 ", "tile/0/000?x", "checkpoint", "tile/0/../0/000",
        "tile/0/x036/x028/x797/x018/x963/968", "tile/0/" + "x001/" * 20 + "000",
    ],
)  # fmt: skip
def test_no_other_spelling_is_a_path(path: str) -> None:
    with pytest.raises(BadTile):
        parse_tile_path(path)


def test_the_tiles_of_seventy_thousand_are_those_of_the_specification() -> None:
    tiles = list(tiles_at(70_000))
    level = [[tile for tile in tiles if tile.level == wanted] for wanted in (None, 0, 1, 2, 3)]
    assert [len(found) for found in level] == [274, 274, 2, 1, 0]
    assert [found[-1].width for found in level[:4]] == [112, 112, 17, 1]


def test_the_tiles_of_two_hundred_and_fifty_six() -> None:
    assert list(tiles_at(256)) == [Tile(None, 0), Tile(0, 0), Tile(1, 0, 1)]
    assert list(tiles_at(0)) == []


@given(levels, st.integers(0, 3), st.integers(1, 256), st.integers(0, 70_000))
def test_a_tile_is_within_a_tree_that_has_all_its_hashes(
    level: int | None, n: int, width: int, size: int
) -> None:
    last = (n * 256 + width) * 256 ** (level or 0)  # leaves under it and before it
    assert Tile(level, n, width).is_within(size) == (last <= size)


@given(st.lists(st.binary(max_size=70), min_size=1, max_size=256))
def test_every_bundle_reads_back(leaves: list[bytes]) -> None:
    assert decode_bundle(encode_bundle(leaves)) == leaves


@pytest.mark.parametrize(
    "blob", [b"", b"\0", b"\0\1", b"\0\1aa", b"\0\1a\0", b"\xff\xffa", b"\0\0" * 257]
)
def test_a_bundle_is_refused_with_bytes_too_few_or_many(blob: bytes) -> None:
    with pytest.raises(BadTile):
        decode_bundle(blob)


def test_no_bundle_is_empty_or_wider_than_a_tile() -> None:
    for count in (0, 257):
        with pytest.raises(BadTile):
            encode_bundle([b"x"] * count)
