"""Counts that several server processes keep together, in PostgreSQL (vault/limits.py).

One statement for each counted event, none for what is permitted, and none once a limit is full. A
request waits a quarter of a second at most: where the database does not answer, each process counts
for itself, and asks again some seconds later. The table holds keyed hashes, is not in the
write-ahead log, and may be emptied or dropped at any time: then counting begins anew.

A stranger can't grow it: what strangers cause is counted in a fixed number of slots, so that two of
them may share one. Why no library: docs/decisions/0016-shared-limits-are-counted-in-a-table.md.
"""

import logging
import math
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from queue import SimpleQueue

from sqlalchemy.exc import SQLAlchemyError

from crypto.box import mac
from crypto.secret import Secret
from vault.database import Database
from vault.errors import Unavailable
from vault.limits import Key
from vault.steps import sql
from vault.vault import Vault

_logger = logging.getLogger(__name__)
WAIT_SECONDS = 0.25
SILENT_SECONDS = 5.0
_SWEEP_SECONDS = 60
_OLD_SECONDS = 3600  # the longest window: what ended so long before another ends is over
_SLOT_BYTES = 2
_CAUSED_BY_STRANGERS = {
    "registrations_per_hour",
    "unlock_failures_per_hour",
    "stranger_refusals_per_hour",
    "tiles_per_minute",
}

_CREATE = sql(
    """CREATE UNLOGGED TABLE IF NOT EXISTS counted
    (name text, who bytea, ends bigint, total bigint NOT NULL, PRIMARY KEY (name, who, ends))"""
)
_COUNT = sql(
    """INSERT INTO counted (name, who, ends, total) VALUES (:name, :who, :ends, 1)
    ON CONFLICT (name, who, ends) DO UPDATE SET total = counted.total + 1 RETURNING total"""
)
_SWEEP = sql("DELETE FROM counted WHERE ends <= :over")


class SharedCounts:
    """Counts one more of a key, and tells the total of all processes; 0 while it can't."""

    def __init__(self, url: str, secret: Secret) -> None:
        self._database = Database(url)  # of its own: it takes no connection from a request
        self._secret = secret
        self._silent_until = self._swept_at = 0.0
        self._asked: SimpleQueue[tuple[Key, Future[int]] | None] = SimpleQueue()
        # A daemon: a database that hangs must not hold up a server that stops.
        threading.Thread(target=self._run, name="counts", daemon=True).start()

    def __call__(self, key: Key) -> int:
        if time.monotonic() < self._silent_until:
            return 0
        total: Future[int] = Future()
        self._asked.put((key, total))
        try:
            return total.result(timeout=WAIT_SECONDS)
        except (TimeoutError, SQLAlchemyError, Unavailable) as fault:
            total.cancel()
            self._silent_until = time.monotonic() + SILENT_SECONDS
            _logger.warning("limits are counted by each process: %s", type(fault).__name__)
            return 0

    def close(self) -> None:
        """Counts no more, and lets go of the database as soon as that answers."""
        self._silent_until = math.inf
        self._asked.put(None)

    def make_table(self) -> None:
        """Makes the table where it is not there; another process may be doing the same."""
        with suppress(SQLAlchemyError, Unavailable), self._database.write() as connection:
            connection.execute(_CREATE)

    def _run(self) -> None:
        while (asked := self._asked.get()) is not None:
            key, total = asked
            if total.set_running_or_notify_cancel():  # whoever gave up waiting is not counted
                try:
                    total.set_result(self._count(key))
                except (SQLAlchemyError, Unavailable) as fault:
                    total.set_exception(fault)
        self._database.close()

    def _count(self, key: Key) -> int:
        limit, who, ends = key
        row = {"name": limit, "who": self._name(limit, who), "ends": ends}
        with self._database.write() as connection:
            if time.monotonic() > self._swept_at + _SWEEP_SECONDS:
                self._swept_at = time.monotonic()
                connection.execute(_SWEEP, {"over": ends - _OLD_SECONDS})
            return int(connection.execute(_COUNT, row).one()[0])

    def _name(self, limit: str, who: str | bytes) -> bytes:
        named = mac(self._secret, "counted", limit, who)
        return named[:_SLOT_BYTES] if limit in _CAUSED_BY_STRANGERS else named[:16]


@contextmanager
def counting_together(vault: Vault) -> Iterator[None]:
    """Lets a vault's limits be those of the installation, not of this process alone.

    On SQLite there is one server process, which needs none of this.
    """
    system = vault.system
    if system.main.is_sqlite:
        yield
        return
    counts = SharedCounts(system.settings.main_url, system.root.derive("counted"))
    counts.make_table()
    system.limits.share = counts
    try:
        yield
    finally:
        counts.close()
