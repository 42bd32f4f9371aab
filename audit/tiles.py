"""Tiles of the tree in the geometry of C2SP tlog-tiles: height 8, 256 hashes wide.

Tile (L, n) holds the hashes 256n to 256n + 255 of level 8L of the tree, end to end. A partial tile
is a prefix of the full one, so a stored row serves every width it ever had. Level 0 is the leaves.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from audit.errors import BadProof, MalformedTile
from audit.tree import HASH_BYTES, perfect_root

WIDTH = 256
_HEIGHT = 8

ReadTile = Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True)
class RowUpdate:
    """Hashes to add at the end of row (level, n), which holds `width_before` of them until now."""

    level: int
    n: int
    width_before: int
    hashes: bytes


def tile_updates(
    size: int, leaf_hashes: Sequence[bytes], read_tile: ReadTile
) -> tuple[RowUpdate, ...]:
    """What to add to the stored rows (levels 1 and up) when a tree of `size` grows by these leaves.

    `read_tile(level, n)` is called for the tile at the right edge of a level, and only when that
    tile fills up, so at most once a level: it returns at least the `(size >> 8 * level) % 256`
    hashes that stood there before. For level 0 the caller builds them from the leaves (it may have
    inserted the new ones already: what comes after is not looked at). Rows come in order of level
    and n, no row twice; no tile fills up, no row changes. Raises `MalformedTile` for short tiles.
    """
    updates: list[RowUpdate] = []
    level, before, new = 0, size, b"".join(leaf_hashes)
    while new:
        if level:
            updates += _row_updates(level, before, new)
        n, width = divmod(before, WIDTH)
        if width + len(new) // HASH_BYTES < WIDTH:
            break
        row = _tile_prefix(read_tile(level, n), width) + new if width else new
        tiles = len(row) // (WIDTH * HASH_BYTES)
        new = b"".join([perfect_root(_slice(row, i * WIDTH, WIDTH)) for i in range(tiles)])
        level, before = level + 1, before >> _HEIGHT
    return tuple(updates)


def _row_updates(level: int, before: int, new: bytes) -> Iterator[RowUpdate]:
    at = 0
    while at < len(new):
        n, width = divmod(before, WIDTH)
        hashes = new[at : at + (WIDTH - width) * HASH_BYTES]
        yield RowUpdate(level, n, width, hashes)
        at, before = at + len(hashes), before + len(hashes) // HASH_BYTES


class NodeReader:
    """Any node of the tree from its tiles, each read once: for the proofs of `audit.tree`.

    `read_tile(level, n)` returns the hashes of a tile, maybe more than existed at an older size. A
    reader keeps what it read: make one per transaction, for trees have grown by the next.
    """

    def __init__(self, read_tile: ReadTile) -> None:
        self._read_tile = read_tile
        self._tiles: dict[tuple[int, int], bytes] = {}

    def read_node(self, level: int, index: int) -> bytes:
        """The root of leaves index * 2^level up to (index + 1) * 2^level, else `BadProof`."""
        tile_level, height = divmod(level, _HEIGHT)
        n, at = divmod(index << height, WIDTH)
        if (tile_level, n) not in self._tiles:
            self._tiles[tile_level, n] = self._read_tile(tile_level, n)
        hashes = _slice(self._tiles[tile_level, n], at, 1 << height)
        if len(hashes) != HASH_BYTES << height:
            raise BadProof("tile too short")
        return perfect_root(hashes)


def _slice(row: bytes, at: int, count: int) -> bytes:
    return row[at * HASH_BYTES : (at + count) * HASH_BYTES]


def _tile_prefix(row: bytes, width: int) -> bytes:
    hashes = _slice(row, 0, width)
    if len(hashes) != width * HASH_BYTES:
        raise MalformedTile("too short")
    return hashes
