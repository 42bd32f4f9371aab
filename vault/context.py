"""Opening a vault's metadata: what every request about one vault needs before it decides.

It takes one statement on the main database (the caller's own, joined with the vault) and one on the
keystore. The result opens no value: values need the owner's or a grant's keys.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from crypto.encoding import pae
from crypto.errors import CannotOpen
from crypto.primitives import constant_time_equal, sha256
from vault.database import Row
from vault.errors import Damaged, NotFound
from vault.keys import (
    AuditKey,
    MetadataKeys,
    audit_salt,
    open_audit_key,
    open_metadata_key,
    vault_salt,
)
from vault.keystore import Keystore, SaltKey
from vault.memo import Memo
from vault.rootkey import RootKey


@dataclass(frozen=True, slots=True)
class VaultContext:
    """A vault whose metadata is open and whose row passed its mac."""

    vault_id: bytes
    epoch: int
    version: int
    public_key: bytes
    keys: MetadataKeys
    audit_key: AuditKey


def context_salts(row: Row) -> tuple[SaltKey, SaltKey]:
    """The two salts that opening this row takes."""
    return vault_salt(row.vault_id), audit_salt(row.subject)


def audit_key_of(root: RootKey, keystore: Keystore, row: Row) -> AuditKey | None:
    """A subject's audit key; None where its salt is gone or somebody changed its box."""
    name = audit_salt(row.subject)
    try:
        salt = keystore.get([name])[name]
        return open_audit_key(root.at(row.audit_key_root), row.subject, salt, row.audit_key_box)
    except (CannotOpen, KeyError):
        return None


class Opener:
    """Opens MK and AK with the root keys that their rows name, and keeps them for a minute."""

    def __init__(self, root: RootKey) -> None:
        self._root = root
        self._kept: Memo[tuple[MetadataKeys, AuditKey]] = Memo()

    def open(self, row: Row, salts: Mapping[SaltKey, bytes]) -> VaultContext:
        """Opens MK and AK and checks the row's mac.

        Raises `NotFound` for a vault whose salt is gone (erased, or a keystore that was set back),
        and `Damaged` for a row that somebody changed.
        """
        vault_id, subject = row.vault_id, row.subject
        salt, audit = (salts.get(key) for key in context_salts(row))
        if salt is None or audit is None or row.vault_state != "open":
            raise NotFound("There is no such vault.")
        sealed, audit_sealed = row.metadata_box, row.audit_key_box

        def make() -> tuple[MetadataKeys, AuditKey]:
            keys = open_metadata_key(self._root.at(row.vault_root), vault_id, salt, sealed)
            root = self._root.at(row.audit_key_root)
            return keys, open_audit_key(root, subject, audit, audit_sealed)

        try:
            name = sha256(pae(vault_id, subject, salt, audit, sealed, audit_sealed))
            keys, audit_key = self._kept.get(name, make)
        except CannotOpen:
            raise Damaged("vault") from None
        epoch, public_key = row.vault_epoch, row.vault_public_key
        expected = vault_mac(keys, epoch, public_key, subject)
        if not constant_time_equal(row.vault_mac, expected):
            raise Damaged("vault", audit_key)
        return VaultContext(vault_id, epoch, row.vault_version, public_key, keys, audit_key)


def vault_mac(keys: MetadataKeys, epoch: int, public_key: bytes, subject: bytes) -> bytes:
    return keys.row_mac("vault/1", keys.vault_id, epoch, public_key, subject)
