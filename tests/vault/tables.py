"""The tables behind the models, for whoever reads and changes rows past the vault."""

from typing import cast

from sqlalchemy import Table
from sqlmodel import SQLModel

from operate import tables


def _table(model: type[SQLModel]) -> Table:
    return cast(Table, model.__table__)  # type: ignore[attr-defined]  # set by SQLModel


instance = _table(tables.Instance)
routes = _table(tables.Route)
vaults = _table(tables.Vault)
methods = _table(tables.Method)
sessions = _table(tables.Session)
values = _table(tables.Value)
value_heads = _table(tables.ValueHead)
stanzas = _table(tables.Stanza)
grants = _table(tables.VaultGrant)
registrations = _table(tables.Registry)
invites = _table(tables.Invite)
replays = _table(tables.Replay)
audit_keys = _table(tables.AuditKey)
audit_heads = _table(tables.AuditHead)
audit_logs = _table(tables.AuditLog)
audit_leaves = _table(tables.AuditLeaf)
audit_openings = _table(tables.AuditOpening)
audit_subjects = _table(tables.AuditSubject)
audit_tiles = _table(tables.AuditTile)
audit_checkpoints = _table(tables.AuditCheckpoint)
keystore_instance = _table(tables.KeystoreInstance)
salts = _table(tables.Salt)
