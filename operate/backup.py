"""`kluis backup`: an archive of the main database, and one of the keystore (docs/backup.md).

Each database is read in one snapshot, beside a running server. **Main first, then the keystore**:
a salt is made before the row that needs it, so each row of the older snapshot that still lives has
its salt in the younger one. What ended between the two lost its salt, and stays ended. The other
way round a vault made in between would have a row and no salt, for ever.

The archives hold neither root key nor log key; main's holds no sessions and no invitations: what
was ended or used since would else be back.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, LargeBinary, Select, Table, select
from sqlalchemy.exc import SQLAlchemyError

from crypto.encoding import b64u
from operate.archive import Archive, ArchiveWriter, Manifest, new_file, remove_partial
from operate.tables import Keystore as KeystoreTables
from operate.tables import Main
from vault.clock import Clock
from vault.database import Database
from vault.errors import NotReady
from vault.keystore import Keystore
from vault.opening import check_pair
from vault.schema import KEYSTORE, MAIN, VERSIONS, check_schema
from vault.settings import DAY_SECONDS, Settings

KEYSTORE_BACKUP_DAYS = 7  # the promise: what ended is out of reach once these have aged out
_ROWS_AT_ONCE = 500
_LEFT_OUT = {"session", "invite"}
TABLES: dict[str, dict[str, Table]] = {
    MAIN: {n: t for n, t in Main.metadata.tables.items() if n not in _LEFT_OUT},
    KEYSTORE: dict(KeystoreTables.metadata.tables),
}


@dataclass(frozen=True, slots=True)
class Made:
    """An archive that was written."""

    path: Path
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Aged:
    """Keystore archives of this installation that are older than they may get."""

    paths: tuple[Path, ...]
    days: int


def back_up(
    settings: Settings, clock: Clock, main_to: Path | None, salts_to: Path | None
) -> list[Made]:
    """Writes a new archive into each given folder; a server may be running.

    Raises `NotReady` and leaves no half file. One of main that is whole stays when the keystore's
    can't be written.
    """
    main, salts = Database(settings.main_url), Database(settings.salts_url)
    try:
        check_schema(main, MAIN)
        check_schema(salts, KEYSTORE)
        check_pair(main, Keystore(salts))
        chosen = ((MAIN, main, main_to), (KEYSTORE, salts, salts_to))
        return [
            _archive(which, database, folder, clock.now_ms())
            for which, database, folder in chosen
            if folder is not None
        ]
    finally:
        main.close()
        salts.close()


def aged(settings: Settings, folder: Path, days: int, now_ms: int) -> Aged:
    """The keystore archives in a folder that are of this installation and older than that.

    Whose and how old an archive is, is read in it: names and file times may lie. What is damaged
    is left alone, and so is the youngest.
    """
    salts = Database(settings.salts_url)
    try:
        ours = b64u(Keystore(salts).instance_id() or b"")
    finally:
        salts.close()
    oldest = now_ms - days * DAY_SECONDS * 1000
    found: list[tuple[int, Path]] = []
    for path in sorted(folder.glob("kluis-keystore-*.zip")):
        try:
            archive = Archive(path)
        except NotReady:
            continue
        archive.close()
        this = archive.manifest
        if (this.database, this.instance) == (KEYSTORE, ours):
            found.append((this.made_at, path))
    youngest = max(found, default=None)
    old = [one for one in found if one[0] < oldest and one != youngest]
    return Aged(tuple(path for _, path in old), days)


def prune(old: Aged) -> None:
    """Removes them, for good as far as the disk does that."""
    for path in old.paths:
        path.unlink(missing_ok=True)


def _archive(which: str, database: Database, folder: Path, now_ms: int) -> Made:
    if not folder.is_dir():
        raise NotReady(f"{folder} is not a folder. Make it first.", "no_folder")
    remove_partial(folder)
    at = datetime.fromtimestamp(now_ms / 1000, UTC)
    path = folder / f"kluis-{which}-{at:%Y%m%dT%H%M%S}Z.zip"
    try:
        with new_file(path) as file, database.via_sqlalchemy() as connection:  # one snapshot
            if not database.is_sqlite:
                connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            manifest = _write(ArchiveWriter(file), which, connection, now_ms)
    except SQLAlchemyError as error:
        raise NotReady(f"The {which} database can't be read: {type(error).__name__}.") from None
    return Made(path, manifest)


def _write(writer: ArchiveWriter, which: str, connection: Connection, now_ms: int) -> Manifest:
    try:
        for table in TABLES[which].values():
            columns = {c.name: isinstance(c.type, LargeBinary) for c in table.columns}
            writer.add(table.name, columns, _rows(connection, table))
        manifest = _manifest(which, connection, writer, now_ms)
        writer.finish(manifest)
    except BaseException:
        writer.abandon()
        raise
    return manifest


def _rows(connection: Connection, table: Table) -> Iterator[Any]:
    statement: Select[Any] = select(table)
    if table.name == "route":  # those of sessions go with them
        session = Main.metadata.tables["session"]
        statement = statement.where(table.c.id.not_in(select(session.c.session_id)))
    return iter(connection.execute(statement, execution_options={"yield_per": _ROWS_AT_ONCE}))


def _manifest(which: str, connection: Connection, writer: ArchiveWriter, now_ms: int) -> Manifest:
    row = TABLES[which]["instance"]
    instance_id = b64u(connection.execute(select(row.c.instance_id)).scalar_one())
    made = (which, instance_id, VERSIONS[which], now_ms, writer.members)
    if which == KEYSTORE:
        return Manifest(*made)
    head = connection.execute(select(TABLES[which]["audit_head"])).one()
    return Manifest(*made, size=head.size, note=head.note)
