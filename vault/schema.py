"""Which version of the tables this code reads and writes. `operate/migration.py` makes them."""

from vault.database import Connection, Database
from vault.errors import NotReady, Unavailable
from vault.steps import sql

MAIN, KEYSTORE = "main", "keystore"
VERSIONS = {MAIN: "0001", KEYSTORE: "0001"}
_OWN_TABLE = {MAIN: "audit_head", KEYSTORE: "salt"}  # which the other one does not have
_TABLES = {
    "sqlite": sql("SELECT name FROM sqlite_master WHERE type = 'table'"),
    "postgresql": sql("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"),
}
_VERSION = sql("SELECT version_num FROM alembic_version")
_SAYS = {
    "older": "has an older schema than this version. Stop every server, back up, run kluis migrate",
    "newer": "has a newer schema than this version. Install the newer version again",
    "missing": "has no tables of a vault. Is it the right one? A new installation: kluis init",
}


def check_schema(database: Database, which: str) -> None:
    """Raises `NotReady` unless the database answers with the schema that this version writes."""
    try:
        with database.read() as connection:
            check_version(connection, which)
    except Unavailable:
        what = f"The {which} database does not answer: look at its server, its URL and password"
        raise NotReady(f"{what}.", "database_unreachable") from None


def check_version(connection: Connection, which: str) -> None:
    """The same over a connection. The code says what is wrong: schema_older, _newer, _missing."""
    is_ours = {"alembic_version", _OWN_TABLE[which]} <= tables_of(connection)
    found = connection.execute(_VERSION).scalar_one_or_none() if is_ours else None
    if found != VERSIONS[which]:
        is_older = found is not None and found < VERSIONS[which]
        kind = "missing" if found is None else "older" if is_older else "newer"
        raise NotReady(f"The {which} database {_SAYS[kind]}.", f"schema_{kind}")


def tables_of(connection: Connection) -> set[str]:
    return set(connection.execute(_TABLES[connection.dialect]).scalars())
