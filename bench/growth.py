"""More vaults and more entries, to see that a read's cost does not grow with them.

What is added has the size and the keys of real rows, and no more: nobody opens it. The log's tree
is built over it as over any other entries, so that the next one is sequenced in a log of that size.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import text

from crypto.primitives import random_bytes
from tests.builders import Store
from vault.database import Database
from vault.steps import insert_into

_ROWS_AT_ONCE = 10_000
_OPENING_BYTES = 1105
# The rows of a vault, and those of their columns that differ from vault to vault.
_MAIN = {
    "vault": ("vault_id", "subject"),
    "audit_key": ("subject",),
    "route": ("id", "vault_id"),
    "value": ("vault_id",),
    "value_head": ("vault_id",),
    "vault_grant": ("vault_id",),
    "stanza": ("vault_id",),
}
_KEYSTORE = {"salt": ("id", "vault_id")}
_OF_VAULT = "vault_id = :vault"
_OF_SUBJECT = "subject = (SELECT subject FROM vault WHERE vault_id = :vault)"


def add_vaults(store: Store, vault_id: bytes, total: int) -> None:
    """Copies one vault's rows under other ids until there are `total` vaults."""
    system = store.vault.system
    with system.main.engine.connect() as connection:
        there = connection.execute(text("SELECT count(*) FROM vault")).scalar_one()
    for made in _chunks(total - there):
        ids = [{"vault_id": random_bytes(16), "subject": random_bytes(16)} for _ in range(made)]
        _copy(system.main, _MAIN, vault_id, ids)
        _copy(system.keystore._database, _KEYSTORE, vault_id, ids)


def add_entries(store: Store, total: int) -> None:
    """Grows the log to `total` entries, of a subject that nobody has."""
    system, subject = store.vault.system, random_bytes(16)
    for made in _chunks(total - system.log.head().frontier.size):
        with system.main.write() as connection:
            batch = system.log.begin(connection)
            size, log = batch.head.frontier.size, batch.head.log
            for index in range(size, size + made):
                batch._leaf_datas.append(b"\x01" + random_bytes(32))
                batch.entry_ids.append(random_bytes(16))
                row: dict[str, Any] = {"log": log, "idx": index, "subject": subject}
                row |= {"opening": bytes(_OPENING_BYTES), "visible_after": None, "alarm": None}
                batch._openings.append(row)
            batch.store()
        if batch.signed is not None:
            system.log.committed(batch.signed)
    system.anchor.offer(system.log.head().note)


def _copy(
    database: Database,
    tables: Mapping[str, tuple[str, ...]],
    vault_id: bytes,
    ids: list[dict[str, bytes]],
) -> None:
    for table, changed in tables.items():
        where = _OF_SUBJECT if table == "audit_key" else _OF_VAULT
        pattern = text(f"SELECT * FROM {table} WHERE {where}")  # noqa: S608 - names of ours
        with database.engine.connect() as reading:
            rows = reading.execute(pattern, {"vault": vault_id}).mappings().all()
        copies: list[dict[str, Any]] = [
            {**row, **{name: one.get(name) or random_bytes(16) for name in changed}}
            for one in ids
            for row in rows
        ]
        with database.write() as connection:
            connection.execute(insert_into(table, tuple(copies[0])), copies)


def _chunks(rows: int) -> Iterator[int]:
    while rows > 0:
        yield min(rows, _ROWS_AT_ONCE)
        rows -= _ROWS_AT_ONCE
