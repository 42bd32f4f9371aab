"""Tiles of the tree in the geometry of C2SP tlog-tiles: height 8, 256 hashes wide.

Tile (L, n) holds the hashes 256n to 256n + 255 of level 8L of the tree, end to end. A partial tile
is a prefix of the full one, so a stored row serves every width it ever had. Level 0 is the leaves.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from audit.errors import BadProof, MalformedTile
from audit.tree import HASH_BYTES, SIZE_MAX, perfect_root

WIDTH = 256
LEVEL_MAX = 7  # 256^8 leaves are more than SIZE_MAX
_HEIGHT = 8
_PATH = re.compile(
    r"tile/(entries|[0-9])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII
)

ReadTile = Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True)
class Tile:
    """Where a tile stands: level (None: the bundle of the entries themselves), number, width."""

    level: int | None
    n: int
    width: int = WIDTH

    def __post_init__(self) -> None:
        if not 0 <= (self.level or 0) <= LEVEL_MAX or not 0 <= self.n <= SIZE_MAX >> _HEIGHT:
            raise MalformedTile("path")
        if not 1 <= self.width <= WIDTH:
            raise MalformedTile("path")


@dataclass(frozen=True, slots=True)
class RowUpdate:
    """Hashes to add at the end of row (level, n), which holds `width_before` of them until now."""

    level: int
    n: int
    width_before: int
    hashes: bytes


def tile_path(tile: Tile) -> str:
    """`tile/<L>/<N>[.p/<W>]`, with 1234067 written x001/x234/067."""
    groups = [f"{tile.n % 1000:03}"]
    rest = tile.n // 1000
    while rest:
        groups.insert(0, f"x{rest % 1000:03}")
        rest //= 1000
    level = "entries" if tile.level is None else str(tile.level)
    partial = "" if tile.width == WIDTH else f".p/{tile.width}"
    return f"tile/{level}/{'/'.join(groups)}{partial}"


def parse_tile_path(path: str) -> Tile:
    """The tile of its one path, without leading slash. Raises `MalformedTile` for any other."""
    found = _PATH.fullmatch(path) if len(path) <= 64 else None
    if not found:
        raise MalformedTile("path")
    level, groups, width = found.groups()
    number = int(groups.replace("x", "").replace("/", ""))
    tile = Tile(
        None if level == "entries" else int(level), number, WIDTH if width is None else int(width)
    )
    if tile_path(tile) != path:
        raise MalformedTile("path")
    return tile


def tiles_at(size: int) -> Iterator[Tile]:
    """Every tile of a tree of this size, the entry bundles first, each as wide as it is then."""
    yield from _tiles_of_level(None, size)
    level, count = 0, size
    while count:
        yield from _tiles_of_level(level, count)
        level, count = level + 1, count >> _HEIGHT


def _tiles_of_level(level: int | None, count: int) -> Iterator[Tile]:
    for n in range(count >> _HEIGHT):
        yield Tile(level, n)
    if count % WIDTH:
        yield Tile(level, count >> _HEIGHT, count % WIDTH)


def encode_bundle(leaves: Sequence[bytes]) -> bytes:
    """An entry bundle: each leaf's data after its length as u16."""
    if not 1 <= len(leaves) <= WIDTH:
        raise MalformedTile("bundle")
    return b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)


def decode_bundle(blob: bytes) -> list[bytes]:
    """The 1 to 256 leaves of an entry bundle. Raises `MalformedTile` for bytes too few or many."""
    leaves: list[bytes] = []
    at = 0
    while at < len(blob):
        end = at + 2 + int.from_bytes(blob[at : at + 2], "big")
        if end > len(blob):
            raise MalformedTile("bundle")
        leaves.append(blob[at + 2 : end])
        at = end
    if not leaves or encode_bundle(leaves) != blob:
        raise MalformedTile("bundle")
    return leaves


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
