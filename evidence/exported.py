"""One log as it stands in an export: its parts, read one after another and not yet believed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from audit.errors import AuditError
from audit.leaf import Opening
from audit.tiles import WIDTH
from crypto.encoding import parse_canonical
from crypto.errors import Malformed
from evidence.archive import MANIFEST_BYTES_MAX, MEMBERS_MAX, Reader
from evidence.entries import CLOSED, decode_closed, decode_opening
from evidence.errors import BadExport, BadTile
from evidence.export import CHECKPOINT, MANIFEST, OPENINGS, RENDERINGS, SHREDDED, VERSION
from evidence.tiles import Tile, decode_bundle, tile_path, tiles_at
from evidence.verify import StoredLeaf

_NOTE_BYTES_MAX = 131_072
_TILE_BYTES_MAX = 2**15
_CHECKPOINTS = re.compile(r"checkpoints/(0|[1-9][0-9]{0,18})", re.ASCII)
_ROOT = re.compile("[0-9a-f]{64}")
_FOLDER = re.compile(r"|earlier/[1-9][0-9]{0,9}/", re.ASCII)


@dataclass(frozen=True, slots=True)
class Described:
    """What the manifest says of one log."""

    folder: str
    origin: str
    size: int
    root: str
    opened: int
    closed: dict[str, int]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an export says of itself; its members with their sizes and SHA-256."""

    logs: tuple[Described, ...]
    members: dict[str, tuple[int, str]]
    recorded_at_index: int
    previous: tuple[int, str] | None


def read_manifest(reader: Reader) -> Manifest:
    """Raises `BadExport` where there is none, or it is not of this form."""
    return parse_manifest(reader.read(MANIFEST, MANIFEST_BYTES_MAX))


def parse_manifest(raw: bytes) -> Manifest:
    """The manifest of its one spelling; raises `BadExport`."""
    try:
        found = parse_canonical(raw.removesuffix(b"\n"))
        previous = found.pop("previous", None)
        made = Manifest(
            tuple(Described(**one) for one in found["logs"]),
            {name: (size, digest) for name, (size, digest) in found["members"].items()},
            found["recorded_at_index"],
            None if previous is None else (previous["size"], previous["root"]),
        )
        known = {"v", "scope", "logs", "recorded_at_index", "members"}
        if found.keys() != known or (found["v"], found["scope"]) != (VERSION, "all"):
            raise BadExport("manifest", "it is of another version or scope")
        _check(made)
    except (Malformed, AttributeError, KeyError, TypeError, ValueError):
        raise BadExport("manifest", "it can't be read") from None
    return made


def _check(made: Manifest) -> None:
    """Every value is of its type: nothing else was written."""
    sizes = [size for size, _ in made.members.values()] + [made.recorded_at_index]
    roots = [digest for _, digest in made.members.values()]
    for log in made.logs:
        sizes += [log.size, log.opened, *log.closed.values()]
        roots.append(log.root)
        if not _FOLDER.fullmatch(log.folder) or tuple(log.closed) != tuple(sorted(CLOSED)):
            raise ValueError
        if type(log.origin) is not str:
            raise TypeError
    if made.previous is not None:
        sizes.append(made.previous[0])
        roots.append(made.previous[1])
    if any(type(size) is not int or size < 0 for size in sizes):
        raise TypeError
    if not all(_ROOT.fullmatch(root) for root in roots):
        raise ValueError
    if any(log.size > MEMBERS_MAX * WIDTH // 2 for log in made.logs):  # not so many tiles
        raise BadExport("manifest", "it counts more entries than an export holds")
    folders = [log.folder for log in made.logs]
    if not folders or folders[-1] or len(set(folders)) != len(folders):
        raise BadExport("manifest", "its logs are not in order")


@dataclass
class ExportedParts:
    """The members of one log. What can't be read of them is told in `trouble` and left out."""

    reader: Reader
    described: Described
    trouble: dict[str, str] = field(default_factory=dict)  # what is wrong, by the member's name

    @property
    def folder(self) -> str:
        return self.described.folder

    def expected(self) -> set[str]:
        """The members that a log of this size has, but for its earlier checkpoints."""
        paths = [tile_path(tile) for tile in tiles_at(self.described.size)]
        named = [CHECKPOINT, OPENINGS, SHREDDED, *RENDERINGS, *paths]
        return {self.folder + name for name in named}

    def checkpoints(self) -> list[str]:
        """The names of the members with earlier checkpoints, smallest first."""
        names = [
            n.removeprefix(self.folder) for n in self.reader.names if n.startswith(self.folder)
        ]
        sizes = sorted(int(found[1]) for n in names if (found := _CHECKPOINTS.fullmatch(n)))
        return [f"{self.folder}checkpoints/{size}" for size in sizes]

    def note(self, name: str) -> str:
        """A signed note; an empty one where it can't be read."""
        raw = self._read(name, _NOTE_BYTES_MAX)
        try:
            return (raw or b"").decode()
        except UnicodeDecodeError:
            return ""

    def leaves(self) -> Iterator[StoredLeaf]:
        """The leaves of the bundles, up to the first bundle that can't be read."""
        size = self.described.size
        for n in range(-(-size // WIDTH)):
            width = min(WIDTH, size - n * WIDTH)
            name = self.folder + tile_path(Tile(None, n, width))
            raw = self._read(name, _TILE_BYTES_MAX)
            if raw is None:
                return
            try:
                bundle = decode_bundle(raw)
            except BadTile:
                self.trouble[name] = f"{name} is no bundle of entries"
                return
            if len(bundle) != width:
                self.trouble[name] = f"{name} holds {len(bundle)} entries, not {width}"
            for offset, data in enumerate(bundle):
                yield StoredLeaf(n * WIDTH + offset, data)

    def tile(self, level: int, n: int) -> bytes | None:
        """A tile as wide as this log has it; None where there is none."""
        width = min(WIDTH, (self.described.size >> 8 * level) - n * WIDTH)
        if width <= 0:
            return None
        name = self.folder + tile_path(Tile(level, n, width))
        return self._read(name, _TILE_BYTES_MAX) if name in self.reader.names else None

    def openings(self) -> Iterator[tuple[int, Opening]]:
        name = self.folder + OPENINGS
        try:
            for number, line in enumerate(self.reader.lines(name), start=1):
                try:
                    yield decode_opening(line)
                except AuditError:
                    self.trouble[f"{name} {number}"] = f"{name}: line {number} is no opening"
        except BadExport as error:
            self.trouble[name] = error.what

    def closed(self) -> Iterator[tuple[int, str]]:
        name = self.folder + SHREDDED
        try:
            for number, line in enumerate(self.reader.lines(name), start=1):
                try:
                    yield decode_closed(line)
                except AuditError:
                    self.trouble[f"{name} {number}"] = f"{name}: line {number} names no entry"
        except BadExport as error:
            self.trouble[name] = error.what

    def lines(self, name: str) -> Iterator[bytes]:
        try:
            yield from self.reader.lines(self.folder + name)
        except BadExport as error:
            self.trouble[self.folder + name] = error.what

    def _read(self, name: str, most: int) -> bytes | None:
        try:
            return self.reader.read(name, most)
        except BadExport as error:
            self.trouble[name] = f"{name} is not there" if error.word == "missing" else error.what
            return None
