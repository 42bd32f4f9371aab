"""Which version of the tables this code reads and writes. `operate/migration.py` makes them."""

from sqlalchemy.exc import DatabaseError

from vault.database import Database
from vault.errors import NotReady, Unavailable
from vault.steps import sql

MAIN, KEYSTORE = "main", "keystore"
VERSIONS = {MAIN: "0001", KEYSTORE: "0001"}
_VERSION = sql("SELECT version_num FROM alembic_version")


def check_schema(database: Database, which: str) -> None:
    """Raises `NotReady` unless the schema is exactly the one this version writes."""
    try:
        with database.read() as connection:
            found = connection.execute(_VERSION).scalar_one_or_none()
    except (DatabaseError, Unavailable):  # no such table, or no answer
        found = None
    if found != VERSIONS[which]:
        wanted = VERSIONS[which]
        raise NotReady(
            f"The {which} database has schema {found or 'none'}, this version needs {wanted}."
        )
