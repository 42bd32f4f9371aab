"""`kluis audit continue`: going on with a log after a restore that lost entries (docs/backup.md).

What was signed under the old name stays signed, so the log goes on under a new one: a new tree,
whose first entry binds the last checkpoint known of the old log, and the one this database holds of
it. Numbers of a subject's entries run on. So it is shown for ever that entries are lost, and how
many; which ones, nobody can tell without them.

(1) In one transaction: the new log, its first entry, its signed head, and the old notes. (2) The
anchor. Killed in between, the old anchor stays and nothing is served; done again, only (2) is left.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from audit.entry import decode_chain, decode_event
from audit.errors import AuditError
from audit.leaf import open_opening
from audit.note import Checkpoint, encode_checkpoint, open_note
from audit.tree import Frontier, root_at
from crypto.encoding import pae
from crypto.errors import CannotOpen
from crypto.primitives import sha256
from crypto.secret import Secret
from operate.exclusive import without_server
from operate.pair import opened_ready
from operate.signers import ever
from operate.token import root_key
from vault.anchor import Anchor
from vault.clock import Clock
from vault.database import Connection, Database
from vault.errors import NotReady
from vault.keys import AuditKey
from vault.keystore import Keystore
from vault.log import Batch, Head, TileReader
from vault.logkeys import log_keys
from vault.opening import check_pair, system_key
from vault.recording import OPERATOR, draft
from vault.settings import Settings
from vault.steps import sql

_COUNTER = re.compile(r"-([0-9]{1,6})\Z")
_ORIGINS = sql("SELECT log, origin FROM audit_log ORDER BY log")
_ADD_LOG = sql("INSERT INTO audit_log (log, origin, opened_from) VALUES (:log, :origin, 0)")
_SAY_FROM_WHAT = sql("UPDATE audit_log SET begins = :begins WHERE log = :log")
_RENAME_HEAD = sql("UPDATE audit_head SET log = :log, origin = :origin")
_KEEP_NOTE = sql(
    """INSERT INTO audit_checkpoint (log, size, note, published_at)
    VALUES (:log, :size, :note, :at) ON CONFLICT DO NOTHING"""
)
_FIRST = sql(
    """SELECT l.entry_id, o.opening FROM audit_leaf l JOIN audit_opening o USING (log, idx)
    WHERE l.log = :log AND l.idx = 0"""
)
UNKNOWN_LOG = 0  # notes of trees that this database does not hold are kept under this number


@dataclass(frozen=True, slots=True)
class Plan:
    """What going on means here.

    held          what this database holds of its log
    anchored      the last checkpoint that is known outside
    origin        the name under which it goes on
    lost          how many signed entries are missing at least; None: it can't be counted
    disagrees     the entries held are others than those that were anchored
    only_anchor   the log goes on already; the anchor alone was not written
    """

    held: Checkpoint
    anchored: Checkpoint
    origin: str
    lost: int | None
    disagrees: bool
    only_anchor: bool = False


def digest(checkpoint: Checkpoint) -> bytes:
    """What an entry binds of a checkpoint: SHA-256 over its three lines."""
    return sha256(encode_checkpoint(checkpoint).encode())


def plan(settings: Settings, origin: str | None = None) -> Plan:
    """What `go_on` would do. Raises `NotReady` where there is nothing to do, or too much is wrong.

    `origin` is a name of the operator's choice for the new log.
    """
    with _Continuing.opened(settings) as this, this.main.read() as connection:
        return this.plan(connection, origin)


def go_on(settings: Settings, clock: Clock, agreed: Plan) -> None:
    """Does what was planned, if it is still that. The server must be stopped."""
    with without_server(settings), _Continuing.opened(settings) as this:
        with this.main.write() as connection:
            if this.plan(connection, agreed.origin) != agreed:
                raise NotReady("Something changed since. Look again. Nothing was done.")
            note = this.write(connection, clock.now_ms(), agreed)
        this.anchor.write(note)


class _Continuing:
    """The parts of an installation whose guard refuses to open it."""

    def __init__(self, settings: Settings, main: Database, keystore: Database) -> None:
        self.main = main
        self.keystore = Keystore(keystore)
        self.anchor = Anchor(settings.anchor)
        self._keys = log_keys(settings)
        self._settings = settings

    @classmethod
    @contextmanager
    def opened(cls, settings: Settings) -> "Iterator[_Continuing]":
        with opened_ready(settings) as (main, keystore):
            this = cls(settings, main, keystore)
            check_pair(this.main, this.keystore)
            yield this

    def plan(self, connection: Connection, wanted: str | None) -> Plan:
        head, held = self._held(connection)
        try:
            anchored, note = self.anchor.read()
            open_note(note, ever(self._settings, anchored.origin))
        except AuditError as broken:
            raise NotReady(f"The anchor is not signed by this log's key: {broken}.") from None
        if self._binds(connection, head, anchored):
            return Plan(held, anchored, held.origin, None, False, only_anchor=True)
        same = anchored.origin == held.origin
        lost = max(0, anchored.size - held.size) if same else None
        disagrees = same and anchored.size <= held.size
        if disagrees and self._root(connection, head, anchored.size) == anchored.root:
            raise NotReady(
                "The log continues its anchor: nothing is lost, and it can be served.",
                "nothing_to_do",
            )
        name = self._new_name(connection, anchored, wanted)
        return Plan(held, anchored, name, lost, disagrees)

    def write(self, connection: Connection, now_ms: int, agreed: Plan) -> str:
        """The note of the new head."""
        head = Head.read(connection, lock=True)
        if agreed.only_anchor:
            return head.note
        number = max(row.log for row in connection.execute(_ORIGINS)) + 1
        is_ours = agreed.anchored.origin == head.origin and not agreed.disagrees
        old = head.log if is_ours else UNKNOWN_LOG
        for log, size, note in (
            (head.log, agreed.held.size, head.note),
            (old, agreed.anchored.size, self.anchor.read()[1]),
        ):
            kept = {"log": log, "size": size, "note": note, "at": now_ms}
            connection.execute(_KEEP_NOTE, kept)
        new = {"log": number, "origin": agreed.origin}
        connection.execute(_ADD_LOG, new)
        connection.execute(_RENAME_HEAD, new)
        fresh = replace(head, log=number, origin=agreed.origin, frontier=Frontier())
        batch = Batch(connection, fresh, self._keys.named(agreed.origin).newest)
        event = draft(now_ms, "log.continue", OPERATOR, count=agreed.lost)
        bound = dict.fromkeys((digest(agreed.anchored), digest(agreed.held)))
        key = self._system_key(head)
        batch.add(key, event, tuple(bound))
        batch.store()
        self._say_from_what(connection, number, agreed.origin, key)
        if batch.signed is None:
            raise NotReady("The new log has no head.")
        note, signs = batch.signed
        shown = self._keys.named(agreed.origin).published(signs, now_ms // 1000)
        kept = {"log": number, "size": signs.size, "note": shown, "at": now_ms}
        connection.execute(_KEEP_NOTE, kept)
        return note

    def _say_from_what(self, connection: Connection, log: int, origin: str, key: AuditKey) -> None:
        """The first entry concerns everybody: who checks their own entries needs its opening."""
        row = connection.execute(_FIRST, {"log": log}).one()
        opening = open_opening(key.key, origin, row.entry_id, row.opening)
        begins = pae(opening.n1, opening.event, opening.n2, opening.chain)
        connection.execute(_SAY_FROM_WHAT, {"log": log, "begins": begins})

    def _held(self, connection: Connection) -> tuple[Head, Checkpoint]:
        """The head, once its own signature and edge are right: a restore does not break those."""
        head = Head.read(connection)
        tree = head.frontier
        held = Checkpoint(head.origin, tree.size, tree.root())
        try:
            signed = open_note(head.note, ever(self._settings, head.origin))
            recomputed = self._root(connection, head, tree.size)
        except AuditError as broken:
            raise NotReady(f"The audit log does not hold together: {broken}.") from None
        if signed != held or recomputed != held.root:
            raise NotReady("The audit log's head is not what its entries give: it was changed.")
        return head, held

    def _root(self, connection: Connection, head: Head, size: int) -> bytes:
        return root_at(size, TileReader(connection, head.log).nodes().read_node)

    def _system_key(self, head: Head) -> AuditKey:
        root = root_key(self._settings)
        return system_key(self.main, self.keystore, root, head.system_subject)

    def _binds(self, connection: Connection, head: Head, anchored: Checkpoint) -> bool:
        """Whether the log's first entry goes on from exactly the anchored checkpoint."""
        row = connection.execute(_FIRST, {"log": head.log}).one_or_none()
        if row is None:
            return False
        key = self._system_key(head).key
        return digest(anchored) in bound_by(key, head.origin, row.entry_id, row.opening)

    def _new_name(self, connection: Connection, anchored: Checkpoint, wanted: str | None) -> str:
        known = {row.origin for row in connection.execute(_ORIGINS)} | {anchored.origin}
        if wanted in known:
            raise NotReady(f"{wanted} is the name of an earlier log. Choose another.", "name_taken")
        counters = [int(found[1]) for name in known if (found := _COUNTER.search(name))]
        return wanted or f"{self._settings.origin}-{max([1, *counters]) + 1}"


def bound_by(key: Secret, origin: str, entry_id: bytes, blob: bytes) -> tuple[bytes, ...]:
    """The digests of the checkpoints that a log's first entry goes on from; else none."""
    try:
        opening = open_opening(key, origin, entry_id, blob)
        event, chain = decode_event(opening.event), decode_chain(opening.chain)
    except (CannotOpen, AuditError):
        return ()
    refs = chain.refs if event.action == "log.continue" and event.outcome == "permitted" else None
    return tuple(ref for ref in refs or () if isinstance(ref, bytes))
