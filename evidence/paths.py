"""Where tiles and entry bundles stand in a log that is served or exported (C2SP tlog-tiles).

    tile/<L>/<N>[.p/<W>]         the hashes 256 N and on of level 8 L, W of them where not full
    tile/entries/<N>[.p/<W>]     the leaves themselves, each after its length as u16

N is written in groups of three digits: 1234067 is x001/x234/067. A path has one spelling.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audit.errors import MalformedTile
from audit.tiles import WIDTH
from audit.tree import SIZE_MAX

LEVEL_MAX = 7  # 256^8 leaves are more than SIZE_MAX
_PATH_CHARACTERS_MAX = 64
_PATH = re.compile(
    r"tile/(entries|[0-9])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Tile:
    """Where a tile stands: level (None: a bundle of the entries themselves), number, width."""

    level: int | None
    n: int
    width: int = WIDTH

    def __post_init__(self) -> None:
        if not 0 <= (self.level or 0) <= LEVEL_MAX or not 0 <= self.n <= SIZE_MAX // WIDTH:
            raise MalformedTile("path")
        if not 1 <= self.width <= WIDTH:
            raise MalformedTile("path")


def tile_path(level: int, n: int, width: int = WIDTH) -> str:
    """Where the hashes of a tile stand."""
    return path_of(Tile(level, n, width))


def entries_path(n: int, width: int = WIDTH) -> str:
    """Where the leaves 256 n and on stand."""
    return path_of(Tile(None, n, width))


def path_of(tile: Tile) -> str:
    groups, rest = [f"{tile.n % 1000:03}"], tile.n // 1000
    while rest:
        groups.insert(0, f"x{rest % 1000:03}")
        rest //= 1000
    level = "entries" if tile.level is None else str(tile.level)
    partial = "" if tile.width == WIDTH else f".p/{tile.width}"
    return f"tile/{level}/{'/'.join(groups)}{partial}"


def parse_path(path: str) -> Tile:
    """The tile of its one path, without leading slash. Raises `MalformedTile` for any other."""
    found = _PATH.fullmatch(path) if len(path) <= _PATH_CHARACTERS_MAX else None
    if not found:
        raise MalformedTile("path")
    level, groups, width = found.groups()
    tile = Tile(
        None if level == "entries" else int(level),
        int(groups.replace("x", "").replace("/", "")),
        WIDTH if width is None else int(width),
    )
    if path_of(tile) != path:
        raise MalformedTile("path")
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
    """An entry bundle: each leaf's data after its length as u16."""
    if not 1 <= len(leaves) <= WIDTH or any(len(leaf) >= 2**16 for leaf in leaves):
        raise MalformedTile("bundle")
    return b"".join(len(leaf).to_bytes(2) + leaf for leaf in leaves)


def decode_bundle(blob: bytes) -> list[bytes]:
    """The 1 to 256 leaves of an entry bundle. Raises `MalformedTile` for bytes too few or many."""
    leaves: list[bytes] = []
    at = 0
    while at < len(blob):
        end = at + 2 + int.from_bytes(blob[at : at + 2])
        if at + 2 > len(blob) or end > len(blob) or len(leaves) == WIDTH:
            raise MalformedTile("bundle")
        leaves.append(blob[at + 2 : end])
        at = end
    if not leaves:
        raise MalformedTile("bundle")
    return leaves
