"""Nobody serves this installation while its databases are exchanged or its log gets a new name."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from operate.pair import only_one
from vault.database import Database
from vault.errors import NotReady, Unavailable
from vault.settings import Settings
from vault.steps import sql

_OTHERS = sql(
    """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
    AND pid <> pg_backend_pid() AND backend_type = 'client backend'"""
)
_TRIES, _PAUSE_SECONDS = 20, 0.1


@contextmanager
def without_server(settings: Settings) -> Iterator[None]:
    """Refuses (`NotReady`, `already_serving`) while a server runs; on SQLite none can start then.

    On PostgreSQL whoever is connected to one of the databases counts as a server.
    """
    with only_one(settings):
        for url in (settings.database_url, settings.keystore_url):
            if url and not url.startswith("sqlite") and _others(url):
                raise NotReady(
                    "A server, or another command, works on this installation. Stop it first: "
                    "nothing was changed.",
                    "already_serving",
                )
        yield


def _others(url: str) -> bool:
    """Whether somebody stays connected: whoever is just leaving is waited for."""
    database = Database(url)
    try:
        return all(_connected(database) for _ in range(_TRIES))
    except (SQLAlchemyError, Unavailable) as error:
        raise NotReady(f"A database does not answer: {type(error).__name__}.") from None
    finally:
        database.close()


def _connected(database: Database) -> bool:
    """Whether anybody else is; if so, a moment later."""
    with database.read() as connection:
        found = bool(connection.execute(_OTHERS).scalar_one())
    if found:
        time.sleep(_PAUSE_SECONDS)
    return found
