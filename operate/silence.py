"""A PostgreSQL server that is there and says nothing is given up.

A running server ends slow statements itself (`statement_timeout`). One that is stopped, or cut off,
ends nothing: the driver would wait for ever, and a thread and a caller with it. After one silence
nobody else waits for a second, so that those who queued up behind it are answered in time, too.
`kluis serve` does this; a migration, or a command at the terminal, waits.
"""

import time
from typing import Any

import psycopg
from psycopg.errors import ConnectionTimeout, OperationalError, _WaitTimeout
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine, event

from vault.vault import Vault

SILENCE_SECONDS_MAX = 2.0
_LEFT_ALONE_SECONDS = 1.0


def give_up_silence(vault: Vault) -> None:
    """From now on no statement of this vault waits longer than that for its database."""
    watch(vault.system.main.engine)
    watch(vault.system.keystore.engine)


def watch(engine: Engine) -> None:
    """The same for the connections of one engine."""
    event.listen(engine, "do_connect", Server().connect)
    engine.dispose()  # what was connected before would wait


class Server:
    """One database, as the connections of one process hear it."""

    def __init__(self) -> None:
        self._silent_until = 0.0

    def connect(self, _dialect: Any, _record: Any, arguments: Any, options: Any) -> "Connection":
        """A new connection, for SQLAlchemy's `do_connect`."""
        self.check()
        try:
            connection: Connection = Connection.connect(*arguments, **options)
        except ConnectionTimeout:
            self.was_silent()
            raise
        connection.server = self
        return connection

    def check(self) -> None:
        """Raises `OperationalError` where the server was silent just now."""
        if time.monotonic() < self._silent_until:
            raise OperationalError("the server was silent")

    def was_silent(self) -> None:
        self._silent_until = time.monotonic() + _LEFT_ALONE_SECONDS


class Connection(psycopg.Connection[Any]):
    """Waits for an answer so long and no longer; begins nothing with a server that was silent."""

    server: Server

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        if self.pgconn.transaction_status == TransactionStatus.IDLE:
            self.server.check()
        try:
            return super().wait(gen, interval, timeout or SILENCE_SECONDS_MAX)
        except _WaitTimeout:
            self.pgconn.finish()  # an answer that comes now belongs to nobody
            self.server.was_silent()
            raise
