"""Going on after a restore that lost entries: refused first, then under a new name."""

import os
from pathlib import Path

import pytest

from audit.note import Checkpoint, parse_note, sign_checkpoint
from crypto.encoding import pae
from operate.continuing import Plan, go_on, plan
from operate.doctor import RISK, examine
from operate.listing import show
from operate.signers import public_keys
from operate.verification import verify_data
from tests.api.owners import Owner
from tests.builders import PERSON, Store, whole_log
from tests.operate.test_restore import Shelf
from tests.vault.full_story import LATER, SHARED, Story, play
from tests.vault.rows import change, insert, main_rows, remove, row_of, rows_of, set_back
from tests.vault.tables import (
    audit_checkpoints,
    audit_heads,
    audit_leaves,
    audit_logs,
    audit_subjects,
)
from vault.errors import NotReady
from vault.logkeys import log_keys
from vault.vault import Vault

ORIGIN = "kluis.example/audit"


@pytest.fixture
def shelf(store: Store, tmp_path: Path) -> Shelf:
    return Shelf(store, tmp_path / "shelf")


@pytest.fixture
def small(tmp_path: Path) -> Store:
    """A log of which the newest three entries are lost."""
    store = Store.make(tmp_path)
    citizen = store.citizen()
    old = main_rows(store)
    for _ in range(3):
        citizen.unlock()
    store.vault.close()
    set_back(store, old)
    store.vault.close()
    return store


def killed(*_: object) -> None:
    raise KeyboardInterrupt


def continued(store: Store) -> Plan:
    agreed = plan(store.settings)
    go_on(store.settings, store.clock, agreed)
    return agreed


def test_the_drill_an_old_main_and_the_current_keystore(shelf: Shelf) -> None:
    """Refused, continued, and then everything works, verifies, and tells what is lost."""
    store = shelf.store
    citizen, agency = store.citizen(), store.agency()
    token = agency.redeem(citizen.offer(agency, SHARED).code).token
    shelf.keep("old")
    kept = row_of(store, audit_heads)["size"]
    citizen.put(LATER)
    lost_token = agency.redeem(citizen.offer(agency, SHARED).code).token
    agency.read(lost_token, SHARED)
    erased = store.citizen()
    size = row_of(store, audit_heads)["size"]
    shelf.restore(shelf.main("old"))

    with pytest.raises(NotReady, match="kluis audit continue") as refused:
        Vault.open(store.settings, store.clock)
    assert f"has {kept} entries and does not continue the {size} of {ORIGIN} that" in str(
        refused.value
    )
    done = continued(store)
    assert (done.held.size, done.anchored.size, done.lost) == (kept, size, size - kept)
    assert (done.origin, done.disagrees) == (f"{ORIGIN}-2", False)

    citizen.vault = agency.vault = erased.vault = store.reopen()
    assert set(agency.read(token, SHARED)) == set(SHARED)
    assert citizen.unlock().values() == PERSON
    assert whole_log(citizen.vault, citizen.owner)
    citizen.put(LATER)
    with pytest.raises(Exception, match="no access"):
        agency.read(lost_token, SHARED)
    with pytest.raises(Exception, match="opens no vault"):
        erased.unlock()
    store.vault.sweep()
    verified = verify_data(store.settings)
    assert verified.findings == ()
    lost = f"{ORIGIN} ends with {kept} entries; {size - kept} more were signed and are lost"
    assert any(line.startswith(lost) for line in verified.checked)
    assert show(store.settings, 10_000)[-1].action == "log.continue"


def test_the_owners_own_check_follows_across_the_seam(shelf: Shelf) -> None:
    store = shelf.store
    citizen = store.citizen()
    owner = Owner(citizen)
    early = owner.check()
    shelf.keep("old")
    kept = row_of(store, audit_heads)["size"]
    for _ in range(3):
        citizen.unlock()
    late = owner.check()
    shelf.restore(shelf.main("old"))
    continued(store)
    citizen.vault = store.reopen()
    citizen.unlock()

    for before, lost in ((early, 0), (late, 4), (None, 0)):  # 3 unlocks and a look
        after = owner.check(None if before is None else before.memory)
        assert (after.findings, after.lost) == ((), lost)
    page = owner.page()
    assert [log["log"] for log in page["logs"]] == [1, 2]
    assert page["damaged"] == []
    places = [(one["log"], one["index"]) for one in page["entries"]]
    assert places == sorted(places, reverse=True)
    assert {log for log, _ in places} == {1, 2}
    numbers = [one["number"] for one in page["entries"]]
    assert numbers == list(range(len(numbers), 0, -1)), "they run on"
    assert kept > max(index for log, index in places if log == 1)
    small_pages = [one for page in owner.pages(limit="2") for one in page["entries"]]
    assert small_pages == page["entries"]

    citizen.unlock()
    assert owner.check(after.memory).findings == ()


def test_a_seam_that_the_database_does_not_tell_is_no_seam(shelf: Shelf) -> None:
    store = shelf.store
    owner = Owner(store.citizen())
    shelf.keep("old")
    owner.citizen.unlock()
    shelf.restore(shelf.main("old"))
    continued(store)
    owner.citizen.vault = store.reopen()
    owner.citizen.unlock()
    assert owner.check().findings == ()
    for begins in (None, b"", pae(b"", b""), pae(bytes(32), b"{}", bytes(32), b"{}")):
        change(store, audit_logs, {"log": 2}, begins=begins)
        assert {one.code for one in owner.check().findings} == {"continue"}


def test_everything_that_ended_stays_so_through_restore_and_going_on(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.vault import full_story

    end = full_story._end

    def keep_then_end(story: Story) -> None:
        shelf.keep("old")
        end(story)

    monkeypatch.setattr(full_story, "_end", keep_then_end)
    story = play(shelf.store)
    shelf.restore(shelf.main("old"))
    continued(shelf.store)

    story.agency.vault = story.citizen.vault = shelf.store.reopen()
    shelf.store.vault.sweep()
    for text in story.ended.values():
        if text.startswith("va1_"):
            with pytest.raises(Exception, match="no access"):
                story.agency.read(text, SHARED)
        elif text.startswith("VG1"):
            with pytest.raises(Exception, match="code gives no access"):
                story.agency.redeem(text)
    assert set(story.citizen.unlock().values()) == set(PERSON)
    verified = verify_data(shelf.store.settings)
    assert verified.findings == ()
    assert "1 vaults open nothing since the restore: not compared" in verified.checked
    told = [one.what for one in examine(shelf.store.settings.data) if one.level == RISK]
    assert any("rows have no salt: they open nothing" in what for what in told)


def test_the_first_entry_binds_both_checkpoints_for_ever(small: Store) -> None:
    agreed = continued(small)
    small.reopen()
    small.vault.sweep()

    assert verify_data(small.settings).findings == ()
    change(small, audit_checkpoints, {"log": 1, "size": agreed.held.size}, note=agreed_note(small))
    found = {one.code for one in verify_data(small.settings).findings}
    assert "continue" in found
    small.close()


def agreed_note(store: Store) -> str:
    """A note of the old log that nobody bound."""
    return sign_checkpoint(log_keys(store.settings).newest, Checkpoint(ORIGIN, 2, os.urandom(32)))


def test_an_old_entry_that_is_cut_off_later_is_named(small: Store) -> None:
    agreed = continued(small)
    remove(small, audit_leaves, log=1, idx=agreed.held.size - 1)

    found = verify_data(small.settings).findings
    assert {"continue", "subject_prev"} & {one.code for one in found}
    small.close()


def test_a_longer_note_that_nobody_bound_is_a_cut(small: Store) -> None:
    agreed = continued(small)
    other = Checkpoint(ORIGIN, agreed.anchored.size + 5, os.urandom(32))
    note = sign_checkpoint(log_keys(small.settings).newest, other)
    row = {"log": 1, "size": other.size, "note": note, "published_at": 0}
    insert(small, audit_checkpoints, [row])

    assert "cut" in {one.code for one in verify_data(small.settings).findings}
    small.close()


def test_numbers_of_a_subject_run_on_from_one_log_to_the_next(small: Store) -> None:
    subject = row_of(small, audit_heads)["system_subject"]
    before = rows_of(small, audit_subjects, subject=subject)
    continued(small)

    seq = before[0]["last_seq"] if before else 0
    assert row_of(small, audit_subjects, subject=subject)["last_seq"] == seq + 1
    head = row_of(small, audit_heads)
    assert (head["log"], head["origin"], head["size"]) == (2, f"{ORIGIN}-2", 1)
    small.close()


def test_the_key_for_auditors_has_the_new_name(small: Store) -> None:
    continued(small)
    newest, _, first, _ = [one.verifier.vkey for one in public_keys(small.settings)]
    assert newest.startswith(f"{ORIGIN}-2+")
    assert first == log_keys(small.settings).newest.verifier.vkey
    small.close()


def test_the_published_checkpoint_is_of_the_new_log_at_once(small: Store) -> None:
    continued(small)
    small.reopen()
    note = small.vault.checkpoint() or ""
    assert note.startswith(f"{ORIGIN}-2\n1\n")
    assert len(parse_note(note)[1]) == 2
    small.close()


def test_a_log_that_lost_nothing_is_not_continued(tmp_path: Path) -> None:
    store = Store.make(tmp_path)
    store.citizen()
    store.vault.close()
    with pytest.raises(NotReady) as refused:
        plan(store.settings)
    assert refused.value.code == "nothing_to_do"
    store.close()


def test_entries_that_disagree_with_the_anchor_are_told(tmp_path: Path) -> None:
    """Set back and served, anchor and all; now the true anchor is back."""
    store = Store.make(tmp_path)
    citizen = store.citizen()
    old = main_rows(store)
    anchored = store.settings.anchor.read_text()
    citizen.unlock()
    store.vault.close()
    true = store.settings.anchor.read_text()
    set_back(store, old)
    store.settings.anchor.write_text(anchored if anchored.split("\n")[1] != "0" else old_note(old))
    citizen.vault = store.reopen()
    for _ in range(2):
        citizen.unlock()
    store.vault.close()
    store.settings.anchor.write_text(true)

    agreed = plan(store.settings)
    assert agreed.disagrees
    go_on(store.settings, store.clock, agreed)
    store.reopen()
    assert verify_data(store.settings).findings == ()
    assert [row["log"] for row in rows_of(store, audit_checkpoints, note=true)] == [0]
    store.close()


def old_note(old: dict[str, list[dict[str, object]]]) -> str:
    return str(old["audit_head"][0]["note"])


@pytest.mark.parametrize("forged", ["missing", "by another key"])
def test_without_the_anchor_nobody_goes_on(small: Store, forged: str) -> None:
    if forged == "missing":
        small.settings.anchor.unlink()
    else:
        text = small.settings.anchor.read_text()
        small.settings.anchor.write_text(text.replace(text.split("\n")[1], "9999", 1))
    with pytest.raises(NotReady):
        plan(small.settings)
    small.vault.system.main.close()


def test_a_changed_head_is_not_gone_on_from(small: Store) -> None:
    remove(small, audit_leaves, idx=row_of(small, audit_heads)["size"] - 1)
    with pytest.raises(NotReady):
        plan(small.settings)
    small.vault.system.main.close()


def test_killed_before_the_anchor_it_refuses_and_is_finished_by_the_same_command(
    small: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreed = plan(small.settings)
    with monkeypatch.context() as patched:
        patched.setattr("vault.anchor.Anchor.write", killed)
        with pytest.raises(KeyboardInterrupt):
            go_on(small.settings, small.clock, agreed)
    with pytest.raises(NotReady, match=r"interrupted.*kluis audit continue"):
        Vault.open(small.settings, small.clock)

    again = plan(small.settings)
    assert again.only_anchor
    go_on(small.settings, small.clock, again)
    small.reopen()
    assert row_of(small, audit_heads)["log"] == 2
    assert verify_data(small.settings).findings == ()
    small.close()


def test_killed_before_the_commit_nothing_was_done(
    small: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = main_rows(small)
    agreed = plan(small.settings)
    with monkeypatch.context() as patched:
        patched.setattr("vault.log.Batch.store", killed)
        with pytest.raises(KeyboardInterrupt):
            go_on(small.settings, small.clock, agreed)

    assert main_rows(small) == before
    continued(small)
    small.reopen()
    small.close()


def test_it_can_be_gone_on_from_twice(small: Store) -> None:
    continued(small)
    old = main_rows(small)
    small.reopen()
    citizen = small.citizen()
    citizen.unlock()
    small.vault.close()
    set_back(small, old)
    small.vault.close()

    agreed = continued(small)
    assert (agreed.origin, agreed.held.size) == (f"{ORIGIN}-3", 1)
    small.reopen()
    verified = verify_data(small.settings)
    assert verified.findings == ()
    assert sum("are lost" in line for line in verified.checked) == 2
    small.close()


def test_a_main_from_before_the_last_going_on_gets_a_third_name(small: Store) -> None:
    """The second log is lost as a whole; its last note is kept, and its name is not used again."""
    old = main_rows(small)
    continued(small)
    small.reopen().close()
    set_back(small, old)
    small.vault.close()

    with pytest.raises(NotReady, match=f"of {ORIGIN}-2 that were anchored"):
        Vault.open(small.settings, small.clock)
    agreed = continued(small)
    assert (agreed.origin, agreed.lost) == (f"{ORIGIN}-3", None)
    small.reopen()
    assert verify_data(small.settings).findings == ()
    small.close()


def test_a_name_that_was_used_is_refused(small: Store) -> None:
    with pytest.raises(NotReady) as refused:
        plan(small.settings, ORIGIN)
    assert refused.value.code == "name_taken"
    small.close()
