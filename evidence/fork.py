"""Whether a log showed everybody the same history: the notes that several witnesses hold of it.

Two notes of one log, both signed by it, belong to one history if the smaller tree is a prefix of
the larger one. Equal sizes with other roots are proof of two histories, for ever and for anyone;
for unequal sizes the log has to show the proof, and one that can't is not believed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from audit.errors import BadNote, BadProof, MalformedTile
from audit.note import Checkpoint, Verifier, open_note
from evidence.proofs import verify_consistency

Prove = Callable[[int, int], Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class Shown:
    """A note that somebody holds, and what it says, once it was opened."""

    holder: str
    note: str
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Fork:
    """Two notes that do not belong together. `is_proof`: they show it by themselves."""

    smaller: Shown
    larger: Shown
    is_proof: bool

    def __str__(self) -> str:
        if self.is_proof:
            return (
                f"the log signed two histories of {self.smaller.checkpoint.size} entries: one was "
                f"shown to {self.smaller.holder}, the other to {self.larger.holder}"
            )
        return (
            f"the log can't show that the {self.larger.checkpoint.size} entries it showed "
            f"{self.larger.holder} begin with the {self.smaller.checkpoint.size} it showed "
            f"{self.smaller.holder}"
        )


def opened(notes: Mapping[str, str], verifiers: Iterable[Verifier]) -> list[Shown]:
    """The notes of each holder, smallest tree first. Raises `BadNote`: the log did not sign one."""
    keys = tuple(verifiers)
    found = []
    for holder, note in notes.items():
        try:
            found.append(Shown(holder, note, open_note(note, keys)))
        except BadNote as error:
            raise BadNote(f"{holder}: {error.what}") from None
    return sorted(found, key=lambda shown: shown.checkpoint.size)


def first_fork(shown: Sequence[Shown], prove: Prove) -> Fork | None:
    """The first two neighbours in size that are not of one history; None: all are.

    `prove(size1, size2)` asks the log for the proof that one tree is a prefix of the other.
    """
    for smaller, larger in pairwise(shown):
        one, two = smaller.checkpoint, larger.checkpoint
        if one.origin != two.origin:
            raise BadNote("of two logs")
        if one.size == two.size:
            if one.root != two.root:
                return Fork(smaller, larger, is_proof=True)
            continue
        try:
            proof = prove(one.size, two.size)
            verify_consistency(one.size, one.root, two.size, two.root, proof)
        except (BadProof, MalformedTile):
            return Fork(smaller, larger, is_proof=False)
    return None
