"""Limits that several server processes keep together (vault/limits.py)."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from unittest.mock import Mock

import psycopg
import pytest

from operate import counting
from operate.counting import SharedCounts, counting_together
from tests.builders import NOON_MS, Store, TurnedTime
from tests.postgresql import Databases
from vault.errors import TooMany
from vault.vault import Vault

ADDRESS = "203.0.113.9"
PROCESSES = 4
HOUR_MS = 3_600_000


@pytest.fixture
def shared(postgresql: Databases, tmp_path: Path) -> Iterator[Store]:
    store = Store.make(tmp_path, **postgresql.emptied())
    yield store
    store.close()


@pytest.fixture
def servers(shared: Store) -> Iterator[list[Vault]]:
    """Several servers of one installation, each with its own memory and connections."""
    store = shared
    opened = [Vault.open(store.settings, store.clock) for _ in range(PROCESSES)]
    sharing = [counting_together(vault) for vault in opened]
    for one in sharing:
        one.__enter__()
    yield opened
    for one, vault in zip(sharing, opened, strict=True):
        one.__exit__(None, None, None)
        vault.close()


def rows(store: Store) -> list[tuple[str, bytes, int]]:
    with psycopg.connect(store.settings.database_url) as connection:
        return connection.execute("SELECT name, who, total FROM counted").fetchall()


def test_the_limit_is_that_of_the_installation_to_the_last_try(servers: list[Vault]) -> None:
    def spend(number: int) -> bool:
        limits = servers[number % PROCESSES].system.limits
        return limits.admits("registrations_per_hour", ADDRESS, NOON_MS)

    with ThreadPoolExecutor(8) as pool:
        admitted = sum(pool.map(spend, range(200)))

    assert admitted == 60
    limits = servers[0].system.limits
    assert limits.admits("registrations_per_hour", "198.51.100.7", NOON_MS)
    assert limits.admits("registrations_per_hour", ADDRESS, NOON_MS + HOUR_MS)


def test_a_caller_that_was_refused_elsewhere_is_turned_away_after_one_more(
    servers: list[Vault],
) -> None:
    first, second = servers[0].system.limits, servers[1].system.limits
    for _ in range(600):
        first.admits("refusals_per_minute", "agency", NOON_MS)

    second.admits("refusals_per_minute", "agency", NOON_MS)

    with pytest.raises(TooMany):
        second.check("refusals_per_minute", "agency", NOON_MS)


def test_a_full_limit_and_a_check_cost_no_statement(servers: list[Vault], shared: Store) -> None:
    limits = servers[0].system.limits
    for _ in range(100):
        limits.admits("registrations_per_hour", ADDRESS, NOON_MS)
        limits.check("refusals_per_minute", "agency", NOON_MS)

    assert [total for _, _, total in rows(shared)] == [60]


def test_the_table_names_nobody_and_strangers_can_not_grow_it(
    servers: list[Vault], shared: Store
) -> None:
    limits = servers[0].system.limits
    limits.admits("registrations_per_hour", ADDRESS, NOON_MS)
    limits.admits("owner_acts_per_hour", b"subject of an owner", NOON_MS)

    (stranger, owner) = sorted((who for _, who, _ in rows(shared)), key=len)

    assert (len(stranger), len(owner)) == (2, 16), "strangers share 65 536 slots"
    for clear in (ADDRESS.encode(), b"subject"):
        assert clear not in stranger + owner


def test_windows_that_are_over_are_swept(
    servers: list[Vault], shared: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operate.counting._SWEEP_SECONDS", -1)
    limits = servers[0].system.limits
    for hour in range(5):
        limits.admits("registrations_per_hour", ADDRESS, NOON_MS + hour * HOUR_MS)

    assert len(rows(shared)) == 1


def test_a_database_that_hangs_holds_up_one_request_for_a_moment(
    servers: list[Vault], shared: Store, impatience: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert counting.WAIT_SECONDS == 0.25
    monkeypatch.setattr("operate.counting.SILENT_SECONDS", 3600)
    limits, waited = servers[0].system.limits, Mock(wraps=Future)
    monkeypatch.setattr("operate.counting.Future", waited)
    with psycopg.connect(shared.settings.database_url) as blocker:
        blocker.execute("LOCK TABLE counted IN ACCESS EXCLUSIVE MODE")
        admitted = [limits.admits("registrations_per_hour", ADDRESS, NOON_MS) for _ in range(100)]

    assert waited.call_count == 1
    assert sum(admitted) == 60, "each process counts for itself meanwhile"


def test_a_process_asks_again_after_a_while(shared: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = SharedCounts(shared.settings.database_url, shared.vault.system.root.derive("counted"))
    monkeypatch.setattr("operate.counting.SILENT_SECONDS", 3600)
    monkeypatch.setattr("operate.counting.time", turned := TurnedTime())
    key = ("registrations_per_hour", ADDRESS, NOON_MS // 1000)
    try:
        assert counts(key) == 0, "there is no table yet"
        counts.make_table()
        assert counts(key) == 0
        turned.turned_seconds = 3600
        assert counts(key) == 1
    finally:
        counts.close()


def test_on_sqlite_the_one_server_counts_in_memory(tmp_path: Path) -> None:
    store = Store.make(tmp_path)
    before = set(threading.enumerate())
    with counting_together(store.vault):
        assert store.vault.system.limits.admits("registrations_per_hour", ADDRESS, NOON_MS)
        assert set(threading.enumerate()) <= before, "others may end meanwhile"
    store.close()
