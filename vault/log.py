"""The log's rows: reading it, and the one batch that grows it (docs/audit.md, 7 Sequencing).

`Batch` lives inside the sequencer's transaction. It reads the head under the row lock, caches
nothing of the tree from before, and writes leaves, openings, tiles and the signed head together.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field

from audit.entry import Chain, Event, check_pair, encode_chain, encode_event
from audit.errors import BadNote
from audit.leaf import (
    Nonces,
    Opening,
    chain_digest,
    event_digest,
    leaf_data,
    leaf_hash,
    seal_opening,
)
from audit.note import Checkpoint, LogKey, open_note, sign_checkpoint
from audit.refs import Refs
from audit.tiles import WIDTH, NodeReader, RowUpdate, tile_updates
from audit.tree import EMPTY_ROOT, HASH_BYTES, Frontier
from vault.database import Connection, Database, Row
from vault.errors import LogUnavailable, NotReady, Unavailable
from vault.keys import AuditKey
from vault.logkeys import LogKeys
from vault.steps import insert_into, sql

OPEN, DEFERRED = "open", "deferred"

_HEAD = sql("SELECT * FROM audit_head")
_LOCK_HEAD = {"sqlite": _HEAD, "postgresql": sql("SELECT * FROM audit_head FOR UPDATE")}
_PUT_LEAF = insert_into("audit_leaf", ("log", "idx", "leaf_data", "leaf_hash", "entry_id"))
_PUT_OPENING = insert_into(
    "audit_opening", ("log", "idx", "subject", "opening", "visible_after", "alarm")
)
_SUBJECT = sql("SELECT * FROM audit_subject WHERE subject = :id AND class = :class")
_PUT_SUBJECT = sql(
    """INSERT INTO audit_subject
    (subject, class, last_seq, last_leaf, visible_after, reads, refusals)
    VALUES (:subject, :class, :seq, :leaf, :visible_after, :reads, :refusals)
    ON CONFLICT (subject, class) DO UPDATE SET last_seq = excluded.last_seq,
    last_leaf = excluded.last_leaf, visible_after = excluded.visible_after,
    reads = excluded.reads, refusals = excluded.refusals"""
)
_TILE = sql("SELECT hashes FROM audit_tile WHERE log = :log AND level = :level AND n = :n")
_PUT_TILE = sql(
    """INSERT INTO audit_tile (log, level, n, hashes) VALUES (:log, :level, :n, :hashes)
    ON CONFLICT (log, level, n) DO UPDATE SET hashes = excluded.hashes"""
)
_LEAF_HASHES = sql(
    "SELECT leaf_hash FROM audit_leaf WHERE log = :log AND idx BETWEEN :first AND :last"
    " ORDER BY idx"
)
_LEAF_DATAS = sql(
    "SELECT leaf_data FROM audit_leaf WHERE log = :log AND idx BETWEEN :first AND :last"
    " ORDER BY idx"
)
_PUT_HEAD = sql("UPDATE audit_head SET size = :size, frontier = :frontier, note = :note")
_HOLDS = sql("SELECT 1 FROM audit_leaf WHERE entry_id = :id")
_LOGS = sql(
    """SELECT g.*, c.size, c.note FROM audit_log g LEFT JOIN audit_checkpoint c
    ON c.log = g.log AND c.size = (SELECT max(idx) + 1 FROM audit_leaf WHERE log = g.log)
    ORDER BY g.log"""
)
# Ticks ahead are of a clock that was wrong: they must not stop publication.
_IS_DUE = " WHERE published_at < :tick OR published_at > :tick + 86400000"
_DUE = sql("SELECT 1 FROM instance" + _IS_DUE)  # noqa: S608 - text of ours
_TICK = sql("UPDATE instance SET published_at = :tick" + _IS_DUE)  # noqa: S608 - the same
_PUBLISH = sql(
    """INSERT INTO audit_checkpoint (log, size, note, published_at)
    VALUES (:log, :size, :note, :tick) ON CONFLICT DO NOTHING"""
)
_PUBLISHED = sql("SELECT note FROM audit_checkpoint ORDER BY log DESC, size DESC LIMIT 1")


@dataclass(frozen=True, slots=True)
class Head:
    """The newest state of the log: its number, origin, tree and signed note."""

    log: int
    origin: str
    frontier: Frontier
    note: str
    system_subject: bytes

    @classmethod
    def read(cls, connection: Connection, *, lock: bool = False) -> "Head":
        """The head as it is; with `lock` nobody else can grow the log until the commit."""
        statement = _LOCK_HEAD[connection.dialect] if lock else _HEAD
        row = connection.execute(statement).one()
        frontier = Frontier.decode(row.size, row.frontier)
        return cls(row.log, row.origin, frontier, row.note, row.system_subject)


@dataclass(frozen=True, slots=True)
class Tally:
    """A subject's entries in one class: the last one's number, leaf and, if deferred, date; how
    many were permitted reads, how many refusals of agencies.
    """

    seq: int = 0
    leaf: bytes = b""
    visible_after: int | None = None
    reads: int = 0
    refusals: int = 0

    @classmethod
    def of(cls, row: Row) -> "Tally":
        return cls(row.last_seq, row.last_leaf, row.visible_after, row.reads, row.refusals)

    def with_next(self, leaf: bytes, event: Event, visible_after: int | None) -> "Tally":
        read = event.action == "data.read" and event.outcome == "permitted"
        refusal = event.actor.kind == "agency" and event.outcome == "denied"
        reads, refusals = self.reads + read, self.refusals + refusal
        return Tally(self.seq + 1, leaf, visible_after, reads, refusals)


@dataclass(slots=True)
class Growth:
    """How a batch made the tree grow: complete once it is committed."""

    before: Frontier = field(default_factory=Frontier)
    leaf_hashes: tuple[bytes, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry at its place in the log, its event as it was decided there, and what a receipt
    shows beside them: of its chain a digest alone.
    """

    index: int
    event: Event
    encoded: bytes = field(repr=False)
    n1: bytes = field(repr=False)
    h2: bytes = field(repr=False)
    growth: Growth = field(repr=False)

    @property
    def permitted(self) -> bool:
        return self.event.outcome == "permitted"


@dataclass(slots=True)
class Batch:
    """Entries added to the log within one transaction; `store` writes them with the new head."""

    connection: Connection
    head: Head
    log_key: LogKey
    signed: tuple[str, Checkpoint] | None = None  # the note of the new head, once stored
    entry_ids: list[bytes] = field(default_factory=list)
    growth: Growth = field(default_factory=Growth)
    _leaf_datas: list[bytes] = field(default_factory=list)
    _openings: list[dict[str, object]] = field(default_factory=list)
    _subjects: dict[tuple[bytes, str], Tally] = field(default_factory=dict)

    def add(
        self,
        key: AuditKey,
        event: Event,
        refs: Refs | None = None,
        visible_after: int | None = None,
        *,
        alarm: bool = False,
    ) -> Recorded:
        """Gives an event its place: index, number in its subject's chain, leaf and opening.

        One with `visible_after` is deferred, and shown no sooner than the deferred one before it.
        """
        class_ = OPEN if visible_after is None else DEFERRED
        last = self._last_of(key.subject, class_)
        if visible_after is not None:
            visible_after = max(visible_after, last.visible_after or 0)
        chain = Chain(
            key.subject, class_, last.seq + 1, last.leaf or None, visible_after, alarm, refs
        )
        check_pair(event, chain)
        nonces = Nonces.fresh()
        opening = Opening(nonces.n1, encode_event(event), nonces.n2, encode_chain(chain))
        h2 = chain_digest(opening.n2, opening.chain)
        data = leaf_data(event_digest(opening.n1, opening.event), h2)
        index = self.head.frontier.size + len(self._leaf_datas)
        self._leaf_datas.append(data)
        self._subjects[key.subject, class_] = last.with_next(data, event, visible_after)
        self.entry_ids.append(event.id)
        self._openings.append(
            {
                "log": self.head.log,
                "idx": index,
                "subject": key.subject,
                "opening": seal_opening(key.key, self.head.origin, event.id, opening),
                "visible_after": visible_after,
                "alarm": "new" if alarm else None,
            }
        )
        return Recorded(index, event, opening.event, opening.n1, h2, self.growth)

    def store(self) -> None:
        """Writes everything and signs the new head; for no entries, nothing."""
        if not self._leaf_datas:
            return
        log, size = self.head.log, self.head.frontier.size
        hashes = [leaf_hash(data) for data in self._leaf_datas]
        rows = zip(self._leaf_datas, hashes, self.entry_ids, strict=True)
        self.connection.execute(
            _PUT_LEAF,
            [
                {"log": log, "idx": index, "leaf_data": data, "leaf_hash": hash_, "entry_id": id_}
                for index, (data, hash_, id_) in enumerate(rows, start=size)
            ],
        )
        self.connection.execute(_PUT_OPENING, self._openings)
        self._store_subjects()
        for row in tile_updates(size, hashes, TileReader(self.connection, log).read):
            self._store_tile(row)
        frontier = self.head.frontier.extend(hashes)
        checkpoint = Checkpoint(self.head.origin, frontier.size, frontier.root())
        note = sign_checkpoint(self.log_key, checkpoint)
        values = {"size": frontier.size, "frontier": frontier.encode(), "note": note}
        self.connection.execute(_PUT_HEAD, values)
        self.signed = note, checkpoint
        self.growth.before = self.head.frontier
        self.growth.leaf_hashes, self.growth.note = tuple(hashes), note

    def _last_of(self, subject: bytes, class_: str) -> Tally:
        known = self._subjects.get((subject, class_))
        if known is None:
            row = self.connection.execute(_SUBJECT, {"id": subject, "class": class_}).one_or_none()
            known = Tally() if row is None else Tally.of(row)
        return known

    def _store_subjects(self) -> None:
        rows = [
            {"subject": subject, "class": class_} | asdict(tally)
            for (subject, class_), tally in self._subjects.items()
        ]
        self.connection.execute(_PUT_SUBJECT, rows)

    def _store_tile(self, row: RowUpdate) -> None:
        before = TileReader(self.connection, self.head.log).read(row.level, row.n)
        hashes = before[: row.width_before * HASH_BYTES] + row.hashes
        values = {"log": self.head.log, "level": row.level, "n": row.n, "hashes": hashes}
        self.connection.execute(_PUT_TILE, values)


class TileReader:
    """Reads tiles of one log in one transaction: level 0 from the leaves, the others as stored."""

    def __init__(self, connection: Connection, log: int) -> None:
        self._connection = connection
        self._log = log

    def read(self, level: int, n: int) -> bytes:
        if level == 0:
            values = {"log": self._log, "first": n * WIDTH, "last": n * WIDTH + WIDTH - 1}
            return b"".join(self._connection.execute(_LEAF_HASHES, values).scalars())
        values = {"log": self._log, "level": level, "n": n}
        hashes = self._connection.execute(_TILE, values).scalar_one_or_none()
        return hashes or b""

    def nodes(self) -> NodeReader:
        return NodeReader(self.read)


class LogStore:
    """The log in its database, and the keys that sign its heads.

    `load` reads the keys again: they may have been changed while we serve.
    """

    def __init__(self, database: Database, keys: LogKeys, load: Callable[[], LogKeys]) -> None:
        self._database = database
        self._keys = keys
        self._load = load
        self.seen = 0  # entries; the log never has fewer again
        self._signed = "", Checkpoint(keys.newest.name, 0, EMPTY_ROOT)  # one we know to be good

    def begin(self, connection: Connection) -> Batch:
        """Takes the row lock that orders all sequencers and reads the head under it.

        Raises `LogUnavailable` for a head that no key of ours signed or that was set back: what is
        signed next would else be a second history.
        """
        head = Head.read(connection, lock=True)
        signed = self._check(head)
        self.seen, self._signed = signed.size, (head.note, signed)
        return Batch(connection, head, self._keys.newest)

    def _check(self, head: Head) -> Checkpoint:
        tree = head.frontier
        note, signed = self._signed
        if head.note != note:
            signed = self._opened(head.note)
        if signed != Checkpoint(head.origin, tree.size, tree.root()) or tree.size < self.seen:
            raise LogUnavailable
        return signed

    def _opened(self, note: str) -> Checkpoint:
        with suppress(BadNote):
            return open_note(note, self._keys.verifiers)
        try:
            self._keys = self._load()  # another process may sign with a newer key already
            return open_note(note, self._keys.verifiers)
        except (BadNote, NotReady):
            raise LogUnavailable from None

    def committed(self, signed: tuple[str, Checkpoint]) -> None:
        """Remembers what it signed last, and that it is there."""
        self.seen, self._signed = signed[1].size, signed

    def holds(self, batch: Batch) -> bool:
        """Whether a batch whose COMMIT was not answered has landed, as far as that can be told."""
        with suppress(Unavailable), self._database.read() as connection:
            return connection.execute(_HOLDS, {"id": batch.entry_ids[-1]}).one_or_none() is not None
        return False

    def head(self) -> Head:
        with self._database.read() as connection:
            return Head.read(connection)

    def logs(self) -> Sequence[Row]:
        """Every log of this installation, oldest first: its row, with size and note of its last
        checkpoint if that is stored. The newest one's is the head's.
        """
        with self._database.read() as connection:
            return connection.execute(_LOGS).all()

    def tile(self, log: int, level: int, n: int) -> bytes:
        """The hashes of a tile, as many as there are. A tree hides its entries: it is public."""
        with self._database.read() as connection:
            return TileReader(connection, log).read(level, n)

    def leaves(self, log: int, n: int) -> list[bytes]:
        """The data of the leaves under tile (0, n), as many as there are."""
        values = {"log": log, "first": n * WIDTH, "last": n * WIDTH + WIDTH - 1}
        with self._database.read() as connection:
            return list(connection.execute(_LEAF_DATAS, values).scalars())

    def publish(self, tick_ms: int) -> None:
        """Makes the newest head the published checkpoint, once per tick of the fixed clock."""
        with self._database.read() as connection:
            if connection.execute(_DUE, {"tick": tick_ms}).one_or_none() is None:
                return
        with self._database.write() as connection:
            head = Head.read(connection, lock=True)  # first: so the sequencer takes its locks
            if connection.execute(_TICK, {"tick": tick_ms}).rowcount:
                self._keys = self._load()
                # No tree that the log's own key did not sign before.
                note = self._keys.published(self._check(head), tick_ms // 1000)
                values = {"log": head.log, "size": head.frontier.size, "note": note}
                connection.execute(_PUBLISH, values | {"tick": tick_ms})

    def published(self) -> str | None:
        """The note that was published last."""
        with self._database.read() as connection:
            note: str | None = connection.execute(_PUBLISHED).scalar_one_or_none()
            return note
