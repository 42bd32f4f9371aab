"""Who counts as a server on PostgreSQL: whoever stays connected, and nobody who is just leaving."""

import threading
from pathlib import Path

import psycopg
import pytest

from operate.exclusive import without_server
from tests.builders import Store
from tests.postgresql import Databases
from vault.errors import NotReady


def test_who_is_leaving_is_waited_for_and_who_stays_is_not(
    postgresql: Databases, tmp_path: Path
) -> None:
    store = Store.make_on_tables(tmp_path, postgresql.with_tables())
    store.close()
    other = psycopg.connect(store.settings.database_url)
    leaving = threading.Timer(0.5, other.close)
    leaving.start()
    with without_server(store.settings):
        assert other.closed
    leaving.join()

    with (
        psycopg.connect(store.settings.keystore_url),
        pytest.raises(NotReady, match="Stop it first"),
        without_server(store.settings),
    ):
        pass
