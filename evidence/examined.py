"""One log of an export, checked: its tree, its openings, its closed entries, its renderings."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from audit.entry import decode_chain, decode_event
from audit.errors import AuditError
from audit.note import Checkpoint, Verifier, encode_checkpoint, parse_checkpoint
from audit.tree import EMPTY_ROOT
from crypto.primitives import sha256
from evidence import spreadsheet
from evidence.entries import CLOSED, GONE, Entry
from evidence.export import CHECKPOINT, CSV, RENDERINGS, SHREDDED, render
from evidence.exported import ExportedParts
from evidence.findings import Finding, Findings
from evidence.verify import Report, StoredLeaf, verify_log

_EARLIER = re.compile(r"earlier note (\d+)")
_PREVIOUS = "the export before"

Progress = Callable[[int], None]


class LogExamination:
    """Checks one log. `after`: the one that goes on from it. `previous`: its note in the export
    before. `recorded_at`: where the entry of this export must stand.
    """

    def __init__(
        self,
        parts: ExportedParts,
        verifiers: Sequence[Verifier],
        after: ExportedParts | None,
        previous: str | None,
        recorded_at: int | None,
        progress: Progress,
    ) -> None:
        self._parts, self._log, self._after = parts, parts.described, after
        self._verifiers, self._progress = verifiers, progress
        self._recorded_at = recorded_at
        self._head = parts.note(self._log.folder + CHECKPOINT)
        self._notes = {_PREVIOUS: previous} if previous is not None else {}
        self._findings = Findings()
        self._erased = self._opened = 0
        self._recorded = ""  # the action of the entry at `recorded_at`
        self._names: list[str] = []
        self.told: list[str] = []

    def verify(self, before: Sequence[Report]) -> Report:
        """Checks everything; `before` are the reports of the logs that it goes on from."""
        parts, origin = self._parts, self._log.origin
        self._notes |= {name: parts.note(name) for name in parts.checkpoints()}
        if self._after is not None:
            self._check_seam(self._after)
        self._names = list(self._notes)
        self._report = report = verify_log(
            origin,
            self._verifiers,
            self._counted(parts.leaves()),
            self._head,
            read_tile=parts.tile,
            earlier_notes=self._notes.values(),
            openings=parts.openings(),
            tails=before[-1].subjects if before else None,
        )
        self._check_renderings()
        self._check_closed()
        self._check_manifest()
        for what in parts.trouble.values():
            self._findings.add(None, "member", what)
        self.told += [
            f"{origin}: {report.size} entries recomputed to the signed root, "
            f"{len(self._names)} earlier notes compared",
            f"{origin}: {report.opened} entries opened and matched, {report.closed} closed",
            f"{origin}: {len(report.subjects)} chains of entries without a gap",
        ]
        return report

    def found(self) -> list[Finding]:
        """Every finding; those of a log at the root name no folder."""
        where = f" (in {self._log.origin})" if self._log.folder else ""
        return [
            replace(one, what=_EARLIER.sub(self._name, one.what) + where)
            for one in (*self._report.findings, *self._findings.in_order())
        ]

    def _name(self, found: re.Match[str]) -> str:
        return self._names[int(found[1]) - 1]

    def _counted(self, leaves: Iterator[StoredLeaf]) -> Iterator[StoredLeaf]:
        for leaf in leaves:
            yield leaf
            self._progress(1)

    def _check_seam(self, after: ExportedParts) -> None:
        """The next log's first entry names this one's end, and any longer one that was signed."""
        bound, end, next_one = _bound_by(after), _claim(self._head), after.described.origin
        if _digest(end) not in bound:
            what = f"{next_one} does not go on from the end of {self._log.origin}"
            self._findings.add(None, "continue", what)
            return
        lost = 0
        for name, note in list(self._notes.items()):
            claimed = _claim(note)
            if claimed.size > end.size and _digest(claimed) in bound:
                lost = max(lost, claimed.size - end.size)
                del self._notes[name]
        gone = f"; {lost} more were signed and are lost, as it says" if lost else ""
        self.told.append(
            f"{self._log.origin} ends with {end.size} entries, {next_one} goes on{gone}"
        )

    def _check_renderings(self) -> None:
        lines = {name: self._parts.lines(name) for name in RENDERINGS}
        same = set(RENDERINGS)
        if next(lines[CSV], None) != spreadsheet.heading():
            self._findings.add(None, "rendering", f"{CSV} has another heading")
            same.discard(CSV)
        for index, opening in self._parts.openings():
            entry = Entry(0, index, b"", b"", opening)
            if entry.bodies is None:  # found and named by `verify_log`
                continue
            self._learn(entry)
            for name in sorted(same):
                if next(lines[name], None) != render(name, self._log.origin, entry):
                    self._findings.add(index, "rendering", f"{name} says something else")
                    same.discard(name)
        for name in sorted(same):
            if next(lines[name], None) is not None:
                self._findings.add(
                    None, "rendering", f"{name} has more lines than there are entries"
                )

    def _learn(self, entry: Entry) -> None:
        event = entry.bodies and entry.bodies[0]
        self._opened += 1
        if event and event.outcome == "permitted":
            self._erased += event.action == "vault.erase"
            if entry.index == self._recorded_at:
                self._recorded = event.action

    def _check_closed(self) -> None:
        """Each entry is open or accounted for, once."""
        size, reasons = self._log.size, Counter[str]()
        seen = bytearray(size)
        for index, _ in self._parts.openings():
            if index < size:
                seen[index] = 1
        for index, reason in self._parts.closed():
            reasons[reason] += 1
            if index >= size:
                self._findings.add(index, "closed", "there is no such entry")
            elif seen[index]:
                self._findings.add(index, "closed", f"it stands in {SHREDDED} and elsewhere too")
            elif reason not in GONE:
                what = f"its opening is {reason}: no time does that"
                self._findings.add(index, "closed", what)
            if index < size:
                seen[index] = 1
        for index, there in enumerate(seen):
            if not there:
                self._findings.add(index, "closed", "it is neither open nor said to be closed")
        if reasons["erased"] and not self._erased and not self._log.folder:
            what = f"{reasons['erased']} entries are called erased, and no vault was"
            self._findings.add(None, "closed", what)
        if dict(reasons) != {word: n for word, n in self._log.closed.items() if n}:
            self._findings.add(None, "manifest", "it counts other closed entries")

    def _check_manifest(self) -> None:
        head = self._report.checkpoint
        if head and (head.size, head.root.hex()) != (self._log.size, self._log.root):
            self._findings.add(None, "manifest", "its size or root is not the checkpoint's")
        if self._log.opened != self._opened:
            self._findings.add(None, "manifest", "it counts other opened entries")
        if self._log.closed.keys() != set(CLOSED):
            self._findings.add(None, "manifest", "it has other words for closed entries")
        if self._recorded_at is not None and self._recorded != "log.export":
            what = "the manifest says that this export is recorded here, and it is not"
            self._findings.add(self._recorded_at, "manifest", what)


def _bound_by(log: ExportedParts) -> set[bytes]:
    """The digests of the checkpoints that a log's first entry goes on from; else none."""
    index, opening = next(log.openings(), (1, None))
    if index or opening is None:
        return set()
    try:
        event, chain = decode_event(opening.event), decode_chain(opening.chain)
    except AuditError:
        return set()
    refs = chain.refs if event.action == "log.continue" and event.outcome == "permitted" else None
    return {ref for ref in refs or () if isinstance(ref, bytes)}


def _claim(note: str) -> Checkpoint:
    """What a note says, before anybody believes it."""
    try:
        return parse_checkpoint(note.partition("\n\n")[0] + "\n")
    except AuditError:
        return Checkpoint("unreadable", 0, EMPTY_ROOT)


def _digest(checkpoint: Checkpoint) -> bytes:
    return sha256(encode_checkpoint(checkpoint).encode())
