"""Connections to SQLite: kept at rest between looks, with nothing left of the look before."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from api.metrics import _in_use
from vault.database import Database, sqlite_url
from vault.steps import sql

COUNT, PUT = sql("SELECT count(*) FROM told"), sql("INSERT INTO told VALUES (:word)")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(sqlite_url(tmp_path / "told.db"))
    with made.write() as connection:
        connection.execute(sql("CREATE TABLE told (word TEXT)"))
    yield made
    made.close()


def test_one_look_after_the_other_has_one_connection(database: Database) -> None:
    drivers = []
    for _ in range(3):
        with database.read() as connection:
            drivers.append(connection._driver)
        assert _in_use(database) == 0
    assert len(set(map(id, drivers))) == 1


def test_what_rests_is_not_in_use(database: Database) -> None:
    with database.read(), database.read():
        assert _in_use(database) == 2
    assert (_in_use(database), len(database.at_rest)) == (0, 2)


def test_looks_at_one_time_have_a_connection_each(database: Database) -> None:
    with database.read() as one, database.read() as other:
        assert one._driver is not other._driver


def test_a_look_at_a_file_never_waits_for_a_connection(tmp_path: Path) -> None:
    """It would hold up an event loop; and what comes to rest is not given to those who wait."""
    small = Database(sqlite_url(tmp_path / "small.db"), connections_max=1)
    with ExitStack() as looks:
        for _ in range(100):
            looks.enter_context(small.read(snapshot=False))
    assert len(small.at_rest) == 100
    small.close()


def test_what_broke_off_is_rolled_back_before_the_connection_rests(database: Database) -> None:
    with suppress(ZeroDivisionError), database.write() as connection:
        connection.execute(PUT, {"word": "never"})
        raise ZeroDivisionError
    with database.read(snapshot=False) as connection:
        assert not connection._driver.in_transaction
        assert connection.execute(COUNT).scalar_one() == 0
    with database.write() as connection:  # nobody holds the lock
        connection.execute(PUT, {"word": "now"})


class Unwilling:
    """A connection whose rollback fails, as on a disk that is gone."""

    def rollback(self) -> None:
        raise sqlite3.OperationalError("disk I/O error")


def test_one_that_can_not_be_rolled_back_goes(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.read(snapshot=False):
        pass
    (pooled,) = database.at_rest
    monkeypatch.setattr(pooled, "dbapi_connection", Unwilling())
    with database.read(snapshot=False):
        pass
    assert database.at_rest == []


def test_closing_closes_what_rests(database: Database) -> None:
    with database.read() as connection:
        driver = connection._driver
    database.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        driver.execute("SELECT 1")
    assert database.at_rest == []
