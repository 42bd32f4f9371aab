"""Proofs for what an owner is shown, made from the public tree: nothing here needs a key.

Which entries an owner gets is decided in `vault/activities.py`; here only hashes are added.
"""

from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from audit.errors import BadProof, MalformedEntry
from audit.leaf import Opening
from audit.shapes import Place
from audit.tiles import NodeReader
from crypto.encoding import unpae
from crypto.errors import Malformed
from evidence.proofs import consistency_proof, inclusion_proof
from vault.vault import Vault


@dataclass(frozen=True, slots=True)
class ShownLog:
    """One of the logs as it stands now. `begins`: its first entry, where it goes on from one."""

    number: int
    origin: str
    size: int
    note: str
    opened_from: int
    begins: Opening | None


class Trees:
    """The trees of all logs, as of checkpoints that are signed: made after the entries were."""

    def __init__(self, vault: Vault) -> None:
        store = vault.system.log
        head = store.head()
        self.logs = []
        for log in store.logs():
            size, note = log.size or 0, log.note or ""
            if log.log == head.log:
                size, note = head.frontier.size, head.note
            begins = _opening(log.begins)
            self.logs.append(ShownLog(log.log, log.origin, size, note, log.opened_from, begins))
        self._sizes = {log.number: log.size for log in self.logs}
        self._readers = {log: NodeReader(partial(store.tile, log)) for log in self._sizes}

    def inclusion(self, log: int, index: int) -> list[bytes]:
        """Empty where the tree does not give it: then nothing is proved, and a check says so."""
        with suppress(BadProof, KeyError):
            return inclusion_proof(index, self._sizes[log], self._readers[log].read_node)
        return []

    def consistency(self, log: int, since: Place | None) -> list[bytes] | None:
        """From a size that somebody holds to the one of now; None where that can't be."""
        if since is None or since[0] != log or since[1] > self._sizes[log]:
            return None
        with suppress(BadProof):
            return consistency_proof(since[1], self._sizes[log], self._readers[log].read_node)
        return None


def _opening(stored: bytes | None) -> Opening | None:
    """None too where somebody changed it: then a check misses it, and says so."""
    with suppress(MalformedEntry, Malformed, TypeError):
        return None if stored is None else Opening(*unpae(stored))
    return None
