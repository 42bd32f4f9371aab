"""The two databases of an installation: what they must be before anything is made or changed.

They are apart, because the keystore's backups must be short (docs/format.md, 10 Two databases, one
order); new ones are empty; and on SQLite files one server or migration is at work.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from crypto.primitives import random_bytes
from vault.database import Connection, Database
from vault.errors import NotReady, Unavailable
from vault.schema import KEYSTORE, MAIN, check_schema, tables_of
from vault.settings import Settings
from vault.steps import sql

_LOCK_FILE = "serve.lock"
_ANYTHING = sql("SELECT 1")
_NO_TIMEOUT = sql("SET LOCAL statement_timeout = 0")
_LOCK = sql("SELECT pg_advisory_xact_lock(:number)")
_TRY_LOCK = sql("SELECT pg_try_advisory_xact_lock(:number)")


def check_new(settings: Settings) -> None:
    """Both databases of an installation to be answer, are empty, and are two.

    Files that are not named stand in folders that are still to be made. Raises `NotReady`.
    """
    if bool(settings.database_url) != bool(settings.keystore_url):
        raise NotReady(
            "Name both databases or none: KLUIS_DATABASE_URL and KLUIS_KEYSTORE_URL.",
            "one_database_named",
        )
    if not settings.database_url:
        return
    with opened(settings) as (main, keystore):
        for database, which in ((main, MAIN), (keystore, KEYSTORE)):
            check_answers(database, which)
            with database.read() as connection:
                check_empty(connection, which)
        check_apart(main, keystore)


def check_answers(database: Database, which: str) -> None:
    """The database is there and lets us in."""
    try:
        with database.read() as connection:
            connection.execute(_ANYTHING)
    except Unavailable:
        raise NotReady(
            f"The {which} database does not answer: look at its server, its URL and password.",
            "database_unreachable",
        ) from None


def check_empty(connection: Connection, which: str) -> None:
    """A database without a table: what somebody else keeps there is not ours to touch."""
    if tables_of(connection):
        raise NotReady(
            f"The {which} database holds tables already. Name an empty one. Nothing was changed.",
            "database_not_empty",
        )


def check_apart(main: Database, keystore: Database) -> None:
    """Main database and keystore are two, by whatever names they were given.

    A lock that is held in one PostgreSQL database is free in every other one.
    """
    if main.is_sqlite or keystore.is_sqlite:
        is_one = main.engine.url.database == keystore.engine.url.database
    else:
        number = {"number": int.from_bytes(random_bytes(7))}
        with main.write() as held, keystore.write() as tried:
            held.execute(_LOCK, number)
            is_one = not tried.execute(_TRY_LOCK, number).scalar_one()
    if is_one:
        raise NotReady(
            "Main database and keystore are one database. Make a database of its own for each.",
            "one_database",
        )


@contextmanager
def opened(settings: Settings) -> Iterator[tuple[Database, Database]]:
    """Main database and keystore, closed at the end."""
    main, keystore = Database(settings.main_url), Database(settings.salts_url)
    try:
        yield main, keystore
    finally:
        main.close()
        keystore.close()


@contextmanager
def opened_ready(settings: Settings) -> Iterator[tuple[Database, Database]]:
    """The same, once both have this version's schema; raises `NotReady`."""
    with opened(settings) as (main, keystore):
        check_schema(main, MAIN)
        check_schema(keystore, KEYSTORE)
        yield main, keystore


@contextmanager
def snapshot(settings: Settings) -> Iterator[tuple[Database, Database, Connection]]:
    """Both databases and one snapshot of main, for as long as it takes; raises `NotReady`."""
    with opened_ready(settings) as (main, keystore):
        try:
            with main.read() as connection:
                if not main.is_sqlite:
                    connection.execute(_NO_TIMEOUT)
                yield main, keystore, connection
        except (SQLAlchemyError, Unavailable) as error:
            raise NotReady(f"A database can't be read: {type(error).__name__}.") from None


@contextmanager
def only_one(settings: Settings) -> Iterator[None]:
    """Holds the installation's lock, where a database is an SQLite file; raises `NotReady`.

    A second server would sweep and write against the first, and a migration against both. Other
    commands don't take it. The lock goes with the process.
    """
    if is_shared(settings):
        yield
        return
    descriptor = os.open(settings.data / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotReady(
                "Another kluis serve or kluis migrate is running on this installation.",
                "already_serving",
            ) from None
        yield
    finally:
        os.close(descriptor)


def is_shared(settings: Settings) -> bool:
    """Both databases are servers, which several processes may use at once."""
    return not any(url.startswith("sqlite") for url in (settings.main_url, settings.salts_url))
