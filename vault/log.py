"""The log's rows: reading it, and the one batch that grows it (audit.md §2-4).

`Batch` lives inside the sequencer's transaction. It reads the head under the row lock, caches
nothing of the tree from before, and writes leaves, openings, tiles and the signed head together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Insert, Row, Table, and_, insert, select, update
from sqlalchemy import bindparam as bind
from sqlalchemy.dialects import postgresql, sqlite

from audit.entry import Chain, Event, check_pair, encode_chain, encode_event
from audit.leaf import Nonces, Opening, leaf_hash, open_opening, seal_opening
from audit.note import Checkpoint, LogKey, sign_checkpoint
from audit.refs import Refs
from audit.tiles import WIDTH, NodeReader, RowUpdate, tile_updates
from audit.tree import HASH_BYTES, Frontier
from vault.database import Database
from vault.keys import AuditKey
from vault.tables import (
    audit_checkpoints,
    audit_heads,
    audit_leaves,
    audit_logs,
    audit_openings,
    audit_subjects,
    audit_tiles,
)

OPEN = "open"

_HEAD = select(audit_heads)
_LOCK_HEAD = _HEAD.with_for_update()
_SUBJECT = select(audit_subjects.c.last_seq, audit_subjects.c.last_leaf).where(
    audit_subjects.c.subject == bind("b_subject"), audit_subjects.c["class"] == bind("b_class")
)
_TILE = select(audit_tiles.c.hashes).where(
    audit_tiles.c.log == bind("b_log"),
    audit_tiles.c.level == bind("b_level"),
    audit_tiles.c.n == bind("b_n"),
)
_LEAF_HASHES = (
    select(audit_leaves.c.leaf_hash)
    .where(
        audit_leaves.c.log == bind("b_log"),
        audit_leaves.c.idx.between(bind("b_from"), bind("b_to")),
    )
    .order_by(audit_leaves.c.idx)
)
_UPDATE_HEAD = update(audit_heads).values(
    size=bind("b_size"), frontier=bind("b_frontier"), note=bind("b_note")
)


@dataclass(frozen=True, slots=True)
class Head:
    """The newest state of the log: its number, origin, tree and signed note."""

    log: int
    origin: str
    frontier: Frontier
    note: str
    system_subject: bytes

    @classmethod
    def of(cls, row: Row[*tuple[Any, ...]]) -> "Head":
        at = row._mapping
        frontier = Frontier.decode(at["size"], at["frontier"])
        return cls(at["log"], at["origin"], frontier, at["note"], at["system_subject"])


@dataclass(slots=True)
class Batch:
    """Entries added to the log within one transaction; `store` writes them with the new head."""

    connection: Connection
    head: Head
    log_key: LogKey
    note: str | None = None  # of the new head, once stored
    entry_ids: list[bytes] = field(default_factory=list)
    _leaf_datas: list[bytes] = field(default_factory=list)
    _openings: list[dict[str, object]] = field(default_factory=list)
    _subjects: dict[tuple[bytes, str], tuple[int, bytes]] = field(default_factory=dict)

    def add(
        self, key: AuditKey, event: Event, *, refs: Refs | None = None, alarm: bool = False
    ) -> int:
        """Gives an event its place: index, number in its subject's chain, leaf and opening."""
        seq, prev = self._last_of(key.subject)
        chain = Chain(key.subject, OPEN, seq + 1, prev if seq else None, alarm=alarm, refs=refs)
        check_pair(event, chain)
        nonces = Nonces.fresh()
        opening = Opening(nonces.n1, encode_event(event), nonces.n2, encode_chain(chain))
        data = opening.leaf_data()
        index = self.head.frontier.size + len(self._leaf_datas)
        self._leaf_datas.append(data)
        self._subjects[key.subject, OPEN] = (seq + 1, data)
        self.entry_ids.append(event.id)
        self._openings.append(
            {
                "log": self.head.log,
                "idx": index,
                "subject": key.subject,
                "opening": seal_opening(key.key, self.head.origin, event.id, opening),
            }
        )
        return index

    def store(self) -> str | None:
        """Writes everything and signs the new head; returns its note, or None for no entries."""
        if not self._leaf_datas:
            return None
        log, size = self.head.log, self.head.frontier.size
        hashes = [leaf_hash(data) for data in self._leaf_datas]
        rows = zip(self._leaf_datas, hashes, self.entry_ids, strict=True)
        self.connection.execute(
            insert(audit_leaves),
            [
                {"log": log, "idx": index, "leaf_data": data, "leaf_hash": hash_, "entry_id": id_}
                for index, (data, hash_, id_) in enumerate(rows, start=size)
            ],
        )
        self.connection.execute(insert(audit_openings), self._openings)
        self._store_subjects()
        for row in tile_updates(size, hashes, TileReader(self.connection, log).read):
            self._store_tile(row)
        frontier = self.head.frontier.extend(hashes)
        checkpoint = Checkpoint(self.head.origin, frontier.size, frontier.root())
        note = sign_checkpoint(self.log_key, checkpoint)
        self.connection.execute(
            _UPDATE_HEAD,
            {"b_size": frontier.size, "b_frontier": frontier.encode(), "b_note": note},
        )
        self.note = note
        return note

    def _last_of(self, subject: bytes) -> tuple[int, bytes]:
        known = self._subjects.get((subject, OPEN))
        if known is None:
            values = {"b_subject": subject, "b_class": OPEN}
            row = self.connection.execute(_SUBJECT, values).one_or_none()
            known = (0, b"") if row is None else (row.last_seq, row.last_leaf)
        return known

    def _store_subjects(self) -> None:
        statement = upsert(self.connection, audit_subjects, ("subject", "class"))
        self.connection.execute(
            statement,
            [
                {"subject": subject, "class": class_, "last_seq": seq, "last_leaf": leaf}
                for (subject, class_), (seq, leaf) in self._subjects.items()
            ],
        )

    def _store_tile(self, row: RowUpdate) -> None:
        before = TileReader(self.connection, self.head.log).read(row.level, row.n)
        values = {
            "log": self.head.log,
            "level": row.level,
            "n": row.n,
            "hashes": before[: row.width_before * HASH_BYTES] + row.hashes,
        }
        self.connection.execute(upsert(self.connection, audit_tiles, ("log", "level", "n")), values)


class TileReader:
    """Reads tiles of one log in one transaction: level 0 from the leaves, the others as stored."""

    def __init__(self, connection: Connection, log: int) -> None:
        self._connection = connection
        self._log = log

    def read(self, level: int, n: int) -> bytes:
        if level == 0:
            values = {"b_log": self._log, "b_from": n * WIDTH, "b_to": n * WIDTH + WIDTH - 1}
            return b"".join(self._connection.execute(_LEAF_HASHES, values).scalars())
        values = {"b_log": self._log, "b_level": level, "b_n": n}
        hashes = self._connection.execute(_TILE, values).scalar_one_or_none()
        return hashes or b""

    def nodes(self) -> NodeReader:
        return NodeReader(self.read)


@dataclass(frozen=True, slots=True)
class StoredOpening:
    """An opening as it lies in the database, with the id that its box is bound to."""

    log: int
    index: int
    entry_id: bytes
    leaf_data: bytes
    blob: bytes

    def open(self, key: AuditKey, origins: Mapping[int, str]) -> Opening:
        """Raises `CannotOpen` for another subject's entry."""
        return open_opening(key.key, origins[self.log], self.entry_id, self.blob)


class LogStore:
    """The log in its database, and the key that signs its heads."""

    def __init__(self, database: Database, log_key: LogKey) -> None:
        self._database = database
        self._log_key = log_key

    def begin(self, connection: Connection) -> Batch:
        """Takes the row lock that orders all sequencers and reads the head under it."""
        return Batch(connection, Head.of(connection.execute(_LOCK_HEAD).one()), self._log_key)

    def holds(self, batch: Batch) -> bool:
        """Whether a batch whose COMMIT was not answered has landed."""
        statement = select(audit_leaves.c.idx).where(audit_leaves.c.entry_id == batch.entry_ids[-1])
        with self._database.read() as connection:
            return connection.execute(statement).first() is not None

    def head(self) -> Head:
        with self._database.read() as connection:
            return Head.of(connection.execute(_HEAD).one())

    def origins(self) -> dict[int, str]:
        """The name of each log by its number."""
        with self._database.read() as connection:
            rows = connection.execute(select(audit_logs.c.log, audit_logs.c.origin)).all()
        return {row.log: row.origin for row in rows}

    def openings_of(self, subject: bytes) -> list[StoredOpening]:
        """Every stored opening of a subject, oldest first."""
        statement = (
            select(
                audit_openings.c.log,
                audit_openings.c.idx,
                audit_leaves.c.entry_id,
                audit_leaves.c.leaf_data,
                audit_openings.c.opening,
            )
            .join_from(
                audit_openings,
                audit_leaves,
                and_(
                    audit_openings.c.log == audit_leaves.c.log,
                    audit_openings.c.idx == audit_leaves.c.idx,
                ),
            )
            .where(audit_openings.c.subject == subject)
            .order_by(audit_openings.c.log, audit_openings.c.idx)
        )
        with self._database.read() as connection:
            return [StoredOpening(*row) for row in connection.execute(statement)]

    def publish(self, now_ms: int) -> None:
        """Makes the newest head the published checkpoint."""
        head = self.head()
        values = {
            "log": head.log,
            "size": head.frontier.size,
            "note": head.note,
            "published_at": now_ms,
        }
        with self._database.write() as connection:
            dialect = sqlite if self._database.is_sqlite else postgresql
            connection.execute(
                dialect.insert(audit_checkpoints).values(values).on_conflict_do_nothing()
            )

    def published(self) -> tuple[str, int] | None:
        """The note that was published last, and when."""
        statement = select(audit_checkpoints.c.note, audit_checkpoints.c.published_at).order_by(
            audit_checkpoints.c.log.desc(), audit_checkpoints.c.size.desc()
        )
        with self._database.read() as connection:
            row = connection.execute(statement.limit(1)).first()
        return None if row is None else (row.note, row.published_at)


def upsert(connection: Connection, into: Table, keys: tuple[str, ...]) -> Insert:
    """INSERT .. ON CONFLICT (keys) DO UPDATE of the other columns."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(into)
    others = {c.name: statement.excluded[c.name] for c in into.c if c.name not in keys}
    upserting: Insert = statement.on_conflict_do_update(index_elements=list(keys), set_=others)
    return upserting
