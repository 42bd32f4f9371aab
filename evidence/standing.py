"""Whether a log still stands by a receipt that it gave (docs/audit.md, 12 Receipts).

The log's newest note and its tiles are compared with what the receipt holds. Where they part, the
two signed notes convict the log: no one history has both.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from audit.errors import AuditError, BadNote
from audit.note import Checkpoint, Verifier, open_note
from audit.tiles import WIDTH, NodeReader
from audit.tree import root_at
from evidence.errors import BadLog
from evidence.proofs import consistency_proof, inclusion_proof, verify_consistency, verify_inclusion
from evidence.receipt import Receipt
from evidence.tiles import Tile

STANDS = "stands"  # the log has the entry, and continues what it signed then
EARLY = "early"  # its published checkpoint does not reach so far yet
DROPPED = "dropped"  # it signs fewer entries now, long after
CHANGED = "changed"  # it signs another entry in that place, or another history up to there
CONVICTED = {DROPPED, CHANGED}
PUBLISHED_AFTER_MS_MAX = 600_000  # publication is every minute; more than that is not early

ReadTile = Callable[[Tile], bytes]


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left of a receipt. `then` and `now` are signed notes of the log."""

    word: str
    then: str
    now: str
    checkpoint: Checkpoint

    @property
    def convicts(self) -> bool:
        return self.word in CONVICTED


def standing(
    receipt: Receipt,
    note: str,
    verifiers: Iterable[Verifier],
    read_tile: ReadTile,
    now_ms: int,
) -> Standing:
    """Compares a checked receipt with the log's newest note. Raises `BadLog` where it can't.

    (1) The note is signed by a known key, and of the same log. (2) It reaches as far as the entry.
    (3) The leaf in that place is under the note's root, and is the one of the receipt. (4) The tree
    of then is a prefix of the tree of now, where that is the larger one. Tiles are believed for
    nothing that the note's root does not prove, so those of a liar convict nobody.
    """
    # (1)
    try:
        now = open_note(note, verifiers)
    except BadNote as error:
        raise BadLog("note", error.what) from None
    then = receipt.checkpoint
    if now.origin != then.origin:
        raise BadLog("origin")
    # (2)
    if now.size <= receipt.index:
        early = now_ms - receipt.event.at < PUBLISHED_AFTER_MS_MAX
        return Standing(EARLY if early else DROPPED, receipt.note, note, now)
    # (3), (4)
    try:
        same = _is_same(receipt, now, read_tile)
    except AuditError as error:
        raise BadLog("tiles", error.what) from None
    return Standing(STANDS if same else CHANGED, receipt.note, note, now)


def _is_same(receipt: Receipt, now: Checkpoint, read_tile: ReadTile) -> bool:
    index, then = receipt.index, receipt.checkpoint

    def read_row(level: int, n: int) -> bytes:
        width = min(WIDTH, (now.size >> 8 * level) - n * WIDTH)
        return read_tile(Tile(level, n, width))

    nodes = NodeReader(read_row)
    leaf = nodes.read_node(0, index)
    path = inclusion_proof(index, now.size, nodes.read_node)
    verify_inclusion(leaf, index, now.size, path, now.root)
    if leaf != receipt.leaf_hash:
        return False
    if then.size > now.size:
        return True
    root = root_at(then.size, nodes.read_node)
    proof = consistency_proof(then.size, now.size, nodes.read_node)
    verify_consistency(then.size, root, now.size, now.root, proof)
    return root == then.root
