"""The restore guard: no second history is signed under one name (docs/audit.md, 8 The anchor).

At start the head must be signed by a key of the log, be what its edge tiles give, and continue the
anchor. All of it costs O(log n); the whole log is recomputed by `kluis audit verify`.
"""

from audit.errors import AuditError
from audit.note import Checkpoint, open_note
from audit.tree import root_at
from vault.anchor import Anchor
from vault.database import Database
from vault.errors import NotReady
from vault.log import Head, TileReader
from vault.logkeys import LogKeys

_ADVICE = (
    "Nothing is served: a second history would be signed under one name. Put a newer database "
    "back; if it is lost, go on under a new name, which tells what is lost: kluis audit continue"
)


def check_log(main: Database, keys: LogKeys, anchor: Anchor) -> Checkpoint:
    """The head's checkpoint, once it has passed; raises `NotReady` with what is wrong."""
    with main.read() as connection:
        try:
            anchored, note = anchor.read()  # first: it may only be older than what follows
            head = Head.read(connection)
            size, root = head.frontier.size, head.frontier.root()
            nodes = TileReader(connection, head.log).nodes()
            # A log's key has the name of its log: there are several after a restore.
            signed = open_note(head.note, keys.named(head.origin).verifiers)
            recomputed = root_at(size, nodes.read_node)
            open_note(note, keys.named(anchored.origin).verifiers)
            continues = (
                anchored.origin == head.origin
                and anchored.size <= size
                and root_at(anchored.size, nodes.read_node) == anchored.root
            )
        except AuditError as broken:
            raise NotReady(f"The audit log does not hold together: {broken}. {_ADVICE}") from None
    if signed != Checkpoint(head.origin, size, root) or recomputed != root:
        raise NotReady(f"The audit log's head is not what its entries give. {_ADVICE}")
    if not continues:
        raise NotReady(
            f"The log {head.origin} has {size} entries and does not continue the {anchored.size} "
            f"of {anchored.origin} that were anchored: set back, or interrupted. {_ADVICE}"
        )
    return signed
