"""The keystore: salts whose deletion is what makes an end, a logout or an erasure real.

A key derived with a salt can't be derived again once the salt is gone, whatever old token or old
backup turns up (format.md §2, §5). The keystore shares no transaction with the main database.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from crypto.primitives import random_bytes
from vault.database import Database
from vault.tables import KeystoreInstance, SaltRow

SALT_BYTES = 32
_salt = SaltRow.__table__  # type: ignore[attr-defined]
_TRUNCATE_SECONDS_MAX = 1.0


@dataclass(frozen=True, slots=True)
class SaltKey:
    """The name of a salt. Kinds: vault, method, session, grant (with its phase), audit."""

    kind: str
    id: bytes
    phase: int = 0


@dataclass(frozen=True, slots=True)
class StoredSalt:
    """A salt row without the salt, for the sweeper."""

    key: SaltKey
    vault_id: bytes
    is_gone: bool
    owed: bytes | None


class Keystore:
    """Reads and writes salts. Deletions are pressed out of the files before success is said."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.truncated = True

    def instance_id(self) -> bytes | None:
        with self._database.read() as connection:
            return connection.execute(select(KeystoreInstance.instance_id)).scalar_one_or_none()

    def get(self, keys: Sequence[SaltKey]) -> dict[SaltKey, bytes]:
        """The salts that are there, in one statement. A missing one is simply absent."""
        statement = select(_salt.c.kind, _salt.c.id, _salt.c.phase, _salt.c.salt).where(
            or_(*map(_is, keys)), _salt.c.salt.is_not(None)
        )
        with self._database.read() as connection:
            rows = connection.execute(statement).all()
        return {SaltKey(kind, id_, phase): salt for kind, id_, phase, salt in rows}

    def make(self, key: SaltKey, vault_id: bytes, expires_at: int | None = None) -> bytes:
        """The salt of this name, made if absent: racers for one name all get the same salt.

        Raises `KeyError` if the name's salt was deleted and its row is still owed.
        """
        values = {
            "kind": key.kind,
            "id": key.id,
            "phase": key.phase,
            "vault_id": vault_id,
            "salt": random_bytes(SALT_BYTES),
            "expires_at": expires_at,
        }
        insert = sqlite.insert if self._database.is_sqlite else postgresql.insert
        with self._database.write() as connection:
            connection.execute(insert(_salt).values(values).on_conflict_do_nothing())
        return self.get([key])[key]

    def drop(self, keys: Iterable[SaltKey]) -> None:
        """Deletes salts for good, rows and all."""
        wanted = list(keys)
        if wanted:
            self._delete(or_(*map(_is, wanted)))

    def drop_grant(self, grant_id: bytes, below_phase: int | None = None) -> None:
        """Deletes a grant's salts: all, or those of phases below the given one."""
        condition = and_(_salt.c.kind == "grant", _salt.c.id == grant_id)
        if below_phase is not None:
            condition = and_(condition, _salt.c.phase < below_phase)
        self._delete(condition)

    def drop_vault(self, vault_id: bytes, subject: bytes, retain_until: int) -> None:
        """Erases: every salt of the vault goes but the audit key's, which forgets whose it was."""
        with self._database.write() as connection:
            connection.execute(
                update(_salt)
                .where(_salt.c.kind == "audit", _salt.c.id == subject)
                .values(vault_id=b"", expires_at=retain_until)
            )
            connection.execute(delete(_salt).where(_salt.c.vault_id == vault_id))
        self.press_out()

    def drop_expired(self, now_ms: int) -> int:
        """Deletes every salt past its time, whatever the main database says."""
        return self._delete(_salt.c.expires_at <= now_ms)

    def void(self, condition_key: SaltKey | None, vault_id: bytes, owed: bytes) -> None:
        """Makes salts unusable now and notes the entry the log is still owed (audit.md §3).

        Voids one grant's salts, or with no key all of the vault's but the audit key's.
        """
        condition = and_(_salt.c.vault_id == vault_id, _salt.c.kind != "audit")
        if condition_key is not None:
            condition = and_(condition, _salt.c.kind == condition_key.kind)
            condition = and_(condition, _salt.c.id == condition_key.id)
        with self._database.write() as connection:
            connection.execute(
                update(_salt).where(condition, _salt.c.owed.is_(None)).values(salt=None, owed=owed)
            )
        self.press_out()

    def rows(self, kind: str | None = None, *, gone: bool = False) -> list[StoredSalt]:
        """The stored salts by kind, or only those that are gone but owed."""
        columns = (_salt.c.kind, _salt.c.id, _salt.c.phase, _salt.c.vault_id, _salt.c.owed)
        statement = select(*columns, _salt.c.salt.is_(None))
        if kind is not None:
            statement = statement.where(_salt.c.kind == kind)
        if gone:
            statement = statement.where(_salt.c.salt.is_(None))
        with self._database.read() as connection:
            rows = connection.execute(statement).all()
        return [
            StoredSalt(SaltKey(kind_, id_, phase), vault_id, is_gone, owed)
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

    def _delete(self, condition: object) -> int:
        with self._database.write() as connection:
            deleted = connection.execute(delete(_salt).where(condition)).rowcount  # type: ignore[arg-type]
        if deleted:
            self.press_out()
        return deleted


def _is(key: SaltKey) -> object:
    return and_(_salt.c.kind == key.kind, _salt.c.id == key.id, _salt.c.phase == key.phase)
