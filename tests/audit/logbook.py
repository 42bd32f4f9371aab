"""A small log as the tests use it: made from the public functions, with fixed random bytes."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from audit.entry import Actor, Chain, Event, encode_chain, encode_event
from audit.leaf import Opening, chain_digest, leaf_hash
from audit.note import Checkpoint, LogKey, sign_checkpoint
from audit.tiles import NodeReader, tile_updates
from audit.tree import Frontier
from crypto.secret import Secret
from evidence.proofs import inclusion_proof
from evidence.receipt import encode_receipt
from evidence.verify import Report, StoredLeaf, verify_log

ORIGIN = "kluis.example/audit"
KEY = LogKey(ORIGIN, Secret(bytes(range(32))))
OTHER_KEY = LogKey(ORIGIN, Secret(bytes(range(1, 33))))
NOW = 1_795_284_000_000  # 2026-11-21T18:00:00Z


def fixed(name: str, length: int = 32) -> bytes:
    """Bytes that look random and are the same each time."""
    return hashlib.shake_256(name.encode()).digest(length)


def entry_id(number: int) -> bytes:
    noise = fixed(f"id {number}", 10)
    mark = bytes([0x70 | noise[0] & 15, noise[1], 0x80 | noise[2] & 63])
    return (NOW + number).to_bytes(6, "big") + mark + noise[3:]


def make_event(number: int = 0, action: str = "vault.unlock") -> Event:
    return Event(entry_id(number), NOW + number, action, "permitted", Actor("owner"))


def make_opening(number: int, event: Event, chain: Chain) -> Opening:
    return Opening(
        fixed(f"n1 {number}"), encode_event(event), fixed(f"n2 {number}"), encode_chain(chain)
    )


@dataclass
class Log:
    """Everything a log stores, each part open to damage."""

    leaves: list[StoredLeaf] = field(default_factory=list)
    openings: dict[int, Opening] = field(default_factory=dict)
    rows: dict[tuple[int, int], bytes] = field(default_factory=dict)
    notes: dict[int, str] = field(default_factory=dict)
    frontier: Frontier = field(default_factory=Frontier)

    @property
    def head_note(self) -> str:
        return self.notes[max(self.notes)]

    def sign(self, key: LogKey = KEY) -> None:
        size = self.frontier.size
        self.notes[size] = sign_checkpoint(key, Checkpoint(ORIGIN, size, self.frontier.root()))

    def add(self, openings: list[Opening]) -> None:
        """One batch, as a sequencer does it; level 0 is stored too, as in an export."""
        hashes = []
        for opening in openings:
            index = len(self.leaves)
            data = opening.leaf_data()
            self.leaves.append(StoredLeaf(index, data, leaf_hash(data)))
            self.openings[index] = opening
            hashes.append(leaf_hash(data))
        before = self.frontier.size
        for update in tile_updates(before, hashes, lambda level, n: self.rows[level, n]):
            row = self.rows.get((update.level, update.n), b"")
            assert len(row) == 32 * update.width_before
            self.rows[update.level, update.n] = row + update.hashes
        for offset, one in enumerate(hashes):
            place = 0, (before + offset) // 256
            self.rows[place] = self.rows.get(place, b"") + one
        self.frontier = self.frontier.extend(hashes)
        self.sign()

    def renumber(self) -> None:
        """Makes the leaves' own numbers and hashes agree again, as a careful forger would."""
        self.leaves = [
            StoredLeaf(index, leaf.data, leaf_hash(leaf.data))
            for index, leaf in enumerate(self.leaves)
        ]

    def receipt(self, index: int) -> str:
        """The receipt for an entry at the head."""
        opening = self.openings[index]
        nodes = NodeReader(lambda level, n: self.rows[level, n])
        path = inclusion_proof(index, self.frontier.size, nodes.read_node)
        h2 = chain_digest(opening.n2, opening.chain)
        return encode_receipt(opening.n1, opening.event, h2, index, path, self.head_note)

    def check(
        self,
        *,
        tiles_from: int | None = 0,
        openings: dict[int, Opening] | None = None,
        earlier: list[str] | None = None,
        change: Callable[[StoredLeaf], StoredLeaf] = lambda leaf: leaf,
    ) -> Report:
        given = self.openings if openings is None else openings
        return verify_log(
            ORIGIN,
            [KEY.verifier],
            [change(leaf) for leaf in self.leaves],
            self.head_note,
            read_tile=None if tiles_from is None else lambda *place: self.rows.get(place),
            lowest_level=tiles_from or 0,
            earlier_notes=list(self.notes.values()) if earlier is None else earlier,
            openings=sorted(given.items()),
        )


def make_log(size: int, *, subjects: int = 3, batch: int = 100) -> Log:
    """A sound log of so many entries that go round among the subjects."""
    log = Log()
    tails: dict[bytes, tuple[int, bytes | None]] = {}
    openings = []
    for number in range(size):
        subject = fixed(f"subject {number % subjects}", 16)
        seq, prev = tails.get(subject, (0, None))
        chain = Chain(subject, "open", seq + 1, prev)
        opening = make_opening(number, make_event(number), chain)
        tails[subject] = seq + 1, opening.leaf_data()
        openings.append(opening)
    for at in range(0, size, batch):
        log.add(openings[at : at + batch])
    return log


def change_leaf(log: Log, index: int, data: bytes | None = None) -> None:
    """Another leaf in the place of this one; its stored hash stays."""
    data = data or b"\x01" + fixed(f"forged {index}")
    log.leaves[index] = replace(log.leaves[index], data=data)
