"""An auditor's export: one zip of whole logs, their openings, and renderings of these.

The newest log lies at the root, one that it goes on from under `earlier/<number>/`:

    checkpoint, checkpoints/<size>     signed notes: of the whole, and of earlier sizes
    tile/..., tile/entries/...         C2SP tlog-tiles, every tile of the tree
    openings.ndjson                    {index, n1, event, n2, chain} of every entry that opens
    shredded.ndjson                    {index, reason} of every other one: none is left out silently
    entries.csv ldv.ndjson fhir.ndjson renderings: derived from the openings, signed by nobody

and beside them `policy.txt` (C2SP tlog-policy: which keys; believe those you got elsewhere) and, at
the end, `manifest.json`. Nothing is held but one row of tiles, and a byte per entry.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from audit.leaf import leaf_hash
from audit.tiles import WIDTH
from audit.tree import Frontier, perfect_root
from crypto.encoding import canonical_json
from evidence import dataverwerking, fhir, spreadsheet
from evidence.archive import Writer
from evidence.entries import CLOSED, Entry, encode_closed, encode_opening
from evidence.errors import BadExport
from evidence.tiles import Tile, encode_bundle, tile_path

VERSION = 1
MANIFEST, POLICY = "manifest.json", "policy.txt"
CHECKPOINT, OPENINGS, SHREDDED = "checkpoint", "openings.ndjson", "shredded.ndjson"
CSV, LDV, FHIR = "entries.csv", "ldv.ndjson", "fhir.ndjson"
RENDERINGS = (CSV, LDV, FHIR)
PASSES = 2 + len(RENDERINGS)  # how often the entries are gone through

Progress = Callable[[int], None]  # told how many entries were gone through since


@dataclass(frozen=True, slots=True)
class ExportedLog:
    """One log as far as it is exported. `note` signs its first `size` entries; `notes` are others
    that were published, each with the size it was published for. `vkeys` are all its keys, the
    newest first, also those that are retired.
    """

    number: int
    origin: str
    vkeys: tuple[str, ...]
    size: int
    note: str
    notes: tuple[tuple[int, str], ...]


class Source(Protocol):
    """Where an export comes from. Each iteration reads anew."""

    @property
    def logs(self) -> Sequence[ExportedLog]: ...  # oldest first

    @property
    def index(self) -> int: ...  # of the entry in the newest log that says so

    def leaves(self, log: ExportedLog) -> Iterable[bytes]: ...

    def entries(self, log: ExportedLog) -> Iterable[Entry]: ...


def folder_of(log: ExportedLog, newest: ExportedLog) -> str:
    return "" if log == newest else f"earlier/{log.number}/"


def compose(
    source: Source, previous: tuple[int, bytes] | None = None, progress: Progress = lambda _: None
) -> Iterator[bytes]:
    """The bytes of the zip, piece by piece.

    `previous`: size and root of the export before, which `manifest.json` repeats. Raises
    `BadExport` where the source changes on the way: what was given until then is no whole zip.
    """
    writer, newest = Writer(), source.logs[-1]
    yield from writer.member(POLICY, [policy(source.logs)])
    told = []
    for log in source.logs:
        composed = _Log(source, log, folder_of(log, newest), writer, progress)
        yield from composed.parts()
        told.append(composed.described())
    manifest = {
        "v": VERSION,
        "scope": "all",
        "logs": told,
        "recorded_at_index": source.index,
        "members": {name: [size, digest] for name, (size, digest) in writer.digests.items()},
    }
    if previous is not None:
        manifest["previous"] = {"size": previous[0], "root": previous[1].hex()}
    yield from writer.member(MANIFEST, [canonical_json(manifest) + b"\n"])
    yield writer.finish()


def policy(logs: Iterable[ExportedLog]) -> bytes:
    """The keys of these logs as a C2SP tlog-policy; no witness is asked for."""
    return "".join(
        [*(f"log {vkey}\n" for log in logs for vkey in log.vkeys), "quorum none\n"]
    ).encode()


class _Log:
    """One log on its way into the zip."""

    def __init__(
        self, source: Source, log: ExportedLog, folder: str, writer: Writer, progress: Progress
    ) -> None:
        self._source, self._log, self._folder = source, log, folder
        self._writer, self._progress = writer, progress
        self._tree = Frontier()
        self._why_closed = bytearray()  # per entry: 0, or the number of its word from 1

    def parts(self) -> Iterator[bytes]:
        yield from self._member(CHECKPOINT, [self._log.note.encode()])
        for size, note in self._log.notes:
            if note != self._log.note:
                yield from self._member(f"checkpoints/{size}", [note.encode()])
        yield from self._tiles()
        yield from self._member(OPENINGS, self._openings())
        yield from self._member(SHREDDED, self._shredded())
        for name in RENDERINGS:
            yield from self._member(name, self._rendering(name))

    def described(self) -> dict[str, object]:
        closed = [self._why_closed.count(number) for number in range(1, len(CLOSED) + 1)]
        return {
            "folder": self._folder,
            "origin": self._log.origin,
            "size": self._log.size,
            "root": self._tree.root().hex(),
            "opened": self._log.size - sum(closed),
            "closed": dict(zip(CLOSED, closed, strict=True)),
        }

    def _member(self, name: str, parts: Iterable[bytes]) -> Iterator[bytes]:
        return self._writer.member(self._folder + name, parts)

    def _tiles(self) -> Iterator[bytes]:
        rows: list[list[bytes]] = [[]]  # the unfinished tile of each level
        counts = [0]
        leaves: list[bytes] = []
        for leaf in self._source.leaves(self._log):
            leaves.append(leaf)
            if len(leaves) == WIDTH:
                yield from self._bundle(leaves, rows, counts)
                leaves = []
        if leaves:
            yield from self._bundle(leaves, rows, counts)
        for level, row in enumerate(rows):
            if row:
                path = tile_path(Tile(level, counts[level] // WIDTH, len(row)))
                yield from self._member(path, row)
        if self._tree.size != self._log.size:
            raise BadExport("source", "an entry is missing")

    def _bundle(
        self, leaves: list[bytes], rows: list[list[bytes]], counts: list[int]
    ) -> Iterator[bytes]:
        n = self._tree.size // WIDTH
        yield from self._member(tile_path(Tile(None, n, len(leaves))), [encode_bundle(leaves)])
        hashes = [leaf_hash(leaf) for leaf in leaves]
        self._tree = self._tree.extend(hashes)
        self._progress(len(leaves))
        rows[0], counts[0], level = hashes, self._tree.size, 0
        while len(rows[level]) == WIDTH:
            full = b"".join(rows[level])
            yield from self._member(tile_path(Tile(level, counts[level] // WIDTH - 1)), [full])
            rows[level] = []
            level += 1
            if level == len(rows):
                rows.append([])
                counts.append(0)
            rows[level].append(perfect_root(full))
            counts[level] += 1

    def _openings(self) -> Iterator[bytes]:
        for entry in self._source.entries(self._log):
            why = entry.why_closed
            self._why_closed.append(CLOSED.index(why) + 1 if why else 0)
            if entry.opening is not None and not why:
                yield encode_opening(entry.index, entry.opening)
            self._progress(1)
        if len(self._why_closed) != self._log.size:
            raise BadExport("source", "an entry is missing")

    def _shredded(self) -> Iterator[bytes]:
        for index, number in enumerate(self._why_closed):
            if number:
                yield encode_closed(index, CLOSED[number - 1])

    def _rendering(self, name: str) -> Iterator[bytes]:
        if name == CSV:
            yield spreadsheet.heading()
        for entry in self._source.entries(self._log):
            if entry.bodies is None and not self._why_closed[entry.index]:
                raise BadExport("source", "an entry was erased meanwhile: begin again")
            if entry.bodies is not None and not self._why_closed[entry.index]:
                yield render(name, self._log.origin, entry)
            self._progress(1)


def render(name: str, origin: str, entry: Entry) -> bytes:
    """The line of an entry in the rendering of this name; none where it is closed."""
    if entry.bodies is None:
        return b""
    event, chain = entry.bodies
    if name == CSV:
        return spreadsheet.row(entry.index, event, chain)
    if name == LDV:
        return dataverwerking.row(origin, entry.index, event, chain)
    return fhir.row(origin, event, chain)
