"""Opened entries against their leaves, and each subject's entries against one another.

A tree proves that an entry is in, never that none is missing: this does, by gapless numbers per
subject and class. Entries that stay closed may account for a gap, but only where the entry after
the gap names one of them as the one before it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from audit.entry import Chain, check_pair, decode_chain, decode_event
from audit.errors import MalformedEntry
from audit.leaf import Opening
from evidence.findings import Findings


@dataclass(frozen=True, slots=True)
class Tail:
    """The last entry of a subject in a class: its number and leaf_data."""

    seq: int
    leaf_data: bytes
    visible_after: int | None = None


Tails = Mapping[tuple[bytes, str], Tail]


@dataclass(frozen=True, slots=True)
class _Seen:
    tail: Tail
    index: int
    closed_before: int


class Chains:
    """Takes the entries in order of index, each with its opening or none."""

    def __init__(
        self, findings: Findings, tails: Tails | None, *, begins_late: bool = False
    ) -> None:
        """`begins_late`: older entries may have gone, so a subject may begin at any number."""
        self._findings = findings
        self._begins_late = begins_late
        self._seen = {key: _Seen(tail, -1, 0) for key, tail in (tails or {}).items()}
        self._ids: set[bytes] = set()
        self._closed: dict[bytes, int] = {}
        self._tails_known = tails is not None
        self._continues = False
        self.opened = 0
        self.closed = 0
        self.unanchored = 0

    @property
    def tails(self) -> Tails:
        return {key: seen.tail for key, seen in self._seen.items()}

    def add_closed(self, index: int, leaf_data: bytes, entry_id: bytes | None) -> None:
        """An entry without opening: outside the scope, erased, or past retention."""
        # Whether entry 0 goes on from an earlier origin can't be told while it is closed.
        self._continues |= index == 0
        self.closed += 1
        self._closed[leaf_data] = index
        if entry_id is not None:
            self._check_id(index, entry_id)

    def add_opened(
        self, index: int, leaf_data: bytes, entry_id: bytes | None, opening: Opening
    ) -> None:
        """An entry with its opening: leaf, form, id, then its place among its subject's."""
        if opening.leaf_data() != leaf_data:
            self._findings.add(index, "opening", "it opens another leaf than the one that is there")
            self.add_closed(index, leaf_data, entry_id)
            return
        self.opened += 1
        try:
            event, chain = decode_event(opening.event), decode_chain(opening.chain)
            check_pair(event, chain)
        except MalformedEntry as error:
            self._findings.add(index, "entry", error.what)
            return
        self._continues |= index == 0 and event.action == "log.continue"
        if entry_id not in {None, event.id}:
            self._findings.add(index, "entry_id", "the row has another id than the entry")
        self._check_id(index, event.id)
        self._check_place(index, leaf_data, chain)

    def _check_id(self, index: int, entry_id: bytes) -> None:
        if entry_id in self._ids:
            self._findings.add(index, "entry_id", "an earlier entry has the same id")
        self._ids.add(entry_id)

    def _check_place(self, index: int, leaf_data: bytes, chain: Chain) -> None:
        key = chain.subject, chain.class_
        before = self._seen.get(key)
        if before is None:
            self._check_first(index, chain)
        else:
            self._check_next(index, chain, before)
        tail = Tail(chain.subject_seq, leaf_data, chain.visible_after)
        self._seen[key] = _Seen(tail, index, self.closed)

    def _check_first(self, index: int, chain: Chain) -> None:
        if chain.subject_seq == 1 or self._closed_account_for(chain, chain.subject_seq - 1, -1, 0):
            return
        if self._begins_late or (self._continues and not self._tails_known):
            self.unanchored += 1
            return
        what = f"the first of its subject is number {chain.subject_seq}"
        self._findings.add(index, "subject_seq", what)

    def _check_next(self, index: int, chain: Chain, before: _Seen) -> None:
        missing = chain.subject_seq - before.tail.seq - 1
        if missing < 0:
            what = f"number {chain.subject_seq} comes after number {before.tail.seq}"
            self._findings.add(index, "subject_seq", what)
        elif missing == 0 and chain.subject_prev != before.tail.leaf_data:
            self._findings.add(index, "subject_prev", "it names another entry as the one before")
        elif missing and not self._closed_account_for(
            chain, missing, before.index, before.closed_before
        ):
            what = f"{missing} of its subject's entries before it are not in the log"
            self._findings.add(index, "subject_seq", what)
        if (chain.visible_after or 0) < (before.tail.visible_after or 0):
            self._findings.add(index, "visible_after", "it is shown before the one before it")

    def _closed_account_for(self, chain: Chain, missing: int, after: int, closed: int) -> bool:
        at = self._closed.get(chain.subject_prev or b"", -1)
        return at > after and self.closed - closed >= missing
