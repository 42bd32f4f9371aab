"""What `kluis doctor` sees of disks, clock, permissions, servers and settings."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from operate.doctor import OK, RISK, WRONG, Advice, examine
from operate.setup import Places, initialise
from operate.surroundings import surroundings
from operate.token import write_key_file
from tests.builders import URL, Store
from tests.postgresql import Databases
from vault.clock import SystemClock
from vault.rootkey import root_key_path
from vault.settings import Settings, load_settings


@pytest.fixture
def made(tmp_path: Path) -> Settings:
    return initialise(Places.beside(tmp_path / "k"), URL)


def said(advice: list[Advice], part: str) -> str:
    """The level of what is said about something; empty where nothing is."""
    return next((one.level for one in advice if part in one.what), "")


def test_a_new_installation_is_right(made: Settings) -> None:
    advice = examine(made.data)
    assert WRONG not in {one.level for one in advice}
    for part in ("Python", "GiB free on the disk of the keys folder", "the clock is after"):
        assert said(advice, part) == OK


@pytest.mark.parametrize(
    ("free", "level"), [(100 * 2**20, WRONG), (500 * 2**20, RISK), (50 * 2**30, OK)]
)
def test_a_disk_that_is_nearly_full_is_told(
    made: Settings, monkeypatch: pytest.MonkeyPatch, free: int, level: str
) -> None:
    usage = SimpleNamespace(free=free, total=100 * 2**30)
    monkeypatch.setattr("operate.surroundings.disk_usage", lambda _: usage)
    assert said(examine(made.data), "disk of the data folder") == level


@pytest.mark.parametrize("hours", [-24 * 365 * 10, -1])
def test_a_clock_that_is_behind_is_wrong(
    made: Settings, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    now_ms = SystemClock().now_ms()
    with sqlite3.connect(made.data / "db") as main:
        main.execute("UPDATE instance SET published_at = ?", (now_ms,))
    main.close()
    monkeypatch.setattr(SystemClock, "now_ms", lambda _: now_ms + hours * 3_600_000)
    assert said(examine(made.data), "clock is behind") == WRONG


@pytest.mark.parametrize(
    ("name", "value"),
    [("anchor_lag_seconds_max", 86_400), ("session_ttl_seconds", 86_400), ("sweep_seconds", 9_999)],
)
def test_a_setting_that_weakens_is_told(made: Settings, name: str, value: Any) -> None:
    file = made.data / "kluis.toml"
    assert said(examine(made.data), name) == ""
    file.write_text(file.read_text("utf-8") + f"{name} = {value}\n", "utf-8")
    assert said(examine(made.data), name) == RISK


def test_whom_people_can_turn_to_is_asked_for_before_real_use(made: Settings) -> None:
    real = made.model_copy(update={"url": "https://kluis.example.org"})
    (found,) = [one for one in surroundings(real) if "whom to turn to" in one.what]
    assert (found.level, "help_phone" in found.what) == (RISK, True)
    told = dict.fromkeys(found.what.partition(": ")[2].split(", "), "something")
    assert said(list(surroundings(real.model_copy(update=told))), "whom to turn to") == ""
    here = made.model_copy(update={"url": "http://localhost:8000"})
    assert said(list(surroundings(here)), "whom to turn to") == ""


def test_what_others_can_read_is_told(made: Settings) -> None:
    made.data.chmod(0o755)
    assert said(examine(made.data), "others can look into") == RISK
    (made.data / "db").chmod(0o644)
    assert said(examine(made.data), "others can read the main database") == WRONG
    (made.keys / "log.key").chmod(0o644)
    assert said(examine(made.data), "Others can read") == WRONG


def test_a_password_that_others_can_read_is_wrong(made: Settings) -> None:
    remote = made.model_copy(update={"database_url": "postgresql://vault:secret@db/main"})
    file = made.data / "kluis.toml"
    file.chmod(0o644)
    found = list(surroundings(remote))
    assert said(found, "others can read the password") == WRONG
    assert "secret" not in str(found)
    file.chmod(0o600)
    assert said(list(surroundings(remote)), "others can read the password") == ""


def test_a_database_file_in_another_mode_is_wrong(made: Settings) -> None:
    with sqlite3.connect(made.data / "db") as main:
        main.execute("PRAGMA journal_mode = DELETE")
    main.close()
    assert said(list(surroundings(made)), "is in delete mode") == WRONG


def test_a_database_on_a_network_disk_is_wrong(
    made: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operate.surroundings._file_system", lambda _: "nfs4")
    assert said(list(surroundings(made)), "is on nfs4") == WRONG


def test_an_anchor_that_stays_behind_is_told(tmp_path: Path) -> None:
    store = Store.make(tmp_path)
    anchor = store.settings.anchor
    first = anchor.read_text("utf-8")
    store.citizen()
    store.close()
    assert said(examine(store.settings.data), "entries behind") == ""
    anchor.write_text(first, "utf-8")
    os.utime(anchor, (0, 0))
    assert said(examine(store.settings.data), "entries behind") == RISK


def test_rows_under_an_older_root_key_are_counted(tmp_path: Path) -> None:
    store = Store.make(tmp_path)
    store.citizen()
    store.close()
    write_key_file(root_key_path(store.settings.keys, 2))
    assert said(examine(store.settings.data), "under an older root key") == RISK


def test_a_root_key_that_rows_name_and_that_is_not_here_is_wrong(tmp_path: Path) -> None:
    store = Store.make(tmp_path)
    store.citizen()
    store.close()
    with sqlite3.connect(store.settings.data / "db") as main:
        main.execute("UPDATE vault SET root_id = 2")
    main.close()
    assert said(examine(store.settings.data), "rows name root key 2, which is not here") == WRONG


@pytest.fixture
def remote(postgresql: Databases, tmp_path: Path) -> Callable[[], list[Advice]]:
    made = initialise(Places.beside(tmp_path / "k"), URL, **postgresql.emptied())
    assert load_settings(made.data).database_url
    return lambda: examine(made.data)


def altered(databases: Databases, setting: str, value: str) -> None:
    with psycopg.connect(databases.main, autocommit=True) as admin:
        name = admin.execute("SELECT current_database()").fetchone()
        assert name is not None
        admin.execute(f"ALTER DATABASE \"{name[0]}\" SET {setting} = '{value}'")


def test_a_server_that_logs_statements_is_told(
    remote: Callable[[], list[Advice]], postgresql: Databases
) -> None:
    altered(postgresql, "log_statement", "all")
    assert said(remote(), "logs statements") == RISK
    altered(postgresql, "log_statement", "none")
    assert said(remote(), "logs statements") == ""


def test_a_server_that_answers_before_it_has_written_changes_nothing_for_us(
    remote: Callable[[], list[Advice]], postgresql: Databases
) -> None:
    altered(postgresql, "synchronous_commit", "off")
    assert said(remote(), "synchronous_commit") == ""
    altered(postgresql, "synchronous_commit", "on")


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_a_server_that_forgets_commits_is_wrong(
    remote: Callable[[], list[Advice]], postgresql: Databases, setting: str
) -> None:
    """The server of the tests is one: it need not survive them."""
    with psycopg.connect(postgresql.main) as asked:
        found = asked.execute(f"SHOW {setting}").fetchone()
    assert found is not None
    assert said(remote(), f"{setting} is off") == ("" if found[0] == "on" else WRONG)
