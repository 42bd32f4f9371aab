"""Archives back in place: what is refused, what is kept, and that nothing ended comes back."""

import json
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from operate.backup import back_up
from operate.exclusive import without_server
from operate.restore import Restored, restore
from tests.builders import PERSON, Store
from tests.vault.attacker import Attacker
from tests.vault.full_story import SHARED, Story, play
from tests.vault.rows import keystore_rows, main_rows, salts_of
from vault import caller
from vault.errors import CannotUnlock, InvalidToken, NotReady, SessionEnded
from vault.vault import Vault


@dataclass
class Shelf:
    """An installation, and the archives that were taken of it by name."""

    store: Store
    folder: Path

    def keep(self, name: str) -> None:
        """Both archives, as they are now."""
        for which in ("main", "keystore"):
            to = self.folder / name / which
            to.mkdir(parents=True)
        self.store.clock.advance(seconds=1)
        back_up(self.store.settings, self.store.clock, *self.places(name))

    def places(self, name: str) -> tuple[Path, Path]:
        return self.folder / name / "main", self.folder / name / "keystore"

    def main(self, name: str) -> Path:
        (path,) = self.places(name)[0].iterdir()
        return path

    def salts(self, name: str) -> Path:
        (path,) = self.places(name)[1].iterdir()
        return path

    def restore(self, *paths: Path, replace: bool = True) -> list[Restored]:
        self.store.vault.close()
        self.store.clock.advance(seconds=1)
        return restore(self.store.settings, self.store.clock, paths, overwrite=replace)


@pytest.fixture
def shelf(store: Store, tmp_path: Path) -> Shelf:
    return Shelf(store, tmp_path / "shelf")


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Shelf]:
    """An installation on SQLite, for what does not depend on the kind of database."""
    store = Store.make(tmp_path)
    yield Shelf(store, tmp_path / "shelf")
    store.close()


def test_what_is_restored_is_what_was_there(shelf: Shelf) -> None:
    citizen = shelf.store.citizen()
    agency = shelf.store.agency()
    token = agency.redeem(citizen.offer(agency, SHARED).code).token
    shelf.store.vault.close()
    before, salts = main_rows(shelf.store), keystore_rows(shelf.store)
    shelf.keep("now")

    done = shelf.restore(shelf.main("now"), shelf.salts("now"))

    assert [one.manifest.database for one in done] == ["main", "keystore"]
    after = main_rows(shelf.store)
    gone = {row["session_id"] for row in before["session"]}
    before["route"] = [row for row in before["route"] if row["id"] not in gone]
    assert after == before | {"session": [], "invite": []}
    kept = [row for row in salts["salt"] if row["kind"] != "session"]
    assert sorted(map(str, keystore_rows(shelf.store)["salt"])) == sorted(map(str, kept))
    citizen.vault = agency.vault = shelf.store.reopen()
    assert citizen.unlock().values() == PERSON
    assert set(agency.read(token, SHARED)) == set(SHARED)


def test_a_lost_disk_is_restored_without_asking(files: Shelf) -> None:
    citizen = files.store.citizen()
    files.store.vault.close()
    files.keep("now")
    (files.store.settings.data / "db").unlink()
    (files.store.settings.keys / "keystore").unlink()

    done = files.restore(files.main("now"), files.salts("now"), replace=False)

    assert [one.aside for one in done] == [None, None]
    assert (files.store.settings.data / "db").stat().st_mode & 0o777 == 0o600
    citizen.vault = files.store.reopen()
    assert citizen.unlock().values() == PERSON
    files.store.close()


# What is refused, and changes nothing.


def refusal(shelf: Shelf, *paths: Path, replace: bool = True) -> str:
    """The code of the refusal; both databases are what they were."""
    shelf.store.vault.close()
    before = main_rows(shelf.store), keystore_rows(shelf.store)
    shelf.store.vault.close()
    with pytest.raises(NotReady) as refused:
        restore(shelf.store.settings, shelf.store.clock, paths, overwrite=replace)
    assert (main_rows(shelf.store), keystore_rows(shelf.store)) == before
    shelf.store.vault.close()
    return refused.value.code


def test_a_database_that_is_there_is_not_replaced_unasked(shelf: Shelf) -> None:
    shelf.keep("now")
    assert refusal(shelf, shelf.main("now"), replace=False) == "not_empty"
    assert refusal(shelf, shelf.salts("now"), replace=False) == "not_empty"


def test_an_archive_of_another_installation_is_refused(files: Shelf, tmp_path: Path) -> None:
    other = Shelf(Store.make(tmp_path / "other"), tmp_path / "others")
    other.keep("now")
    other.store.close()
    files.keep("now")

    assert refusal(files, other.main("now")) == "wrong_instance"
    assert refusal(files, other.salts("now")) == "wrong_instance"
    assert refusal(files, files.main("now"), other.salts("now")) == "wrong_instance"


def test_an_archive_that_another_key_signed_is_refused(files: Shelf, tmp_path: Path) -> None:
    """The right databases on a machine with the wrong keys: they could not be opened anyway."""
    files.keep("now")
    other = Store.make(tmp_path / "other")
    other.close()
    key = files.store.settings.keys / "log.key"
    key.write_bytes((other.settings.keys / "log.key").read_bytes())

    assert refusal(files, files.main("now")) == "wrong_log_key"


def changed(path: Path, **manifest: Any) -> Path:
    """The archive with another manifest."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    found = json.loads(members["manifest.json"]) | manifest
    members["manifest.json"] = json.dumps(found).encode()
    made = path.with_name("changed.zip")
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return made


def test_an_archive_of_a_newer_version_is_refused(files: Shelf) -> None:
    files.keep("now")
    assert refusal(files, changed(files.main("now"), schema="9999")) == "newer_schema"


@pytest.mark.parametrize("schema", ["../0001", "head", "base", ""])
def test_a_schema_that_is_no_number_is_refused(files: Shelf, schema: str) -> None:
    files.keep("now")
    assert refusal(files, changed(files.main("now"), schema=schema)) == "newer_schema"


def test_swapped_archives_are_told_apart_by_what_they_say(files: Shelf) -> None:
    """Names and order mean nothing; two of one kind are refused."""
    files.keep("now")
    files.keep("later")
    assert refusal(files, files.main("now"), files.main("later")) == "wrong_archive"
    posing = changed(files.salts("now"), database="main")
    assert refusal(files, posing) == "wrong_log_key"


def test_a_damaged_archive_changes_nothing(files: Shelf) -> None:
    files.keep("now")
    files.keep("later")
    broken = files.salts("later")
    broken.write_bytes(broken.read_bytes()[:-100])
    assert refusal(files, files.main("now"), broken) == "damaged_archive"


def test_nothing_is_restored_under_a_running_server(shelf: Shelf) -> None:
    shelf.keep("now")
    if shelf.store.vault.system.main.is_sqlite:
        with without_server(shelf.store.settings):
            assert refusal(shelf, shelf.main("now")) == "already_serving"
    else:
        other = Vault.open(shelf.store.settings, shelf.store.clock)
        other.checkpoint()
        with pytest.raises(NotReady) as refused:
            restore(shelf.store.settings, shelf.store.clock, [shelf.main("now")], overwrite=True)
        other.close()
        assert refused.value.code == "already_serving"


def test_a_keystore_alone_is_not_restored_without_a_main_database(files: Shelf) -> None:
    files.store.vault.close()
    files.keep("now")
    (files.store.settings.data / "db").unlink()
    with pytest.raises(NotReady) as refused:
        files.restore(files.salts("now"))
    assert refused.value.code == "no_main"
    files.store.close()


# What was there is kept.


def test_what_was_there_is_kept_aside_with_its_last_commits(files: Shelf) -> None:
    files.keep("empty")
    files.store.citizen()
    files.store.vault.close()
    rows = main_rows(files.store)
    files.store.vault.close()

    (done,) = files.restore(files.main("empty"))

    assert done.aside is not None
    aside = sqlite3.connect(done.aside)
    (count,) = aside.execute("SELECT count(*) FROM audit_leaf").fetchone()
    aside.close()
    assert count == len(rows["audit_leaf"])
    assert main_rows(files.store)["vault"] == []
    files.store.close()


def test_a_damaged_database_is_kept_aside_as_it_is(files: Shelf) -> None:
    citizen = files.store.citizen()
    files.store.vault.close()
    files.keep("now")
    file = files.store.settings.data / "db"
    broken = b"not a database" * 1000
    file.write_bytes(broken)
    with pytest.raises(NotReady):
        files.restore(files.main("now"), replace=False)

    (done,) = files.restore(files.main("now"))

    assert done.aside is not None
    assert Path(done.aside).read_bytes() == broken
    citizen.vault = files.store.reopen()
    assert citizen.unlock().values() == PERSON
    files.store.close()


STEPS = {
    "load": "operate.target._insert",
    "link": "os.link",
    "replace": "pathlib.Path.replace",
}


@pytest.mark.parametrize("step", STEPS)
def test_a_restore_that_is_killed_can_be_done_again(
    files: Shelf, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    citizen = files.store.citizen()
    files.store.vault.close()
    files.keep("now")
    if step == "link":  # a database with a log of its own beside it, like after a power cut
        files.store.reopen()
        citizen.vault = files.store.vault
        citizen.unlock()

    class Killed(BaseException):
        """Stands for the end of the process: no `except` of ours runs."""

    def kill(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        if step == "load":
            patched.setattr("operate.target._remove", lambda _: None)
        patched.setattr(STEPS[step], kill)
        with pytest.raises(Killed):
            files.restore(files.main("now"))

    files.restore(files.main("now"))
    names = {path.name for path in files.store.settings.data.iterdir()}
    assert not [name for name in names if "restoring" in name]
    assert not {"db-wal"} & names
    connection = sqlite3.connect(files.store.settings.data / "db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    files.store.close()


# The drill: nothing that ended comes back.


@pytest.fixture
def drill(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> tuple[Shelf, Story]:
    """A story whose archives were taken before everything in `ended` ended."""
    from tests.vault import full_story

    end: Callable[[Story], None] = full_story._end

    def keep_then_end(story: Story) -> None:
        shelf.keep("before")
        end(story)

    monkeypatch.setattr(full_story, "_end", keep_then_end)
    return shelf, play(shelf.store)


def nothing_revived(shelf: Shelf, story: Story) -> None:
    """Neither by the door nor by a thief who has all files, the root and all that ended."""
    root = (shelf.store.settings.keys / "root-1.key").read_bytes()
    loot = Attacker(
        main_rows(shelf.store),
        keystore_rows(shelf.store),
        root,
        story.ended_bytes(),
        thorough=shelf.store.vault.system.main.is_sqlite,  # once is enough
    ).loot()
    assert not loot.opens_a_vault()


def test_an_old_main_with_the_current_keystore_revives_nothing(
    drill: tuple[Shelf, Story],
) -> None:
    shelf, story = drill
    salts = salts_of(shelf.store)
    (done,) = shelf.restore(shelf.main("before"))

    assert done.manifest.size < int(shelf.store.settings.anchor.read_text().split("\n")[1])
    assert salts_of(shelf.store) == salts
    nothing_revived(shelf, story)


def test_an_old_keystore_with_the_current_main_revives_nothing(
    drill: tuple[Shelf, Story],
) -> None:
    """Even within the seven days: salts of what main shows as over are not taken."""
    shelf, story = drill
    main = main_rows(shelf.store)
    (done,) = shelf.restore(shelf.salts("before"))

    assert done.left_out > 0
    assert main_rows(shelf.store) == main
    nothing_revived(shelf, story)
    citizen, agency = story.citizen, story.agency
    citizen.vault = agency.vault = shelf.store.reopen()
    token = story.live["the live grant's token"]
    assert set(agency.read(token, SHARED)) == set(SHARED)
    assert citizen.unlock().values()
    for name in ("the ended grant's token", "the twice grant's token", "the erased vault's token"):
        with pytest.raises(InvalidToken):
            agency.read(story.ended[name], SHARED)
    story.erased.vault = citizen.vault
    with pytest.raises(CannotUnlock):
        story.erased.unlock()
    citizen.token = story.ended["the session that logs out"]
    with pytest.raises(SessionEnded):
        citizen.values()


def test_an_erased_vaults_audit_key_keeps_its_end(drill: tuple[Shelf, Story]) -> None:
    """It came back from the archive without the time that the erasure gave it."""
    shelf, _ = drill
    salts = keystore_rows(shelf.store)["salt"]
    expected = {r["id"] for r in salts if r["kind"] == "audit" and r["expires_at"]}
    shelf.restore(shelf.salts("before"))

    salts = keystore_rows(shelf.store)["salt"]
    found = [r for r in salts if r["kind"] == "audit" and r["id"] in expected]
    assert len(found) == len(expected) == 1
    retention_ms = shelf.store.settings.audit_retention_days * 86_400_000
    assert found[0]["expires_at"] == shelf.store.clock.ms + retention_ms
    assert found[0]["vault_id"] == b""


def test_both_old_archives_are_what_the_promise_leaves_for_seven_days(
    drill: tuple[Shelf, Story],
) -> None:
    """With main as old as the keystore nothing knows what ended: so archives must age out."""
    shelf, story = drill
    root = (shelf.store.settings.keys / "root-1.key").read_bytes()
    shelf.restore(shelf.main("before"), shelf.salts("before"))
    loot = Attacker(
        main_rows(shelf.store),
        keystore_rows(shelf.store),
        root,
        story.ended_bytes(),
        thorough=False,
    ).loot()
    assert loot.opens_a_vault()


def test_what_was_revoked_since_is_named(files: Shelf) -> None:
    """The registry has no salts: an older one shows an agency as it was."""
    agency = files.store.agency()
    files.keep("before")
    files.store.vault.revoke_agency(caller.Operator(), agency.id, agency.use)

    (done,) = files.restore(files.main("before"))
    assert done.revoked_since == (f"use {agency.use} of {agency.id}",)
