"""A server that is there and says nothing is soon given up, and left alone for a moment."""

import socket
import time

import pytest

from operate.silence import watch
from tests.postgresql import Databases
from vault.database import Database
from vault.errors import Unavailable
from vault.steps import sql

_UNENDING = sql("SET LOCAL statement_timeout = 0")
_LONG = sql("SELECT pg_sleep(4)")
_ONE = sql("SELECT 1")


def ask(database: Database) -> object:
    with database.read() as connection:
        return connection.execute(_ONE).scalar_one()


def sleep(database: Database) -> None:
    """As long as a server does that nobody can interrupt."""
    with database.write() as connection:
        connection.execute(_UNENDING)
        connection.execute(_LONG)


def seconds_until_unavailable(database: Database) -> float:
    began = time.monotonic()
    with pytest.raises(Unavailable):
        ask(database)
    return time.monotonic() - began


def test_a_server_that_takes_a_connection_and_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        database = Database(f"postgresql://nobody@127.0.0.1:{listener.getsockname()[1]}/main")
        watch(database.engine)
        assert 1.5 < seconds_until_unavailable(database) < 3
        assert seconds_until_unavailable(database) < 0.5, "nobody waits behind a silence"
        database.close()


def test_a_statement_without_an_answer_is_given_up_and_the_next_ones_are_answered(
    postgresql: Databases,
) -> None:
    database, patient = Database(postgresql.main), Database(postgresql.main)
    watch(database.engine)
    with database.read() as other:
        other.execute(_ONE)
        began = time.monotonic()
        with pytest.raises(Unavailable):
            sleep(database)
        assert 1.5 < time.monotonic() - began < 3
        assert other.execute(_ONE).scalar_one() == 1, "what has begun goes on"
    assert seconds_until_unavailable(database) < 0.5
    assert ask(patient) == 1
    time.sleep(1)
    assert ask(database) == 1
    database.close()
    patient.close()
