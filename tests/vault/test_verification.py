"""`audit verify --data` says that a whole installation is whole, and names each kind of damage."""

import os
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from audit.leaf import leaf_hash
from audit.note import Checkpoint, LogKey, sign_checkpoint
from crypto.secret import Secret
from operate.verification import verify_data
from tests.builders import AgencyDesk, Citizen, Store
from tests.vault.full_story import LATER, SHARED, Story, play
from tests.vault.rows import change, insert, main_rows, remove, row_of, rows_of, set_back
from tests.vault.tables import (
    audit_checkpoints,
    audit_heads,
    audit_keys,
    audit_leaves,
    audit_logs,
    audit_openings,
    audit_subjects,
    audit_tiles,
    grants,
    vaults,
)
from vault import caller
from vault.errors import NotReady
from vault.logkeys import log_keys

GIVEN, FAMILY = SHARED


@pytest.fixture
def story(store: Store) -> Story:
    return play(store)


@dataclass
class Small:
    """A citizen with two versions of a field and a grant of which one read of three was used."""

    store: Store
    citizen: Citizen
    agency: AgencyDesk
    grant_id: bytes
    token: str

    @property
    def size(self) -> int:
        size: int = row_of(self.store, audit_heads)["size"]
        return size

    @property
    def name(self) -> str:
        return f"vault {self.citizen.vault_id.hex()[:8]}"

    @property
    def subject(self) -> bytes:
        row = row_of(self.store, vaults, vault_id=self.citizen.vault_id)
        subject: bytes = row["subject"]
        return subject


@pytest.fixture
def small(store: Store) -> Small:
    citizen, agency = store.citizen(), store.agency()
    citizen.put(LATER)
    offer = citizen.offer(agency, [GIVEN], reads_max=3)
    token = agency.redeem(offer.code).token
    agency.read(token, [GIVEN])
    return Small(store, citizen, agency, offer.grant_id, token)


def places(store: Store) -> set[tuple[str, int | None]]:
    """Code and entry of each finding."""
    return {(found.code, found.index) for found in verify_data(store.settings).findings}


def codes(store: Store) -> set[str]:
    return {code for code, _ in places(store)}


def words(store: Store) -> set[tuple[str, str]]:
    """Code and words of each finding about the tables."""
    found = verify_data(store.settings).findings
    return {(one.code, one.what) for one in found}


# Whole.


def test_the_full_story_is_whole_while_the_server_is_open(story: Story) -> None:
    verified = verify_data(story.store.settings)

    assert verified.findings == ()
    assert verified.size == row_of(story.store, audit_heads)["size"] > 25
    assert verified.checked == (
        f"{verified.size} entries recomputed to the signed root",
        f"{verified.size} entries opened and matched, 0 closed",
        "3 chains of entries without a gap",
        "vaults compared: 1, registrations: 4",
    )


def test_it_is_whole_after_revoked_registrations_and_sweeps(story: Story) -> None:
    vault, store = story.store.vault, story.store
    vault.revoke_agency(caller.Operator(), story.other.id, story.other.use)
    vault.revoke_agency(caller.Operator(), story.agency.id, None)
    vault.sweep()
    store.clock.advance(days=1)
    vault.sweep()

    assert {row["state"] for row in rows_of(store, grants)} == {"ended"}
    assert verify_data(store.settings).findings == ()


def test_it_is_whole_after_closing_and_opening_again(story: Story) -> None:
    story.store.vault.close()
    assert verify_data(story.store.settings).findings == ()
    story.store.reopen()
    story.citizen.vault = story.store.vault
    story.citizen.unlock()

    assert verify_data(story.store.settings).findings == ()


def test_it_is_whole_when_an_erased_vaults_log_is_past_its_time(store: Store) -> None:
    gone, stays = store.citizen(), store.citizen()
    store.vault.erase(gone.owner)
    days = store.settings.audit_retention_days
    store.clock.advance(days=days + 1)
    store.vault.sweep()
    stays.unlock()

    verified = verify_data(store.settings)
    assert verified.findings == ()
    assert "3 closed" in verified.checked[1]  # what the erased citizen had done


def test_it_changes_nothing(story: Story) -> None:
    before = row_of(story.store, audit_heads)
    verify_data(story.store.settings)

    assert row_of(story.store, audit_heads) == before


def test_of_an_empty_log_it_can_not_say(store: Store) -> None:
    with pytest.raises(NotReady, match="empty"):
        verify_data(store.settings)


def test_without_a_database_it_can_not_say(store: Store) -> None:
    store.reopen()
    elsewhere = f"sqlite:///{store.settings.data / 'none' / 'db'}"
    with pytest.raises(NotReady, match="does not answer"):
        verify_data(store.settings.model_copy(update={"database_url": elsewhere}))


# Leaves, openings, tiles, notes: the finding says which entry.


def test_a_changed_leaf_is_named(small: Small) -> None:
    data = b"\x01" + os.urandom(32)
    change(small.store, audit_leaves, {"idx": 4}, leaf_data=data)

    found = places(small.store)
    assert {("leaf", 4), ("opening", 4)} <= found


def test_a_leaf_changed_with_its_hash_is_named(small: Small) -> None:
    data = b"\x01" + os.urandom(32)
    change(small.store, audit_leaves, {"idx": 4}, leaf_data=data, leaf_hash=leaf_hash(data))

    found = places(small.store)
    assert {("opening", 4)} <= found
    assert "root" in {code for code, _ in found}


def test_a_dropped_leaf_is_named(small: Small) -> None:
    remove(small.store, audit_leaves, idx=4)

    assert ("missing", 4) in places(small.store)


def test_two_leaves_in_another_order_are_named(small: Small) -> None:
    one, other = (row_of(small.store, audit_leaves, idx=idx) for idx in (4, 5))
    for idx in (4, 5):
        remove(small.store, audit_leaves, idx=idx)
    insert(small.store, audit_leaves, [one | {"idx": 5}, other | {"idx": 4}])

    found = places(small.store)
    assert ("opening", 4) in found
    assert ("opening", 5) in found
    assert "root" in {code for code, _ in found}


def test_two_entries_in_another_order_with_their_openings_are_named(small: Small) -> None:
    """Leaf and opening moved together fit each other; the signed root still tells."""
    for table in (audit_leaves, audit_openings):
        rows = [row_of(small.store, table, idx=idx) for idx in (4, 5)]
        for idx in (4, 5):
            remove(small.store, table, idx=idx)
        insert(small.store, table, [rows[0] | {"idx": 5}, rows[1] | {"idx": 4}])

    found = codes(small.store)
    assert "root" in found
    assert found & {"subject_seq", "subject_prev"}


def test_a_tail_that_was_cut_off_is_named(small: Small) -> None:
    remove(small.store, audit_leaves, idx=small.size - 1)

    assert ("cut", small.size - 1) in places(small.store)


def test_a_database_that_was_set_back_as_a_whole_is_named_by_the_anchor(small: Small) -> None:
    old, size = main_rows(small.store), small.size
    small.citizen.unlock()
    small.store.vault.close()  # the anchor is written
    set_back(small.store, old)

    assert places(small.store) == {("cut", size)}


def test_an_entry_nobody_signed_is_named(small: Small) -> None:
    row = row_of(small.store, audit_leaves, idx=0)
    data = b"\x01" + os.urandom(32)
    fresh = {"idx": small.size, "leaf_data": data, "entry_id": os.urandom(16)}
    insert(small.store, audit_leaves, [row | fresh | {"leaf_hash": leaf_hash(data)}])

    assert ("unsigned", small.size) in places(small.store)


def test_a_changed_opening_is_named(small: Small) -> None:
    row = row_of(small.store, audit_openings, idx=4)
    change(small.store, audit_openings, {"idx": 4}, opening=row["opening"][:-1] + b"\0")

    assert ("opening", 4) in places(small.store)


def test_two_exchanged_openings_are_named(small: Small) -> None:
    one, other = (row_of(small.store, audit_openings, idx=idx) for idx in (3, 4))
    change(small.store, audit_openings, {"idx": 3}, opening=other["opening"])
    change(small.store, audit_openings, {"idx": 4}, opening=one["opening"])

    assert {("opening", 3), ("opening", 4)} <= places(small.store)


def test_an_opening_of_another_subject_is_named(small: Small) -> None:
    other = small.store.citizen()
    theirs = row_of(small.store, vaults, vault_id=other.vault_id)["subject"]
    change(small.store, audit_openings, {"idx": 4}, subject=theirs)

    assert ("opening", 4) in places(small.store)


@pytest.mark.parametrize("of", ["read", "last", "system"])
def test_a_removed_opening_is_named(small: Small, of: str) -> None:
    """Openings may go with their key or their time; until then each leaf has one."""
    small.citizen.unlock()
    idx = {"read": small.size - 2, "last": small.size - 1, "system": 3}[of]
    remove(small.store, audit_openings, idx=idx)

    assert ("opening", idx) in places(small.store)


def test_an_opening_moved_to_a_subject_without_a_key_is_named(small: Small) -> None:
    small.citizen.unlock()
    idx = small.size - 1
    change(small.store, audit_openings, {"idx": idx}, subject=os.urandom(16))

    assert ("opening", idx) in places(small.store)


def test_a_changed_entry_id_is_named(small: Small) -> None:
    change(small.store, audit_leaves, {"idx": 4}, entry_id=os.urandom(16))

    assert ("opening", 4) in places(small.store)


def test_a_changed_tile_is_named(store: Store) -> None:
    citizen = store.citizen()
    while row_of(store, audit_heads)["size"] < 256:
        citizen.unlock()
    row = row_of(store, audit_tiles, level=1)
    assert places(store) == set()
    change(store, audit_tiles, {"level": 1}, hashes=os.urandom(len(row["hashes"])))

    assert ("tile", 0) in places(store)


def test_a_removed_tile_is_named(store: Store) -> None:
    citizen = store.citizen()
    while row_of(store, audit_heads)["size"] < 256:
        citizen.unlock()
    remove(store, audit_tiles, level=1)

    assert ("tile", 0) in places(store)


def signed_by(key: LogKey, size: int, root: bytes) -> str:
    return sign_checkpoint(key, Checkpoint(key.name, size, root))


NOTES: dict[str, Callable[[Small, str], str]] = {
    "changed": lambda small, note: note.replace("\n", "\n1", 1),
    "unsigned": lambda small, note: note.split("\n\n")[0] + "\n\n",
    "signed by another key": lambda small, note: signed_by(
        LogKey(small.store.settings.origin, Secret.random()), small.size, bytes(32)
    ),
    "of another log": lambda small, note: signed_by(
        LogKey("other.example/audit", log_keys(small.store.settings).newest.seed),
        small.size,
        bytes(32),
    ),
}


@pytest.mark.parametrize("how", NOTES)
def test_a_bad_head_note_is_named(small: Small, how: str) -> None:
    note = NOTES[how](small, row_of(small.store, audit_heads)["note"])
    change(small.store, audit_heads, {"id": 0}, note=note)

    found = words(small.store)
    assert any(code == "note" and what.startswith("the head's note") for code, what in found)


def test_a_head_note_for_another_root_is_named(small: Small) -> None:
    note = signed_by(log_keys(small.store.settings).newest, small.size, os.urandom(32))
    change(small.store, audit_heads, {"id": 0}, note=note)

    assert codes(small.store) == {"root", "head"}


@pytest.mark.parametrize(
    "column",
    [
        "size",
        "frontier",
    ],
)
def test_a_head_that_its_note_does_not_sign_is_named(small: Small, column: str) -> None:
    """The next batch builds on size and frontier: they must be what was signed."""
    row = row_of(small.store, audit_heads)
    wrong = {"size": row["size"] - 1, "frontier": os.urandom(len(row["frontier"]))}
    change(small.store, audit_heads, {"id": 0}, **{column: wrong[column]})

    assert codes(small.store) == {"head"}


@pytest.mark.parametrize("forged", [True, False], ids=["by another key", "for another root"])
def test_a_forged_published_checkpoint_is_named(small: Small, forged: bool) -> None:
    small.store.vault.sweep()
    assert places(small.store) == set()
    key = log_keys(small.store.settings).newest
    key = LogKey(key.name, Secret.random()) if forged else key
    size = row_of(small.store, audit_checkpoints)["size"]
    change(small.store, audit_checkpoints, {}, note=signed_by(key, size, os.urandom(32)))

    assert codes(small.store) == {"note" if forged else "root"}


def test_a_published_checkpoint_of_a_longer_log_is_named(small: Small) -> None:
    """The log was set back, and only the published checkpoint remembers it."""
    size = small.size
    note = signed_by(log_keys(small.store.settings).newest, size + 3, os.urandom(32))
    row = {"log": 1, "size": size + 3, "note": note, "published_at": 0}
    insert(small.store, audit_checkpoints, [row])

    assert ("cut", size) in places(small.store)


def test_a_missing_anchor_is_named(small: Small) -> None:
    small.store.vault.close()
    small.store.settings.anchor.unlink()

    assert codes(small.store) == {"note"}
    small.store.settings.anchor.write_text(row_of(small.store, audit_heads)["note"])


def test_a_changed_counter_of_a_subject_is_named(small: Small) -> None:
    """The next entry would be numbered after it, for ever."""
    change(small.store, audit_subjects, {"subject": small.subject}, last_seq=99)

    assert codes(small.store) == {"subject"}


def test_a_removed_counter_of_a_subject_is_named(small: Small) -> None:
    """The next entry would be called its first, and the numbers would begin again."""
    remove(small.store, audit_subjects, subject=small.subject)

    assert words(small.store) == {("subject", "the last numbers of 1 subjects are gone")}


@pytest.mark.parametrize("how", ["removed", "renamed", "another", "one before"])
def test_a_changed_list_of_logs_is_named(small: Small, how: str) -> None:
    if how == "removed":
        remove(small.store, audit_logs)
    elif how == "renamed":
        change(small.store, audit_logs, {"log": 1}, origin="other.example/audit")
    else:
        number = 9 if how == "another" else 0
        other = {"log": number, "origin": "other.example/audit", "opened_from": 0}
        insert(small.store, audit_logs, [other])

    found = codes(small.store)
    assert found == ({"continue", "empty", "note"} if how == "one before" else {"head"})


def test_an_audit_key_that_was_removed_is_named(small: Small) -> None:
    hers = {row["idx"] for row in rows_of(small.store, audit_openings, subject=small.subject)}
    remove(small.store, audit_keys, subject=small.subject)

    assert ("audit_key", f"{small.name} has no audit key") in words(small.store)
    assert {index for code, index in places(small.store) if code == "opening"} == hers


def test_a_changed_audit_key_is_named(small: Small) -> None:
    change(small.store, audit_keys, {"subject": small.subject}, box=os.urandom(113))

    assert ("audit_key", "an audit key does not open") in words(small.store)
