"""Changing the root key: every row moves, whenever it is stopped, and nobody notices."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from operate.listing import show
from operate.rotation import Rotated, rotate, state
from operate.verification import verify_data
from tests.builders import PERSON, Store
from tests.vault.attacker import Attacker
from tests.vault.full_story import SHARED, Story, play
from tests.vault.rows import change, keystore_rows, main_rows, row_of, rows_of
from tests.vault.tables import audit_keys, methods, registrations, vaults
from vault import caller
from vault.errors import NotReady, Replayed, VaultError
from vault.rootkey import read_key_file, root_key_path
from vault.sessions import UnlockSecret


@pytest.fixture
def small(tmp_path: Path) -> Store:
    """Two citizens, an agency with a use, and another that was revoked."""
    store = Store.make(tmp_path)
    store.citizen()
    store.citizen()
    store.agency()
    store.agency("https://gone.example", use="gone-use")
    store.vault.revoke_agency(caller.Operator(), "https://gone.example", None)
    return store


def rotated(store: Store) -> Rotated:
    return rotate(store.settings, store.clock)


def root_ids(store: Store) -> set[int]:
    """Which root keys are named by any row."""
    tables = (vaults, methods, audit_keys, registrations)
    return {row["root_id"] for table in tables for row in rows_of(store, table)}


def works(story: Story, store: Store) -> None:
    """What the living may do, they may; by both ways to unlock."""
    story.citizen.vault = story.agency.vault = story.other.vault = store.vault
    assert set(story.citizen.unlock().values()) == set(PERSON)
    store.vault.unlock(caller.Stranger(), UnlockSecret.recovery(story.citizen.recovery_code))
    assert set(story.agency.read(story.live["the live grant's token"], SHARED)) == set(SHARED)
    assert verify_data(store.settings).findings == ()


def test_every_row_moves_and_everything_works_without_the_old_key(store: Store) -> None:
    story = play(store)
    done = rotated(store)

    assert (done.state.newest, done.state.still_old) == (2, 0)
    assert done.state.unneeded == (1,)
    assert root_ids(store) == {2}
    root_key_path(store.settings.keys, 1).unlink()
    store.reopen()
    works(story, store)
    story.citizen.offer(story.agency, SHARED)


def actions(store: Store) -> list[str | None]:
    return [line.action for line in show(store.settings, 100)]


def test_the_rotation_is_in_the_log_once(small: Store) -> None:
    rotated(small)
    assert actions(small).count("key.rotate") == 1
    small.close()


def test_a_running_server_serves_through_it(store: Store) -> None:
    """Opened before there was a second key, it finds it by the rows."""
    story = play(store)
    rotated(store)
    works(story, store)
    assert store.vault.registry().damaged == ()
    late = store.citizen()  # still under the old key: it was started before
    assert root_ids(store) == {1, 2}

    again = rotated(store)
    assert (again.made, again.state.still_old) == (None, 0)
    late.vault = store.reopen()
    assert late.unlock().values() == PERSON


def test_a_thief_with_the_old_root_key_opens_no_row_made_since(small: Store) -> None:
    old = read_key_file(root_key_path(small.settings.keys, 1))
    before = Attacker(main_rows(small), keystore_rows(small), old, thorough=False).loot()
    rotated(small)
    after = Attacker(main_rows(small), keystore_rows(small), old, thorough=False).loot()

    assert len(before.metadata_keys) == 2
    assert not after.metadata_keys
    assert not after.audit_keys
    small.close()


def test_counting_changes_nothing(small: Store) -> None:
    before = main_rows(small)
    found = state(small.settings)

    assert found.rows["vault"] == {1: 2}
    assert found.rows["registry"] == {1: 4}
    assert main_rows(small) == before
    assert list(small.settings.keys.glob("root-*")) == [root_key_path(small.settings.keys, 1)]
    small.close()


class Killed(BaseException):
    """Stands for the end of the process."""


def test_it_may_be_killed_before_every_write_and_goes_on(
    small: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One write later each time, until it ends: each row opens all the while."""
    from vault import database

    small.vault.close()
    commit, kills = database.commit, 0

    def kill_after(writes: int) -> None:
        left = [writes]

        def killed(driver: object) -> None:
            if threading.current_thread().name != "sweeper":
                if left[0] == 0:
                    raise Killed
                left[0] -= 1
            commit(driver)

        monkeypatch.setattr(database, "commit", killed)

    monkeypatch.setattr("operate.rotation._ROWS_AT_ONCE", 1)
    while True:
        kill_after(1)
        try:
            rotated(small)
        except (Killed, VaultError):
            kills += 1
            monkeypatch.setattr(database, "commit", commit)
            assert verify_data(small.settings).findings == ()
            continue
        break

    monkeypatch.setattr(database, "commit", commit)
    assert kills >= 3
    assert state(small.settings).still_old == 0
    assert state(small.settings).at_hand == (1, 2)
    assert actions(small).count("key.rotate") == 1
    small.reopen()
    assert small.vault.registry().damaged == ()
    small.close()


ROTATE = """
import sys
from pathlib import Path
from operate import rotation
from vault.clock import SystemClock
from vault.settings import load_settings
rotation._ROWS_AT_ONCE = 1
print("begun", flush=True)
rotation.rotate(load_settings(Path(sys.argv[1])), SystemClock())
print("done")
"""


@pytest.mark.slow
def test_killed_for_real_again_and_again_it_ends(tmp_path: Path) -> None:
    store = Store.make(tmp_path)
    citizens = [store.citizen({}) for _ in range(20)]
    store.agency()
    store.vault.close()
    root = Path(__file__).resolve().parents[2]
    for attempt in range(60):
        command = [sys.executable, "-c", ROTATE, str(store.settings.data)]
        running = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE)
        assert running.stdout is not None
        assert running.stdout.readline() == b"begun\n"
        try:
            out, _ = running.communicate(timeout=0.02 + attempt * 0.05)
        except subprocess.TimeoutExpired:
            os.kill(running.pid, signal.SIGKILL)
            running.communicate()
            continue
        assert b"done" in out
        break
    assert state(store.settings).still_old == 0
    vault = store.reopen()
    for citizen in citizens:
        citizen.vault = vault
        citizen.unlock()
    assert verify_data(store.settings).findings == ()
    store.close()


def test_an_agency_that_was_revoked_stays_so_under_the_new_key(small: Store) -> None:
    before = [(row["id"], row["state"]) for row in rows_of(small, registrations)]
    rotated(small)
    root_key_path(small.settings.keys, 1).unlink()
    small.reopen()

    after = [(row["id"], row["state"]) for row in rows_of(small, registrations)]
    assert sorted(after) == sorted(before)
    assert verify_data(small.settings).findings == ()
    small.vault.revoke_agency(caller.Operator(), "https://agency.example", None)
    assert verify_data(small.settings).findings == ()
    small.close()


def test_an_old_registry_row_put_back_after_the_rotation_is_named(small: Store) -> None:
    """The old key may be known: it must open nothing that the log has moved on from."""
    old = next(row for row in rows_of(small, registrations) if row["kind"] == "agency")
    rotated(small)
    change(
        small,
        registrations,
        {"kind": "agency", "id": old["id"]},
        mac=old["mac"],
        root_id=1,
    )
    assert "registry" in {one.code for one in verify_data(small.settings).findings}
    small.close()


def test_a_changed_row_is_not_made_whole(small: Store) -> None:
    name = "https://agency.example"
    change(small, registrations, {"id": name}, state="revoked")
    done = rotated(small)

    assert done.state.rows["registry"] == {1: 1, 2: 3}
    assert row_of(small, registrations, id=name)["root_id"] == 1
    assert 1 not in done.state.unneeded
    small.close()


def test_a_row_without_salt_keeps_the_old_key_needed(small: Store) -> None:
    """A newer keystore may still be put back, and would need it."""
    row = rows_of(small, vaults)[0]
    from vault.keys import vault_salt

    small.vault.system.keystore.drop([vault_salt(row["vault_id"])])
    done = rotated(small)

    assert done.state.rows["vault"] == {1: 1, 2: 1}
    assert done.dead == 1
    assert done.state.unneeded == ()
    small.close()


def test_no_third_key_is_made_while_the_first_is_there(small: Store) -> None:
    rotated(small)
    again = rotated(small)
    assert (again.made, again.moved) == (None, 0)
    root_key_path(small.settings.keys, 1).unlink()
    small.reopen()
    third = rotated(small)
    assert third.state.newest == 3
    assert root_ids(small) == {3}
    small.close()


def test_a_proof_that_was_used_is_not_used_again_after_it(store: Store) -> None:
    """What is burnt is kept under a key that no rotation changes."""
    citizen, agency = store.citizen(), store.agency()
    token = agency.redeem(citizen.offer(agency, SHARED).code).token
    agency.read(token, SHARED, jti="the same")
    rotated(store)
    root_key_path(store.settings.keys, 1).unlink()
    agency.vault = store.reopen()

    with pytest.raises(Replayed, match="was used before"):
        agency.read(token, SHARED, jti="the same")


def test_without_the_key_that_rows_name_nothing_is_served(small: Store) -> None:
    key = root_key_path(small.settings.keys, 1)
    shutil.move(key, key.with_name("kept"))
    with pytest.raises(NotReady):
        rotated(small)
    small.close()


def test_an_erasure_that_was_begun_is_finished_after_it(small: Store) -> None:
    """Its mark is under a key that no rotation changes."""
    citizen = small.citizen()
    from vault.erasing import erasing_item

    system = small.vault.system
    system.sequencer.record(erasing_item(system.system_key, citizen.vault_id, small.clock.ms))
    rotated(small)
    root_key_path(small.settings.keys, 1).unlink()
    small.reopen().sweep()

    assert rows_of(small, vaults, vault_id=citizen.vault_id) == []
    small.close()
