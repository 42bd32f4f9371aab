"""Killing a process with SIGKILL at a chosen step of its work on the databases.

A child process opens the installation, begins one act, and kills itself before or after its n-th
COMMIT that changes something, or emptying of a write-ahead log. The steps are counted in the
connections of the driver, below everything of ours.
"""

import multiprocessing
import os
import signal
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from typing import Any

import psycopg
from sqlalchemy.engine import make_url

from tests.builders import AgencyDesk, Citizen, FakeClock, Store
from tests.patience import be_patient
from vault.offering import OfferMade
from vault.settings import Settings
from vault.vault import Vault

MAIN, KEYSTORE, PRESS = "main", "keystore", "press"
LIFE_SECONDS_MAX = 60
_processes = multiprocessing.get_context("forkserver")  # forks from a process without threads
_processes.set_forkserver_preload(["tests.vault.acts"])


@dataclass
class Scene:
    """Who takes part in an act, and what they hold."""

    citizen: Citizen
    agency: AgencyDesk
    offer: OfferMade | None = None
    token: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    method_id: bytes = b""

    def at(self, vault: Any) -> "Scene":
        """The same with another opened installation, or with none: so it travels to a process."""
        return replace(
            self,
            citizen=replace(self.citizen, vault=vault),
            agency=replace(self.agency, vault=vault),
        )


@dataclass(frozen=True)
class Died:
    """What a process did before it was killed: the answer it gave, in a list, if it gave one."""

    answer: list[Any]
    steps: list[str]  # of an act that ran to its answer: which COMMITs, and on what


Perform = Callable[[Vault, Scene], Any]


def die(store: Store, perform: Perform, scene: Scene, at: int) -> Died:
    """Closes the installation and performs an act in a process that dies at its step `at`.

    Step 2n-1 is just before the n-th change of a database, step 2n just after it. An act that
    has fewer steps gives its answer, and its process is killed then.
    """
    store.vault.close()
    ours, theirs = _processes.Pipe(duplex=False)
    process = _processes.Process(
        target=_live, args=(store.settings, store.clock.ms, perform, scene.at(None), at, theirs)
    )
    process.start()
    theirs.close()
    process.join(LIFE_SECONDS_MAX)
    assert process.exitcode == -signal.SIGKILL, f"not killed: {process.exitcode}"
    with ours:
        try:
            answer, steps = ours.recv()
        except EOFError:
            return Died([], [])
    return Died([answer], steps)


def _live(
    settings: Settings, now_ms: int, perform: Perform, scene: Scene, at: int, tell: Connection
) -> None:
    names = {str(make_url(settings.main_url).database): MAIN}
    names[str(make_url(settings.salts_url).database)] = KEYSTORE
    steps = _Steps(names, at)
    be_patient()
    steps.watch()
    vault = Vault.open(settings, FakeClock(now_ms))
    steps.reached.clear()
    steps.armed = True
    answer = perform(vault, scene.at(vault))
    steps.armed = False
    tell.send((answer, steps.reached[::2]))
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class _Steps:
    """Counts the steps of this process, and ends it at one."""

    names: dict[str, str]  # of the databases, by what the driver calls them
    at: int
    armed: bool = False
    reached: list[str] = field(default_factory=list)

    def reach(self, what: str) -> None:
        self.reached.append(what)
        if self.armed and len(self.reached) == self.at:
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(LIFE_SECONDS_MAX)

    def around(self, what: str, call: Callable[[], Any]) -> Any:
        self.reach(what)
        try:
            return call()
        finally:
            self.reach(what)

    def watch(self) -> None:
        """From now on every connection that this process opens tells of its steps."""
        connection = _sqlite_connection(self)

        def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
            return connection(*arguments, **options)

        sqlite3.connect = sqlite3.dbapi2.connect = connect  # type: ignore[assignment]
        psycopg.Connection.commit = _postgresql_commit(self)  # type: ignore[method-assign]


def _sqlite_connection(steps: _Steps) -> type[sqlite3.Connection]:
    class Cursor(sqlite3.Cursor):
        def execute(self, sql: str, *values: Any) -> Any:
            first, run = sql.split(None, 1)[0].upper(), super().execute
            connection = self.connection
            assert isinstance(connection, Watched)
            if first == "BEGIN":
                connection.changes_before = connection.total_changes
            if first in {"COMMIT", "END"} and connection.has_changed():
                return steps.around(connection.name, lambda: run(sql, *values))
            if "wal_checkpoint" in sql and os.path.getsize(connection.path + "-wal"):
                return steps.around(PRESS, lambda: run(sql, *values))
            return run(sql, *values)

    class Watched(sqlite3.Connection):
        changes_before = 0

        def __init__(self, database: str, *arguments: Any, **options: Any) -> None:
            super().__init__(database, *arguments, **options)
            self.path, self.name = database, steps.names[database]

        def has_changed(self) -> bool:
            return self.in_transaction and self.total_changes > self.changes_before

        def cursor(self, *_: Any) -> sqlite3.Cursor:  # type: ignore[override]
            return super().cursor(Cursor)

        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            return self.cursor().execute(sql, *values)

        def commit(self) -> None:
            if self.has_changed():
                steps.around(self.name, super().commit)
            else:
                super().commit()

    return Watched


def _postgresql_commit(steps: _Steps) -> Callable[..., None]:
    commit = psycopg.Connection.commit

    def watched(connection: psycopg.Connection) -> None:
        # The server gives a transaction a number when it first changes something.
        [(number,)] = connection.execute("SELECT pg_current_xact_id_if_assigned()").fetchall()
        if number is None:
            commit(connection)
        else:
            steps.around(steps.names[connection.info.dbname], lambda: commit(connection))

    return watched
