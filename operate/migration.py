"""Bringing a database to this version's schema, by Alembic (vault/schema.py checks it)."""

from pathlib import Path

from alembic import command
from alembic.config import Config

import vault
from vault.database import Database

_FOLDER = Path(vault.__file__).with_name("migrations")


def migrate(database: Database, which: str) -> None:
    """Brings a database to this version of the schema."""
    with database.write() as connection:
        config = migrations(which)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def migrations(which: str) -> Config:
    """Alembic's configuration for the main database or the keystore."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER / which))
    return config
