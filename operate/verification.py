"""`kluis audit verify`: recomputes the whole log and compares the tables with it.

What that shows, and what it can't: docs/audit.md, 11 What a check shows.

Everything is read in one transaction, so a running server does not disturb it. It takes the keys of
the installation: what an auditor checks without them is `evidence/verify.py`.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

from audit.entry import decode_chain, decode_event
from audit.errors import AuditError, MalformedTile
from audit.leaf import Opening, open_opening
from audit.note import Checkpoint, parse_checkpoint
from audit.tree import EMPTY_ROOT
from crypto.errors import CannotOpen
from evidence.findings import Finding
from evidence.verify import Report, StoredLeaf, verify_log
from operate.comparing import Comparison, Told
from operate.continuing import bound_by, digest
from operate.ledger import Ledger
from operate.pair import snapshot
from operate.signers import ever
from operate.token import root_key
from vault.anchor import Anchor
from vault.context import Opener
from vault.database import Connection, Database, Row
from vault.errors import NotReady
from vault.keys import AuditKey, audit_salt, open_audit_key
from vault.keystore import Keystore
from vault.log import Head, Tally, TileReader
from vault.registry import Registry
from vault.settings import Settings
from vault.steps import sql

_LEAVES = sql("SELECT * FROM audit_leaf WHERE log = :log ORDER BY idx")
_OPENINGS = sql(
    """SELECT l.idx, l.entry_id, o.subject, o.opening, o.visible_after, o.alarm
    FROM audit_leaf l LEFT JOIN audit_opening o USING (log, idx)
    WHERE l.log = :log ORDER BY l.idx"""
)
_NOTES = sql("SELECT note FROM audit_checkpoint WHERE log = :log")
_LOGS = sql("SELECT log, origin, opened_from FROM audit_log ORDER BY log")
_LAST_NOTE = sql(
    """SELECT note FROM audit_checkpoint WHERE log = :log
    AND size = (SELECT count(*) FROM audit_leaf WHERE log = :log)"""
)
_FIRST = sql(
    """SELECT l.entry_id, o.opening FROM audit_leaf l JOIN audit_opening o USING (log, idx)
    WHERE l.log = :log AND l.idx = 0 AND o.subject = :subject"""
)
_AUDIT_KEYS = sql("SELECT subject, root_id, box FROM audit_key")
_SUBJECTS = sql("SELECT * FROM audit_subject")


@dataclass(frozen=True, slots=True)
class Verified:
    """The result: number of entries, what was checked in words, and every finding."""

    size: int
    checked: tuple[str, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Log:
    """One of the installation's logs, and what is told about its end."""

    number: int
    origin: str
    opened_from: int
    told: list[str] = field(default_factory=list)


def verify_data(settings: Settings) -> Verified:
    """Checks log and tables of an installation. Raises `NotReady` when it can't say."""
    try:
        with snapshot(settings) as (main, keystore, connection):
            return _Verification(settings, main, keystore, connection).run()
    except MalformedTile:
        return Verified(0, (), (Finding(None, "head", "the head's size and tree don't fit"),))


class _Verification:
    """One check, over one snapshot of the main database."""

    def __init__(
        self, settings: Settings, main: Database, keystore: Database, connection: Connection
    ) -> None:
        self._connection = connection
        self._main = main
        self._keystore = Keystore(keystore)
        self._root = root_key(settings)
        self._findings: list[Finding] = []
        self._settings = settings
        self._anchor = Anchor(settings.anchor)
        self._head = Head.read(connection)
        self._keys, self._shredded = self._audit_keys()
        self._ledger = Ledger()

    def run(self) -> Verified:
        if self._head.frontier.size == 0:
            raise NotReady("The log is empty: there is nothing to check yet.")
        # (1) each log, in order: one goes on from the one before after a restore
        self._logs = self._listed_logs()
        reports: list[Report] = []
        for at, log in enumerate(self._logs):
            reports.append(self._verify(log, self._logs[at + 1 : at + 2], reports))
        report = reports[-1]
        self._compare_head(report)
        # (2) the registry, (3) the vaults
        tables = self._tables()
        tables.compare_registry()
        compared = tables.compare_vaults()
        opened, closed = (sum(getattr(r, n) for r in reports) for n in ("opened", "closed"))
        size = sum(report.size for report in reports)
        lines = [
            f"{size} entries recomputed to the signed root",
            f"{opened} entries opened and matched, {closed} closed",
            f"{len(report.subjects)} chains of entries without a gap",
            f"vaults compared: {compared}, registrations: {len(self._ledger.added)}",
            *(line for log in self._logs for line in log.told),
            *(
                f"entries of {log.origin} before {log.opened_from} are past the time they are kept"
                for log in self._logs
                if log.opened_from
            ),
        ]
        if tables.closed:
            lines.append(f"{tables.closed} vaults open nothing since the restore: not compared")
        of_log = (finding for report in reports for finding in report.findings)
        findings = (*of_log, *self._findings, *tables.findings)
        return Verified(size=size, checked=tuple(lines), findings=findings)

    def _tables(self) -> Comparison:
        told = Told(
            ledger=self._ledger,
            keys=self._keys,
            shredded=len(self._shredded),
            system_subject=self._head.system_subject,
            logs=len(self._logs),
            some_gone=any(log.opened_from for log in self._logs),
        )
        registry, opener = Registry(self._main, self._root), Opener(self._root)
        return Comparison(told, self._connection, self._keystore, registry, opener)

    def _listed_logs(self) -> list[_Log]:
        """The logs by their numbers. The head's is the newest, whatever the list says."""
        listed = [_Log(*row) for row in self._connection.execute(_LOGS)]
        if listed and (listed[-1].number, listed[-1].origin) == (self._head.log, self._head.origin):
            return listed
        self._find("head", "the head is not of the newest log that is listed")
        head = _Log(self._head.log, self._head.origin, 0)
        return [*(log for log in listed if log.number < head.number), head]

    def _verify(self, log: _Log, after: list[_Log], before: list[Report]) -> Report:
        """One log. `after` is the one that goes on from it, `before` are those before it."""
        notes = list(self._connection.execute(_NOTES, {"log": log.number}).scalars())
        head_note = self._head.note
        if after:
            head_note = self._last_note(log)
            notes = self._kept_notes(log, after[0], head_note, notes)
        else:
            try:
                notes.append(self._anchor.read()[1])
            except NotReady as missing:
                self._find("note", str(missing))
        report = verify_log(
            log.origin,
            ever(self._settings, log.origin),
            self._leaves(log),
            head_note,
            read_tile=lambda level, n: (
                TileReader(self._connection, log.number).read(level, n) or None
            ),
            lowest_level=1,
            earlier_notes=notes,
            openings=self._openings(log),
            tails=before[-1].subjects if before else None,
        )
        if not after:
            return report
        named = (replace(one, what=f"{one.what} (in {log.origin})") for one in report.findings)
        return replace(report, findings=tuple(named))

    def _last_note(self, log: _Log) -> str:
        return self._connection.execute(_LAST_NOTE, {"log": log.number}).scalar_one_or_none() or ""

    def _kept_notes(self, log: _Log, after: _Log, last: str, notes: list[str]) -> list[str]:
        """The notes that the entries of a log that ended must give.

        One that counts more is accounted for where the next log's first entry names it: the
        entries between are lost, and it is said how many. That entry names this log's end too.
        """
        bound = self._bound_by(after)
        kept = []
        size = _checkpoint(last).size if last else 0
        for note in notes:
            checkpoint = _checkpoint(note)
            if checkpoint.size > size and digest(checkpoint) in bound:
                log.told.append(
                    f"{log.origin} ends with {size} entries; {checkpoint.size - size} more were "
                    f"signed and are lost, as {after.origin} says"
                )
            else:
                kept.append(note)
        if not last or digest(_checkpoint(last)) not in bound:
            self._find("continue", f"{after.origin} does not go on from the end of {log.origin}")
        elif not log.told:
            log.told.append(f"{log.origin} ends with {size} entries; {after.origin} goes on")
        return kept

    def _bound_by(self, log: _Log) -> tuple[bytes, ...]:
        key = self._keys.get(self._head.system_subject)
        this = {"log": log.number, "subject": self._head.system_subject}
        row = self._connection.execute(_FIRST, this).one_or_none()
        if key is None or row is None:
            return ()
        return bound_by(key.key, log.origin, row.entry_id, row.opening)

    def _leaves(self, log: _Log) -> Iterator[StoredLeaf]:
        rows = self._connection.execute(_LEAVES, {"log": log.number})
        return (StoredLeaf(row.idx, row.leaf_data, row.leaf_hash, row.entry_id) for row in rows)

    def _openings(self, log: _Log) -> Iterator[tuple[int, Opening]]:
        for row in self._connection.execute(_OPENINGS, {"log": log.number}):
            if row.opening is None:
                if row.idx >= log.opened_from:
                    self._findings.append(Finding(row.idx, "opening", "its row is gone"))
            elif row.subject in self._keys:
                try:
                    yield row.idx, self._open(log, row, self._keys[row.subject])
                except CannotOpen:
                    self._findings.append(Finding(row.idx, "opening", "it does not open"))
            elif row.subject not in self._shredded:
                self._findings.append(Finding(row.idx, "opening", "its subject has no key"))

    def _open(self, log: _Log, row: Row, key: AuditKey) -> Opening:
        opening = open_opening(key.key, log.origin, row.entry_id, row.opening)
        with suppress(AuditError):  # found again, and named, by the verifier
            event, chain = decode_event(opening.event), decode_chain(opening.chain)
            self._ledger.learn(event, chain)
            if row.visible_after != chain.visible_after or (chain.alarm and row.alarm is None):
                what = "its row says otherwise when, or how, its owner is shown it"
                self._findings.append(Finding(row.idx, "opening", what))
        return opening

    def _audit_keys(self) -> tuple[dict[bytes, AuditKey], set[bytes]]:
        """The keys that open, by subject, and the subjects whose salt is gone."""
        keys, shredded = {}, set()
        for row in self._connection.execute(_AUDIT_KEYS):
            name = audit_salt(row.subject)
            salt = self._keystore.get([name]).get(name)
            if salt is None:
                shredded.add(row.subject)
                continue
            try:
                root = self._root.at(row.root_id)
                keys[row.subject] = open_audit_key(root, row.subject, salt, row.box)
            except CannotOpen:
                self._find("audit_key", "an audit key does not open")
        return keys, shredded

    def _compare_head(self, report: Report) -> None:
        """What the next batch builds on must be what was signed and chained."""
        tree = self._head.frontier
        if report.checkpoint != Checkpoint(self._head.origin, tree.size, tree.root()):
            self._find("head", "the head's size or frontier is not what its note signs")
        gone = set(report.subjects)
        for row in self._connection.execute(_SUBJECTS):
            key = row.subject, getattr(row, "class")
            gone.discard(key)
            tail, last = report.subjects.get(key), Tally.of(row)
            if tail is None:
                continue
            if (tail.seq, tail.leaf_data, tail.visible_after or None) != (
                last.seq,
                last.leaf,
                last.visible_after,
            ):
                self._find("subject", "a subject's last number is not what its entries give")
            elif not self._ledger.tallies[key].agrees(last.reads, last.refusals):
                self._find("subject", "a subject's counts are not what its entries give")

        if gone:  # its next entry would be called its first
            self._find("subject", f"the last numbers of {len(gone)} subjects are gone")

    def _find(self, code: str, what: str) -> None:
        self._findings.append(Finding(None, code, what))


def _checkpoint(note: str) -> Checkpoint:
    """What a note says, before anybody believes it."""
    try:
        return parse_checkpoint(note.split("\n\n", 1)[0] + "\n")
    except AuditError:
        return Checkpoint("unreadable", 0, EMPTY_ROOT)
