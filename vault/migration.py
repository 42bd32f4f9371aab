"""Schema versions of the two databases, by Alembic. A server serves one version and no other."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from vault.database import Database
from vault.errors import NotReady

MAIN, KEYSTORE = "main", "keystore"
_FOLDER = Path(__file__).with_name("migrations")


def migrate(database: Database, which: str) -> None:
    """Brings a database to this version of the schema."""
    with database.write() as connection:
        config = _config(which)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check_schema(database: Database, which: str) -> None:
    """Raises `NotReady` unless the schema is exactly the one this version writes."""
    with database.read() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    wanted = ScriptDirectory.from_config(_config(which)).get_current_head()
    if found != wanted:
        raise NotReady(
            f"The {which} database has schema {found or 'none'}, this version needs {wanted}."
        )


def _config(which: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER / which))
    return config
