"""`kluis restore`: the rows of archives into the databases of an installation (docs/backup.md).

Nothing is deleted: what was there is moved aside, and stays until somebody removes it. Nothing that
ended comes back where the current main database or keystore knows of it: a keystore's salts are
taken only as far as main still has a use for them.

The anchor is not touched. A main database that lacks signed entries is not served: see
`operate/continuing.py`.
"""

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from audit.errors import AuditError
from audit.note import open_note, parse_checkpoint
from crypto.encoding import b64u
from operate.archive import Archive, Manifest
from operate.exclusive import without_server
from operate.migration import bring_to
from operate.signers import ever
from vault.clock import Clock
from vault.database import Database, sqlite_url
from vault.errors import NotReady, Unavailable
from vault.schema import KEYSTORE, MAIN, VERSIONS
from vault.settings import DAY_SECONDS, Settings

_ROWS_AT_ONCE = 500
_LIVING = text(
    """SELECT 'vault', vault_id, 0 FROM vault WHERE state = 'open' UNION ALL
    SELECT 'method', method_id, 0 FROM method WHERE state = 'active' UNION ALL
    SELECT 'session', session_id, 0 FROM session UNION ALL
    SELECT 'grant', grant_id, phase FROM vault_grant WHERE state <> 'ended'"""
)
_SUBJECTS = text(
    """SELECT k.subject, v.vault_id FROM audit_key k LEFT JOIN vault v
    ON v.subject = k.subject AND v.state = 'open'"""
)
_INSTANCE = text("SELECT instance_id FROM instance")
_SYSTEM = text("SELECT system_subject FROM audit_head")
_REVOKED = text("SELECT kind, id, parent FROM registry WHERE state = 'revoked'")


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back. `aside` is where the old one is now; `left_out` counts salts."""

    manifest: Manifest
    aside: str | None
    left_out: int = 0
    revoked_since: tuple[str, ...] = ()


def restore(
    settings: Settings, clock: Clock, paths: Sequence[Path], *, overwrite: bool
) -> list[Restored]:
    """Puts archives back, main first. All is checked before anything is changed.

    (1) each archive is whole, (2) of this installation, (3) not of a newer version, (4) no server
    runs, (5) what is there is moved aside, with `overwrite` only. Raises `NotReady`.
    """
    # (1)
    archives = _by_database([Archive(path) for path in paths])
    try:
        with without_server(settings):  # (4)
            targets = {which: _Target(settings, which, clock) for which in (MAIN, KEYSTORE)}
            # (2), (3)
            _check_instance(targets, archives)
            for archive in archives:
                _check_version(archive)
                _check_signed(settings, archive)
                # (5)
                if not overwrite and not targets[archive.manifest.database].is_empty():
                    raise NotReady(
                        f"The {archive.manifest.database} database is not empty. With --replace "
                        "it is moved aside, and kept. Nothing was changed.",
                        "not_empty",
                    )
            return [_put_back(targets, archive) for archive in archives]
    finally:
        for archive in archives:
            archive.close()


def _by_database(archives: Sequence[Archive]) -> list[Archive]:
    found = {archive.manifest.database: archive for archive in archives}
    if len(found) != len(archives):
        raise NotReady("Two archives of one kind of database. Name one of each.", "wrong_archive")
    return [found[which] for which in (MAIN, KEYSTORE) if which in found]


def _check_instance(targets: dict[str, "_Target"], archives: Sequence[Archive]) -> None:
    """Archives and databases are of one installation, as far as they can be asked."""
    known = {target.instance_id() for target in targets.values()} - {None}
    known |= {archive.manifest.instance for archive in archives}
    if len(known) > 1:
        raise NotReady(
            "An archive is of another installation than the databases or the other archive. "
            "Nothing was changed.",
            "wrong_instance",
        )
    has_main = any(archive.manifest.database == MAIN for archive in archives)
    if not has_main and targets[MAIN].is_empty():
        raise NotReady(
            "A keystore is restored beside a main database only, which tells what ended since. "
            "Name the archive of main as well. Nothing was changed.",
            "no_main",
        )


def _check_version(archive: Archive) -> None:
    this, known = archive.manifest, VERSIONS[archive.manifest.database]
    if not this.schema.isdigit() or this.schema > known:
        raise NotReady(
            f"{archive.path} has schema {this.schema}, this version knows {known}. Install the "
            "newer version first. Nothing was changed.",
            "newer_schema",
        )


def _check_signed(settings: Settings, archive: Archive) -> None:
    """Main's log is signed by this installation's key: else it is the wrong key or archive."""
    if archive.manifest.database != MAIN:
        return
    try:
        origin = parse_checkpoint(archive.manifest.note.split("\n\n", 1)[0] + "\n").origin
        open_note(archive.manifest.note, ever(settings, origin))
    except AuditError:
        raise NotReady(
            f"The log in {archive.path} is not signed by this installation's log key. "
            "Nothing was changed.",
            "wrong_log_key",
        ) from None


def _put_back(targets: dict[str, "_Target"], archive: Archive) -> Restored:
    which = archive.manifest.database
    if which == KEYSTORE:
        salts = _Salts(targets[MAIN])
        aside = targets[which].fill(archive, salts)
        return Restored(archive.manifest, aside, salts.left_out)
    revoked = targets[MAIN].revoked()
    aside = targets[which].fill(archive)
    back = sorted(revoked - targets[MAIN].revoked())
    return Restored(archive.manifest, aside, revoked_since=tuple(back))


class _Salts:
    """Which salts of an older keystore are taken, judged by the main database beside it.

    Salts of what ended, was removed or erased since stay away. The audit key's of an erased vault
    is kept for its retention, counted from now, and forgets whose it was.
    """

    def __init__(self, main: "_Target") -> None:
        with main.reading() as connection:
            self._living = {tuple(row) for row in connection.execute(_LIVING)}
            self._vaults = {row.subject: row.vault_id for row in connection.execute(_SUBJECTS)}
            self._system = connection.execute(_SYSTEM).scalar_one()
        self._until = main.retained_until_ms
        self.left_out = 0

    def take(self, row: dict[str, Any]) -> dict[str, Any] | None:
        subject = row["id"]
        if row["kind"] != "audit" or subject not in self._vaults:
            if (row["kind"], row["id"], row["phase"]) in self._living:
                return row
            self.left_out += 1
            return None
        if subject == self._system or self._vaults[subject] is not None:
            return row
        until = min(row["expires_at"] or self._until, self._until)
        return row | {"vault_id": b"", "expires_at": until}


class _Target:
    """One database of the installation, there or not."""

    def __init__(self, settings: Settings, which: str, clock: Clock) -> None:
        self._which = which
        self._url = settings.main_url if which == MAIN else settings.salts_url
        now_ms = clock.now_ms()
        at = f"{datetime.fromtimestamp(now_ms / 1000, UTC):%Y%m%dt%H%M%Sz}"
        self._stamp = f"{at}_{secrets.token_hex(3)}"  # no name is taken twice
        self.retained_until_ms = now_ms + settings.audit_retention_days * DAY_SECONDS * 1000
        place = make_url(self._url)
        self._file = Path(place.database or "") if place.get_backend_name() == "sqlite" else None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        database = Database(self._url)
        try:
            with database.via_sqlalchemy() as connection:
                yield connection
        finally:
            database.close()

    def is_empty(self) -> bool:
        """Whether there is nothing in it. What is there and can't be read is not empty."""
        if self._file is not None and not self._file.exists():
            return True
        try:
            with self.reading() as connection:
                return not inspect(connection).get_table_names()
        except (SQLAlchemyError, Unavailable):
            return False

    def instance_id(self) -> str | None:
        """Whose it is; None where it can't be told any more."""
        if self.is_empty():
            return None
        try:
            with self.reading() as connection:
                return b64u(connection.execute(_INSTANCE).scalar_one())
        except (SQLAlchemyError, Unavailable):
            return None

    def revoked(self) -> set[str]:
        """The registrations that it shows as revoked, in words."""
        if self.is_empty():
            return set()
        try:
            with self.reading() as connection:
                rows = connection.execute(_REVOKED).all()
        except (SQLAlchemyError, Unavailable):
            return set()
        return {f"use {r.id} of {r.parent}" if r.kind == "use" else r.id for r in rows}

    def fill(self, archive: Archive, salts: _Salts | None = None) -> str | None:
        """Loads an archive and takes the place of what is there; returns where that is now."""
        if self._file is None:
            return self._fill_schema(archive, salts)
        fresh = self._file.with_name(self._file.name + ".restoring")
        _remove(fresh)  # of a restore that was killed: nobody else is at work now
        database = Database(sqlite_url(fresh))
        try:
            with database.via_sqlalchemy() as connection:
                _load(connection, archive, salts)
            database.truncate_wal()
        except BaseException:
            database.close()
            _remove(fresh)
            raise
        database.close()
        fresh.chmod(0o600)
        aside = self._set_aside(self._file) if self._file.exists() else None
        fresh.replace(self._file)
        return aside

    def _set_aside(self, file: Path) -> str:
        """Gives what is there a second name. Its write-ahead log must be gone from the first one
        before the new database takes it: it would be played into it.
        """
        with suppress(SQLAlchemyError, Unavailable):  # damaged: then its parts are kept as they are
            database = Database(self._url)
            database.truncate_wal()
            database.close()
        aside = file.with_name(f"{file.name}.replaced-{self._stamp}")
        try:
            for end in ("", "-wal"):
                if (part := file.with_name(file.name + end)).exists():
                    os.link(part, aside.with_name(aside.name + end))
        except OSError as error:
            what = f"{file} can't be moved aside: {error.strerror}. Nothing was changed."
            raise NotReady(what, "unwritable_file") from None
        for end in ("-wal", "-shm"):
            file.with_name(file.name + end).unlink(missing_ok=True)
        return str(aside)

    def _fill_schema(self, archive: Archive, salts: _Salts | None) -> str | None:
        """On PostgreSQL the schema `public` is renamed and made anew, all in one transaction."""
        was_empty = self.is_empty()
        aside = f"replaced_{self._stamp}"
        database = Database(self._url)
        try:
            with database.via_sqlalchemy() as connection:
                connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
                if not was_empty:
                    connection.execute(text(f"ALTER SCHEMA public RENAME TO {aside}"))
                    connection.execute(text("CREATE SCHEMA public"))
                _load(connection, archive, salts)
        finally:
            database.close()
        return None if was_empty else f"the schema {aside}"


def _load(connection: Connection, archive: Archive, salts: _Salts | None) -> None:
    """Makes the tables of the archive's version, fills them, and brings them to this version."""
    which = archive.manifest.database
    bring_to(connection, which, archive.manifest.schema)
    for table in archive.manifest.members:
        rows = archive.rows(table)
        if salts is not None and table == "salt":
            rows = (kept for row in rows if (kept := salts.take(row)) is not None)
        _insert(connection, table, rows)
    bring_to(connection, which, VERSIONS[which])


def _insert(connection: Connection, table: str, rows: Iterator[dict[str, Any]]) -> None:
    there = {column["name"] for column in inspect(connection).get_columns(table)}
    batch: list[dict[str, Any]] = []
    for row in rows:
        if not batch and row.keys() - there:
            raise NotReady("The archive has columns this version does not know.", "newer_schema")
        batch.append(row)
        if len(batch) == _ROWS_AT_ONCE:
            _insert_batch(connection, table, batch)
    _insert_batch(connection, table, batch)


def _insert_batch(connection: Connection, table: str, batch: list[dict[str, Any]]) -> None:
    """The names were compared with the database's own: none is a stranger's text."""
    if batch:
        names = ", ".join(f'"{name}"' for name in batch[0])
        values = ", ".join(f":{name}" for name in batch[0])
        statement = f'INSERT INTO "{table}" ({names}) VALUES ({values})'  # noqa: S608
        connection.execute(text(statement), batch)
        batch.clear()


def _remove(file: Path) -> None:
    for end in ("", "-wal", "-shm"):
        file.with_name(file.name + end).unlink(missing_ok=True)
