"""The databases can be distributed by vault, as real catalogs of both kinds say.

A table with vault data is cut by `vault_id`, so each of its keys has to begin with it. What stands
elsewhere, and why, is named here and in docs/architecture.md, Distribution.
"""

from collections.abc import Sequence

import pytest
from sqlalchemy import inspect

from operate.counting import SharedCounts
from tests.builders import Store
from tests.conftest import ROOT
from vault.database import Database

BY_VAULT = {
    "method",
    "session",
    "stanza",
    "value",
    "value_head",
    "vault",
    "vault_grant",
}
# Whatever else main holds, and what its keys begin with.
NOT_BY_VAULT = {
    "route": "id",  # leads from a token, code, session or method to its vault
    "replay": "key",  # a proof is used once, whichever vault it was for
    "invite": "id",  # there is no vault yet
    "registry": "kind",  # agencies concern all vaults
    "instance": "id",  # one row
    "audit_head": "id",  # one row: one log has one order
    "audit_log": "log",
    "audit_leaf": "log",
    "audit_tile": "log",
    "audit_checkpoint": "log",
    "audit_key": "subject",  # an audit subject is not linked to its vault, and outlives it
    "audit_opening": "subject",
    "audit_subject": "subject",
    "alembic_version": "version_num",
    "counted": "name",  # limits of callers and addresses, on PostgreSQL
}
# A leaf's place is its log and number. That its id is no other's holds for all logs.
SECOND_KEYS = {("audit_leaf", ("entry_id",))}


def keys_of(url: str) -> dict[str, set[tuple[str, ...]]]:
    """Every primary key, unique constraint and unique index of each table."""
    database = Database(url)
    with database.via_sqlalchemy() as connection:
        catalog = inspect(connection)
        found: dict[str, set[tuple[str, ...]]] = {}
        for table in catalog.get_table_names():
            indexes = [i["column_names"] for i in catalog.get_indexes(table) if i["unique"]]
            unique = [u["column_names"] for u in catalog.get_unique_constraints(table)]
            primary = catalog.get_pk_constraint(table)["constrained_columns"]
            keys: list[Sequence[str | None]] = [primary, *unique, *indexes]
            found[table] = {tuple(str(column) for column in key) for key in keys}
    database.close()
    return found


@pytest.fixture
def keys(store: Store) -> dict[str, set[tuple[str, ...]]]:
    system = store.vault.system
    if not system.main.is_sqlite:
        counts = SharedCounts(store.settings.main_url, system.root.derive("counted"))
        counts.make_table()
        counts.close()
    return keys_of(store.settings.main_url)


def test_every_key_of_vault_data_begins_with_the_vault(
    keys: dict[str, set[tuple[str, ...]]],
) -> None:
    assert {table: keys[table] for table in BY_VAULT} == {
        table: {key for key in keys[table] if key[0] == "vault_id"} for table in BY_VAULT
    }


def test_what_is_not_cut_by_vault_is_named_with_its_key(
    store: Store, keys: dict[str, set[tuple[str, ...]]]
) -> None:
    known = set(NOT_BY_VAULT) - ({"counted"} if store.vault.system.main.is_sqlite else set())
    assert set(keys) - BY_VAULT == known
    for table in known:
        others = {key for key in keys[table] if key[0] != NOT_BY_VAULT[table]}
        assert {(table, key) for key in others} <= SECOND_KEYS


def test_the_keystore_is_looked_up_by_ids_and_never_by_vault_alone(store: Store) -> None:
    assert keys_of(store.settings.salts_url) == {
        "salt": {("kind", "id", "phase")},
        "instance": {("id",)},
        "alembic_version": {("version_num",)},
    }


def test_the_exceptions_are_those_that_are_written_down() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    chapter = page.partition("\n## Distribution\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in chapter.splitlines() if line.startswith("| `")]
    named = {table.strip(" `") for row in rows for table in row.split(",")}
    assert named == set(NOT_BY_VAULT)
