"""The whole log, checked from its parts by someone who trusts none of them.

Nothing is believed but the keys given. What this can not show: that the log recorded what happened;
that entries after the newest note held outside were never there; who holds the log's key. See
docs/audit.md, 11 What a check shows.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from audit.errors import BadNote, MalformedEntry
from audit.leaf import Opening, check_leaf_data, leaf_hash
from audit.note import Checkpoint, Verifier, open_note
from evidence.chains import Chains, Tails
from evidence.findings import Finding, Findings
from evidence.recompute import ReadStoredTile, Recompute

_HEAD = "the head's note"


@dataclass(frozen=True, slots=True)
class StoredLeaf:
    """A leaf as it is stored: its number and data, with hash and entry id where these are kept."""

    index: int
    data: bytes
    hash: bytes | None = None
    entry_id: bytes | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What was checked and found.

    `found` counts all findings, `findings` holds at most a hundred of a code, first place first.
    `subjects` are the last entries per subject and class: the `tails` for checking the origin that
    goes on from here. `unanchored` subjects go on from an origin that was not given.
    """

    checkpoint: Checkpoint | None
    size: int
    findings: tuple[Finding, ...]
    found: int
    opened: int
    closed: int
    subjects: Tails
    unanchored: int


def numbered(leaves: Iterable[bytes]) -> Iterator[StoredLeaf]:
    """Leaves that stand in order without numbers of their own, as in entry bundles."""
    return (StoredLeaf(index, data) for index, data in enumerate(leaves))


def verify_log(
    origin: str,
    verifiers: Iterable[Verifier],
    leaves: Iterable[StoredLeaf],
    head_note: str,
    *,
    read_tile: ReadStoredTile | None = None,
    lowest_level: int = 0,
    earlier_notes: Iterable[str] = (),
    openings: Iterable[tuple[int, Opening]] = (),
    tails: Tails | None = None,
) -> Report:
    """Recomputes a log and reports every disagreement; never stops at the first note or opening.

    `read_tile(level, n)` gives the stored hashes of a tile as of the head, None where there is no
    such tile; it is asked from `lowest_level` up (1 where level 0 is built from the leaves).
    `openings` come in order of index; which ones is the checker's scope. `tails` are those of the
    origin before, where this one goes on from it.

    (1) The head's note and every earlier note are signed by a known key, for this origin.
    (2) The log is not empty, and no number is missing, twice or out of order. From the first such
        place on nothing can be recomputed: the check of the leaves ends there.
    (3) Each leaf has the form of a leaf and, where that is kept, its own hash.
    (4) Each stored tile holds what the leaves give: this names a changed, dropped or moved leaf.
    (5) The leaves give the root of the head and of every earlier note: each is a prefix.
    (6) The leaves are as many as the head counts, and not fewer than any earlier note counts.
    (7) Each opening gives its leaf; its event and chain are in their one spelling and fit.
    (8) No two entries have the same id.
    (9) Per subject and class the numbers run from 1 without a gap, each naming the one before, and
        deferred entries become visible in order.
    """
    findings = Findings()
    # (1)
    signed = _signed(findings, origin, tuple(verifiers), head_note, earlier_notes)
    head = signed.get(_HEAD)
    # (4), (5)
    tree = Recompute(findings, list(signed.items()), read_tile, lowest_level)
    # (7), (8), (9)
    chains = Chains(findings, tails)
    pending = _Openings(findings, openings)
    if _walk(findings, leaves, tree, chains, pending):
        # (4), (6)
        tree.finish()
        if head and tree.size > head.size:
            findings.add(head.size, "unsigned", f"{_HEAD} counts {head.size} entries")
        pending.finish()
        # (2)
        if tree.size == 0:
            findings.add(None, "empty", "there are no entries")
    return _report(head, tree.size, findings, chains)


def _report(head: Checkpoint | None, size: int, findings: Findings, chains: Chains) -> Report:
    return Report(
        checkpoint=head,
        size=size,
        findings=findings.in_order(),
        found=findings.total,
        opened=chains.opened,
        closed=chains.closed,
        subjects=chains.tails,
        unanchored=chains.unanchored,
    )


class _Openings:
    """Openings in order of index, taken as their leaves come by."""

    def __init__(self, findings: Findings, openings: Iterable[tuple[int, Opening]]) -> None:
        self._findings = findings
        self._rest = iter(openings)
        self._next = next(self._rest, None)

    def take(self, index: int) -> Opening | None:
        found = None
        while self._next and self._next[0] <= index:
            at, opening = self._next
            if at == index and found is None:
                found = opening
            else:
                self._findings.add(at, "opening", "it stands twice or out of order")
            self._next = next(self._rest, None)
        return found

    def finish(self) -> None:
        while self._next:
            self._findings.add(self._next[0], "opening", "there is no such entry")
            self._next = next(self._rest, None)


def _walk(
    findings: Findings,
    leaves: Iterable[StoredLeaf],
    tree: Recompute,
    chains: Chains,
    pending: _Openings,
) -> bool:
    """Takes leaf by leaf into the tree and the chains; False where one was missing or misplaced."""
    for leaf in leaves:
        # (2)
        if leaf.index != tree.size:
            _misplaced(findings, leaf.index, tree.size)
            return False
        # (3)
        _check_leaf(findings, leaf)
        tree.add(leaf_hash(leaf.data))
        opening = pending.take(leaf.index)
        if opening is None:
            chains.add_closed(leaf.index, leaf.data, leaf.entry_id)
        else:
            chains.add_opened(leaf.index, leaf.data, leaf.entry_id, opening)
    return True


def _signed(
    findings: Findings,
    origin: str,
    verifiers: tuple[Verifier, ...],
    head_note: str,
    earlier_notes: Iterable[str],
) -> dict[str, Checkpoint]:
    """The checkpoints of the notes that hold, by what a finding calls them; the head's first."""
    earlier = {f"earlier note {n}": note for n, note in enumerate(earlier_notes, start=1)}
    named = {_HEAD: head_note} | {name: note for name, note in earlier.items() if note != head_note}
    opened = {name: _open(findings, name, note, origin, verifiers) for name, note in named.items()}
    return {name: checkpoint for name, checkpoint in opened.items() if checkpoint}


def _open(
    findings: Findings, name: str, note: str, origin: str, verifiers: tuple[Verifier, ...]
) -> Checkpoint | None:
    try:
        checkpoint = open_note(note, verifiers)
    except BadNote as error:
        findings.add(None, "note", f"{name}: {error.what}")
        return None
    if checkpoint.origin != origin:
        findings.add(None, "note", f"{name}: of another log")
        return None
    return checkpoint


def _misplaced(findings: Findings, index: int, expected: int) -> None:
    if index > expected:
        findings.add(expected, "missing", f"the next one there is {index}")
    else:
        findings.add(index, "order", "it stands twice or out of order")


def _check_leaf(findings: Findings, leaf: StoredLeaf) -> None:
    try:
        check_leaf_data(leaf.data)
    except MalformedEntry as error:
        findings.add(leaf.index, "leaf", error.what)
    if leaf.hash is not None and leaf.hash != leaf_hash(leaf.data):
        findings.add(leaf.index, "leaf", "its data has another hash than the stored one")
