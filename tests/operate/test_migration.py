"""`kluis migrate`: forward, whole or not at all, one at a time, and never under a server."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import connect
from sqlalchemy import inspect

from operate import migration
from operate.listing import show
from operate.migration import migrate
from operate.pair import only_one
from operate.tables import Keystore, Main
from operate.verification import verify_data
from tests.builders import Store
from tests.conftest import ROOT
from tests.postgresql import Databases, run_on
from vault.database import Database
from vault.errors import NotReady
from vault.schema import KEYSTORE, MAIN, VERSIONS, check_schema
from vault.settings import Settings
from vault.vault import Vault

NEXT = "0002"
_NEXT_MIGRATION = '''"""A column more."""

import os, pathlib, time

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table("new", sa.Column("id", sa.BigInteger(), primary_key=True))
    if pause := os.environ.get("TEST_PAUSE"):
        pathlib.Path(pause).touch()
        while pathlib.Path(pause).exists():
            time.sleep(0.01)
    op.add_column("instance", sa.Column("more", sa.BigInteger()))
'''
_NEXT_VERSION_MIGRATES = """
import sys
from pathlib import Path
from cli.main import main
from operate import migration
from vault import schema

migration._FOLDER = Path(sys.argv[1])
schema.VERSIONS |= dict.fromkeys(schema.VERSIONS, "0002")
sys.exit(main(["migrate", "--data", sys.argv[2]]))
"""


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """The migrations of a version to come."""
    folder = tmp_path / "migrations"
    shutil.copytree(migration._FOLDER, folder)
    for which in (MAIN, KEYSTORE):
        (folder / which / "versions" / "0002_next.py").write_text(_NEXT_MIGRATION)
    return folder


@pytest.fixture
def closed(store: Store) -> Settings:
    """An installation of this version that nobody works on, with something in it."""
    store.citizen({})
    store.vault.close()
    return store.settings


@contextmanager
def next_version(scripts: Path) -> Iterator[None]:
    """This process is of the version to come."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migration, "_FOLDER", scripts)
        for which in (MAIN, KEYSTORE):
            patch.setitem(VERSIONS, which, NEXT)
        yield


@pytest.fixture
def newer(scripts: Path) -> Iterator[Path]:
    with next_version(scripts):
        yield scripts


def start_next(scripts: Path, settings: Settings, **environment: str) -> subprocess.Popen[str]:
    """`kluis migrate` of the version to come, in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", _NEXT_VERSION_MIGRATES, str(scripts), str(settings.data)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def code_of(error: pytest.ExceptionInfo[NotReady]) -> str:
    return error.value.code


@contextmanager
def paused_in_the_middle(
    scripts: Path, settings: Settings, pause: Path
) -> Iterator[subprocess.Popen[str]]:
    """A migration that has changed half of main and goes on when the file `pause` is gone."""
    with start_next(scripts, settings, TEST_PAUSE=str(pause)) as process:
        try:
            while not pause.exists() and process.poll() is None:
                time.sleep(0.01)
            assert pause.exists(), process.communicate()
            yield process
        finally:
            process.kill()


def waits_for_a_lock(url: str) -> bool:
    waiting = """SELECT count(*) FROM pg_locks WHERE NOT granted AND database =
        (SELECT oid FROM pg_database WHERE datname = current_database())"""
    with connect(url) as connection:
        return bool((connection.execute(waiting).fetchone() or (0,))[0])


def told(error: BaseException | None) -> str:
    """All that the error says, and every error that it came from."""
    return "" if error is None else f"{error!r} {error} {told(error.__context__)}"


def tables_of(url: str) -> set[str]:
    database = Database(url)
    with database.via_sqlalchemy() as connection:
        found = set(inspect(connection).get_table_names())
    database.close()
    return found


def is_next(url: str) -> bool:
    """True at the next version, False at this one; anything between is an error."""
    database = Database(url)
    with database.via_sqlalchemy() as connection:
        version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()
        columns = {column["name"] for column in inspect(connection).get_columns("instance")}
    database.close()
    signs: set[bool] = {version == NEXT, "more" in columns, "new" in tables_of(url)}
    assert len(signs) == 1, "half a migration"
    return signs.pop()


# The schema of the code, of the migrations and of the databases is one.


def test_the_version_of_the_code_is_the_newest_migration() -> None:
    for which, version in VERSIONS.items():
        scripts = ScriptDirectory.from_config(migration._alembic(which))
        assert scripts.get_heads() == [version]


@pytest.mark.parametrize("which", [MAIN, KEYSTORE])
def test_the_migrations_make_the_tables_of_the_code(store: Store, which: str) -> None:
    url = store.settings.main_url if which == MAIN else store.settings.salts_url
    metadata = Main.metadata if which == MAIN else Keystore.metadata
    database = Database(url)
    with database.via_sqlalchemy() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    database.close()


# What it does.


def test_a_schema_that_is_right_stays_as_it_is_also_under_a_server(store: Store) -> None:
    with only_one(store.settings):
        done = migrate(store.settings)
    assert [(one.which, one.before, one.changes) for one in done] == [
        (MAIN, VERSIONS[MAIN], ()),
        (KEYSTORE, VERSIONS[KEYSTORE], ()),
    ]


def test_an_older_schema_is_refused_until_it_is_brought_forward(
    closed: Settings, newer: Path
) -> None:
    for refused in (Vault.open, verify_data, show):
        with pytest.raises(NotReady, match=r"older schema.*run kluis migrate") as error:
            refused(closed)
        assert code_of(error) == "schema_older"

    planned = migrate(closed, dry_run=True)
    assert not is_next(closed.main_url)
    assert not is_next(closed.salts_url)
    done = migrate(closed)

    assert planned == done
    assert [(one.which, one.before, one.after) for one in done] == [
        (MAIN, "0001", NEXT),
        (KEYSTORE, "0001", NEXT),
    ]
    assert [change.what for change in done[0].changes] == ["A column more."]
    assert is_next(closed.main_url)
    assert is_next(closed.salts_url)
    assert [one.changes for one in migrate(closed)] == [(), ()]
    Vault.open(closed).close()


def test_a_newer_schema_is_refused_and_nothing_is_changed(closed: Settings, scripts: Path) -> None:
    with next_version(scripts):
        migrate(closed)
    for refused in (Vault.open, verify_data, show, migrate):
        with pytest.raises(NotReady, match="newer schema") as error:
            refused(closed)
        assert code_of(error) == "schema_newer"


def test_both_are_looked_at_before_one_is_changed(
    closed: Settings, newer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(VERSIONS, KEYSTORE, "0000")  # of which the keystore is newer
    with pytest.raises(NotReady, match="keystore database has a newer schema"):
        migrate(closed)
    assert not is_next(closed.main_url)


def test_a_version_that_nobody_knows_is_left_alone(closed: Settings, newer: Path) -> None:
    database = Database(closed.main_url)
    with database.via_sqlalchemy() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    database.close()
    with pytest.raises(NotReady, match="does not know") as error:
        migrate(closed)
    assert code_of(error) == "schema_unknown"


# Broken off, twice at once, beside others.


@pytest.mark.slow
def test_a_migration_that_is_killed_is_whole_or_did_not_happen(
    closed: Settings, scripts: Path, tmp_path: Path
) -> None:
    with paused_in_the_middle(scripts, closed, tmp_path / "pause") as process:
        process.kill()

    assert not is_next(closed.main_url)
    Vault.open(closed).close()
    with start_next(scripts, closed) as again:
        out, err = again.communicate(timeout=60)
    assert again.returncode == 0, out + err
    assert is_next(closed.main_url)
    assert is_next(closed.salts_url)


@pytest.mark.slow
def test_of_two_migrations_at_once_each_is_done_once(
    closed: Settings, scripts: Path, tmp_path: Path
) -> None:
    pause = tmp_path / "pause"
    with (
        paused_in_the_middle(scripts, closed, pause) as first,
        start_next(scripts, closed) as other,
    ):
        files = closed.main_url.startswith("sqlite")
        while not files and not waits_for_a_lock(closed.main_url):
            assert other.poll() is None
        time.sleep(0 if files else 1.7)  # longer than any other lock is waited for
        if files:
            other.wait(timeout=60)
        pause.unlink()
        while first.poll() is None or other.poll() is None:
            pause.unlink(missing_ok=True)  # of the keystore's turn
            time.sleep(0.01)
        said = [process.communicate(timeout=60) for process in (first, other)]

    assert is_next(closed.main_url)
    assert is_next(closed.salts_url)
    assert first.returncode == 0
    assert said[0][0].count("went from schema 0001 to 0002.") == 2
    if files:
        assert other.returncode == 1
        assert "Another kluis serve or kluis migrate is running" in said[1][1]
    else:
        assert other.returncode == 0
        assert said[1][0].count("schema 0002, as it should be.") == 2


def test_nothing_is_migrated_under_a_running_server(
    store: Store, newer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migration, "_OTHERS_TRIES", 2)
    with only_one(store.settings), pytest.raises(NotReady) as error:
        migrate(store.settings)
    files = store.vault.system.main.is_sqlite
    assert code_of(error) == ("already_serving" if files else "database_busy")
    assert not is_next(store.settings.main_url)
    assert not is_next(store.settings.salts_url)
    assert store.vault.system.log.head().frontier.size >= 0


def test_nobody_begins_to_serve_while_a_migration_is_at_work(
    impatience: None, closed: Settings, scripts: Path, tmp_path: Path
) -> None:
    if closed.main_url.startswith("sqlite"):
        pytest.skip("files have a lock: test_nothing_is_migrated_under_a_running_server")
    with paused_in_the_middle(scripts, closed, tmp_path / "pause") as process:
        with pytest.raises(NotReady):
            Vault.open(closed)
        process.kill()


# The wrong databases.


def test_a_database_of_something_else_is_left_alone(closed: Settings, tmp_path: Path) -> None:
    other = Database(f"sqlite:///{tmp_path / 'other'}")
    with other.via_sqlalchemy() as connection:
        connection.exec_driver_sql("CREATE TABLE theirs (id INTEGER)")
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num TEXT)")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('0001')")
    wrong = closed.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'other'}"})
    for refused in (Vault.open, verify_data, migrate):
        with pytest.raises(NotReady, match="main database has no tables of a vault") as error:
            refused(wrong)
        assert code_of(error) == "schema_missing"
    other.close()
    assert tables_of(wrong.main_url) == {"theirs", "alembic_version"}


def test_main_and_keystore_swapped_are_refused(closed: Settings) -> None:
    swapped = closed.model_copy(
        update={"database_url": closed.salts_url, "keystore_url": closed.main_url}
    )
    for refused in (Vault.open, verify_data, migrate):
        with pytest.raises(NotReady, match="Is it the right one") as error:
            refused(swapped)
        assert code_of(error) == "schema_missing"


def test_one_database_for_both_is_refused(closed: Settings) -> None:
    both = closed.model_copy(update={"keystore_url": closed.main_url})
    for refused in (Vault.open, verify_data, migrate):
        with pytest.raises(NotReady, match="keystore database has no tables of a vault"):
            refused(both)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://kluis:CANARY@127.0.0.1:1/main",
        "postgresql://kluis:CANARY@no-such-host.invalid/main",
        "postgresql://kluis:CANARY@/main?host=/nowhere",
    ],
)
def test_a_database_that_does_not_answer_is_named_and_its_password_is_not(url: str) -> None:
    database = Database(url)
    with pytest.raises(NotReady, match="main database does not answer") as error:
        check_schema(database, MAIN)
    assert code_of(error) == "database_unreachable"
    assert "CANARY" not in told(error.value) + repr(database.engine)


def test_a_wrong_password_is_not_told_apart_and_not_shown(postgresql: Databases) -> None:
    right = postgresql.url("password")
    run_on(right, "DROP ROLE IF EXISTS canary", "CREATE ROLE canary LOGIN PASSWORD 'right'")
    with postgresql.asks_for_password("canary"):
        database = Database(right.replace("postgres:@", "canary:CANARY@"))
        with pytest.raises(NotReady, match="main database does not answer") as error:
            check_schema(database, MAIN)
        database = Database(right.replace("postgres:@", "canary:right@"))
        with pytest.raises(NotReady, match="no tables of a vault"):
            check_schema(database, MAIN)
    database.close()
    assert "CANARY" not in told(error.value)
