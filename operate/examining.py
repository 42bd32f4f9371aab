"""The log as it is looked at: entries opened one window after another, and all of it for an export.

Nothing here decides or records: `Vault.record_look` did, before anything that is read here leaves.
Memory does not grow with the log. What an export gives: docs/auditors.md.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from audit.errors import BadNote
from audit.leaf import Opening, open_opening
from audit.note import open_note
from audit.shapes import Place
from crypto.errors import CannotOpen
from evidence.entries import Entry
from evidence.export import ExportedLog
from operate.signers import ever
from vault import caller
from vault.database import Row
from vault.errors import LogUnavailable
from vault.keys import AuditKey, audit_salt, open_audit_key
from vault.keystore import SaltKey
from vault.log import Head
from vault.logkeys import LogKeys, log_keys
from vault.steps import sql
from vault.system import System
from vault.vault import Vault

WINDOW_ENTRIES = 1000
ALWAYS_MS = 0, 2**48 - 1
_IN_WINDOW = """ WHERE (l.log, l.idx) > (:log, :index) AND (l.log, l.idx) <= (:last_log, :last)
    AND l.entry_id BETWEEN :low AND :high ORDER BY l.log, l.idx LIMIT :most"""
_WINDOW = sql(
    """SELECT l.*, o.subject, o.opening, k.root_id, k.box, g.origin, g.opened_from
    FROM audit_leaf l JOIN audit_log g USING (log) LEFT JOIN audit_opening o USING (log, idx)
    LEFT JOIN audit_key k USING (subject) {in_window}""".replace("{in_window}", _IN_WINDOW)
)
_PLACES = sql("SELECT l.log, l.idx FROM audit_leaf l" + _IN_WINDOW)  # noqa: S608 - text of ours
_LEAVES = sql(
    "SELECT leaf_data FROM audit_leaf WHERE log = :log AND idx BETWEEN :first AND :last"
    " ORDER BY idx"
)
_LOGS = sql(
    """SELECT log, origin, (SELECT coalesce(max(idx) + 1, 0) FROM audit_leaf l WHERE l.log = a.log)
    AS size FROM audit_log a ORDER BY log"""
)
# The last note of each day, and those of the log's end and of entries that were lost.
_NOTES = sql(
    """SELECT size, note FROM audit_checkpoint WHERE log = :log AND (size >= :size OR size IN
    (SELECT max(size) FROM audit_checkpoint WHERE log = :log GROUP BY published_at / 86400000))
    ORDER BY size"""
)
EVERYWHERE: Place = 2**31, 2**62


@dataclass(frozen=True, slots=True)
class Window:
    """Which entries: after a place, up to a place, of calls that came in between two instants."""

    after: Place = (0, 0)
    last: Place = EVERYWHERE
    between_ms: tuple[int, int] = ALWAYS_MS
    most: int = WINDOW_ENTRIES

    def values(self) -> dict[str, object]:
        first_ms, last_ms = self.between_ms  # an entry's id begins with its instant
        return {
            "log": self.after[0],
            "index": self.after[1],
            "last_log": self.last[0],
            "last": self.last[1],
            "low": first_ms.to_bytes(6) + bytes(10),
            "high": last_ms.to_bytes(6) + b"\xff" * 10,
            "most": self.most,
        }


def look(vault: Vault, by: caller.TokenHolder, window: Window) -> list[Entry]:
    """The entries of a window, once the log says that so many were looked at.

    Raises what `Vault.record_look` raises.
    """
    with vault.system.main.read() as connection:
        places = connection.execute(_PLACES, window.values()).all()
    vault.record_look(by, "log.read", len(places))
    last = replace(window, last=(places[-1][0], places[-1][1])) if places else None
    return [] if last is None else read(vault.system, last)


def read(system: System, window: Window) -> list[Entry]:
    """The entries of a window, opened as far as they can be."""
    with system.main.read() as connection:
        rows = connection.execute(_WINDOW, window.values()).all()
    names = {audit_salt(row.subject) for row in rows if row.box is not None}
    salts = system.keystore.get(list(names)) if names else {}
    keys = dict[bytes, AuditKey]()

    def open_row(row: Row) -> Opening:
        if row.subject not in keys:
            root, salt = system.root.at(row.root_id), salts[audit_salt(row.subject)]
            keys[row.subject] = open_audit_key(root, row.subject, salt, row.box)
        return open_opening(keys[row.subject].key, row.origin, row.entry_id, row.opening)

    return [
        Entry(row.log, row.idx, row.entry_id, row.leaf_data, *_opened(row, salts, open_row))
        for row in rows
    ]


def _opened(
    row: Row, salts: Mapping[SaltKey, bytes], open_row: Callable[[Row], Opening]
) -> tuple[Opening | None, str]:
    """The opening, or none and why: a word of `evidence.entries.CLOSED`."""
    if row.opening is None:
        return None, "retention" if row.idx < row.opened_from else "missing"
    if row.box is not None and audit_salt(row.subject) not in salts:
        return None, "erased"
    try:
        return open_row(row), ""
    except (CannotOpen, KeyError):
        return None, "damaged"


@dataclass(frozen=True, slots=True)
class Examined:
    """Every log, oldest first, up to the entry `index` of the newest: the one of this export."""

    system: System
    logs: tuple[ExportedLog, ...]
    index: int

    @property
    def total(self) -> int:
        return sum(log.size for log in self.logs)

    def leaves(self, log: ExportedLog) -> Iterator[bytes]:
        """Every leaf of a log, in order."""
        for first in range(0, log.size, WINDOW_ENTRIES):
            last = min(first + WINDOW_ENTRIES, log.size) - 1
            values = {"log": log.number, "first": first, "last": last}
            with self.system.main.read() as connection:
                leaves = list(connection.execute(_LEAVES, values).scalars())
            yield from leaves

    def entries(self, log: ExportedLog) -> Iterator[Entry]:
        """Every entry of a log, in order."""
        at = -1
        while found := read(self.system, Window((log.number, at), (log.number, log.size - 1))):
            yield from found
            at = found[-1].index


def examine(
    vault: Vault, by: caller.TokenHolder | caller.Operator, action: str = "log.export"
) -> Examined:
    """All of the log, once it says that it was exported; raises as `Vault.record_look` does."""
    with vault.system.main.read() as connection:
        count = sum(row.size for row in connection.execute(_LOGS)) + 1
    index = vault.record_look(by, action, count)
    keys = log_keys(vault.system.settings)
    logs = []
    with vault.system.main.read() as connection:
        head = Head.read(connection)
        for row in connection.execute(_LOGS).all():
            values = {"log": row.log, "size": row.size}
            known = {one.size: one.note for one in connection.execute(_NOTES, values)}
            size, note = row.size, known.get(row.size, "")
            if row.log == head.log:
                size, note = _signed(vault, keys.named(row.origin), head.note)
            vkeys = tuple(key.vkey for key in ever(vault.system.settings, row.origin))
            notes = tuple(known.items())
            logs.append(ExportedLog(row.log, row.origin, vkeys, size, note, notes))
    return Examined(vault.system, tuple(logs), index)


def _signed(vault: Vault, keys: LogKeys, note: str) -> tuple[int, str]:
    """The head's size, and its note with a line by each key: of no tree but the signed one."""
    try:
        signed = open_note(note, keys.verifiers)
    except BadNote:
        raise LogUnavailable from None
    return signed.size, keys.published(signed, vault.system.clock.now_ms() // 1000)
