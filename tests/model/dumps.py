"""Real dumps of both databases, and setting the main one back from one of them.

A dump is made by SQLite itself (`VACUUM INTO`), beside the running server, as an operator would.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.builders import Store
from tests.vault.rows import Rows


@dataclass(frozen=True)
class Dump:
    """Copies of main database and keystore, as they were at one moment."""

    main: Path
    keystore: Path


def take_dump(store: Store, folder: Path) -> Dump:
    folder.mkdir()
    dump = Dump(folder / "main", folder / "keystore")
    for source, target in (
        (store.settings.data / "db", dump.main),
        (store.settings.keys / "keystore", dump.keystore),
    ):
        with closing(sqlite3.connect(source)) as connection:
            connection.execute("VACUUM INTO ?", (str(target),))
    return dump


def rows_in(path: Path) -> Rows:
    """Every row of every table of a dump."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: [dict(row) for row in connection.execute(f'SELECT * FROM "{name}"')]  # noqa: S608 - names of our own tables
            for (name,) in names
        }


def log_size(main: Path) -> int:
    """How many entries the log of a dump has."""
    (head,) = rows_in(main)["audit_head"]
    return int(head["size"])


def set_back(store: Store, dump: Dump) -> None:
    """Puts an old main database in the place of the closed store's. The keystore stays."""
    place = store.settings.data / "db"
    for name in ("db-wal", "db-shm"):
        place.with_name(name).unlink(missing_ok=True)
    place.write_bytes(dump.main.read_bytes())


def set_anchor_back(store: Store, dump: Dump) -> None:
    """Takes the anchor along: what SECURITY.md says is not noticed."""
    (head,) = rows_in(dump.main)["audit_head"]
    store.settings.anchor.write_text(head["note"], encoding="utf-8")
