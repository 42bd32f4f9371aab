"""Archives of both databases: consistent, private, whole or not there."""

import json
import os
import resource
import stat
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from operate.archive import Archive, new_file, remove_partial
from operate.backup import aged, back_up, prune
from tests.builders import PERSON, Store
from tests.vault.full_story import PLAIN, play, secret_bytes
from tests.vault.rows import salts_of
from vault import caller
from vault.errors import NotReady
from vault.settings import DAY_SECONDS


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A folder for main's archives, and one for the keystore's."""
    made = tmp_path / "main", tmp_path / "salts"
    for folder in made:
        folder.mkdir()
    return made


def take(store: Store, folders: tuple[Path, Path]) -> tuple[Path, Path]:
    main, salts = back_up(store.settings, store.clock, *folders)
    return main.path, salts.path


def content(path: Path) -> bytes:
    """Everything in an archive, uncompressed."""
    with zipfile.ZipFile(path) as archive:
        return b"".join(archive.read(name) for name in archive.namelist())


def test_archives_are_private_files_that_say_what_they_are(
    store: Store, folders: tuple[Path, Path]
) -> None:
    store.citizen()
    main, salts = take(store, folders)

    assert [stat.S_IMODE(path.stat().st_mode) for path in (main, salts)] == [0o600, 0o600]
    assert [path.name for folder in folders for path in folder.iterdir()] == [
        main.name,
        salts.name,
    ]
    (first, second) = (Archive(path).manifest for path in (main, salts))
    assert (first.database, second.database) == ("main", "keystore")
    assert first.instance == second.instance
    assert first.made_at == second.made_at == store.clock.ms
    assert first.size == store.vault.system.log.head().frontier.size
    assert first.note == store.vault.system.log.head().note
    assert second.members["salt"].rows == len(salts_of(store))


def test_an_archive_holds_no_key_no_session_no_invitation_and_no_value(
    store: Store, folders: tuple[Path, Path]
) -> None:
    story = play(store)
    store.vault.invite(caller.Operator(), 3600)
    main, salts = take(store, folders)

    found = content(main) + content(salts)
    for name in ("root-1.key", "log.key"):
        key = (store.settings.keys / name).read_bytes()
        assert key not in found
        assert key.hex().encode() not in found
    for secret in story.live.values():
        assert secret_bytes(secret) not in found
        assert secret.encode() not in found
    for value in PLAIN:
        assert value.encode() not in found
    tables = set(Archive(main).manifest.members)
    assert not tables & {"session", "invite", "salt"}
    sessions = [row.key.id for row in store.vault.system.keystore.rows("session")]
    routes = [row["id"] for row in Archive(main).rows("route")]
    assert sessions
    assert not set(sessions) & set(routes)
    assert routes


def test_deleted_salts_are_in_no_keystore_archive(store: Store, folders: tuple[Path, Path]) -> None:
    story = play(store)
    _, salts = take(store, folders)

    kept = {row["salt"] for row in Archive(salts).rows("salt")}
    assert story.salts_gone
    assert not kept & set(story.salts_gone.values())


def test_an_archive_taken_while_the_server_writes_is_one_state(
    store: Store, folders: tuple[Path, Path]
) -> None:
    """Each unlock adds a leaf, a head and a route together: no archive has some of them."""
    citizen = store.citizen()
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            citizen.unlock()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(3):
            store.clock.advance(seconds=1)
            main, _ = take(store, folders)
            archive = Archive(main)
            (head,) = archive.rows("audit_head")
            leaves = [row["idx"] for row in archive.rows("audit_leaf")]
            assert leaves == list(range(head["size"]))
            assert archive.manifest.note == head["note"]
    finally:
        stop.set()
        writer.join(20)


def test_no_row_of_main_that_lives_lacks_its_salt_in_the_keystore_archive(
    store: Store, folders: tuple[Path, Path]
) -> None:
    """Main is read first: a vault made in between has a salt too many, not too few."""
    stop = threading.Event()

    def make() -> None:
        while not stop.is_set():
            store.citizen({}, confirmed=False)

    maker = threading.Thread(target=make)
    maker.start()
    try:
        for _ in range(3):
            store.clock.advance(seconds=1)
            main, salts = take(store, folders)
            kept = {(row["kind"], row["id"]) for row in Archive(salts).rows("salt")}
            for row in Archive(main).rows("vault"):
                assert ("vault", row["vault_id"]) in kept
            for row in Archive(main).rows("method"):
                assert ("method", row["method_id"]) in kept
    finally:
        stop.set()
        maker.join(20)


def test_an_archive_is_never_overwritten(store: Store, folders: tuple[Path, Path]) -> None:
    main, _ = take(store, folders)
    before = main.read_bytes()

    with pytest.raises(NotReady, match="is there already"):
        take(store, folders)

    assert main.read_bytes() == before
    assert len(list(folders[0].iterdir())) == 1


def test_a_name_that_was_taken_meanwhile_is_not_taken_from_it(tmp_path: Path) -> None:
    def write() -> None:
        with new_file(tmp_path / "one") as file:
            file.write(b"ours")
            (tmp_path / "one").write_bytes(b"theirs")

    with pytest.raises(NotReady):
        write()

    assert (tmp_path / "one").read_bytes() == b"theirs"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_full_disk_leaves_no_half_archive(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    store = Store.make(tmp_path)
    for _ in range(8):
        store.citizen()
    store.close()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (36_000, hard))
    try:
        with pytest.raises(NotReady, match="can't be written") as refused:
            take(store, folders)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert refused.value.code == "unwritable_file"
    assert [*folders[0].iterdir(), *folders[1].iterdir()] == []
    take(store, folders)


KILLED = """
import os, signal, sys
from pathlib import Path
from operate.archive import new_file
with new_file(Path(sys.argv[1])) as file:
    file.write(b"a salt that was deleted since")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_backup_left_goes_at_the_next(
    store: Store, folders: tuple[Path, Path]
) -> None:
    """It may hold salts that were deleted since, and nobody would look for it."""
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", KILLED, str(folders[1] / "one")]
    ran = subprocess.run(command, cwd=root, timeout=60, check=False)
    assert ran.returncode == -9
    assert len(list(folders[1].iterdir())) == 1

    _, salts = take(store, folders)
    assert list(folders[1].iterdir()) == [salts]


def test_what_another_backup_is_writing_is_left_alone(tmp_path: Path) -> None:
    with new_file(tmp_path / "one") as file:
        remove_partial(tmp_path)
        file.write(b"whole")
    assert (tmp_path / "one").read_bytes() == b"whole"


def test_only_old_keystore_archives_of_this_installation_are_pruned(
    store: Store, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    _, old = take(store, folders)
    os.utime(old)  # the time of the file says nothing
    stranger = Store.make(tmp_path / "stranger")
    (tmp_path / "theirs").mkdir()
    (theirs,) = back_up(stranger.settings, store.clock, None, tmp_path / "theirs")
    stranger.close()
    other = theirs.path.rename(folders[1] / "kluis-keystore-other.zip")
    mine = folders[1] / "kluis-keystore-notes.zip"
    mine.write_text("not an archive")
    store.clock.advance(days=6)
    _, young = take(store, folders)
    store.clock.advance(days=1, seconds=1)

    found = aged(store.settings, folders[1], 7, store.clock.ms)
    assert found.paths == (old,)
    assert aged(store.settings, folders[1], 0, store.clock.ms).paths == (old,)  # not the youngest
    prune(found)
    assert sorted(folders[1].iterdir()) == sorted([young, other, mine])


@pytest.mark.parametrize("how", ["cut", "flipped", "member", "added", "format", "empty"])
def test_a_damaged_archive_is_refused(tmp_path: Path, how: str) -> None:
    store = Store.make(tmp_path)
    store.citizen(PERSON)
    store.close()
    (made,) = back_up(store.settings, store.clock, tmp_path, None)
    path, raw = made.path, made.path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
        largest = max(archive.infolist(), key=lambda one: one.compress_size)
    if how == "cut":
        path.write_bytes(raw[:-200])
    elif how == "flipped":
        # In a member: of a head, which says a date as well, not every bit means something.
        middle = largest.header_offset + 30 + len(largest.filename) + largest.compress_size // 2
        path.write_bytes(raw[:middle] + bytes([raw[middle] ^ 1]) + raw[middle + 1 :])
    elif how == "empty":
        path.write_bytes(b"")
    else:
        if how == "member":
            members["vault.ndjson"] = members["vault.ndjson"].split(b"\n")[0] + b"\n"
        if how == "added":
            members["more.ndjson"] = b"[]\n"
        if how == "format":
            manifest = json.loads(members["manifest.json"]) | {"format": "kluis-backup/2"}
            members["manifest.json"] = json.dumps(manifest).encode()
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)

    with pytest.raises(NotReady) as refused:
        Archive(path)
    assert refused.value.code == "damaged_archive"


def test_seven_days_are_what_the_promise_says() -> None:
    from operate.backup import KEYSTORE_BACKUP_DAYS

    assert KEYSTORE_BACKUP_DAYS * DAY_SECONDS == 7 * 86_400
