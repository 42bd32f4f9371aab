"""An owner's own entries, checked by the owner, who trusts nobody.

Written down in docs/audit.md, 11 What a check shows.

Nothing is believed but the keys given and what was remembered from the time before. Entries come
page by page, newest first; `finish` says what they amount to.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from audit.entry import Chain, Event, decode_chain, decode_event
from audit.errors import BadProof, MalformedEntry
from audit.leaf import Opening, leaf_hash
from audit.note import Checkpoint, Verifier
from audit.shapes import Place
from evidence.chains import Chains
from evidence.findings import Finding, Findings
from evidence.ownlogs import Held, OwnLog
from evidence.proofs import verify_inclusion

Pair = tuple[Place, Event, Chain]

# What an owner's view never holds, and why: the one place where that stands in words.
NOT_SHOWN: Mapping[str, str] = {
    "deferred": "Reads that a law lets stay hidden for a time. Which uses have that right, and for "
    "how long at most, stands in the list of offices; such a read joins this list when its time is "
    "over. Auditors always see it.",
    "strangers": "Attempts by callers who did not show who they are: they are counted and not "
    "listed, so that strangers can't fill your list. They got nothing.",
    "retention": "Lines that are older than they are kept. That they were there can be proved "
    "still, and what they said can't be read any more.",
}


@dataclass(frozen=True, slots=True)
class OwnEntry:
    """An entry with its opening and the path from its leaf to its log's checkpoint."""

    log: int
    index: int
    opening: Opening
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Last:
    """The last entry of a class that was seen: its number, leaf, log and index there."""

    seq: int
    leaf_data: bytes
    log: int
    index: int


@dataclass(frozen=True, slots=True)
class Memory:
    """What an owner remembers of one check for the next: a checkpoint, whose, and last entries."""

    log: int
    checkpoint: Checkpoint
    subject: bytes | None = None
    last: Mapping[str, Last] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OwnReport:
    """What was checked. `first`: the oldest number that is left, 1 where nothing has gone.

    `lost`: how many signed entries, of all vaults, a restore lost since the last time; the log says
    so itself. `memory` is None where something was found: what was remembered before still counts.
    """

    entries: int
    reads: int
    refusals: int
    deferred: int
    first: int
    lost: int
    findings: tuple[Finding, ...]
    memory: Memory | None


def in_words(report: OwnReport) -> list[str]:
    """What a check amounts to, for people."""
    if report.findings:
        said = [f"NOT WHOLE: {len(report.findings)} things do not fit."]
        return said + [f"  {finding}" for finding in report.findings]
    reads = f"{report.reads} {'read' if report.reads == 1 else 'reads'}"
    lines = f"{report.entries} lines, each proved to be in the log"
    said = [f"checked: {reads}, none missing ({lines})"]
    if report.first > 1:
        said.append(
            f"It begins at number {report.first}. What is older is past the time it is kept; "
            "whether it went too early can't be told from here."
        )
    if report.lost:
        said.append(
            f"A restore lost {report.lost} lines of all vaults together, and the log says so "
            "itself. Yours may be among them."
        )
    return said


def gaps(entries: Iterable[OwnEntry]) -> tuple[Finding, ...]:
    """What does not fit among entries that follow one another, in any order; no proof is asked."""
    findings = Findings()
    _follow(findings, {(one.log, one.index): one.opening for one in entries})
    return findings.in_order()


class OwnCheck:
    """One check: `add` each page in the order it came, then `finish`.

    (1) Each log's note is signed by a key given, or by the same key under the name of a log that
        goes on from one of these; its first entry proves that.
    (2) Each checkpoint goes on from the one held of that log: the remembered one, then each page's.
        One that counts fewer entries is a log that was cut, or a restore that the next log admits.
    (3) Each entry's opening gives a leaf, and its path leads to the checkpoint of its log.
    (4) All entries are of one subject. Per class the numbers have no gap, each names the one
        before, across logs; deferred ones become visible in order. The first may be any: older ones
        go after a time.
    (5) What was seen last time is there, unless it is older than what is left.
    """

    def __init__(self, keys: Iterable[Verifier], memory: Memory | None = None) -> None:
        self._memory = memory
        self._findings = Findings()
        known = None if memory is None else (memory.log, memory.checkpoint)
        self._logs = Held(self._findings, keys, known)
        self._openings: dict[Place, Opening] = {}

    @property
    def since(self) -> Place | None:
        """The log and the size from which the next page has to prove that it goes on."""
        newest = self._logs.newest
        return None if newest is None else (newest[0], newest[1].size)

    def add(self, logs: Sequence[OwnLog], entries: Iterable[OwnEntry]) -> None:
        """A page: the logs as they stood when it was made, and its entries."""
        now = self._logs.take(logs)
        for entry in entries:
            checkpoint = now.get(entry.log)
            if checkpoint is None:
                self._find(entry.index, "proof", "its log has no checkpoint")
                continue
            leaf = leaf_hash(entry.opening.leaf_data())
            try:
                verify_inclusion(leaf, entry.index, checkpoint.size, entry.path, checkpoint.root)
            except BadProof as error:
                self._find(entry.index, "proof", f"it is not proved to be in the log ({error})")
            known = self._openings.setdefault((entry.log, entry.index), entry.opening)
            if known != entry.opening:
                self._find(entry.index, "order", "it stands twice, and differs")

    def finish(self) -> OwnReport:
        pairs, first = _follow(self._findings, self._openings)
        subjects = {chain.subject for _, _, chain in pairs}
        if self._memory is not None and self._memory.subject is not None:
            subjects.add(self._memory.subject)
        if len(subjects) > 1:
            self._find(None, "entry", "there are entries of another vault")
        self._compare_memory(pairs)
        events = [event for _, event, _ in pairs]
        permitted = [one for one in events if (one.action, one.outcome) == _READ]
        denied = [one for one in events if (one.actor.kind, one.outcome) == ("agency", "denied")]
        return OwnReport(
            entries=len(pairs),
            reads=len(permitted),
            refusals=len(denied),
            deferred=sum(chain.class_ == "deferred" for _, _, chain in pairs),
            first=first,
            lost=self._logs.lost,
            findings=self._findings.in_order(),
            memory=None if self._findings.total else self._remember(pairs, subjects),
        )

    # (5)

    def _compare_memory(self, pairs: Sequence[Pair]) -> None:
        oldest = next((place for place, _, c in pairs if c.class_ == "open"), None)
        for class_, seen in self._last().items():
            found = {c.subject_seq: place for place, _, c in pairs if c.class_ == class_}
            place = found.get(seen.seq)
            if place is not None and self._openings[place].leaf_data() == seen.leaf_data:
                continue
            if place is None and oldest is not None and (seen.log, seen.index) < oldest:
                continue  # older than what is left
            what = f"number {seen.seq}, which was there last time, is not there any more"
            self._find(None, "forgotten", what)

    def _remember(self, pairs: Sequence[Pair], subjects: Iterable[bytes]) -> Memory | None:
        newest = self._logs.newest
        if newest is None:
            return None
        last = self._last()
        for (log, index), _, chain in pairs:
            leaf_data = self._openings[log, index].leaf_data()
            last[chain.class_] = Last(chain.subject_seq, leaf_data, log, index)
        return Memory(*newest, next(iter(subjects), None), last)

    def _last(self) -> dict[str, Last]:
        """What is remembered, without what was lost with others, as the log says."""
        ends = self._logs.ends
        known = {} if self._memory is None else self._memory.last
        return {c: one for c, one in known.items() if one.index < ends.get(one.log, one.index + 1)}

    def _find(self, index: int | None, code: str, what: str) -> None:
        self._findings.add(index, code, what)


_READ = ("data.read", "permitted")


def _follow(findings: Findings, openings: Mapping[Place, Opening]) -> tuple[list[Pair], int]:
    """The entries in order, decoded, and the first number of the open class."""
    pairs: list[Pair] = []
    chains = Chains(findings, None, begins_late=True)
    number = None
    for place in sorted(openings):
        opening = openings[place]
        if place[0] != number and number is not None:
            chains = Chains(findings, chains.tails, begins_late=True)
        number = place[0]
        chains.add_opened(place[1], opening.leaf_data(), None, opening)
        try:
            pairs.append((place, decode_event(opening.event), decode_chain(opening.chain)))
        except MalformedEntry:
            continue  # found, and named, by the chains
    first = next((chain.subject_seq for _, _, chain in pairs if chain.class_ == "open"), 1)
    return pairs, first
