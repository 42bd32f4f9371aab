"""A server that is there and says nothing is soon given up, and left alone for a moment."""

import socket
import time
from unittest.mock import Mock

import psycopg
import pytest

from operate import silence
from operate.silence import watch
from tests.builders import TurnedTime
from tests.postgresql import Databases, run_on
from vault.database import Database
from vault.errors import Unavailable
from vault.steps import sql

_END_SLEEP = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""
_UNENDING = sql("SET LOCAL statement_timeout = 0")
_LONG = sql("SELECT pg_sleep(60)")
_ONE = sql("SELECT 1")
LONG = 30  # seconds: much less than a server is silent here


@pytest.fixture
def turned(impatience: None, monkeypatch: pytest.MonkeyPatch) -> TurnedTime:
    monkeypatch.setattr("operate.silence._LEFT_ALONE_SECONDS", LONG)
    monkeypatch.setattr("operate.silence.time", made := TurnedTime())
    return made


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


def test_a_server_that_takes_a_connection_and_says_nothing_is_given_up(
    turned: TurnedTime,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        database = Database(f"postgresql://nobody@127.0.0.1:{listener.getsockname()[1]}/main")
        watch(database.engine)
        assert 1.5 < seconds_until_unavailable(database) < LONG
        with listener.accept()[0]:
            seconds_until_unavailable(database)
            with pytest.raises(BlockingIOError):  # nobody waits behind a silence
                listener.accept()
        database.close()


def test_a_statement_without_an_answer_is_given_up_and_the_next_ones_are_answered(
    postgresql: Databases, turned: TurnedTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert silence.SILENCE_SECONDS_MAX == 2
    database, patient = Database(postgresql.main), Database(postgresql.main)
    watch(database.engine)
    with database.read() as other:
        other.execute(_ONE)
        began = time.monotonic()
        with pytest.raises(Unavailable):
            sleep(database)
        assert 1.5 < time.monotonic() - began < LONG
        assert other.execute(_ONE).scalar_one() == 1, "what has begun goes on"
    with monkeypatch.context() as patch:
        patch.setattr(psycopg.Connection, "wait", Mock(side_effect=AssertionError("it waits")))
        seconds_until_unavailable(database)
    assert ask(patient) == 1
    turned.turned_seconds = LONG
    assert ask(database) == 1
    database.close()
    patient.close()
    run_on(postgresql.main, _END_SLEEP)
