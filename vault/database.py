"""Connections: one engine per database, transactions that begin when we say so.

Every engine hides parameters: SQLAlchemy's messages would else carry the bytes they failed on.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from vault.errors import Unavailable

BUSY_TIMEOUT_SECONDS = 1.5
_CONNECT_TIMEOUT_SECONDS = 2
# Milliseconds. A migration looks for others by this name: operate/migration.py.
_POSTGRESQL_OPTIONS = "-c application_name=kluis -c statement_timeout=1800 -c lock_timeout=1500"


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


class Database:
    """One database and the two ways to use it: `read()` and `write()`."""

    def __init__(self, url: str, connections_max: int = 20) -> None:
        self.engine = _engine(url, connections_max)
        self.dialect = self.engine.dialect.name
        self.is_sqlite = self.dialect == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for short reads, all of one snapshot. No transaction stays open after it."""
        with _reachable(), self.engine.connect() as connection:
            if not self.is_sqlite:  # whose read transactions are snapshots by themselves
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that takes the write lock at its beginning, and commits at its end."""
        with _reachable(), self.engine.connect() as connection:
            if self.is_sqlite:
                connection.execution_options(kluis_begin="BEGIN IMMEDIATE")
            with connection.begin():
                if not self.is_sqlite:  # operators turn it off for all, for speed
                    connection.exec_driver_sql("SET LOCAL synchronous_commit = on")
                yield connection

    def truncate_wal(self) -> bool:
        """Moves SQLite's write-ahead log into the file and empties it. False while readers hold it.

        Until then a deleted row's page can still be read from the log.
        """
        if not self.is_sqlite:
            return True
        with _reachable(), self.engine.connect() as connection:
            connection.execute(text("PRAGMA busy_timeout=0"))  # it would hold up every writer
            busy = connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")).scalar_one()
            connection.execute(text(f"PRAGMA busy_timeout={int(BUSY_TIMEOUT_SECONDS * 1000)}"))
        return bool(busy == 0)

    def close(self) -> None:
        self.engine.dispose()


@contextmanager
def _reachable() -> Iterator[None]:
    """What the driver says of a database that is locked, full, broken or gone: `Unavailable`."""
    try:
        yield
    except (IntegrityError, ProgrammingError, DataError):
        raise  # the statement is to blame
    except (DatabaseError, InterfaceError, PoolTimeout):
        raise Unavailable from None


def _engine(url: str, connections_max: int) -> Engine:
    place = make_url(url)
    sqlite = place.get_backend_name() == "sqlite"
    arguments: dict[str, Any] = {"timeout": BUSY_TIMEOUT_SECONDS}
    if not sqlite:
        place = place.set(drivername="postgresql+psycopg")
        arguments = {"connect_timeout": _CONNECT_TIMEOUT_SECONDS, "options": _POSTGRESQL_OPTIONS}
    engine = create_engine(
        place,
        hide_parameters=True,
        connect_args=arguments,
        pool_size=connections_max,
        max_overflow=40 if sqlite else 0,  # a server counts its connections, a file does not
        pool_timeout=BUSY_TIMEOUT_SECONDS,
        pool_pre_ping=not sqlite,
    )
    if sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own idea of when a transaction begins is switched off: `_begin_sqlite` decides.
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # an acknowledged commit survives power loss
        "secure_delete=ON",  # a deleted salt is overwritten, not only unlinked
        "foreign_keys=OFF",
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    begin = connection.get_execution_options().get("kluis_begin", "BEGIN")
    connection.exec_driver_sql(begin)
