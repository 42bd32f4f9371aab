"""A grant as it lies in the database: its row, its mac, its terms, its stanzas.

Written down in docs/format.md, 7 Grants, and docs/format.md, 8 Row macs.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from operator import attrgetter

from consent.decision import ACTIVE, OFFERED
from consent.terms import Terms
from crypto.errors import CannotOpen, Malformed
from crypto.primitives import constant_time_equal, sha256
from vault.database import Connection, Row
from vault.errors import Damaged
from vault.keys import MetadataKeys
from vault.steps import Step, insertion, sql
from vault.values import Stanza, StoredValue


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
    def of(cls, row: Row) -> "Grant":
        """The grant of a row that was selected with all columns of `vault_grant`."""
        return cls(*_columns_of(row))

    def computed_mac(self, keys: MetadataKeys) -> bytes:
        ids = self.vault_id, self.grant_id, self.phase, self.offer_id
        tokens = self.token_id or b"", self.prev_token_id or b"", self.prev_until or 0
        bound = self.public_key or b"", self.key_hash or b"", self.offer_ends, self.not_after
        return keys.row_mac("grant/1", *ids, *tokens, *bound, sha256(self.box))

    def with_mac(self, keys: MetadataKeys) -> "Grant":
        return replace(self, mac=self.computed_mac(keys))

    def terms(self, keys: MetadataKeys) -> Terms:
        """The terms, once the row has passed its mac; raises `Damaged`."""
        keys.check("grant", self.mac, self.computed_mac(keys))
        try:
            if self.mac not in keys.known:  # it covers the box
                keys.known[self.mac] = Terms.decode(keys.open_terms(self.grant_id, self.box))
        except (CannotOpen, Malformed):
            raise Damaged("grant") from None
        terms: Terms = keys.known[self.mac]
        return terms

    @property
    def refs(self) -> tuple[bytes, bytes]:
        """What the log names this row by."""
        return self.grant_id, sha256(self.mac)

    @property
    def this(self) -> dict[str, bytes]:
        """The parameters that name this row."""
        return {"vault": self.vault_id, "grant": self.grant_id}

    def insertion(self) -> tuple[Step, ...]:
        return insertion("vault_grant", [asdict(self)])

    def is_as_it_was(self) -> Step:
        """Premise: the row, its usage aside, is the one that was looked at."""
        return Step(_AS_IT_WAS, self.this | {"mac": self.mac, "state": self.state})

    def ending(self) -> tuple[Step, ...]:
        """What ending it writes: the state, and that no stanza is left."""
        return Step(_END, self.this), self.stanza_removal()

    def stanza_removal(self) -> Step:
        return Step(_DELETE_STANZAS, self.this)

    def covers(self, now_ms: int) -> bool:
        """Whether a value put now still goes to this grant, terms permitting."""
        end = self.offer_ends if self.state == OFFERED else self.not_after
        return self.state in {OFFERED, ACTIVE} and now_ms < end


_columns_of = attrgetter(*(each.name for each in fields(Grant)))
_AS_IT_WAS = sql(
    "SELECT 1 FROM vault_grant"
    " WHERE vault_id = :vault AND grant_id = :grant AND mac = :mac AND state = :state"
)
_END = sql("UPDATE vault_grant SET state = 'ended' WHERE vault_id = :vault AND grant_id = :grant")
_DELETE_STANZAS = sql("DELETE FROM stanza WHERE vault_id = :vault AND recipient = :grant")
_DELETE_OLDER = sql(
    "DELETE FROM stanza WHERE vault_id = :vault AND recipient = :recipient"
    " AND handle = :handle AND seq < :seq"
)
_OF_VAULT = sql("SELECT * FROM vault_grant WHERE vault_id = :vault ORDER BY created_at")
_HELD = """SELECT v.handle, v.seq, v.value_id, v.box, v.mac, s.wrapped,
        h.seq AS head_seq, h.value_id AS head_value_id, h.mac AS head_mac
    FROM stanza s JOIN value v USING (vault_id, handle, seq)
    JOIN value_head h USING (vault_id, handle)
    WHERE s.vault_id = :vault AND s.recipient = :recipient AND s.handle IN :handles"""
_HELD_BY_GRANT = sql(_HELD + " ORDER BY s.handle, s.seq", "handles")
_HELD_BY_OWNER = sql(_HELD + " AND s.seq = h.seq", "handles")  # the owner holds every version


def grants_of(connection: Connection, vault_id: bytes) -> list[Grant]:
    """Every grant row of a vault, oldest first. Each has still to pass its mac."""
    return [Grant.of(row) for row in connection.execute(_OF_VAULT, {"vault": vault_id})]


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
    if not handles:
        return {}
    parameters = {"vault": keys.vault_id, "recipient": recipient, "handles": list(handles)}
    statement = _HELD_BY_OWNER if recipient == keys.vault_id else _HELD_BY_GRANT
    held: dict[bytes, Held] = {}
    for row in connection.execute(statement, parameters):
        value = StoredValue(keys.vault_id, row.handle, row.seq, row.value_id, row.box)
        keys.check("value", row.mac, value.mac(keys))
        is_current = (row.seq, row.value_id) == (row.head_seq, row.head_value_id)
        head = value if is_current else replace(value, seq=row.head_seq, value_id=row.head_value_id)
        keys.check("value head", row.head_mac, head.head_mac(keys))
        held[row.handle] = Held(value, row.wrapped, is_current)
    return held


def insert_stanzas(made: Iterable[Stanza]) -> tuple[Step, ...]:
    """The step that writes stanzas; none for none."""
    return insertion("stanza", (stanza.row | {"wrapped": stanza.wrapped} for stanza in made))


def remove_older_stanzas(newer: Sequence[Stanza]) -> tuple[Step, ...]:
    """The step that takes from recipients the versions that these replace."""
    rows = [stanza.row | {"vault": stanza.row["vault_id"]} for stanza in newer]
    return (Step(_DELETE_OLDER, rows),) if rows else ()
