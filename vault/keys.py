"""Every key of a vault by its name, in the order of docs/format.md, 4 Keys. Stores nothing."""

from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from crypto.box import Context, box, derive_id, kdf, keypair, mac, open_box
from crypto.encoding import pad, pae, unpad
from crypto.errors import CannotOpen
from crypto.primitives import KeyPair, constant_time_equal
from crypto.secret import Secret
from vault.errors import Damaged
from vault.keystore import SaltKey
from vault.rootkey import RootKey

OWNER = "owner"
GRANT = "grant"


def vault_salt(vault_id: bytes) -> SaltKey:
    return SaltKey("vault", vault_id)


def audit_salt(subject: bytes) -> SaltKey:
    return SaltKey("audit", subject)


def method_salt(method_id: bytes) -> SaltKey:
    return SaltKey("method", method_id)


def session_salt(session_id: bytes) -> SaltKey:
    return SaltKey("session", session_id)


def grant_salt(grant_id: bytes, phase: int) -> SaltKey:
    return SaltKey("grant", grant_id, phase)


@dataclass(frozen=True)
class OwnerKeys:
    """What an unlocked vault can be read with: ES and what follows from it."""

    seed: Secret
    vault_id: bytes
    epoch: int

    @classmethod
    def from_vault_secret(cls, secret: Secret, vault_id: bytes, epoch: int) -> "OwnerKeys":
        return cls(kdf(secret, "enc", vault_id, epoch), vault_id, epoch)

    @cached_property
    def pair(self) -> KeyPair:
        return keypair(self.seed)

    @cached_property
    def box_key(self) -> Secret:
        return kdf(self.seed, "owner-box", self.vault_id, self.epoch)


@dataclass(frozen=True)
class GrantKeys:
    """What one phase of a grant can be read with: the seed that its token and salt give."""

    seed: Secret
    vault_id: bytes
    grant_id: bytes
    phase: int

    @classmethod
    def from_token(
        cls, token: Secret, vault_id: bytes, grant_id: bytes, phase: int, salt: bytes
    ) -> "GrantKeys":
        seed = kdf(token, "grant", vault_id, grant_id, phase, salt=salt)
        return cls(seed, vault_id, grant_id, phase)

    @cached_property
    def pair(self) -> KeyPair:  # made only when a seal is met
        return keypair(self.seed)

    @cached_property
    def box_key(self) -> Secret:
        return kdf(self.seed, "grant-box", self.vault_id, self.grant_id, self.phase)


@dataclass(frozen=True, slots=True)
class MetadataKeys:
    """MK and its children: handles, row macs, grant terms. Opens no value."""

    key: Secret
    vault_id: bytes
    row_key: Secret
    handle_key: Secret
    known: dict[object, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, key: Secret, vault_id: bytes) -> "MetadataKeys":
        return cls(key, vault_id, kdf(key, "row"), kdf(key, "handle"))

    def row_mac(self, table: str, *columns: Context) -> bytes:
        return mac(self.row_key, table, *columns)

    def handle(self, field: str) -> bytes:
        """The name that a field's rows stand under."""
        handle: bytes = self.known.get(field) or mac(self.handle_key, field)[:16]
        self.known[field] = handle
        return handle

    def key_hash(self, grant_id: bytes, thumbprint: str) -> bytes:
        """A client key's thumbprint as this grant stores it: no two grants show the same."""
        return derive_id(self.key, "jkt", grant_id, thumbprint)

    def box_terms(self, grant_id: bytes, terms: bytes) -> bytes:
        return box(kdf(self.key, "grant"), pae("grant", self.vault_id, grant_id), terms)

    def open_terms(self, grant_id: bytes, blob: bytes) -> bytes:
        return open_box(kdf(self.key, "grant"), pae("grant", self.vault_id, grant_id), blob)

    def box_label(self, method_id: bytes, label: str) -> bytes:
        """What a person calls a way to unlock, its length hidden."""
        place = pae("label", self.vault_id, method_id)
        return box(kdf(self.key, "label"), place, pad(label.encode()))

    def open_label(self, method_id: bytes, blob: bytes | None) -> str | None:
        """The label; None for none, and for one that somebody changed: no way out is lost by it."""
        place = pae("label", self.vault_id, method_id)
        with suppress(CannotOpen):
            if blob is not None:
                return unpad(open_box(kdf(self.key, "label"), place, blob)).decode()
        return None

    def check(self, what: str, stored: bytes, computed: bytes) -> None:
        """A row whose mac fails is not used, ever."""
        if not constant_time_equal(stored, computed):
            raise Damaged(what)


def box_metadata_key(root: RootKey, keys: MetadataKeys, salt: bytes) -> bytes:
    wrapping = root.derive("meta", keys.vault_id, salt=salt)
    return box(wrapping, pae("mk", keys.vault_id, root.id), keys.key.reveal())


def open_metadata_key(root: RootKey, vault_id: bytes, salt: bytes, blob: bytes) -> MetadataKeys:
    wrapping = root.derive("meta", vault_id, salt=salt)
    return MetadataKeys.of(Secret(open_box(wrapping, pae("mk", vault_id, root.id), blob)), vault_id)


@dataclass(frozen=True, slots=True)
class AuditKey:
    """AK: opens a subject's log entries. The subject is the key's own name."""

    key: Secret
    subject: bytes

    @classmethod
    def fresh(cls) -> "AuditKey":
        key = Secret.random()
        return cls(key, derive_id(key, "subject"))


def box_audit_key(root: RootKey, audit_key: AuditKey, salt: bytes) -> bytes:
    wrapping = root.derive("audit", audit_key.subject, salt=salt)
    return box(wrapping, pae("ak", audit_key.subject, root.id), audit_key.key.reveal())


def open_audit_key(root: RootKey, subject: bytes, salt: bytes, blob: bytes) -> AuditKey:
    wrapping = root.derive("audit", subject, salt=salt)
    key = Secret(open_box(wrapping, pae("ak", subject, root.id), blob))
    if derive_id(key, "subject") != subject:
        raise CannotOpen
    return AuditKey(key, subject)
