"""The tables, main database and keystore. Shapes only; docs/format.md says what lies in them.

One list of facts, which stays in one file: whoever asks what is stored finds all of it here.

Primary keys of tables with vault data begin with `vault_id`, so that the database can be
distributed by it. Instants are Unix milliseconds, ids 16 random bytes.
"""

import re
from typing import Annotated, Any

import sqlalchemy
from sqlalchemy import BigInteger, Column, Index, SmallInteger
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

# Types of columns; the others are `bytes`. No database counts up a key.
_KEY = {"primary_key": True, "sa_column_kwargs": {"autoincrement": False}}
Number = Annotated[int, Field(sa_type=BigInteger)]
NumberOrNone = Annotated[int | None, Field(sa_type=BigInteger)]
Text = Annotated[str, Field(sa_type=sqlalchemy.Text)]
TextOrNone = Annotated[str | None, Field(sa_type=sqlalchemy.Text)]
IdKey = Annotated[bytes, Field(**_KEY)]
NumberKey = Annotated[int, Field(sa_type=BigInteger, **_KEY)]
SmallKey = Annotated[int, Field(sa_type=SmallInteger, **_KEY)]
TextKey = Annotated[str, Field(sa_type=sqlalchemy.Text, **_KEY)]


_DEFERRED = "visible_after IS NOT NULL"


def _only(name: str, *columns: str, those: str) -> Index:
    """An index of these rows alone."""
    where = sqlalchemy.text(those)
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


class _Named(SQLModel):
    """A table is named like its class: `AuditHead` is `audit_head`."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        words = re.findall("[A-Z][a-z]+", cls.__name__.removeprefix("Keystore"))
        cls.__tablename__ = "_".join(words).lower()


class Main(_Named, registry=registry()):
    """Tables of the main database."""


class Keystore(_Named, registry=registry()):
    """Tables of the keystore: a database of its own, with short backups."""


class Instance(Main, table=True):
    """One row: which installation this is, how often its registry changed, when it published."""

    id: SmallKey
    instance_id: bytes
    registry_version: Number
    published_at: Number


class Route(Main, table=True):
    """Where the vault of a token, code, session or method id is. A hint: the row found decides."""

    id: IdKey
    vault_id: bytes
    target: bytes
    __table_args__ = (Index("route_by_vault", "vault_id", "target"),)


class Vault(Main, table=True):
    """One citizen's vault. `version` and `state` stand outside the mac."""

    vault_id: IdKey
    epoch: Number
    version: Number
    state: Text  # open | erasing
    public_key: bytes
    subject: bytes
    root_id: Number
    metadata_box: bytes
    mac: bytes
    created_at: Number
    __table_args__ = (_only("vault_erasing", "state", those="state = 'erasing'"),)


class Method(Main, table=True):
    """One way to unlock a vault: its secret, boxed under both secrets. Or its block code."""

    vault_id: IdKey
    method_id: IdKey
    kind: Text  # device | recovery | block
    state: Text  # active | removed
    epoch: Number
    root_id: Number
    box: bytes
    created_at: Number
    confirmed_at: NumberOrNone  # of the block code: when it was last used
    label: bytes | None
    __table_args__ = (_only("method_removed", "state", those="state = 'removed'"),)


class Session(Main, table=True):
    """An unlocked session: the vault's reading seed, boxed under the session token."""

    vault_id: IdKey
    session_id: IdKey
    epoch: Number
    unlocked_at: Number
    expires_at: Number
    box: bytes
    log_read_at: Number
    __table_args__ = (Index("session_by_expiry", "expires_at"),)


class Value(Main, table=True):
    """One version of a field. Never updated."""

    vault_id: IdKey
    handle: IdKey
    seq: NumberKey
    value_id: bytes
    box: bytes
    created_at: Number
    mac: bytes


class ValueHead(Main, table=True):
    """Which version of a field is the current one."""

    vault_id: IdKey
    handle: IdKey
    seq: Number
    value_id: bytes
    mac: bytes


class Stanza(Main, table=True):
    """A value's data key for one recipient: boxed (113 bytes) or sealed (1168)."""

    vault_id: IdKey
    recipient: IdKey  # the vault's own id, or a grant's
    handle: IdKey
    seq: NumberKey
    wrapped: bytes


class VaultGrant(Main, table=True):
    """An offer or grant. `state`, `reads_used` and `wrong_codes` stand outside the mac."""

    vault_id: IdKey
    grant_id: IdKey
    phase: Number
    offer_id: bytes
    token_id: bytes | None
    prev_token_id: bytes | None
    prev_until: NumberOrNone
    public_key: bytes | None
    key_hash: bytes | None
    offer_ends: Number
    not_after: Number
    box: bytes
    mac: bytes
    state: Text  # offered | active | ended
    reads_used: Number
    wrong_codes: Number
    created_at: Number
    __table_args__ = (
        Index("grant_by_state", "state", "offer_ends"),
        Index("grant_by_end", "state", "not_after"),
    )


class Registry(Main, table=True):
    """An agency, a use, an auditor or an officer, as registered. Never edited, only revoked."""

    kind: TextKey  # agency | use | auditor | officer
    id: TextKey
    parent: TextKey
    root_id: Number
    document: bytes
    state: Text  # active | revoked
    created_at: Number
    mac: bytes


class Invite(Main, table=True):
    """Leave to make one vault, where strangers may not."""

    id: IdKey
    expires_at: Number


class Replay(Main, table=True):
    """A proof or assertion that was used: a keyed hash and when it may be forgotten."""

    key: IdKey
    expires_at: Number
    __table_args__ = (Index("replay_by_expiry", "expires_at"),)


class AuditKey(Main, table=True):
    """A subject's audit key, boxed under the root. Outlives the vault."""

    subject: IdKey
    root_id: Number
    box: bytes


class AuditHead(Main, table=True):
    """One row, locked by whoever sequences: the tree's size, frontier, root and signed note."""

    id: SmallKey
    log: Number  # which origin, counted from 1
    origin: Text
    size: Number
    frontier: bytes
    note: Text
    system_subject: bytes


class AuditLog(Main, table=True):
    """The name of each log this installation has kept. A second one only after a restore.

    Openings of entries below `opened_from` went when their time was over, but for the system's.
    """

    log: NumberKey
    origin: Text
    opened_from: Number
    begins: bytes | None  # its first entry's opening, where it goes on from another log


class AuditLeaf(Main, table=True):
    """A hiding commitment to one entry. Append only, for ever."""

    log: NumberKey
    idx: NumberKey
    leaf_data: bytes
    leaf_hash: bytes
    entry_id: Annotated[bytes, Field(unique=True)]


class AuditOpening(Main, table=True):
    """What opens a leaf, boxed under its subject's audit key. The log's only deletable part."""

    subject: IdKey
    log: NumberKey
    idx: NumberKey
    opening: bytes
    visible_after: NumberOrNone  # of a deferred entry
    alarm: TextOrNone  # new | seen
    __table_args__ = (
        Index("audit_opening_by_index", "log", "idx"),
        _only("audit_opening_alarms", "subject", those="alarm = 'new'"),
        _only("audit_opening_deferred", "subject", "visible_after", those=_DEFERRED),
        _only("audit_opening_due", "visible_after", those=_DEFERRED),
    )


class AuditSubject(Main, table=True):
    """A subject's entries in a class: how many, how many reads, refusals of agencies; the last."""

    subject: IdKey
    class_: str = Field(sa_column=Column("class", sqlalchemy.Text, primary_key=True))
    last_seq: Number
    last_leaf: bytes
    visible_after: NumberOrNone
    reads: Number
    refusals: Number


class AuditTile(Main, table=True):
    """Up to 256 hashes of one tile above level 0. Grows only at its end."""

    log: NumberKey
    level: SmallKey
    n: NumberKey
    hashes: bytes


class AuditCheckpoint(Main, table=True):
    """A checkpoint as published. Never updated."""

    log: NumberKey
    size: NumberKey
    note: Text
    published_at: Number


class KeystoreInstance(Keystore, table=True):
    """One row: the installation this keystore belongs to."""

    id: SmallKey
    instance_id: bytes


class Salt(Keystore, table=True):
    """32 bytes without which a key can't be derived any more. `salt` NULL: gone, row still owed."""

    kind: TextKey
    id: IdKey
    phase: NumberKey
    vault_id: bytes
    salt: bytes | None
    expires_at: NumberOrNone
    owed: bytes | None
    __table_args__ = (
        Index("salt_by_vault", "vault_id"),
        Index("salt_by_expiry", "expires_at"),
        _only("salt_voided", "kind", those="salt IS NULL"),
    )
