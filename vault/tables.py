"""The tables, main database and keystore. Shapes only; docs/format.md says what lies in them.

Primary keys of tables with vault data begin with `vault_id`, so that the database can be
distributed by it. Instants are Unix milliseconds, ids 16 random bytes.
"""

from typing import cast

from sqlalchemy import BigInteger, Column, Index, LargeBinary, SmallInteger, Table, Text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class Main(SQLModel, registry=registry()):
    """Tables of the main database."""


class Keystore(SQLModel, registry=registry()):
    """Tables of the keystore: a database of its own, with short backups."""


def _key(kind: type = LargeBinary) -> Column:  # type: ignore[type-arg]
    return Column(kind, primary_key=True, nullable=False, autoincrement=False)


def _bytes(*, nullable: bool = False, unique: bool = False) -> Column:  # type: ignore[type-arg]
    return Column(LargeBinary, nullable=nullable, unique=unique)


def _integer(*, nullable: bool = False) -> Column:  # type: ignore[type-arg]
    return Column(BigInteger, nullable=nullable)


class Instance(Main, table=True):
    """One row: which installation this is, how often its registry changed, when it published."""

    __tablename__ = "instance"
    id: int = Field(sa_column=_key(SmallInteger))
    instance_id: bytes = Field(sa_column=_bytes())
    registry_version: int = Field(sa_column=_integer())
    published_at: int = Field(sa_column=_integer())


class Route(Main, table=True):
    """Where the vault of a token, code, session or method id is. A hint: the row found decides."""

    __tablename__ = "route"
    id: bytes = Field(sa_column=_key())
    vault_id: bytes = Field(sa_column=_bytes())
    target: bytes = Field(sa_column=_bytes())
    __table_args__ = (Index("route_by_vault", "vault_id", "target"),)


class VaultRow(Main, table=True):
    """One citizen's vault. `version` and `state` stand outside the mac."""

    __tablename__ = "vault"
    vault_id: bytes = Field(sa_column=_key())
    epoch: int = Field(sa_column=_integer())
    version: int = Field(sa_column=_integer())
    state: str = Field(sa_column=Column(Text, nullable=False))  # open | erasing
    public_key: bytes = Field(sa_column=_bytes())
    subject: bytes = Field(sa_column=_bytes())
    root_id: int = Field(sa_column=_integer())
    metadata_box: bytes = Field(sa_column=_bytes())
    mac: bytes = Field(sa_column=_bytes())
    created_at: int = Field(sa_column=_integer())


class MethodRow(Main, table=True):
    """One way to unlock a vault: the vault's secret, boxed under root and unlock secret."""

    __tablename__ = "method"
    vault_id: bytes = Field(sa_column=_key())
    method_id: bytes = Field(sa_column=_key())
    kind: str = Field(sa_column=Column(Text, nullable=False))
    state: str = Field(sa_column=Column(Text, nullable=False))  # active | removed
    epoch: int = Field(sa_column=_integer())
    root_id: int = Field(sa_column=_integer())
    box: bytes = Field(sa_column=_bytes())
    created_at: int = Field(sa_column=_integer())
    confirmed_at: int | None = Field(sa_column=_integer(nullable=True))


class SessionRow(Main, table=True):
    """An unlocked session: the vault's reading seed, boxed under the session token."""

    __tablename__ = "session"
    vault_id: bytes = Field(sa_column=_key())
    session_id: bytes = Field(sa_column=_key())
    epoch: int = Field(sa_column=_integer())
    unlocked_at: int = Field(sa_column=_integer())
    expires_at: int = Field(sa_column=_integer())
    box: bytes = Field(sa_column=_bytes())
    log_read_at: int = Field(sa_column=_integer())


class ValueRow(Main, table=True):
    """One version of a field. Never updated."""

    __tablename__ = "value"
    vault_id: bytes = Field(sa_column=_key())
    handle: bytes = Field(sa_column=_key())
    seq: int = Field(sa_column=_key(BigInteger))
    value_id: bytes = Field(sa_column=_bytes())
    box: bytes = Field(sa_column=_bytes())
    created_at: int = Field(sa_column=_integer())
    mac: bytes = Field(sa_column=_bytes())


class ValueHeadRow(Main, table=True):
    """Which version of a field is the current one."""

    __tablename__ = "value_head"
    vault_id: bytes = Field(sa_column=_key())
    handle: bytes = Field(sa_column=_key())
    seq: int = Field(sa_column=_integer())
    value_id: bytes = Field(sa_column=_bytes())
    mac: bytes = Field(sa_column=_bytes())


class StanzaRow(Main, table=True):
    """A value's data key for one recipient: boxed (113 bytes) or sealed (1168)."""

    __tablename__ = "stanza"
    vault_id: bytes = Field(sa_column=_key())
    recipient: bytes = Field(sa_column=_key())  # the vault's own id, or a grant's
    handle: bytes = Field(sa_column=_key())
    seq: int = Field(sa_column=_key(BigInteger))
    wrapped: bytes = Field(sa_column=_bytes())


class GrantRow(Main, table=True):
    """An offer or grant. `state`, `reads_used` and `wrong_codes` stand outside the mac."""

    __tablename__ = "vault_grant"
    vault_id: bytes = Field(sa_column=_key())
    grant_id: bytes = Field(sa_column=_key())
    phase: int = Field(sa_column=_integer())
    offer_id: bytes = Field(sa_column=_bytes())
    token_id: bytes | None = Field(sa_column=_bytes(nullable=True))
    prev_token_id: bytes | None = Field(sa_column=_bytes(nullable=True))
    prev_until: int | None = Field(sa_column=_integer(nullable=True))
    public_key: bytes | None = Field(sa_column=_bytes(nullable=True))
    key_hash: bytes | None = Field(sa_column=_bytes(nullable=True))
    offer_ends: int = Field(sa_column=_integer())
    not_after: int = Field(sa_column=_integer())
    box: bytes = Field(sa_column=_bytes())
    mac: bytes = Field(sa_column=_bytes())
    state: str = Field(sa_column=Column(Text, nullable=False))  # offered | active | ended
    reads_used: int = Field(sa_column=_integer())
    wrong_codes: int = Field(sa_column=_integer())
    created_at: int = Field(sa_column=_integer())
    __table_args__ = (Index("grant_by_state", "state", "offer_ends"),)


class AcknowledgedRow(Main, table=True):
    """An alarm that the owner has seen."""

    __tablename__ = "acknowledged"
    vault_id: bytes = Field(sa_column=_key())
    entry_id: bytes = Field(sa_column=_key())


class RegistryRow(Main, table=True):
    """An agency or one of its intended uses, as registered. Never edited, only revoked."""

    __tablename__ = "registry"
    kind: str = Field(sa_column=_key(Text))  # agency | use
    id: str = Field(sa_column=_key(Text))
    parent: str = Field(sa_column=_key(Text))
    root_id: int = Field(sa_column=_integer())
    document: bytes = Field(sa_column=_bytes())
    state: str = Field(sa_column=Column(Text, nullable=False))  # active | revoked
    created_at: int = Field(sa_column=_integer())
    mac: bytes = Field(sa_column=_bytes())


class InviteRow(Main, table=True):
    """Leave to make one vault, where strangers may not."""

    __tablename__ = "invite"
    id: bytes = Field(sa_column=_key())
    expires_at: int = Field(sa_column=_integer())


class ReplayRow(Main, table=True):
    """A proof or assertion that was used: a keyed hash and when it may be forgotten."""

    __tablename__ = "replay"
    key: bytes = Field(sa_column=_key())
    expires_at: int = Field(sa_column=_integer())
    __table_args__ = (Index("replay_by_expiry", "expires_at"),)


class AuditKeyRow(Main, table=True):
    """A subject's audit key, boxed under the root. Outlives the vault."""

    __tablename__ = "audit_key"
    subject: bytes = Field(sa_column=_key())
    root_id: int = Field(sa_column=_integer())
    box: bytes = Field(sa_column=_bytes())


class AuditHeadRow(Main, table=True):
    """One row, locked by whoever sequences: the tree's size, frontier, root and signed note."""

    __tablename__ = "audit_head"
    id: int = Field(sa_column=_key(SmallInteger))
    log: int = Field(sa_column=_integer())  # which origin, counted from 1
    origin: str = Field(sa_column=Column(Text, nullable=False))
    size: int = Field(sa_column=_integer())
    frontier: bytes = Field(sa_column=_bytes())
    note: str = Field(sa_column=Column(Text, nullable=False))
    system_subject: bytes = Field(sa_column=_bytes())


class AuditLogRow(Main, table=True):
    """The name of each log this installation has kept. A second one only after a restore."""

    __tablename__ = "audit_log"
    log: int = Field(sa_column=_key(BigInteger))
    origin: str = Field(sa_column=Column(Text, nullable=False))


class AuditLeafRow(Main, table=True):
    """A hiding commitment to one entry. Append only, for ever."""

    __tablename__ = "audit_leaf"
    log: int = Field(sa_column=_key(BigInteger))
    idx: int = Field(sa_column=_key(BigInteger))
    leaf_data: bytes = Field(sa_column=_bytes())
    leaf_hash: bytes = Field(sa_column=_bytes())
    entry_id: bytes = Field(sa_column=_bytes(unique=True))


class AuditOpeningRow(Main, table=True):
    """What opens a leaf, boxed under its subject's audit key. The log's only deletable part."""

    __tablename__ = "audit_opening"
    subject: bytes = Field(sa_column=_key())
    log: int = Field(sa_column=_key(BigInteger))
    idx: int = Field(sa_column=_key(BigInteger))
    opening: bytes = Field(sa_column=_bytes())
    __table_args__ = (Index("audit_opening_by_index", "log", "idx"),)


class AuditSubjectRow(Main, table=True):
    """How many entries a subject has in a class, and the last one's leaf."""

    __tablename__ = "audit_subject"
    subject: bytes = Field(sa_column=_key())
    class_: str = Field(sa_column=Column("class", Text, primary_key=True, nullable=False))
    last_seq: int = Field(sa_column=_integer())
    last_leaf: bytes = Field(sa_column=_bytes())


class AuditTileRow(Main, table=True):
    """Up to 256 hashes of one tile above level 0. Grows only at its end."""

    __tablename__ = "audit_tile"
    log: int = Field(sa_column=_key(BigInteger))
    level: int = Field(sa_column=_key(SmallInteger))
    n: int = Field(sa_column=_key(BigInteger))
    hashes: bytes = Field(sa_column=_bytes())


class AuditCheckpointRow(Main, table=True):
    """A checkpoint as published. Never updated."""

    __tablename__ = "audit_checkpoint"
    log: int = Field(sa_column=_key(BigInteger))
    size: int = Field(sa_column=_key(BigInteger))
    note: str = Field(sa_column=Column(Text, nullable=False))
    published_at: int = Field(sa_column=_integer())


class KeystoreInstance(Keystore, table=True):
    """One row: the installation this keystore belongs to."""

    __tablename__ = "instance"
    id: int = Field(sa_column=_key(SmallInteger))
    instance_id: bytes = Field(sa_column=_bytes())


class SaltRow(Keystore, table=True):
    """32 bytes without which a key can't be derived any more. `salt` NULL: gone, row still owed."""

    __tablename__ = "salt"
    kind: str = Field(sa_column=_key(Text))
    id: bytes = Field(sa_column=_key())
    phase: int = Field(sa_column=_key(BigInteger))
    vault_id: bytes = Field(sa_column=_bytes())
    salt: bytes | None = Field(sa_column=_bytes(nullable=True))
    expires_at: int | None = Field(sa_column=_integer(nullable=True))
    owed: bytes | None = Field(sa_column=_bytes(nullable=True))
    __table_args__ = (
        Index("salt_by_vault", "vault_id"),
        Index("salt_by_expiry", "expires_at"),
    )


def _table(model: type[SQLModel]) -> Table:
    return cast(Table, model.__table__)  # type: ignore[attr-defined]  # set by SQLModel


# The tables behind the models, for statements that need no objects.
instance = _table(Instance)
routes = _table(Route)
vaults = _table(VaultRow)
methods = _table(MethodRow)
sessions = _table(SessionRow)
values = _table(ValueRow)
value_heads = _table(ValueHeadRow)
stanzas = _table(StanzaRow)
grants = _table(GrantRow)
acknowledged = _table(AcknowledgedRow)
registrations = _table(RegistryRow)
invites = _table(InviteRow)
replays = _table(ReplayRow)
audit_keys = _table(AuditKeyRow)
audit_heads = _table(AuditHeadRow)
audit_logs = _table(AuditLogRow)
audit_leaves = _table(AuditLeafRow)
audit_openings = _table(AuditOpeningRow)
audit_subjects = _table(AuditSubjectRow)
audit_tiles = _table(AuditTileRow)
audit_checkpoints = _table(AuditCheckpointRow)
keystore_instance = _table(KeystoreInstance)
salts = _table(SaltRow)
