"""Where the log can't be written nothing is released, and an end takes effect all the same."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, select

from audit.entry import Event
from operate.verification import verify_data
from tests.builders import PERSON, AgencyDesk, Citizen, Store, TurnedTime, to_the_pool
from tests.conftest import ROOT
from tests.vault.entries import entries_of
from tests.vault.rows import change, row_of
from tests.vault.tables import audit_heads, audit_keys, grants, vaults
from vault import caller, database, sequencer
from vault.ending import Ended
from vault.errors import InvalidGrant, InvalidToken, LogUnavailable, SessionEnded
from vault.log import Head
from vault.sessions import UnlockSecret
from vault.system import System
from vault.vault import Vault

TWO = ("identity.given_name", "identity.birth_date")
Fault = Callable[[System], AbstractContextManager[None]]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for a lock gives up soon; in tests/api/test_fail_closed.py as late as for users."""
    monkeypatch.setattr(database, "BUSY_TIMEOUT_SECONDS", 0.2)
    options = str(database._POSTGRESQL["options"]).replace("lock_timeout=60000", "lock_timeout=200")
    assert "lock_timeout=200 " in options
    monkeypatch.setitem(database._POSTGRESQL, "options", options)


@contextmanager
def locked(system: System) -> Iterator[None]:
    """Somebody else holds the row lock of the log, and with SQLite the whole database's."""
    with (
        Vault.open(system.settings, system.clock) as other,
        other.system.main.write() as connection,
    ):
        Head.read(connection, lock=True)
        yield


@contextmanager
def read_only(system: System) -> Iterator[None]:
    with _pragma(system, "query_only=ON", "query_only=OFF"):
        yield


@contextmanager
def full(system: System) -> Iterator[None]:
    """Not a page is left: SQLite never sets the limit below what is there."""
    with _pragma(system, "max_page_count=1", "max_page_count=1000000"):
        yield


@contextmanager
def _pragma(system: System, on: str, off: str) -> Iterator[None]:
    if not system.main.is_sqlite:
        pytest.skip("a fault of SQLite files")
    state = [on]

    def set_pragma(connection: Any, *_: Any) -> None:
        connection.execute(f"PRAGMA {state[0]}")

    event.listen(system.main.engine, "checkout", set_pragma)
    to_the_pool(system.main)
    yield
    state[0] = off
    to_the_pool(system.main)
    system.main.engine.dispose()  # a connection that was made read-only begins nothing any more


FAULTS = pytest.mark.parametrize("fault", [locked, read_only, full])
QUICK_FAULTS = pytest.mark.parametrize("fault", [read_only])


def read_until_refused(agency: AgencyDesk, token: str) -> int:
    """How many reads were released before the log could not be written any more."""
    for released in range(50):
        started = time.monotonic()
        try:
            agency.read(token, TWO)
        except LogUnavailable:
            assert time.monotonic() - started < 30  # where nobody gives up it would be a minute
            return released
    raise AssertionError("the fault has no effect")


def entries(store: Store, citizen: Citizen) -> list[Event]:
    return [e.event for e in reversed(store.vault.activity(citizen.owner).entries)]


def actions(store: Store, citizen: Citizen) -> list[tuple[str, str, str | None]]:
    return [(e.action, e.outcome, e.reason) for e in entries(store, citizen)]


def system_entries(vault: Vault) -> list[Event]:
    return [one.event for one in entries_of(vault.system, vault.system.system_key)]


def assert_whole(store: Store) -> None:
    assert verify_data(store.settings).findings == ()


def shared(store: Store, **choice: Any) -> tuple[Citizen, AgencyDesk, bytes, str]:
    """A citizen who gave an agency two fields, the grant, and the agency's token."""
    citizen, agency = store.citizen(), store.agency()
    offer = citizen.offer(agency, TWO, **choice)
    return citizen, agency, offer.grant_id, agency.redeem(offer.code).token


# Nothing is released


@FAULTS
def test_a_read_that_can_not_be_logged_releases_nothing_and_comes_back_by_itself(
    store: Store, fault: Fault
) -> None:
    citizen, agency, _, token = shared(store)

    with fault(store.vault.system):
        released = read_until_refused(agency, token)
    released += len(agency.read(token, TWO)) == len(TWO)

    permitted = [
        e for e in entries(store, citizen) if (e.action, e.outcome) == ("data.read", "permitted")
    ]
    assert len(permitted) == released
    assert_whole(store)


@QUICK_FAULTS
def test_nothing_is_changed_by_calls_that_can_not_be_logged(store: Store, fault: Fault) -> None:
    citizen, agency = store.citizen(), store.agency()
    offer, before = citizen.offer(agency, TWO), citizen.log()
    new_device = UnlockSecret.device(citizen.device_secret)

    with fault(store.vault.system):
        for call in (
            lambda: citizen.put({"identity.given_name": "Nova"}),
            lambda: citizen.offer(agency, TWO),
            lambda: agency.redeem(offer.code),
            lambda: store.vault.unlock(caller.Stranger(), new_device),
            store.citizen,
            lambda: store.agency("https://other.example"),
        ):
            with pytest.raises(LogUnavailable):
                call()

    assert citizen.values() == PERSON
    assert citizen.log() == before
    # The code was not consumed, and everything works again.
    assert agency.read(agency.redeem(offer.code).token, TWO).keys() == set(TWO)
    citizen.put({"identity.given_name": "Nova"})
    assert citizen.alarms() == []
    assert_whole(store)


def test_a_commit_slower_than_the_waiter_releases_nothing_and_the_log_says_more(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen, agency, _, token = shared(store)
    commit, was_refused = database.commit, threading.Event()

    def slow(driver: Any) -> None:
        assert was_refused.wait(60)
        commit(driver)

    with monkeypatch.context() as patched:
        patched.setattr(sequencer, "WAIT_SECONDS_MAX", 0.2)
        patched.setattr(database, "commit", slow)
        with pytest.raises(LogUnavailable):
            agency.read(token, TWO)
    was_refused.set()
    citizen.put({"identity.given_name": "Nova"})  # waits for the slow commit before it

    assert [e.action for e in entries(store, citizen)][-3:-1] == ["data.read", "value.put"]
    assert store.vault.grants(citizen.owner)[0].reads_used == 1
    assert_whole(store)


_FILL_A_DISK = """
import json, resource, sys
from pathlib import Path
from crypto.encoding import unb64u
from crypto.secret import Secret
from tests.builders import AgencyDesk, FakeClock
from vault.errors import LogUnavailable
from vault.settings import load_settings
from vault.vault import Vault

given = json.loads(sys.argv[1])
settings = load_settings(Path(given["data"]))
vault = Vault.open(settings, FakeClock(given["now"]))
agency = AgencyDesk(vault, given["agency"], given["use"], None)
released = len(agency.read(given["token"], given["fields"])) > 0
wal = Path(given["data"], "db-wal").stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (wal, resource.RLIM_INFINITY))
refused = 0
for _ in range(3):
    try:
        agency.read(given["token"], given["fields"])
    except LogUnavailable:
        refused += 1
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
released += len(agency.read(given["token"], given["fields"])) > 0
vault.close()
print(json.dumps([released, refused]))
"""


def test_a_disk_that_is_really_full_releases_nothing(store: Store) -> None:
    if not store.vault.system.main.is_sqlite:
        pytest.skip("a fault of SQLite files")
    citizen, agency, _, token = shared(store)
    given = {
        "data": str(store.settings.data), "now": store.clock.ms, "agency": agency.id,
        "use": agency.use, "token": token, "fields": TWO,
    }  # fmt: skip

    done = subprocess.run(
        [sys.executable, "-c", _FILL_A_DISK, json.dumps(given)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=100, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == [2, 3]
    assert actions(store, citizen).count(("data.read", "permitted", None)) == 2
    assert_whole(store)


# An end and an erasure never wait


@FAULTS
def test_a_grant_ends_while_the_log_can_not_be_written(store: Store, fault: Fault) -> None:
    citizen, agency, grant_id, token = shared(store)
    with fault(store.vault.system):
        if fault is full:
            read_until_refused(agency, token)
        began = store.clock.ms
        ended = store.vault.end_grant(citizen.owner, grant_id)
        store.clock.advance(seconds=5)

    if fault is not full:  # there an end may just fit in
        assert ended == Ended(recorded=False)
    with pytest.raises(InvalidToken):
        agency.read(token, TWO)

    told = [(e.action, e.outcome, e.reason, e.at) for e in entries(store, citizen)]
    assert told[-3:-1] == [
        ("grant.end", "permitted", "revoked", began),
        ("data.read", "denied", "ended", store.clock.ms),
    ]
    assert_whole(store)


def test_nothing_that_begins_after_an_unrecorded_end_opens_in_any_process(store: Store) -> None:
    citizen, agency, grant_id, token = shared(store)
    with Vault.open(store.settings, store.clock) as other:
        elsewhere = replace(agency, vault=other)
        assert elsewhere.read(token, TWO)

        with read_only(store.vault.system):
            assert store.vault.end_grant(citizen.owner, grant_id) == Ended(recorded=False)
            with pytest.raises(InvalidToken):
                elsewhere.read(token, TWO)


def test_an_owed_end_is_written_before_anything_else_once_and_with_its_own_time(
    store: Store,
) -> None:
    citizen, _, grant_id, _ = shared(store)
    with read_only(store.vault.system):
        ended_at = store.clock.ms
        assert not store.vault.end_grant(citizen.owner, grant_id).recorded
        store.clock.advance(seconds=40)

    for number in range(3):
        citizen.put({"identity.given_name": f"Nova-{number}"})
        store.vault.sweep()

    found = [(e.action, e.reason, e.at) for e in entries(store, citizen)]
    assert found.count(("grant.end", "revoked", ended_at)) == 1
    at = found.index(("grant.end", "revoked", ended_at))
    assert found[at - 1][0] == "grant.redeem"
    assert [action for action, *_ in found[at + 1 :]] == ["value.put"] * 3 + ["log.read"]
    assert [g.state for g in store.vault.grants(citizen.owner)] == ["ended"]
    assert store.vault.system.keystore.rows("grant") == []
    assert_whole(store)


def test_the_sweeper_writes_what_is_owed_without_other_traffic(store: Store) -> None:
    citizen, _, grant_id, _ = shared(store)
    with Vault.open(store.settings, store.clock) as other:
        with read_only(store.vault.system):
            store.vault.end_grant(citizen.owner, grant_id)

        other.sweep()  # of another process, which saw no trouble itself

    assert actions(store, citizen)[-2] == ("grant.end", "permitted", "revoked")
    assert store.vault.system.keystore.rows("grant") == []
    assert_whole(store)


def test_what_is_owed_is_written_first_after_a_restart(store: Store) -> None:
    citizen, _, grant_id, _ = shared(store)
    with read_only(store.vault.system):
        store.vault.end_grant(citizen.owner, grant_id)

    citizen.vault = store.reopen()
    citizen.put({"identity.given_name": "Nova"})

    assert [action for action, *_ in actions(store, citizen)[-3:-1]] == ["grant.end", "value.put"]
    assert_whole(store)


def test_what_is_owed_is_written_first_after_a_head_that_was_refused(store: Store) -> None:
    citizen, _, grant_id, _ = shared(store)
    note = row_of(store, audit_heads)["note"]
    change(store, audit_heads, {}, note=note.replace("\n\n", "\n\n\n"))
    assert store.vault.end_grant(citizen.owner, grant_id) == Ended(recorded=False)
    change(store, audit_heads, {}, note=note)

    citizen.put({"identity.given_name": "Nova"})

    assert [action for action, *_ in actions(store, citizen)[-3:-1]] == ["grant.end", "value.put"]
    assert_whole(store)


def test_an_erasure_takes_effect_while_the_log_can_not_be_written(store: Store) -> None:
    citizen, agency, _, token = shared(store)
    with Vault.open(store.settings, store.clock) as other, read_only(store.vault.system):
        erased_at = store.clock.ms
        assert store.vault.erase(citizen.owner) == Ended(recorded=False)
        store.clock.advance(seconds=40)
        for vault in (store.vault, other):
            with pytest.raises(SessionEnded):
                vault.overview(citizen.owner)
            with pytest.raises(InvalidToken):
                replace(agency, vault=vault).read(token, TWO)

    store.citizen({})
    store.vault.sweep()

    told = system_entries(store.vault)
    assert [(e.action, e.at) for e in told if e.action == "vault.erase"] == [
        ("vault.erase", erased_at)
    ]
    system = store.vault.system
    with system.main.via_sqlalchemy() as connection:
        assert citizen.vault_id not in connection.execute(select(vaults.c.vault_id)).scalars().all()
    assert {row.vault_id for row in system.keystore.rows()} & {citizen.vault_id} == set()
    assert system.keystore.voided() == []
    assert_whole(store)


def test_an_unrecorded_erasure_after_an_unrecorded_end_settles_both(store: Store) -> None:
    citizen, _, grant_id, _ = shared(store)
    with read_only(store.vault.system):
        store.vault.end_grant(citizen.owner, grant_id)
        store.vault.erase(citizen.owner)

    store.vault.sweep()
    store.vault.sweep()

    assert [e.action for e in system_entries(store.vault)].count("vault.erase") == 1
    assert store.vault.system.keystore.voided() == []
    with store.vault.system.main.via_sqlalchemy() as connection:
        assert connection.execute(select(grants)).all() == []
        assert len(connection.execute(select(audit_keys)).all()) == 2
    assert_whole(store)


# The anchor can't follow


def test_reads_are_refused_while_the_anchor_can_not_follow_and_come_back_by_themselves(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    turned = TurnedTime()
    monkeypatch.setattr("vault.anchor.time", turned)
    most = store.settings.anchor_lag_seconds_max
    citizen, agency, grant_id, token = shared(store)
    folder, aside = store.settings.anchor.parent, store.settings.anchor.parent.with_name("aside")
    anchor = store.vault.system.anchor
    _wait(lambda: anchor.lag_seconds() == 0)
    shutil.move(folder, aside)
    folder.write_text("not a folder", encoding="utf-8")

    citizen.put({"identity.given_name": "Nova"})
    assert agency.read(token, TWO), "not behind for long enough yet"
    turned.turned_seconds = most
    assert anchor.lag_seconds() > most
    logged = citizen.log()
    with pytest.raises(LogUnavailable):
        agency.read(token, TWO)
    assert citizen.log() == logged, "nothing was looked up"
    citizen.put({"identity.given_name": "Vetera"})
    assert citizen.offer(agency, TWO).code

    folder.unlink()
    shutil.move(aside, folder)
    _wait(lambda: anchor.lag_seconds() == 0)
    assert agency.read(token, TWO)
    assert store.vault.end_grant(citizen.owner, grant_id).recorded
    assert_whole(store)


def _wait(until: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# The narrow moments


def test_what_is_owed_outlives_the_time_of_its_salt(store: Store) -> None:
    citizen, agency = store.citizen(), store.agency()
    offer, ended_at = citizen.offer(agency, TWO), store.clock.ms
    with read_only(store.vault.system):
        assert not store.vault.end_grant(citizen.owner, offer.grant_id).recorded
        store.clock.advance(seconds=121)
        store.vault.sweep()

    store.vault.sweep()

    ends = [(e.reason, e.at) for e in entries(store, citizen) if e.action == "grant.end"]
    assert ends == [("revoked", ended_at)]


@pytest.mark.parametrize("moment", ["get", "make_all", "drop_phases"])
def test_an_unrecorded_end_is_not_undone_by_a_redemption_in_flight(
    store: Store, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    citizen, agency = store.citizen(), store.agency()
    offer = citizen.offer(agency, TWO)
    with Vault.open(store.settings, store.clock) as other:
        other.system.sequencer.close()  # this process can't write the log any more
        keystore = store.vault.system.keystore
        method = getattr(keystore, moment)

        def called(*args: Any, **options: Any) -> Any:
            monkeypatch.undo()
            assert other.end_grant(citizen.owner, offer.grant_id) == Ended(recorded=False)
            return method(*args, **options)

        monkeypatch.setattr(keystore, moment, called)
        with suppress(InvalidGrant):  # or a token that opens nothing
            token = agency.redeem(offer.code).token
            with pytest.raises(InvalidToken):
                agency.read(token, TWO)

    store.vault.sweep()
    assert ("grant.end", "permitted", "revoked") in actions(store, citizen)
