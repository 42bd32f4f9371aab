"""A PostgreSQL server of one's own, to be stopped, killed and started again."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from tests.postgresql import started_server


class Stoppable:
    """A running server with an empty pair of databases."""

    def __init__(self, server: Any) -> None:
        self._server = server
        for name in ("main", "keystore"):
            self.run(f"CREATE DATABASE {name}")

    @classmethod
    @contextmanager
    def start(cls) -> Iterator["Stoppable"]:
        # The server opens up the folders above its data: they must be the system's own.
        folder = Path(tempfile.mkdtemp(prefix="kluis-stoppable-"))
        server = started_server(folder)
        one = cls(server)
        try:
            yield one
        finally:
            one.signal(signal.SIGCONT)
            server.cleanup()
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def urls(self) -> dict[str, str]:
        """As settings of an installation."""
        return {
            "database_url": self._server.get_uri(database="main"),
            "keystore_url": self._server.get_uri(database="keystore"),
        }

    def run(self, statement: str) -> None:
        """As the database's administrator."""
        with psycopg.connect(self._server.get_uri(), autocommit=True) as admin:
            admin.execute(statement.encode())

    def end_connections(self) -> None:
        """Ends every connection to both databases, whatever it is doing."""
        self.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname IN ('main', 'keystore')"
        )

    def signal(self, number: signal.Signals) -> None:
        """To the server and each of its processes."""
        pid = self._server.get_pid()
        with suppress(FileNotFoundError):  # it runs no more
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            for one in (pid, *map(int, children)):
                with suppress(ProcessLookupError):
                    os.kill(one, number)

    def kill(self) -> None:
        """`kill -9`, and nothing is left of it."""
        pid = self._server.get_pid()
        self.signal(signal.SIGKILL)
        while _runs(pid):
            time.sleep(0.01)
        # Where nobody reaps the dead, the next server would take the last one for alive.
        for left in (*self._server.pgdata.glob("*.lock"), self._server.pgdata / "postmaster.pid"):
            left.unlink()

    def start_again(self) -> None:
        self._server.ensure_postgres_running()


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
