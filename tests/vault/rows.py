"""The rows of an installation, as somebody sees and changes them who has its databases."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, LargeBinary, MetaData, Table, select

from operate.tables import Keystore, Main
from tests.builders import AgencyDesk, Citizen, Store
from tests.vault.tables import grants
from vault.database import Database

GIVEN, FAMILY = "identity.given_name", "identity.family_name"
BOTH = (GIVEN, FAMILY)
NEWER = {GIVEN: "Canaria-Newer"}

Row = dict[str, Any]
Rows = dict[str, list[Row]]  # by the table's name


def dump(database: Database, metadata: MetaData) -> Rows:
    """Every row of every table."""
    with database.via_sqlalchemy() as connection:
        return {
            table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
            for table in metadata.sorted_tables
        }


def main_rows(store: Store) -> Rows:
    return dump(store.vault.system.main, Main.metadata)


def keystore_rows(store: Store) -> Rows:
    """Every row of the keystore, read over a connection of one's own."""
    database = Database(store.settings.salts_url)
    try:
        return dump(database, Keystore.metadata)
    finally:
        database.close()


def set_back(store: Store, old: Rows) -> None:
    """The whole main database as it was, like a restored backup."""
    with store.vault.system.main.via_sqlalchemy() as connection:
        for table in Main.metadata.sorted_tables:
            connection.execute(table.delete())
            if old[table.name]:
                connection.execute(table.insert(), old[table.name])


def salts_of(store: Store) -> dict[tuple[str, bytes, int], bytes]:
    """The salts that are there by (kind, id, phase)."""
    rows = keystore_rows(store)["salt"]
    return {(r["kind"], r["id"], r["phase"]): r["salt"] for r in rows if r["salt"] is not None}


def rows_of(store: Store, table: Table, **where: object) -> list[Row]:
    with store.vault.system.main.via_sqlalchemy() as connection:
        found = connection.execute(select(table).filter_by(**where))
        return [dict(row) for row in found.mappings()]


def row_of(store: Store, table: Table, **where: object) -> Row:
    (row,) = rows_of(store, table, **where)
    return row


def change(store: Store, table: Table, where: Mapping[str, object], **new: object) -> None:
    """Writes other column values into the rows that `where` names: at least one."""
    conditions = [table.c[name] == value for name, value in where.items()]
    with store.vault.system.main.via_sqlalchemy() as connection:
        changed = connection.execute(table.update().where(*conditions).values(new))
        assert changed.rowcount > 0


def remove(store: Store, table: Table, **where: object) -> list[Row]:
    """Deletes the rows that `where` names, at least one; returns them."""
    found = rows_of(store, table, **where)
    conditions = [table.c[name] == value for name, value in where.items()]
    with store.vault.system.main.via_sqlalchemy() as connection:
        assert connection.execute(table.delete().where(*conditions)).rowcount == len(found) > 0
    return found


def insert(store: Store, table: Table, rows: Sequence[Row]) -> None:
    with store.vault.system.main.via_sqlalchemy() as connection:
        connection.execute(table.insert(), list(rows))


def put_back(store: Store, table: Table, rows: Sequence[Row]) -> None:
    """Old rows in place of those that now stand under the same keys."""
    keys = [column.name for column in table.primary_key]
    with store.vault.system.main.via_sqlalchemy() as connection:
        for row in rows:
            connection.execute(table.delete().where(*[table.c[key] == row[key] for key in keys]))
        connection.execute(table.insert(), list(rows))


def swap(store: Store, table: Table, one: Row, other: Row, *columns: str) -> None:
    """Exchanges columns between two rows."""
    keys = [column.name for column in table.primary_key]
    for row, source in ((one, other), (other, one)):
        change(store, table, {k: row[k] for k in keys}, **{c: source[c] for c in columns})


def other_than(value: Any, column: Column[Any]) -> Any:
    """A value that this column could hold and that is another one."""
    if value is None:
        return bytes(16) if isinstance(column.type, LargeBinary) else 1
    if isinstance(value, bytes):
        return value[:-1] + bytes([value[-1] ^ 1])
    return value + (1 if isinstance(value, int) else "x")


def shared(citizen: Citizen, agency: AgencyDesk, *fields: str, **choice: Any) -> str:
    """A token that reads these fields."""
    return agency.redeem(citizen.offer(agency, fields, **choice).code).token


def grant_of(store: Store, citizen: Citizen) -> bytes:
    """The id of the citizen's only grant."""
    id_: bytes = row_of(store, grants, vault_id=citizen.vault_id)["grant_id"]
    return id_
