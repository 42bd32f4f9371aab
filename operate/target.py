"""A database of an installation that an archive is put into, there already or not.

What was there is moved aside and stays: a file beside the new one, a schema beside `public`. The
new one takes its place once it is whole.
"""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from crypto.encoding import b64u
from operate.archive import Archive
from operate.migration import bring_to
from vault.clock import Clock
from vault.database import Database, sqlite_url
from vault.errors import NotReady, Unavailable
from vault.schema import MAIN, VERSIONS
from vault.settings import DAY_SECONDS, Settings

_ROWS_AT_ONCE = 500
_INSTANCE = text("SELECT instance_id FROM instance")
_REVOKED = text("SELECT kind, id, parent FROM registry WHERE state = 'revoked'")

Row = dict[str, Any]
Keep = Callable[[str, Row], Row | None]


class Target:
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

    def fill(self, archive: Archive, keep: Keep | None = None) -> str | None:
        """Loads an archive and takes the place of what is there; returns where that is now.

        `keep` has the last word on each row: as it is, changed, or None for one that stays away.
        """
        if self._file is None:
            return self._fill_schema(archive, keep)
        fresh = self._file.with_name(self._file.name + ".restoring")
        _remove(fresh)  # of a restore that was killed: nobody else is at work now
        database = Database(sqlite_url(fresh))
        try:
            with database.via_sqlalchemy() as connection:
                _load(connection, archive, keep)
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

    def _fill_schema(self, archive: Archive, keep: Keep | None) -> str | None:
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
                _load(connection, archive, keep)
        finally:
            database.close()
        return None if was_empty else f"the schema {aside}"


def _load(connection: Connection, archive: Archive, keep: Keep | None) -> None:
    """Makes the tables of the archive's version, fills them, and brings them to this version."""
    which = archive.manifest.database
    bring_to(connection, which, archive.manifest.schema)
    for table in archive.manifest.members:
        rows = archive.rows(table)
        if keep is not None:
            rows = (kept for row in rows if (kept := keep(table, row)) is not None)
        _insert(connection, table, rows)
    bring_to(connection, which, VERSIONS[which])


def _insert(connection: Connection, table: str, rows: Iterator[Row]) -> None:
    there = {column["name"] for column in inspect(connection).get_columns(table)}
    batch: list[Row] = []
    for row in rows:
        if not batch and row.keys() - there:
            raise NotReady("The archive has columns this version does not know.", "newer_schema")
        batch.append(row)
        if len(batch) == _ROWS_AT_ONCE:
            _insert_batch(connection, table, batch)
    _insert_batch(connection, table, batch)


def _insert_batch(connection: Connection, table: str, batch: list[Row]) -> None:
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
