"""Bringing databases to this version's schema, by Alembic (vault/schema.py checks it).

A database is brought there in one transaction or stays as it was: both kinds of database take DDL
back. One migration runs at a time, and none while others work on the database: older code must not
write what newer code has changed.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from sqlalchemy import Connection as Alchemy
from sqlalchemy.exc import OperationalError

from operate.pair import check_answers, check_apart, check_empty, only_one, opened
from vault.database import Connection, Database
from vault.errors import NotReady, Unavailable
from vault.schema import KEYSTORE, MAIN, VERSIONS, check_schema
from vault.settings import Settings
from vault.steps import sql

_FOLDER = Path(__file__).with_name("migrations")
_VERSION = sql("SELECT version_num FROM alembic_version")
_LOCK_NUMBER = 0x6B6C756973  # "kluis"; nothing else of ours takes this lock
_NO_TIMEOUT = sql("SET LOCAL statement_timeout = 0")
_TAKE_TURN = (
    _NO_TIMEOUT,
    sql("SET LOCAL lock_timeout = '60s'"),
    sql(f"SELECT pg_advisory_xact_lock({_LOCK_NUMBER})"),
)
_KEEP_OUT = sql("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")  # waited for at the start
_OTHERS = sql(
    """SELECT count(*) FROM pg_stat_activity a CROSS JOIN pg_stat_clear_snapshot()
    WHERE a.datname = current_database() AND a.application_name = 'kluis'
    AND a.pid <> pg_backend_pid()
    AND NOT EXISTS (SELECT 1 FROM pg_locks l WHERE l.pid = a.pid AND l.locktype = 'advisory')"""
)
_OTHERS_TRIES, _OTHERS_PAUSE_SECONDS = 20, 0.1


@dataclass(frozen=True, slots=True)
class Change:
    """One version of a schema and what it brings."""

    version: str
    what: str


@dataclass(frozen=True, slots=True)
class Migrated:
    """What was done to a database, or would be: its version before, and each change in order."""

    which: str
    before: str
    changes: tuple[Change, ...]

    @property
    def after(self) -> str:
        return self.changes[-1].version if self.changes else self.before


def migrate(settings: Settings, *, dry_run: bool = False) -> tuple[Migrated, ...]:
    """Brings both databases of an installation to this version's schema.

    `dry_run` changes nothing. Raises `NotReady` before anything is changed: for a newer schema, for
    databases that hold no vault or are one and the same, and where others work on them.
    """
    with opened(settings) as (main, keystore), _turn(main, MAIN):
        both = (main, MAIN), (keystore, KEYSTORE)
        planned = tuple(_plan(*one) for one in both)
        if dry_run or not any(one.changes for one in planned):
            return planned
        check_apart(main, keystore)
        with only_one(settings):
            return tuple(_upgrade(*one) for one in both)


def make_tables(database: Database, which: str) -> None:
    """Makes the tables in a new database; raises `NotReady` where there are some."""
    with _turn(database, which), _changing(database) as (connection, alchemy):
        check_empty(connection, which)
        command.upgrade(_alembic(which, alchemy), VERSIONS[which])


def bring_to(connection: Alchemy, which: str, version: str) -> None:
    """The tables of that version, from an older one or none, in the transaction at hand."""
    command.upgrade(_alembic(which, connection), version)


def _plan(database: Database, which: str) -> Migrated:
    try:
        check_schema(database, which)
    except NotReady as found:
        if found.code != "schema_older":
            raise
    with database.read() as connection:
        return _planned(connection, which)


def _planned(connection: Connection, which: str) -> Migrated:
    before = connection.execute(_VERSION).scalar_one()
    scripts = ScriptDirectory.from_config(_alembic(which))
    try:
        newest_first = list(scripts.iterate_revisions(VERSIONS[which], before))
    except RevisionError:
        raise NotReady(
            f"The {which} database has schema {before}, which this version does not know.",
            "schema_unknown",
        ) from None
    changes = [Change(one.revision, one.doc) for one in reversed(newest_first)]
    return Migrated(which, before, tuple(changes))


def _upgrade(database: Database, which: str) -> Migrated:
    try:
        with _changing(database) as (connection, alchemy):
            planned = _planned(connection, which)
            if planned.changes:
                if not database.is_sqlite:
                    connection.execute(_NO_TIMEOUT)
                    _keep_out(connection, which)
                command.upgrade(_alembic(which, alchemy), VERSIONS[which])
            return planned
    except Unavailable:
        raise _busy(which) from None


@contextmanager
def _changing(database: Database) -> Iterator[tuple[Connection, Alchemy]]:
    """One transaction, as we speak to it and as Alembic does."""
    try:
        with database.via_sqlalchemy() as alchemy:
            yield Connection(alchemy.connection.dbapi_connection, database.dialect), alchemy
    except (database.engine.dialect.loaded_dbapi.OperationalError, OperationalError):
        raise Unavailable from None


@contextmanager
def _turn(database: Database, which: str) -> Iterator[None]:
    """Waits for others who migrate; on SQLite `only_one` lets none begin."""
    if database.is_sqlite:
        yield
        return
    check_answers(database, which)
    with ExitStack() as held:
        try:
            connection = held.enter_context(database.write())
            for statement in _TAKE_TURN:
                connection.execute(statement)
        except Unavailable:
            raise _busy(which) from None
        yield


def _keep_out(connection: Connection, which: str) -> None:
    """Lets nobody begin to work on the database, and waits a little for those who are leaving."""
    connection.execute(_KEEP_OUT)
    for _ in range(_OTHERS_TRIES):
        if not connection.execute(_OTHERS).scalar_one():
            return
        time.sleep(_OTHERS_PAUSE_SECONDS)
    raise _busy(which)


def _busy(which: str) -> NotReady:
    return NotReady(
        f"Others work on the {which} database. Stop every server and command on it, then run kluis "
        "migrate again. It was not changed.",
        "database_busy",
    )


def _alembic(which: str, connection: Alchemy | None = None) -> Config:
    """Alembic's configuration for the main database or the keystore."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER / which))
    config.attributes["connection"] = connection
    return config
