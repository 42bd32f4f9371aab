"""A value: encrypted once under its own data key, which goes to each recipient.

Written down in docs/format.md, 6 Statements and values.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from crypto.box import SEAL_BYTES, box, box_commitment, open_box, seal, unseal
from crypto.encoding import pae
from crypto.errors import CannotOpen
from crypto.primitives import random_bytes
from crypto.secret import Secret
from vault.errors import Damaged
from vault.keys import GRANT, OWNER, GrantKeys, MetadataKeys, OwnerKeys
from vault.statement import Statement


@dataclass(frozen=True, slots=True)
class StoredValue:
    """One version of a field as it lies in the database, checked against its mac."""

    vault_id: bytes
    handle: bytes
    seq: int
    value_id: bytes
    box: bytes

    @property
    def commitment(self) -> bytes:
        return box_commitment(self.box)

    def mac(self, keys: MetadataKeys) -> bytes:
        return keys.row_mac(
            "value/1", self.vault_id, self.handle, self.value_id, self.seq, self.commitment
        )

    def head_mac(self, keys: MetadataKeys) -> bytes:
        return keys.row_mac("value_head/1", self.vault_id, self.handle, self.seq, self.value_id)

    def rows(self, keys: MetadataKeys, now_ms: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """The row of this version, and the head that makes it the current one."""
        ids = asdict(self)
        del ids["box"]
        head = ids | {"mac": self.head_mac(keys)}
        return ids | {"box": self.box, "created_at": now_ms, "mac": self.mac(keys)}, head

    @property
    def ref(self) -> tuple[bytes, bytes, int, bytes]:
        """What the log names this version by."""
        return self.handle, self.value_id, self.seq, self.commitment

    def _context(self) -> bytes:
        return pae("value", self.vault_id, self.handle, self.value_id, self.seq)

    def _stanza_info(self, kind: str, recipient: bytes) -> bytes:
        return pae(
            "KLUIS1", "dek", self.vault_id, self.handle, self.value_id, self.seq, kind, recipient,
            self.commitment,
        )  # fmt: skip

    @classmethod
    def seal_statement(
        cls, vault_id: bytes, handle: bytes, seq: int, statement: Statement
    ) -> tuple["StoredValue", Secret]:
        """Encrypts a statement as version `seq`; returns it with its data key."""
        data_key, value_id = Secret.random(), random_bytes(16)
        context = pae("value", vault_id, handle, value_id, seq)
        return cls(
            vault_id, handle, seq, value_id, box(data_key, context, statement.encode())
        ), data_key

    def open(self, data_key: Secret, field: str) -> Statement:
        """The statement, which must be about `field`; raises `Damaged`."""
        try:
            statement = Statement.decode(open_box(data_key, self._context(), self.box))
        except CannotOpen:
            raise Damaged("value") from None
        if statement.field != field:
            raise Damaged("value")
        return statement

    def wrap_for(self, recipient: "OwnerKeys | GrantKeys", data_key: Secret) -> bytes:
        """The data key for a recipient whose secret is at hand: a box of 113 bytes."""
        return box(recipient.box_key, self._info_for(recipient), data_key.reveal())

    def seal_for_grant(self, grant_id: bytes, public_key: bytes, data_key: Secret) -> bytes:
        """The data key for a grant whose token is away: a seal of 1168 bytes."""
        return seal(public_key, self._stanza_info(GRANT, grant_id), data_key)

    def unwrap(self, recipient: "OwnerKeys | GrantKeys", wrapped: bytes) -> Secret:
        """The data key of a stanza for this recipient. The length tells box from seal."""
        info = self._info_for(recipient)
        try:
            if len(wrapped) == SEAL_BYTES:
                return unseal(recipient.pair, info, wrapped)
            return Secret(open_box(recipient.box_key, info, wrapped))
        except CannotOpen:
            raise Damaged("stanza") from None

    def _info_for(self, recipient: "OwnerKeys | GrantKeys") -> bytes:
        if isinstance(recipient, OwnerKeys):
            return self._stanza_info(OWNER, recipient.vault_id)
        return self._stanza_info(GRANT, recipient.grant_id)


@dataclass(frozen=True, slots=True)
class Stanza:
    """A value's data key for one recipient, as a row."""

    value: StoredValue
    recipient: bytes
    wrapped: bytes

    @property
    def row(self) -> dict[str, object]:
        """The columns that name the row."""
        value = self.value
        ids = {"vault_id": value.vault_id, "handle": value.handle, "seq": value.seq}
        return ids | {"recipient": self.recipient}


def rewrap(
    stanzas: Iterable[tuple[StoredValue, bytes]], old: OwnerKeys | GrantKeys, new: GrantKeys
) -> list[Stanza]:
    """Opens stanzas with one recipient's keys and boxes their data keys for a grant."""
    return [
        Stanza(value, new.grant_id, value.wrap_for(new, value.unwrap(old, wrapped)))
        for value, wrapped in stanzas
    ]
