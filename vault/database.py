"""Connections: one engine per database, transactions that begin when we say so.

The engine keeps the pool; a statement goes straight to the driver, because what SQLAlchemy does
around one costs ten times the statement. Every engine hides parameters: a message would else carry
the bytes it failed on.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import Any

from sqlalchemy import Connection as Alchemy
from sqlalchemy import Engine, PoolProxiedConnection, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from vault.errors import Unavailable
from vault.steps import Sql, Values, ValuesOfRows

BUSY_TIMEOUT_SECONDS = 1.5
_POSTGRESQL = {
    "connect_timeout": 2,  # seconds
    "application_name": "kluis",  # a migration looks for others by it: operate/migration.py
    # Milliseconds. Operators turn synchronous_commit off for speed; ours stays on.
    "options": "-c statement_timeout=1800 -c lock_timeout=1500 -c synchronous_commit=on",
}
_READ = {"sqlite": "BEGIN", "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"}
_WRITE = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "BEGIN"}

_NO_VALUES: Values = {}
Row = Any  # a tuple whose columns are attributes, too


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


class Result:
    """What a statement gave: rows, or how many rows it changed."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    @property
    def rowcount(self) -> int:
        return int(self._cursor.rowcount)

    @property
    def returns_rows(self) -> bool:
        return self._cursor.description is not None

    def __iter__(self) -> Iterator[Row]:
        return map(_row_type(*[column[0] for column in self._cursor.description]), self._cursor)

    def all(self) -> list[Row]:
        return list(self)

    def one(self) -> Row:
        """The one row there is."""
        (row,) = self
        return row

    def one_or_none(self) -> Row | None:
        """The one row there may be."""
        (row,) = self.all() or [None]
        return row

    def scalars(self) -> Iterator[Any]:
        """The first column of each row."""
        return map(itemgetter(0), self._cursor)

    def scalar_one(self) -> Any:
        return self.one()[0]

    def scalar_one_or_none(self) -> Any:
        row = self.one_or_none()
        return None if row is None else row[0]


@lru_cache(maxsize=256)
def _row_type(*names: str) -> type:
    columns = {name: property(itemgetter(at)) for at, name in enumerate(names)}
    return type("Row", (tuple,), {"__slots__": (), **columns})


class Connection:
    """A transaction on one database."""

    def __init__(self, driver: Any, dialect: str) -> None:
        self._driver = driver
        self.dialect = dialect

    def execute(self, statement: Sql, values: Values | ValuesOfRows = _NO_VALUES) -> Result:
        """Runs a statement with its values; with a list of them, once for each."""
        one = isinstance(values, Mapping)
        if statement.lists and isinstance(values, Mapping):
            statement, values = statement.spread(values)
        text = statement.text if self.dialect == "sqlite" else statement.pyformat
        cursor = self._driver.cursor()
        (cursor.execute if one else cursor.executemany)(text, values)
        return Result(cursor)


class Database:
    """One database and the two ways to use it: `read()` and `write()`."""

    def __init__(self, url: str, connections_max: int = 20) -> None:
        self.engine = _engine(url, connections_max)
        self.dialect = self.engine.dialect.name
        self.is_sqlite = self.dialect == "sqlite"
        # Of SQLite, taken from the pool: what that does around a look costs half as much as one.
        self.at_rest: list[PoolProxiedConnection] = []

    @contextmanager
    def read(self, *, snapshot: bool = True) -> Iterator[Connection]:
        """A transaction for short reads, all of one snapshot; or none, for a single statement."""
        with self._driver() as driver:
            if snapshot:
                driver.execute(_READ[self.dialect])
            yield Connection(driver, self.dialect)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that takes the write lock at its beginning, and commits at its end."""
        with self._driver() as driver:
            driver.execute(_WRITE[self.dialect])
            yield Connection(driver, self.dialect)
            commit(driver)

    @contextmanager
    def via_sqlalchemy(self) -> Iterator[Alchemy]:
        """A transaction of SQLAlchemy itself, as migrations need it: all of it or nothing."""
        with self.engine.execution_options(isolation_level="SERIALIZABLE").begin() as connection:
            yield connection

    def truncate_wal(self) -> bool:
        """Moves SQLite's write-ahead log into the file and empties it. False while readers hold it.

        Until then a deleted row's page can still be read from the log.
        """
        if not self.is_sqlite:
            return True
        with self._driver() as driver:
            driver.execute("PRAGMA busy_timeout=0")  # it would hold up every writer
            try:
                ((busy, _, _),) = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:  # also on a full disk: the connection is used again
                driver.execute(f"PRAGMA busy_timeout={int(BUSY_TIMEOUT_SECONDS * 1000)}")
        return bool(busy == 0)

    def close(self) -> None:
        while self.at_rest:
            self.at_rest.pop().close()
        self.engine.dispose()

    @contextmanager
    def _driver(self) -> Iterator[Any]:
        """A driver's connection; what is not committed at the end is rolled back."""
        pooled: PoolProxiedConnection | None = None
        dbapi = self.engine.dialect.loaded_dbapi
        try:
            with suppress(IndexError):
                pooled = self.at_rest.pop()
            pooled = pooled or self.engine.raw_connection()
            yield pooled.dbapi_connection
        except dbapi.Error as error:
            if pooled is not None and self.engine.dialect.is_disconnect(error, pooled, None):
                pooled.invalidate()
            # A database that is locked, full, broken or gone, or a statement that is to blame.
            named = DBAPIError.instance("", None, error, dbapi.Error, hide_parameters=True)
            blamed = isinstance(named, IntegrityError | ProgrammingError | DataError)
            raise (named if blamed else Unavailable()) from None
        except PoolTimeout:
            raise Unavailable from None
        finally:
            if pooled is not None:
                self._put_back(pooled)

    def _put_back(self, pooled: PoolProxiedConnection) -> None:
        with suppress(self.engine.dialect.loaded_dbapi.Error):
            if self.is_sqlite and pooled.dbapi_connection is not None:
                pooled.dbapi_connection.rollback()
                self.at_rest.append(pooled)
                return
        pooled.close()


def commit(driver: Any) -> None:
    """Until here nothing has happened; after it, all of it. Where tests break the line."""
    driver.commit()


def _engine(url: str, connections_max: int) -> Engine:
    place = make_url(url)
    sqlite = place.get_backend_name() == "sqlite"
    arguments: dict[str, Any] = {"timeout": BUSY_TIMEOUT_SECONDS}
    if not sqlite:
        place = place.set(drivername="postgresql+psycopg")
        arguments = _POSTGRESQL
    engine = create_engine(
        place,
        hide_parameters=True,
        connect_args=arguments,
        pool_size=connections_max,
        max_overflow=-1 if sqlite else 0,  # a server counts its connections, a file does not
        pool_timeout=BUSY_TIMEOUT_SECONDS,
        pool_pre_ping=not sqlite,
        isolation_level="AUTOCOMMIT",  # the driver begins nothing by itself
    )
    if sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # an acknowledged commit survives power loss
        "secure_delete=ON",  # a deleted salt is overwritten, not only unlinked
        "foreign_keys=OFF",
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Alchemy) -> None:
    connection.exec_driver_sql("BEGIN")
