"""The keys that sign the log: two kinds, a new pair beside the old one, and an end to the old."""

import os
import shutil
import threading
from pathlib import Path
from unittest.mock import patch

import pytest

from audit.errors import BadNote
from audit.note import Checkpoint, Verifier, open_note, parse_note, sign_checkpoint
from evidence.cosignature import LatticeVerifier, cosignatures
from operate import signers
from operate.doctor import RISK, examine
from operate.signers import OVERLAP, RETIRED, SIGNING, complete, public_keys, retire, rotate
from operate.verification import verify_data
from tests.builders import NOON_MS, Store
from tests.vault.rows import change
from tests.vault.tables import audit_checkpoints, audit_heads
from vault.errors import LogUnavailable, NotReady
from vault.logkeys import LATTICE, LOG, key_path, log_keys
from vault.settings import Settings

DAYS = 30


def verifiers(settings: Settings, *states: str) -> list[Verifier]:
    """The keys of the newest log in one of these states; else all."""
    origin = public_keys(settings)[0].verifier.name
    return [
        one.verifier
        for one in public_keys(settings)
        if one.verifier.name == origin and one.state in (states or (SIGNING, OVERLAP, RETIRED))
    ]


def published(store: Store) -> str:
    """The next published note."""
    store.clock.advance(seconds=60)
    store.citizen({})
    store.vault.sweep()
    return store.vault.checkpoint() or ""


def refused(store: Store, act: str, **more: bool) -> str:
    with pytest.raises(NotReady) as caught:
        getattr(signers, act)(store.settings, store.clock, **more)
    return caught.value.code


# Two kinds of keys


def test_a_published_note_has_a_line_by_each_kind_of_key(store: Store) -> None:
    note = published(store)
    ed25519, lattice = verifiers(store.settings)
    assert isinstance(lattice, LatticeVerifier)
    checkpoint, lines = parse_note(note)
    assert [claimed for _, claimed, _ in lines] == [ed25519.key_id, lattice.key_id]
    for known in ([ed25519], [lattice], [ed25519, lattice]):
        assert open_note(note, known) == checkpoint
    assert [one.at_seconds for one in cosignatures(note, [lattice])] == [
        store.clock.ms // 60_000 * 60
    ]


def test_the_notes_of_heads_and_the_anchor_have_one_line(store: Store) -> None:
    published(store)
    assert len(parse_note(store.vault.system.log.head().note)[1]) == 1


def test_the_two_keys_are_of_their_own_and_follow_from_nothing(store: Store) -> None:
    keys = store.settings.keys
    seeds = {path.read_bytes() for path in keys.glob("*.key")}
    assert len(seeds) == len(list(keys.glob("*.key"))) == 3
    other = log_keys(store.settings)
    assert other.newest.seed != other.lattice[0].seed


def test_nothing_is_published_of_a_head_that_the_log_s_key_did_not_sign(store: Store) -> None:
    """Who writes to the database gets no signature of the second key by it."""
    good = published(store)
    head = store.vault.system.log.head()
    store.citizen({})
    forged = Checkpoint(head.origin, head.frontier.size, head.frontier.root())
    other = log_keys(store.settings).newest
    fake = type(other)(other.name, type(other.seed).random())
    change(store, audit_heads, {}, note=sign_checkpoint(fake, forged))
    store.clock.advance(seconds=60)
    store.vault.sweep()
    assert store.vault.checkpoint() == good
    with pytest.raises(LogUnavailable):
        store.vault.system.log.publish(store.clock.ms * 2)
    assert store.vault.checkpoint() == good


def test_an_installation_without_the_second_key_says_so_and_gets_one(store: Store) -> None:
    lattice = key_path(store.settings.keys, LATTICE)
    lattice.unlink()
    assert len(parse_note(published(store))[1]) == 1
    assert any("kluis audit keys complete" in one.do for one in examine(store.settings.data))

    assert complete(store.settings, store.clock) == lattice

    assert lattice.stat().st_mode & 0o777 == 0o600
    assert len(parse_note(published(store))[1]) == 2, "a running server uses it"
    assert not any("complete" in one.do for one in examine(store.settings.data))
    assert refused(store, "complete") == "nothing_to_do"
    store.vault.close()
    assert verify_data(store.settings).findings == ()


# A new pair


def test_a_running_server_goes_on_with_the_new_key(store: Store) -> None:
    published(store)
    (before, _) = verifiers(store.settings)

    done = rotate(store.settings, store.clock)

    assert done.number == 2
    assert [path.name for path in done.made] == ["log-mldsa-2.key", "log-2.key"]
    assert {path.stat().st_mode & 0o777 for path in done.made} == {0o600}
    assert done.overlap_ends == store.clock.ms + DAYS * 86_400_000
    (after, _) = verifiers(store.settings, SIGNING)
    assert after != before
    store.citizen({})
    head = store.vault.system.log.head().note
    assert open_note(head, [after]).size == store.vault.system.log.head().frontier.size
    with pytest.raises(BadNote):
        open_note(head, [before])
    store.reopen()
    store.citizen({})


def test_in_the_overlap_a_note_convinces_who_has_the_old_keys_or_the_new(store: Store) -> None:
    rotate(store.settings, store.clock)
    note = published(store)
    assert len(parse_note(note)[1]) == 4
    assert len(verifiers(store.settings, OVERLAP)) == 2
    for one in verifiers(store.settings):
        assert open_note(note, [one]) == parse_note(note)[0]
    text, _, tail = note.rpartition("\n\n")
    for number, line in enumerate(lines := tail.splitlines(keepends=True)):
        worse = [*lines[:number], line[:-9] + "AAAAAAA=\n", *lines[number + 1 :]]
        with pytest.raises(BadNote):  # a failing line of any known key
            open_note(text + "\n\n" + "".join(worse), verifiers(store.settings))


def test_the_entry_names_the_new_keys(store: Store) -> None:
    before = store.vault.system.log.head().frontier.size
    rotate(store.settings, store.clock)
    assert store.vault.system.log.head().frontier.size == before + 1
    assert signers.overlap_ends(store.settings) == store.clock.ms + DAYS * 86_400_000
    store.vault.close()
    assert verify_data(store.settings).findings == ()


def test_no_third_pair_while_two_sign(store: Store) -> None:
    rotate(store.settings, store.clock)
    assert refused(store, "rotate") == "overlap_runs"
    assert not key_path(store.settings.keys, LOG, 3).exists()


@pytest.mark.parametrize("step", ["_make", "_record"])
def test_killed_in_between_the_same_command_goes_on(store: Store, step: str) -> None:
    calls = []

    def killed(*given: object) -> object:
        calls.append(given)
        if step == "_record" or len(calls) == 2:
            raise KeyboardInterrupt
        return made(*given)

    made = getattr(signers, step)
    with patch.object(signers, step, killed), pytest.raises(KeyboardInterrupt):
        rotate(store.settings, store.clock)
    store.reopen()  # a server starts meanwhile
    published(store)

    done = rotate(store.settings, store.clock)

    assert done.number == 2
    assert signers.overlap_ends(store.settings) == done.overlap_ends
    assert len(parse_note(published(store))[1]) == 4
    store.vault.close()
    assert verify_data(store.settings).findings == ()


def test_a_server_that_can_not_read_the_new_key_records_nothing(
    store: Store, tmp_path: Path
) -> None:
    """Its keys folder is a copy on another machine: it answers 503 until the files are there."""
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(store.settings.keys, elsewhere)
    log = store.vault.system.log
    log._load = lambda: log_keys(store.settings.model_copy(update={"keys": elsewhere}))
    rotate(store.settings, store.clock)

    with pytest.raises(LogUnavailable):
        store.citizen({})
    for name in ("log-2.key", "log-mldsa-2.key"):
        shutil.copy(store.settings.keys / name, elsewhere / name)
    store.citizen({})


# The end of the old ones


def test_the_old_keys_are_not_retired_before_the_overlap_is_over(store: Store) -> None:
    assert refused(store, "retire") == "nothing_to_do"
    rotate(store.settings, store.clock)
    store.clock.advance(days=DAYS, seconds=-1)
    assert refused(store, "retire") == "overlap_runs"
    assert len(retire(store.settings, store.clock, now=True)) == 2


def test_a_retired_key_is_gone_and_old_notes_still_hold(store: Store) -> None:
    old_note = published(store)
    seed = key_path(store.settings.keys, LOG).read_bytes()
    linked = store.settings.keys / "linked"
    linked.hardlink_to(key_path(store.settings.keys, LOG))
    rotate(store.settings, store.clock)
    store.clock.advance(days=DAYS)

    left = retire(store.settings, store.clock)

    assert [path.name for path in left] == ["log-mldsa.pub", "log.pub"]
    held = b"".join(path.read_bytes() for path in store.settings.keys.glob("log*"))
    assert seed not in held
    assert linked.read_bytes() == bytes(32), "overwritten, not only unlinked"
    assert not key_path(store.settings.keys, LOG).exists()
    note = published(store)
    assert len(parse_note(note)[1]) == 2, "a running server stops using them"
    assert open_note(note, verifiers(store.settings, SIGNING)) == parse_note(note)[0]
    with pytest.raises(BadNote):
        open_note(note, verifiers(store.settings, RETIRED))
    assert open_note(old_note, verifiers(store.settings, RETIRED)) == parse_note(old_note)[0]
    store.reopen()
    store.citizen({})
    store.vault.close()
    assert verify_data(store.settings).findings == ()
    assert rotate(store.settings, store.clock).number == 3


def test_a_retired_key_s_file_that_is_damaged_is_named(store: Store) -> None:
    rotate(store.settings, store.clock)
    (public, _) = retire(store.settings, store.clock, now=True)
    public.write_bytes(bytes(31))
    store.reopen()  # serving needs it not
    with pytest.raises(NotReady, match=public.name):
        public_keys(store.settings)
    with pytest.raises(NotReady, match=public.name):
        verify_data(store.settings)


def test_a_changed_second_signature_of_a_published_note_is_found(store: Store) -> None:
    note = published(store)
    middle = len(note) // 2
    other = note[:middle] + ("A" if note[middle] != "A" else "B") + note[middle + 1 :]
    change(store, audit_checkpoints, {"note": note}, note=other)
    store.vault.close()
    assert [one.code for one in verify_data(store.settings).findings] == ["note"]


def test_a_head_that_a_retired_key_signed_is_refused(store: Store) -> None:
    """Who stole the old key can't go on with the log by it."""
    stolen = log_keys(store.settings).newest
    rotate(store.settings, store.clock)
    retire(store.settings, store.clock, now=True)
    store.reopen()
    head = store.vault.system.log.head()
    forged = Checkpoint(head.origin, head.frontier.size, head.frontier.root())
    change(store, audit_heads, {}, note=sign_checkpoint(stolen, forged))
    with pytest.raises(LogUnavailable):
        store.citizen({})
    store.vault.close()
    with pytest.raises(NotReady, match="no signature by a known key"):
        store.reopen()


def test_old_keys_are_not_retired_while_one_of_them_still_signs(store: Store) -> None:
    old = log_keys(store.settings).newest
    rotate(store.settings, store.clock)
    head = store.vault.system.log.head()
    signs = Checkpoint(head.origin, head.frontier.size, head.frontier.root())
    change(store, audit_heads, {}, note=sign_checkpoint(old, signs))
    assert refused(store, "retire", now=True) == "old_key_in_use"
    assert key_path(store.settings.keys, LOG).exists()


def test_retiring_that_was_killed_goes_on(store: Store) -> None:
    rotate(store.settings, store.clock)
    fsync, left = os.fsync, [1]

    def dies_at_the_second(descriptor: int) -> None:
        if threading.current_thread() is threading.main_thread():  # the anchor's goes on
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
        fsync(descriptor)

    with patch.object(os, "fsync", dies_at_the_second), pytest.raises(KeyboardInterrupt):
        retire(store.settings, store.clock, now=True)
    assert len(log_keys(store.settings).lattice) == 1, "what is retired in part signs no more"
    store.reopen()
    store.citizen({})
    assert len(retire(store.settings, store.clock, now=True)) == 2
    assert [path.name for path in sorted(store.settings.keys.glob("log*.key"))] == [
        "log-2.key",
        "log-mldsa-2.key",
    ]


def test_a_pair_that_no_entry_names_is_not_the_last_one(store: Store) -> None:
    killed = patch.object(signers, "_record", side_effect=KeyboardInterrupt)
    with killed, pytest.raises(KeyboardInterrupt):
        rotate(store.settings, store.clock)
    assert refused(store, "retire", now=True) == "rotation_unfinished"


def test_the_doctor_says_when_the_overlap_is_over(store: Store) -> None:
    def advised() -> bool:
        found = examine(store.settings.data)
        return any(one.level == RISK and "keys retire" in one.do for one in found)

    rotate(store.settings, store.clock)
    with patch("operate.doctor.SystemClock.now_ms", return_value=NOON_MS + 1):
        assert not advised()
    with patch("operate.doctor.SystemClock.now_ms", return_value=NOON_MS + DAYS * 86_400_000):
        assert advised()
