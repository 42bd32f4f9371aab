"""What can be computed of one entry at once: its content, and its place in the signed log."""

from dataclasses import dataclass

from api.proofs import ShownLog, Trees
from audit.errors import AuditError
from audit.leaf import leaf_hash
from audit.note import Checkpoint, open_note
from evidence.entries import Entry
from evidence.proofs import verify_inclusion
from vault.logkeys import log_keys
from vault.vault import Vault


@dataclass(frozen=True, slots=True)
class Proofs:
    """`content`: it opens to what was hashed; None where it is closed. `place`: it stands under the
    checkpoint that the log's key signed, of `size` entries.
    """

    content: bool | None
    place: bool
    size: int
    origin: str
    leaf: str


def proofs_of(vault: Vault, entry: Entry) -> Proofs:
    """Computed now, from the entry, the tree and the log's key; nothing is taken from a record."""
    trees = Trees(vault)
    log = next(one for one in trees.logs if one.number == entry.log)
    leaf, path = leaf_hash(entry.leaf_data), trees.inclusion(entry.log, entry.index)
    content = None if entry.opening is None else entry.opening.leaf_data() == entry.leaf_data
    try:
        signed = signed_by(vault, log)
        verify_inclusion(leaf, entry.index, signed.size, path, signed.root)
    except AuditError:
        return Proofs(content, False, log.size, log.origin, leaf.hex())
    return Proofs(content, True, signed.size, log.origin, leaf.hex())


def signed_by(vault: Vault, log: ShownLog) -> Checkpoint:
    """What the log's key signed; raises `BadNote`, also where its key was retired meanwhile."""
    return open_note(log.note, log_keys(vault.system.settings).named(log.origin).verifiers)
