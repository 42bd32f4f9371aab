"""How a log is read from outside: paths of tiles, and bundles of entries (C2SP tlog-tiles).

    tile/<L>/<N>[.p/<W>]         hashes of level 8L, 256 or W of them, end to end
    tile/entries/<N>[.p/<W>]     the leaves' data, each after its length as u16

N is written in groups of three digits, 1234067 as x001/x234/067. A tile has one path; W stands
there for 1 to 255.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audit.tiles import WIDTH
from audit.tree import SIZE_MAX
from evidence.errors import BadTile

LEVEL_MAX = 7  # 256^8 leaves are more than a log may have
_HEIGHT = 8
_PATH_CHARACTERS_MAX = 64
_PATH = re.compile(
    r"tile/(entries|[0-7])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Tile:
    """Where a tile stands: level (None: the bundle of the entries themselves), number, width."""

    level: int | None
    n: int
    width: int = WIDTH

    def __post_init__(self) -> None:
        if not 0 <= (self.level or 0) <= LEVEL_MAX or not 0 <= self.n <= SIZE_MAX // WIDTH:
            raise BadTile("path")
        if not 1 <= self.width <= WIDTH:
            raise BadTile("path")

    def is_within(self, size: int) -> bool:
        """A tree of this size has all of its hashes; which then never change."""
        hashes = size >> _HEIGHT * (self.level or 0)
        return self.n * WIDTH + self.width <= hashes


def tile_path(tile: Tile) -> str:
    groups = [f"{tile.n % 1000:03}"]
    rest = tile.n // 1000
    while rest:
        groups.insert(0, f"x{rest % 1000:03}")
        rest //= 1000
    level = "entries" if tile.level is None else str(tile.level)
    partial = "" if tile.width == WIDTH else f".p/{tile.width}"
    return f"tile/{level}/{'/'.join(groups)}{partial}"


def parse_tile_path(path: str) -> Tile:
    """The tile of its one path, without leading slash. Raises `BadTile` for any other spelling."""
    found = _PATH.fullmatch(path) if len(path) <= _PATH_CHARACTERS_MAX else None
    if not found:
        raise BadTile("path")
    level, groups, width = found.groups()
    number = int(groups.replace("x", "").replace("/", ""))
    tile = Tile(
        None if level == "entries" else int(level), number, WIDTH if width is None else int(width)
    )
    if tile_path(tile) != path:
        raise BadTile("path")
    return tile


def tiles_at(size: int) -> Iterator[Tile]:
    """Every tile of a tree of this size, the entry bundles first, each as wide as it is then."""
    yield from _tiles_of_level(None, size)
    level, count = 0, size
    while count:
        yield from _tiles_of_level(level, count)
        level, count = level + 1, count // WIDTH


def _tiles_of_level(level: int | None, count: int) -> Iterator[Tile]:
    for n in range(count // WIDTH):
        yield Tile(level, n)
    if count % WIDTH:
        yield Tile(level, count // WIDTH, count % WIDTH)


def encode_bundle(leaves: Sequence[bytes]) -> bytes:
    """An entry bundle of 1 to 256 leaves."""
    if not 1 <= len(leaves) <= WIDTH:
        raise BadTile("bundle")
    return b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)


def decode_bundle(blob: bytes) -> list[bytes]:
    """The leaves of an entry bundle. Raises `BadTile` for bytes too few or many."""
    leaves: list[bytes] = []
    at = 0
    while at < len(blob):
        end = at + 2 + int.from_bytes(blob[at : at + 2], "big")
        if end > len(blob):
            raise BadTile("bundle")
        leaves.append(blob[at + 2 : end])
        at = end
    if not 1 <= len(leaves) <= WIDTH:
        raise BadTile("bundle")
    return leaves
