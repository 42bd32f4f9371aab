"""The tree computed anew from its leaves, and compared with stored tiles and signed roots."""

from collections.abc import Callable, Iterable

from audit.note import Checkpoint
from audit.tiles import WIDTH
from audit.tree import HASH_BYTES, join_roots, perfect_root, split_hashes
from evidence.findings import Findings

ReadStoredTile = Callable[[int, int], bytes | None]


class Recompute:
    """Takes leaf hashes in order; keeps one row per level, as many bytes as the tree is high."""

    def __init__(
        self,
        findings: Findings,
        checkpoints: Iterable[tuple[str, Checkpoint]],
        read_tile: ReadStoredTile | None,
        lowest_level: int,
    ) -> None:
        self._findings = findings
        self._read_tile = read_tile
        self._lowest_level = lowest_level
        self._rows = [bytearray()]
        self._counts = [0]
        self._due: dict[int, list[tuple[str, bytes]]] = {}
        for name, checkpoint in checkpoints:
            self._due.setdefault(checkpoint.size, []).append((name, checkpoint.root))
        self._sound = 0  # the largest size at which a signed root was met
        self._compare_roots()

    @property
    def size(self) -> int:
        return self._counts[0]

    def add(self, leaf_hash: bytes) -> None:
        self._push(0, leaf_hash)
        if self.size in self._due:
            self._compare_roots()

    def finish(self) -> None:
        """Compares the tiles at the right edge, and names the notes of a longer log."""
        self._grow(len(self._rows))  # the level above the root has no tile either
        for level in range(len(self._rows)):
            self._compare_tile(level, self._counts[level] // WIDTH, bytes(self._rows[level]))
        for size, notes in sorted(self._due.items()):
            for name, _ in notes if size > self.size else ():
                what = f"{name} counts {size} entries, there are {self.size}"
                self._findings.add(self.size, "cut", what)

    def _push(self, level: int, node: bytes) -> None:
        self._grow(level)
        row = self._rows[level]
        row += node
        self._counts[level] += 1
        if len(row) == WIDTH * HASH_BYTES:
            full = bytes(row)
            row.clear()
            self._compare_tile(level, self._counts[level] // WIDTH - 1, full)
            self._push(level + 1, perfect_root(full))

    def _grow(self, level: int) -> None:
        if level == len(self._rows):
            self._rows.append(bytearray())
            self._counts.append(0)

    def _compare_tile(self, level: int, n: int, row: bytes) -> None:
        if self._read_tile is None or level < self._lowest_level:
            return
        stored = self._read_tile(level, n)
        if stored == row or not (stored or row):
            return
        if stored is None:
            self._found_in_tile(level, n, 0, WIDTH - 1, "is missing")
            return
        ours, theirs = split_hashes(row), split_hashes(stored)
        pairs = zip(ours, theirs, strict=False)
        same = next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(ours), len(theirs)))
        if same == len(ours):
            what = f"tile {level}/{n} holds more than there are entries for"
            self._findings.add(self.size, "tile", what)
        else:
            self._found_in_tile(level, n, same, same, f"differs at hash {same}")

    def _found_in_tile(self, level: int, n: int, first: int, last: int, what: str) -> None:
        leaves_per_hash = WIDTH**level
        begin = (n * WIDTH + first) * leaves_per_hash
        end = (n * WIDTH + last + 1) * leaves_per_hash - 1
        self._findings.add(begin, "tile", f"tile {level}/{n} {what}", min(end, self.size - 1))

    def _compare_roots(self) -> None:
        root = self._root()
        for name, expected in self._due.get(self.size, ()):
            if expected == root:
                self._sound = self.size
                continue
            what = f"{name} signs another root for {self.size} entries"
            begin = self._sound if self._sound < self.size else None
            self._findings.add(begin, "root", what, begin if begin is None else self.size - 1)

    def _root(self) -> bytes:
        roots = []
        for row in reversed(self._rows):
            width, at = len(row) // HASH_BYTES, 0
            for count in (128, 64, 32, 16, 8, 4, 2, 1):
                if width & count:
                    end = at + count * HASH_BYTES
                    roots.append(perfect_root(bytes(row[at:end])))
                    at = end
        return join_roots(roots)
