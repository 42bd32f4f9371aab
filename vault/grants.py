"""A grant as it lies in the database: its row, its mac, its terms, its stanzas (format.md §2-4)."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, RowMapping, and_, delete, insert, select, update
from sqlalchemy import bindparam as bind

from consent.decision import ACTIVE, ENDED, OFFERED
from consent.terms import Terms
from crypto.errors import CannotOpen, Malformed
from crypto.primitives import constant_time_equal, sha256
from vault.context import VAULT_COLUMNS
from vault.errors import Damaged
from vault.keys import MetadataKeys
from vault.sequencer import Step
from vault.tables import audit_keys, grants, routes, stanzas, value_heads, values, vaults
from vault.values import Stanza, StoredValue

GRANT_COLUMNS = tuple(c.label(f"g_{c.name}") for c in grants.c if c.name != "vault_id")

# By the id of a code or a token. The routing row is a hint: the grant found must carry the id.
BY_ROUTE = (
    select(*GRANT_COLUMNS, *VAULT_COLUMNS)
    .join_from(
        routes,
        grants,
        and_(grants.c.vault_id == routes.c.vault_id, grants.c.grant_id == routes.c.target),
    )
    .join(vaults, vaults.c.vault_id == grants.c.vault_id)
    .join(audit_keys, audit_keys.c.subject == vaults.c.subject)
    .where(routes.c.id == bind("b_id"))
)
_OF_VAULT = (
    select(*GRANT_COLUMNS).where(grants.c.vault_id == bind("b_vault")).order_by(grants.c.created_at)
)
_INSERT = insert(grants)
_INSERT_STANZAS = insert(stanzas)
_DELETE_STANZAS = delete(stanzas).where(
    stanzas.c.vault_id == bind("b_vault"), stanzas.c.recipient == bind("b_recipient")
)
_THIS = (grants.c.vault_id == bind("b_vault"), grants.c.grant_id == bind("b_grant"))
_NOT_ENDED = select(grants.c.state).where(*_THIS, grants.c.state != ENDED)
_END = update(grants).where(*_THIS).values(state=ENDED)
_STANZAS = (
    select(
        values.c.handle, values.c.seq, values.c.value_id, values.c.box, values.c.mac,
        value_heads.c.seq.label("head_seq"), value_heads.c.value_id.label("head_value_id"),
        value_heads.c.mac.label("head_mac"), stanzas.c.wrapped,
    )
    .join_from(
        stanzas,
        values,
        and_(
            values.c.vault_id == stanzas.c.vault_id,
            values.c.handle == stanzas.c.handle,
            values.c.seq == stanzas.c.seq,
        ),
    )
    .join(
        value_heads,
        and_(
            value_heads.c.vault_id == stanzas.c.vault_id,
            value_heads.c.handle == stanzas.c.handle,
        ),
    )
    .where(stanzas.c.vault_id == bind("b_vault"), stanzas.c.recipient == bind("b_recipient"))
    .where(stanzas.c.handle.in_(bind("b_handles", expanding=True)))
    .order_by(stanzas.c.handle, stanzas.c.seq)
)  # fmt: skip
_CURRENT_STANZAS = _STANZAS.where(stanzas.c.seq == value_heads.c.seq)
_DELETE_OLDER = delete(stanzas).where(
    stanzas.c.vault_id == bind("b_vault"),
    stanzas.c.recipient == bind("b_recipient"),
    stanzas.c.handle == bind("b_handle"),
    stanzas.c.seq < bind("b_seq"),
)


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant's row. What stands before `state` is under the mac. Instants in Unix milliseconds."""

    vault_id: bytes
    grant_id: bytes
    phase: int
    offer_id: bytes
    token_id: bytes | None
    prev_token_id: bytes | None
    prev_until: int | None
    public_key: bytes | None
    key_hash: bytes | None
    offer_ends: int
    not_after: int
    box: bytes
    mac: bytes
    state: str
    reads_used: int
    wrong_codes: int
    created_at: int

    @classmethod
    def of(cls, vault_id: bytes, row: RowMapping) -> "Grant":
        """The grant of a row that was selected with `GRANT_COLUMNS`."""
        return cls(vault_id, **{c.name[2:]: row[c.name] for c in GRANT_COLUMNS})

    def computed_mac(self, keys: MetadataKeys) -> bytes:
        return keys.row_mac(
            "grant/1",
            self.vault_id,
            self.grant_id,
            self.phase,
            self.offer_id,
            self.token_id or b"",
            self.prev_token_id or b"",
            self.prev_until or 0,
            self.public_key or b"",
            self.key_hash or b"",
            self.offer_ends,
            self.not_after,
            sha256(self.box),
        )

    def with_mac(self, keys: MetadataKeys) -> "Grant":
        return replace(self, mac=self.computed_mac(keys))

    def terms(self, keys: MetadataKeys) -> Terms:
        """The terms, once the row has passed its mac; raises `Damaged`."""
        keys.check("grant", self.mac, self.computed_mac(keys))
        try:
            return Terms.decode(keys.open_terms(self.grant_id, self.box))
        except (CannotOpen, Malformed, KeyError, TypeError):
            raise Damaged("grant") from None

    @property
    def refs(self) -> tuple[bytes, bytes]:
        """What the log names this row by."""
        return self.grant_id, sha256(self.mac)

    def insertion(self) -> Step:
        return Step(_INSERT, {c.name: getattr(self, c.name) for c in grants.c})

    def has_not_ended(self) -> Step:
        """Premise: nobody ended it yet."""
        return Step(_NOT_ENDED, self._this())

    def ending(self) -> tuple[Step, ...]:
        """What ending it writes: the state, and that no stanza is left."""
        return Step(_END, self._this()), self.stanza_removal()

    def stanza_removal(self) -> Step:
        return Step(_DELETE_STANZAS, {"b_vault": self.vault_id, "b_recipient": self.grant_id})

    def _this(self) -> dict[str, bytes]:
        return {"b_vault": self.vault_id, "b_grant": self.grant_id}

    def covers(self, now_ms: int) -> bool:
        """Whether a value put now still goes to this grant, terms permitting."""
        end = self.offer_ends if self.state == OFFERED else self.not_after
        return self.state in {OFFERED, ACTIVE} and now_ms < end


def grants_of(connection: Connection, vault_id: bytes) -> list[Grant]:
    """Every grant row of a vault, oldest first. Each has still to pass its mac."""
    rows = connection.execute(_OF_VAULT, {"b_vault": vault_id}).mappings()
    return [Grant.of(vault_id, row) for row in rows]


def sound_grants(grants_: Iterable[Grant], keys: MetadataKeys) -> Iterator[tuple[Grant, Terms]]:
    """The grants that pass their mac, with their terms. One that fails is not used, ever."""
    for grant in grants_:
        if constant_time_equal(grant.mac, grant.computed_mac(keys)):
            yield grant, grant.terms(keys)


@dataclass(frozen=True, slots=True)
class Held:
    """A value that a recipient holds a stanza of. `is_current`: no newer version has come."""

    value: StoredValue
    wrapped: bytes
    is_current: bool


def held_values(
    connection: Connection, keys: MetadataKeys, recipient: bytes, handles: Collection[bytes]
) -> dict[bytes, Held]:
    """By handle, the newest version that `recipient` (a grant, or the owner) holds a stanza of.

    Every row passed its mac, the head that says which version is current included: `Damaged`.
    """
    parameters = {"b_vault": keys.vault_id, "b_recipient": recipient, "b_handles": list(handles)}
    # The owner has a stanza of every version; a grant only of the one it may read.
    statement = _CURRENT_STANZAS if recipient == keys.vault_id else _STANZAS
    held: dict[bytes, Held] = {}
    for row in connection.execute(statement, parameters):
        value = StoredValue(keys.vault_id, row.handle, row.seq, row.value_id, row.box)
        keys.check("value", row.mac, value.mac(keys))
        head = replace(value, seq=row.head_seq, value_id=row.head_value_id)
        keys.check("value head", row.head_mac, head.head_mac(keys))
        is_current = (row.seq, row.value_id) == (row.head_seq, row.head_value_id)
        held[row.handle] = Held(value, row.wrapped, is_current)
    return held


def insert_stanzas(made: Sequence[Stanza]) -> tuple[Step, ...]:
    """The step that writes stanzas; none for none."""
    rows = [
        {
            "vault_id": stanza.value.vault_id,
            "recipient": stanza.recipient,
            "handle": stanza.value.handle,
            "seq": stanza.value.seq,
            "wrapped": stanza.wrapped,
        }
        for stanza in made
    ]
    return (Step(_INSERT_STANZAS, rows),) if rows else ()


def remove_older_stanzas(newer: Sequence[Stanza]) -> tuple[Step, ...]:
    """The step that takes from recipients the versions that these replace."""
    rows = [
        {
            "b_vault": stanza.value.vault_id,
            "b_recipient": stanza.recipient,
            "b_handle": stanza.value.handle,
            "b_seq": stanza.value.seq,
        }
        for stanza in newer
    ]
    return (Step(_DELETE_OLDER, rows),) if rows else ()
