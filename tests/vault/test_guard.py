"""What may be opened after what: no second history is signed under one name."""

import os
import shutil
from pathlib import Path

import pytest

from audit.note import Checkpoint, LogKey, sign_checkpoint
from audit.tree import EMPTY_ROOT
from crypto.secret import Secret
from operate.setup import Places, initialise
from operate.verification import verify_data
from tests.builders import PERSON, Citizen, Store
from tests.vault.full_story import SHARED, play
from tests.vault.rows import change, main_rows, remove, row_of, set_back
from tests.vault.tables import audit_heads, audit_leaves, audit_tiles, instance
from vault.errors import NotReady
from vault.logkeys import log_keys
from vault.settings import Settings
from vault.vault import Vault


@pytest.fixture
def citizen(store: Store) -> Citizen:
    return store.citizen()


def copied(store: Store, folder: Path) -> Settings:
    """The installation as it lies on disk at this moment, like after a power cut."""
    if not store.vault.system.main.is_sqlite:
        pytest.skip("a server of its own keeps these files")
    settings = store.settings
    changes = {
        "data": folder / "data",
        "keys": folder / "keys",
        "anchor": folder / "anchor" / settings.anchor.name,
    }
    shutil.copytree(settings.data, changes["data"])
    shutil.copytree(settings.keys, changes["keys"])
    shutil.copytree(settings.anchor.parent, changes["anchor"].parent)
    return settings.model_copy(update=changes)


def anchored_size(settings: Settings) -> int:
    return int(settings.anchor.read_text().split("\n")[1])


def reopen(store: Store, citizen: Citizen) -> None:
    """Opens, and does something that grows the log."""
    citizen.vault = store.reopen()
    citizen.unlock()
    assert citizen.values().keys() == PERSON.keys()


def refusal(settings: Settings, store: Store) -> str:
    """Why this installation is not opened."""
    with pytest.raises(NotReady) as refused:
        Vault.open(settings, store.clock)
    return str(refused.value)


# Opens.


def test_it_opens_after_a_normal_close(store: Store, citizen: Citizen) -> None:
    reopen(store, citizen)
    store.vault.close()

    assert anchored_size(store.settings) == row_of(store, audit_heads)["size"]
    reopen(store, citizen)


def test_it_opens_after_a_crash(store: Store, tmp_path: Path) -> None:
    story = play(store)
    settings = copied(store, tmp_path / "crashed")
    assert (settings.data / "db-wal").stat().st_size > 0

    with Vault.open(settings, store.clock) as vault:
        story.citizen.vault = story.agency.vault = vault
        assert set(story.citizen.values()) == set(PERSON)
        assert set(story.agency.read(story.live["the live grant's token"], SHARED)) == set(SHARED)
        assert verify_data(settings).findings == ()


def test_it_opens_with_an_anchor_that_is_behind(store: Store, citizen: Citizen) -> None:
    store.vault.close()
    behind = store.settings.anchor.read_text()
    reopen(store, citizen)
    store.vault.close()
    store.settings.anchor.write_text(behind)
    size = row_of(store, audit_heads)["size"]
    assert anchored_size(store.settings) < size

    reopen(store, citizen)
    store.vault.close()
    assert anchored_size(store.settings) > size  # and it catches up


def test_it_opens_with_the_empty_logs_anchor(store: Store, citizen: Citizen) -> None:
    store.vault.close()
    empty = Checkpoint(store.settings.origin, 0, EMPTY_ROOT)
    store.settings.anchor.write_text(sign_checkpoint(log_keys(store.settings).newest, empty))

    reopen(store, citizen)


# Refuses.


def test_a_database_from_a_backup_is_refused(store: Store, citizen: Citizen) -> None:
    old = main_rows(store)
    citizen.put({"identity.given_name": "Canaria-Newer"})
    store.vault.close()
    newest = main_rows(store)
    set_back(store, old)

    size = len(old["audit_leaf"])
    assert f"has {size} entries and does not continue the {size + 1} of" in refusal(
        store.settings, store
    )
    set_back(store, newest)
    reopen(store, citizen)


def test_another_history_of_the_same_length_is_refused(store: Store, citizen: Citizen) -> None:
    """Set back, and grown again before anyone compared it with the anchor."""
    old, anchor = main_rows(store), store.settings.anchor
    citizen.unlock()
    store.vault.close()
    first = anchor.read_text()
    set_back(store, old)
    anchor.write_text(old["audit_head"][0]["note"])
    reopen(store, citizen)
    citizen.unlock()
    store.vault.close()
    anchor.write_text(first)

    assert "does not continue the" in refusal(store.settings, store)


def test_an_anchor_ahead_of_the_log_is_refused(store: Store, citizen: Citizen) -> None:
    store.vault.close()
    size = row_of(store, audit_heads)["size"]
    ahead = Checkpoint(store.settings.origin, size + 1, os.urandom(32))
    store.settings.anchor.write_text(sign_checkpoint(log_keys(store.settings).newest, ahead))

    assert f"does not continue the {size + 1} of" in refusal(store.settings, store)


@pytest.mark.parametrize("what", ["missing", "empty", "text", "bytes", "unsigned"])
def test_a_missing_or_unreadable_anchor_is_refused(
    store: Store, citizen: Citizen, what: str
) -> None:
    store.vault.close()
    anchor = store.settings.anchor
    note = anchor.read_text()
    anchor.unlink()
    if what != "missing":
        texts = {"empty": "", "text": "not a note\n", "unsigned": note.split("\n\n")[0] + "\n\n"}
        anchor.write_bytes(texts[what].encode() if what in texts else b"\xff\xfe")

    said = refusal(store.settings, store)
    signed = "The audit log does not hold together: note refused"
    assert said.startswith(signed if what == "unsigned" else f"The anchor {anchor} is missing")
    anchor.write_text(note)


@pytest.mark.parametrize("name", ["kluis.example/audit", "other.example/audit"])
def test_an_anchor_by_another_key_is_refused(store: Store, citizen: Citizen, name: str) -> None:
    store.vault.close()
    checkpoint, _, _ = store.settings.anchor.read_text().partition("\n\n")
    _, size, _ = checkpoint.split("\n")
    forged = Checkpoint(name, int(size), os.urandom(32))
    store.settings.anchor.write_text(sign_checkpoint(LogKey(name, Secret.random()), forged))

    assert "does not hold together" in refusal(store.settings, store)


@pytest.mark.parametrize(
    "column",
    [
        "size",
        "frontier",
        "note",
    ],
)
def test_a_head_that_does_not_fit_its_entries_is_refused(
    store: Store, citizen: Citizen, column: str
) -> None:
    store.vault.close()
    row = row_of(store, audit_heads)
    other = Checkpoint(store.settings.origin, row["size"], os.urandom(32))
    wrong = {
        "size": row["size"] + 1,
        "frontier": os.urandom(len(row["frontier"])),
        "note": sign_checkpoint(log_keys(store.settings).newest, other),
    }
    change(store, audit_heads, {"id": 0}, **{column: wrong[column]})

    assert "audit log" in refusal(store.settings, store)


def test_a_head_without_its_newest_leaf_is_refused(store: Store, citizen: Citizen) -> None:
    store.vault.close()
    remove(store, audit_leaves, idx=row_of(store, audit_heads)["size"] - 1)

    assert "audit log" in refusal(store.settings, store)


def test_a_head_without_its_tile_is_refused(store: Store, citizen: Citizen) -> None:
    while row_of(store, audit_heads)["size"] < 256:
        citizen.unlock()
    store.vault.close()
    remove(store, audit_tiles, level=1)

    assert "audit log" in refusal(store.settings, store)


@pytest.fixture
def stranger(store: Store, tmp_path: Path) -> Settings:
    """Another installation with keys of its own."""
    return initialise(Places.beside(tmp_path / "stranger"), store.settings.url, "open")


def test_another_installations_keystore_is_refused(
    store: Store, citizen: Citizen, stranger: Settings
) -> None:
    store.vault.close()
    mixed = store.settings.model_copy(update={"keystore_url": stranger.salts_url})

    assert refusal(mixed, store) == "Main database and keystore do not belong together."


def test_a_database_of_no_installation_is_refused(store: Store, citizen: Citizen) -> None:
    store.vault.close()
    remove(store, instance)

    assert refusal(store.settings, store) == "Main database and keystore do not belong together."


def test_another_root_key_is_refused(store: Store, citizen: Citizen, stranger: Settings) -> None:
    store.vault.close()
    shutil.copy(stranger.keys / "root-1.key", store.settings.keys / "root-1.key")

    assert refusal(store.settings, store) == (
        "The log's own key does not open: root key, keystore and database differ."
    )


def test_another_log_key_is_refused(store: Store, citizen: Citizen, stranger: Settings) -> None:
    store.vault.close()
    shutil.copy(stranger.keys / "log.key", store.settings.keys / "log.key")

    assert "no signature by a known key" in refusal(store.settings, store)


@pytest.mark.parametrize("name", ["root-1.key", "log.key", "log-mldsa.key"])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
def test_keys_that_others_may_use_are_refused(store: Store, name: str, mode: int) -> None:
    store.vault.close()
    key = store.settings.keys / name
    key.chmod(mode)

    assert refusal(store.settings, store).startswith(f"Others can read {key}")


@pytest.mark.parametrize("name", ["root-1.key", "log.key"])
@pytest.mark.parametrize("held", [None, b"", bytes(31), bytes(33)])
def test_a_key_file_that_is_not_32_bytes_is_refused(
    store: Store, name: str, held: bytes | None
) -> None:
    store.vault.close()
    key = store.settings.keys / name
    key.unlink()
    if held is not None:
        key.touch(mode=0o600)
        key.write_bytes(held)

    assert str(key) in refusal(store.settings, store)


def test_the_keys_are_made_for_their_owner_alone(store: Store) -> None:
    keys = store.settings.keys
    assert keys.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in keys.glob("*.key")} == {
        "root-1.key": 0o600,
        "log.key": 0o600,
        "log-mldsa.key": 0o600,
    }
