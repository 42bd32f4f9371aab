"""The keystore: salts whose deletion is what makes an end, a logout or an erasure real.

A key derived with a salt can't be derived again once the salt is gone, whatever old token or old
backup turns up (docs/format.md, 9 The keystore). It shares no transaction with the main database.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from crypto.encoding import canonical_json, parse_canonical
from crypto.errors import Malformed
from crypto.primitives import random_bytes
from vault.database import Database
from vault.errors import NotFound
from vault.steps import Sql, Values, ValuesOfRows, sql

SALT_BYTES = 32
_TRUNCATE_SECONDS_MAX = 1.0
_INSTANCE = sql("SELECT instance_id FROM instance")
_NAMED = "FROM salt WHERE kind IN :kinds AND id IN :ids AND "  # by the primary key, never a scan
_GET = sql(f"SELECT kind, id, phase, salt {_NAMED} salt IS NOT NULL", "kinds", "ids")
_MAKE = sql(
    "INSERT INTO salt (kind, id, phase, vault_id, salt, expires_at)"
    " VALUES (:kind, :id, :phase, :vault, :salt, :expires) ON CONFLICT DO NOTHING"
)
_TAKEN = sql(f"SELECT id {_NAMED} vault_id <> :vault", "kinds", "ids")
_DROP = "DELETE FROM salt WHERE "
_DROP_ONE = sql(_DROP + "kind = :kind AND id = :id AND phase = :phase")
_DROP_GRANT = sql(_DROP + "kind = 'grant' AND id = :id")
_DROP_PHASES = sql(_DROP + "kind = 'grant' AND id = :id AND phase < :phase AND owed IS NULL")
_DROP_VAULT = sql(_DROP + "vault_id = :vault")
_DROP_EXPIRED = sql(_DROP + "expires_at <= :now AND owed IS NULL")
_RETAIN_AUDIT_KEY = sql(
    "UPDATE salt SET vault_id = :nobody, expires_at = :until"
    " WHERE kind = 'audit' AND id = :subject AND vault_id = :vault"
)
_VOID = "UPDATE salt SET salt = NULL, owed = :owed WHERE vault_id = :vault AND owed IS NULL AND "
_VOID_GRANT = sql(_VOID + "kind = 'grant' AND id = :id")
_VOID_VAULT = sql(_VOID + "kind <> 'audit'")
_ROWS = "SELECT kind, id, phase, vault_id, salt IS NULL AS is_gone, owed FROM salt"
_ROWS_OF = sql(_ROWS + " WHERE kind IN :kinds", "kinds")
_GRANT_ROWS = sql(_ROWS + " WHERE kind = 'grant' AND id >= :first ORDER BY id, phase LIMIT :most")
_VOIDED_ROWS = sql(_ROWS + " WHERE salt IS NULL")
KINDS = ("vault", "method", "session", "grant", "audit")


class SaltKey(NamedTuple):
    """The name of a salt: one of `KINDS`, an id, and for a grant its phase."""

    kind: str
    id: bytes
    phase: int = 0


@dataclass(frozen=True, slots=True)
class Owed:
    """An entry the log is owed for salts that were voided: what was done, by whom, when, why."""

    action: str
    actor: str
    actor_id: str
    at: int
    reason: str

    def encode(self) -> bytes:
        return canonical_json(asdict(self))

    @classmethod
    def decode(cls, raw: bytes) -> "Owed":
        """The note of these bytes; raises `Malformed`."""
        try:
            return cls(**parse_canonical(raw))
        except TypeError:  # it is no object, or one with other members
            raise Malformed("owed note") from None


@dataclass(frozen=True, slots=True)
class StoredSalt:
    """A salt row without the salt, for the sweeper."""

    key: SaltKey
    vault_id: bytes
    is_gone: bool
    owed: Owed | None


class Keystore:
    """Reads and writes salts. Deletions are pressed out of the files before success is said."""

    def __init__(self, database: Database) -> None:
        self._database, self.engine = database, database.engine
        self.truncated = True
        self.came_round = False  # every grant's salt was looked at once, see `next_grants`
        self._next_grant = b""

    def instance_id(self) -> bytes | None:
        with self._database.read() as connection:
            instance_id: bytes | None = connection.execute(_INSTANCE).scalar_one_or_none()
            return instance_id

    def get(self, keys: Sequence[SaltKey]) -> dict[SaltKey, bytes]:
        """The salts that are there, in one statement. A missing one is simply absent."""
        with self._database.read(snapshot=False) as connection:
            rows = connection.execute(_GET, _named(keys)).all()
        found = {SaltKey(row.kind, row.id, row.phase): row.salt for row in rows}
        return {key: found[key] for key in keys if key in found}

    def make(self, key: SaltKey, vault_id: bytes, expires_at: int | None = None) -> bytes:
        """The salt of this name, made if absent: racers for one name all get the same salt.

        Raises `NotFound` if the name's salt was voided, went at once, or is another vault's.
        """
        made = self.make_all([key], vault_id, expires_at)
        if key not in made:
            raise NotFound("This is not there any more.")
        return made[key]

    def make_all(
        self, keys: Sequence[SaltKey], vault_id: bytes, expires_at: int | None = None
    ) -> dict[SaltKey, bytes]:
        """The salts of these names, made where absent, in one transaction.

        None of another vault: they would outlive an erasure of this one.
        """
        new = [
            key._asdict()
            | {"vault": vault_id, "salt": random_bytes(SALT_BYTES), "expires": expires_at}
            for key in keys
        ]
        with self._database.write() as connection:
            connection.execute(_MAKE, new)
            taken = set(connection.execute(_TAKEN, _named(keys) | {"vault": vault_id}).scalars())
        return {key: salt for key, salt in self.get(keys).items() if key.id not in taken}

    def drop(self, keys: Iterable[SaltKey]) -> None:
        """Deletes salts for good, rows and all."""
        self._write(_DROP_ONE, [key._asdict() for key in keys])

    def drop_grant(self, grant_id: bytes) -> None:
        """Deletes all salts of a grant that main shows as ended."""
        self._write(_DROP_GRANT, {"id": grant_id})

    def drop_phases(self, grant_id: bytes, below: int) -> None:
        """Deletes the salts of a grant's earlier phases; a voided one stays: it is owed an end."""
        self._write(_DROP_PHASES, {"id": grant_id, "phase": below})

    def drop_vault(self, vault_id: bytes, subject: bytes, retain_until: int) -> None:
        """Erases: every salt of the vault goes but the audit key's, which forgets whose it was."""
        retained = {"nobody": b"", "until": retain_until, "subject": subject, "vault": vault_id}
        with self._database.write() as connection:
            connection.execute(_RETAIN_AUDIT_KEY, retained)
            connection.execute(_DROP_VAULT, {"vault": vault_id})
        self.press_out()

    def drop_expired(self, now_ms: int) -> None:
        """Deletes every salt past its time, whatever main says; a note of what is owed stays."""
        self._write(_DROP_EXPIRED, {"now": now_ms})

    def void_grant(self, vault_id: bytes, grant_id: bytes, owed: Owed) -> None:
        """Makes a grant's salts unusable now; notes the entry the log is owed."""
        self._write(_VOID_GRANT, {"vault": vault_id, "id": grant_id, "owed": owed.encode()})

    def void_vault(self, vault_id: bytes, owed: Owed) -> None:
        """The same for every salt of a vault but its audit key's."""
        self._write(_VOID_VAULT, {"vault": vault_id, "owed": owed.encode()})

    def rows(self, *kinds: str) -> list[StoredSalt]:
        """The stored salts of these kinds, or all."""
        return self._rows(_ROWS_OF, {"kinds": kinds or KINDS})

    def next_grants(self, most: int = 1000) -> list[StoredSalt]:
        """The salts of the next grants: all of them come by in turn, so many at a time."""
        rows = self._rows(_GRANT_ROWS, {"first": self._next_grant, "most": most})
        at_end = len(rows) < most
        self.came_round |= at_end
        self._next_grant = b"" if at_end else rows[-1].key.id
        return rows

    def voided(self) -> list[StoredSalt]:
        """The salts that were voided and whose row has still to go."""
        return self._rows(_VOIDED_ROWS, {})

    def _rows(self, statement: Sql, values: Values) -> list[StoredSalt]:
        with self._database.read() as connection:
            rows = connection.execute(statement, values).all()
        return [
            StoredSalt(
                SaltKey(row.kind, row.id, row.phase),
                row.vault_id,
                bool(row.is_gone),
                Owed.decode(row.owed) if row.owed else None,
            )
            for row in rows
        ]

    def press_out(self) -> None:
        """Empties the write-ahead log, so that what was deleted is in no file any more.

        Tries for a second; the sweeper goes on where readers stood in the way, or a full disk.
        """
        deadline, self.truncated = time.monotonic() + _TRUNCATE_SECONDS_MAX, False
        while not (pressed := self._database.truncate_wal()) and time.monotonic() < deadline:
            time.sleep(0.02)
        self.truncated = pressed

    def close(self) -> None:
        self._database.close()

    def _write(self, statement: Sql, values: Values | ValuesOfRows) -> None:
        if not values:
            return
        with self._database.write() as connection:
            changed = connection.execute(statement, values).rowcount
        if changed:
            self.press_out()


def _named(keys: Sequence[SaltKey]) -> dict[str, Any]:
    return {"kinds": {key.kind for key in keys}, "ids": [key.id for key in keys]}
