"""The logs that an owner's entries stand in, page after page and from one time to the next.

A note is believed for the keys given. A restore that loses entries goes on under another name with
the same key: its first entry binds the end of the log before, and says how many were lost.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from audit.entry import decode_chain, decode_event
from audit.errors import AuditError, BadNote, BadProof
from audit.leaf import Opening, leaf_hash
from audit.note import Checkpoint, Verifier, encode_checkpoint, open_note, parse_checkpoint
from crypto.primitives import sha256
from evidence.findings import Findings
from evidence.proofs import verify_consistency, verify_inclusion


@dataclass(frozen=True, slots=True)
class OwnLog:
    """One of the installation's logs, by a note.

    `begins`, `path`: its first entry, where it goes on from the log before. `consistency`: from the
    size of a checkpoint that was held of it to this one.
    """

    number: int
    note: str
    begins: Opening | None = None
    path: tuple[bytes, ...] = ()
    consistency: tuple[bytes, ...] | None = None


class Held:
    """The checkpoints that are held, one of a log: what comes later has to go on from these."""

    def __init__(
        self, findings: Findings, keys: Iterable[Verifier], known: tuple[int, Checkpoint] | None
    ) -> None:
        self._findings = findings
        self._keys = tuple(keys)
        self.checkpoints = dict([known] if known else [])
        self.lost = 0
        self.ends: dict[int, int] = {}  # of a log that was held longer than it is: what is left

    @property
    def newest(self) -> tuple[int, Checkpoint] | None:
        return max(self.checkpoints.items(), key=lambda held: held[0], default=None)

    def take(self, logs: Sequence[OwnLog]) -> dict[int, Checkpoint]:
        """The checkpoints of these logs, by number, once their notes are believed."""
        logs = sorted(logs, key=lambda log: log.number)
        keys = self._keys_of(logs)
        opened = {log.number: found for log in logs if (found := self._open(log, keys))}
        for before, log in zip([None, *logs], logs, strict=False):
            if before is not None and before.number in opened and log.number in opened:
                self._check_seam(log, opened[before.number], opened[log.number])
        for log, later in zip(logs, [*logs[1:], None], strict=True):
            if log.number in opened:
                self._go_on(log, opened[log.number], later)
        return opened

    def _keys_of(self, logs: Sequence[OwnLog]) -> list[Verifier]:
        """The keys, also under the names of logs that one of them goes on from, or that go on."""
        names = {name for log in logs if (name := _origin(log.note))}
        keys = {(key.name, key.public): key for key in self._keys}
        if names & {key.name for key in self._keys}:
            keys |= {(n, k.public): Verifier(n, k.public) for n in names for k in self._keys}
        return list(keys.values())

    def _open(self, log: OwnLog, keys: Iterable[Verifier]) -> Checkpoint | None:
        try:
            return open_note(log.note, keys)
        except BadNote as error:
            self._findings.add(None, "note", f"log {log.number}: {error.what}")
            return None

    def _check_seam(self, log: OwnLog, before: Checkpoint, now: Checkpoint) -> None:
        """A log goes on from the end of the one before, by an entry that is its first."""
        try:
            bound = sha256(encode_checkpoint(before).encode())
            if log.begins is None or bound not in _bound_by(log.begins):
                what = f"log {log.number} does not go on from the one before"
                self._findings.add(0, "continue", what)
                return
            leaf = leaf_hash(log.begins.leaf_data())
            verify_inclusion(leaf, 0, now.size, log.path, now.root)
        except AuditError as error:
            self._findings.add(0, "continue", f"log {log.number}: its first entry: {error}")

    def _go_on(self, log: OwnLog, now: Checkpoint, later: OwnLog | None) -> None:
        held = self.checkpoints.get(log.number)
        self.checkpoints[log.number] = now
        if held is None or held == now:
            return
        missing = held.size - now.size
        if missing > 0:
            if held.origin == now.origin and missing <= _lost_before(later):
                self.lost = max(self.lost, missing)
                self.ends[log.number] = now.size
                return
            what = f"log {log.number} had {held.size} entries, and has {now.size}"
            self._findings.add(now.size, "cut", what)
            return
        try:
            proof = log.consistency or ()
            verify_consistency(held.size, held.root, now.size, now.root, proof)
            fits = held.origin == now.origin
        except BadProof:
            fits = False
        if not fits:
            what = f"log {log.number} does not go on from what was seen of it"
            self._findings.add(None, "consistency", what)


def _bound_by(begins: Opening) -> tuple[object, ...]:
    """The digests of the checkpoints that a first entry goes on from."""
    event, chain = decode_event(begins.event), decode_chain(begins.chain)
    return tuple(chain.refs or ()) if event.action == "log.continue" else ()


def _lost_before(log: OwnLog | None) -> int:
    """How many signed entries of the log before are lost, as a log's first entry says."""
    try:
        return 0 if log is None or log.begins is None else decode_event(log.begins.event).count or 0
    except AuditError:
        return 0


def _origin(note: str) -> str | None:
    """The name that a note gives its log, before anybody believes it."""
    try:
        return parse_checkpoint(note.split("\n\n", 1)[0] + "\n").origin
    except BadNote:
        return None
