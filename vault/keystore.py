"""The keystore: salts whose deletion is what makes an end, a logout or an erasure real.

A key derived with a salt can't be derived again once the salt is gone, whatever old token or old
backup turns up (format.md §2, §5). The keystore shares no transaction with the main database.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from crypto.encoding import canonical_json, parse_canonical
from crypto.primitives import random_bytes
from vault.database import Database
from vault.tables import keystore_instance, salts

SALT_BYTES = 32
_TRUNCATE_SECONDS_MAX = 1.0


@dataclass(frozen=True, slots=True)
class SaltKey:
    """The name of a salt. Kinds: vault, method, session, grant (with its phase), audit."""

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
        return cls(**parse_canonical(raw))


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
        self._database = database
        self.truncated = True

    def instance_id(self) -> bytes | None:
        with self._database.read() as connection:
            return connection.execute(select(keystore_instance.c.instance_id)).scalar_one_or_none()

    def get(self, keys: Sequence[SaltKey]) -> dict[SaltKey, bytes]:
        """The salts that are there, in one statement. A missing one is simply absent."""
        statement = select(salts.c.kind, salts.c.id, salts.c.phase, salts.c.salt).where(
            or_(*map(_is, keys)), salts.c.salt.is_not(None)
        )
        with self._database.read() as connection:
            rows = connection.execute(statement).all()
        return {SaltKey(kind, id_, phase): salt for kind, id_, phase, salt in rows}

    def make(self, key: SaltKey, vault_id: bytes, expires_at: int | None = None) -> bytes:
        """The salt of this name, made if absent: racers for one name all get the same salt.

        Raises `KeyError` if the name's salt was voided.
        """
        return self.make_all([key], vault_id, expires_at)[key]

    def make_all(
        self, keys: Sequence[SaltKey], vault_id: bytes, expires_at: int | None = None
    ) -> dict[SaltKey, bytes]:
        """The salts of these names, made where absent, in one transaction."""
        insert = sqlite.insert if self._database.is_sqlite else postgresql.insert
        with self._database.write() as connection:
            connection.execute(
                insert(salts).on_conflict_do_nothing(),
                [
                    {
                        "kind": key.kind,
                        "id": key.id,
                        "phase": key.phase,
                        "vault_id": vault_id,
                        "salt": random_bytes(SALT_BYTES),
                        "expires_at": expires_at,
                    }
                    for key in keys
                ],
            )
        return self.get(keys)

    def drop(self, keys: Iterable[SaltKey]) -> None:
        """Deletes salts for good, rows and all."""
        wanted = list(keys)
        if wanted:
            self._delete(or_(*map(_is, wanted)))

    def drop_grant(self, grant_id: bytes, below_phase: int | None = None) -> None:
        """Deletes a grant's salts: all, or those of phases below the given one."""
        condition = and_(salts.c.kind == "grant", salts.c.id == grant_id)
        if below_phase is not None:
            condition = and_(condition, salts.c.phase < below_phase)
        self._delete(condition)

    def drop_vault(self, vault_id: bytes, subject: bytes, retain_until: int) -> None:
        """Erases: every salt of the vault goes but the audit key's, which forgets whose it was."""
        with self._database.write() as connection:
            connection.execute(
                update(salts)
                .where(salts.c.kind == "audit", salts.c.id == subject)
                .values(vault_id=b"", expires_at=retain_until)
            )
            connection.execute(delete(salts).where(salts.c.vault_id == vault_id))
        self.press_out()

    def drop_expired(self, now_ms: int) -> int:
        """Deletes every salt past its time, whatever the main database says."""
        return self._delete(salts.c.expires_at <= now_ms)

    def void_grant(self, vault_id: bytes, grant_id: bytes, owed: Owed) -> None:
        """Makes a grant's salts unusable now; notes the entry the log is owed (audit.md §3)."""
        self._void(vault_id, and_(salts.c.kind == "grant", salts.c.id == grant_id), owed)

    def void_vault(self, vault_id: bytes, owed: Owed) -> None:
        """The same for every salt of a vault but its audit key's."""
        self._void(vault_id, salts.c.kind != "audit", owed)

    def _void(self, vault_id: bytes, condition: ColumnElement[bool], owed: Owed) -> None:
        condition = and_(salts.c.vault_id == vault_id, condition, salts.c.owed.is_(None))
        with self._database.write() as connection:
            connection.execute(update(salts).where(condition).values(salt=None, owed=owed.encode()))
        self.press_out()

    def close(self) -> None:
        self._database.close()

    def rows(self, kind: str | None = None, *, gone: bool = False) -> list[StoredSalt]:
        """The stored salts by kind, or only those that are gone but owed."""
        columns = (salts.c.kind, salts.c.id, salts.c.phase, salts.c.vault_id, salts.c.owed)
        statement = select(*columns, salts.c.salt.is_(None))
        if kind is not None:
            statement = statement.where(salts.c.kind == kind)
        if gone:
            statement = statement.where(salts.c.salt.is_(None))
        with self._database.read() as connection:
            rows = connection.execute(statement).all()
        return [
            StoredSalt(
                SaltKey(kind_, id_, phase), vault_id, is_gone, Owed.decode(owed) if owed else None
            )
            for kind_, id_, phase, vault_id, owed, is_gone in rows
        ]

    def press_out(self) -> None:
        """Empties the write-ahead log, so that what was deleted is in no file any more.

        Tries for a second; the sweeper goes on where readers stood in the way.
        """
        deadline = time.monotonic() + _TRUNCATE_SECONDS_MAX
        self.truncated = self._database.truncate_wal()
        while not self.truncated and time.monotonic() < deadline:
            time.sleep(0.02)
            self.truncated = self._database.truncate_wal()

    def _delete(self, condition: ColumnElement[bool]) -> int:
        with self._database.write() as connection:
            deleted = connection.execute(delete(salts).where(condition)).rowcount
        if deleted:
            self.press_out()
        return deleted


def _is(key: SaltKey) -> ColumnElement[bool]:
    return and_(salts.c.kind == key.kind, salts.c.id == key.id, salts.c.phase == key.phase)
