"""Paths of tiles, and bundles of entries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import MalformedTile
from evidence.paths import (
    Tile,
    decode_bundle,
    encode_bundle,
    entries_path,
    parse_path,
    path_of,
    tile_path,
    tiles_at,
)


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
    assert path_of(tile) == path
    assert parse_path(path) == tile


def test_tiles_and_bundles_are_named_by_their_numbers() -> None:
    assert tile_path(0, 273, 112) == "tile/0/273.p/112"
    assert entries_path(1000) == "tile/entries/x001/000"


@given(st.none() | st.integers(0, 7), st.integers(0, 2**55 - 1), st.integers(1, 256))
def test_every_path_reads_back(level: int | None, n: int, width: int) -> None:
    tile = Tile(level, n, width)
    assert parse_path(path_of(tile)) == tile


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
        parse_path(path)


@pytest.mark.parametrize(
    ("level", "n", "width"), [(0, -1, 1), (-1, 0, 1), (8, 0, 1), (0, 0, 0), (0, 0, 257)]
)
def test_no_tile_exists_that_has_no_path(level: int, n: int, width: int) -> None:
    with pytest.raises(MalformedTile):
        Tile(level, n, width)


def test_a_tree_has_these_tiles() -> None:
    assert [path_of(tile) for tile in tiles_at(70_000)][-5:] == [
        "tile/0/272",
        "tile/0/273.p/112",
        "tile/1/000",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
    ]
    assert list(tiles_at(0)) == []
    assert list(tiles_at(1)) == [Tile(None, 0, 1), Tile(0, 0, 1)]
    assert list(tiles_at(256)) == [Tile(None, 0), Tile(0, 0), Tile(1, 0, 1)]


@given(st.lists(st.binary(max_size=70), min_size=1, max_size=256))
def test_a_bundle_reads_back(leaves: list[bytes]) -> None:
    assert decode_bundle(encode_bundle(leaves)) == leaves


@pytest.mark.parametrize("blob", [b"", b"\x00", b"\x00\x02a", b"\x00\x01ab", b"\x00\x00" * 257])
def test_a_bundle_cut_off_or_too_long_is_refused(blob: bytes) -> None:
    with pytest.raises(MalformedTile):
        decode_bundle(blob)


def test_no_bundle_is_made_of_nothing_or_too_much() -> None:
    for leaves in ([], [b""] * 257, [bytes(2**16)]):
        with pytest.raises(MalformedTile):
            encode_bundle(leaves)
