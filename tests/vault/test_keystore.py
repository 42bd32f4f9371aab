"""The keystore: racers share a salt, what was voided stays so, what was deleted is in no file."""

import resource
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select, text

from tests.builders import Store
from tests.vault.tables import salts
from vault.database import Database
from vault.errors import NotFound, Unavailable
from vault.keystore import Keystore, Owed, SaltKey, StoredSalt
from vault.steps import sql

VAULT, OTHER = b"v" * 16, b"o" * 16
GRANT = SaltKey("grant", b"g" * 16)
NEXT = SaltKey("grant", b"g" * 16, 1)
OWED = Owed("grant.end", "owner", "", 1_795_262_400_000, "revoked")


@pytest.fixture
def keystore(store: Store) -> Keystore:
    return store.vault.system.keystore


@pytest.fixture
def second(store: Store) -> Iterator[Keystore]:
    """The same keystore in another process."""
    opened = Keystore(Database(store.settings.salts_url))
    yield opened
    opened.close()


def sqlite_only(store: Store) -> None:
    if not store.vault.system.main.is_sqlite:
        pytest.skip("about SQLite files")


def files(store: Store) -> bytes:
    """Every byte of the keystore's files."""
    sqlite_only(store)
    paths = Path(store.settings.keys).glob("keystore*")
    return b"".join(path.read_bytes() for path in paths)


def of_vault(keystore: Keystore, vault_id: bytes = VAULT) -> list[StoredSalt]:
    return [row for row in keystore.rows() if row.vault_id == vault_id]


def test_a_salt_is_32_random_bytes_and_stays_the_same(keystore: Keystore) -> None:
    made = keystore.make(GRANT, VAULT, 5)

    assert len(made) == 32
    assert keystore.make(GRANT, VAULT, 9) == made
    assert keystore.make(NEXT, VAULT) != made
    assert keystore.get([GRANT]) == {GRANT: made}


def test_racers_for_one_name_all_get_the_same_salt(keystore: Keystore, second: Keystore) -> None:
    start = threading.Barrier(8)

    def make(number: int) -> bytes:
        start.wait()
        return (keystore, second)[number % 2].make(GRANT, VAULT)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(make, range(8)))) == 1


def test_many_salts_are_made_and_read_at_once(keystore: Keystore) -> None:
    made = keystore.make_all([GRANT, NEXT], VAULT)
    absent = SaltKey("vault", VAULT)

    assert keystore.get([GRANT, NEXT, absent]) == made
    assert len(set(made.values())) == 2


def test_names_differ_by_kind_id_and_phase(keystore: Keystore) -> None:
    names = [GRANT, NEXT, SaltKey("method", GRANT.id), SaltKey("grant", b"h" * 16)]

    assert len({keystore.make(name, VAULT) for name in names}) == 4


def test_a_dropped_salt_is_gone_with_its_row_and_its_name_is_free(keystore: Keystore) -> None:
    made = keystore.make(GRANT, VAULT)

    keystore.drop([GRANT])
    keystore.drop([GRANT])
    keystore.drop([])

    assert keystore.get([GRANT]) == {}
    assert of_vault(keystore) == []
    assert keystore.make(GRANT, VAULT) != made


def test_phases_below_one_are_dropped_and_the_others_stay(keystore: Keystore) -> None:
    keystore.make_all([GRANT, NEXT, SaltKey("method", GRANT.id)], VAULT)

    keystore.drop_phases(GRANT.id, below=1)
    assert {row.key for row in of_vault(keystore)} == {NEXT, SaltKey("method", GRANT.id)}

    keystore.drop_grant(GRANT.id)
    assert {row.key for row in of_vault(keystore)} == {SaltKey("method", GRANT.id)}


def test_salts_past_their_time_are_dropped(keystore: Keystore) -> None:
    keystore.make(GRANT, VAULT, 100)
    keystore.make(NEXT, VAULT, 101)
    keystore.make(SaltKey("vault", VAULT), VAULT)

    keystore.drop_expired(99)
    assert len(of_vault(keystore)) == 3
    keystore.drop_expired(100)
    assert {row.key for row in of_vault(keystore)} == {NEXT, SaltKey("vault", VAULT)}


def test_an_erased_vault_keeps_its_audit_salt_alone_which_forgets_whose_it_was(
    keystore: Keystore,
) -> None:
    audit = SaltKey("audit", b"s" * 16)
    kept = keystore.make(audit, VAULT)
    keystore.make_all([GRANT, SaltKey("vault", VAULT), SaltKey("method", b"m" * 16)], VAULT)
    other = keystore.make(SaltKey("vault", OTHER), OTHER)

    keystore.drop_vault(VAULT, audit.id, 1000)

    assert of_vault(keystore) == []
    assert keystore.get([audit, SaltKey("vault", OTHER)]) == {
        audit: kept,
        SaltKey("vault", OTHER): other,
    }
    keystore.drop_expired(1000)
    assert keystore.get([audit]) == {}


# Voided: gone, with a note of what the log is owed


def test_a_voided_salt_is_gone_and_its_name_makes_no_new_one(keystore: Keystore) -> None:
    keystore.make_all([GRANT, NEXT], VAULT)

    keystore.void_grant(VAULT, GRANT.id, OWED)

    assert keystore.get([GRANT, NEXT]) == {}
    for name in (GRANT, NEXT):
        with pytest.raises(NotFound):
            keystore.make(name, VAULT)
    assert of_vault(keystore) == [StoredSalt(k, VAULT, True, OWED) for k in (GRANT, NEXT)]


def test_a_name_that_another_vault_took_gives_it_no_salt(keystore: Keystore) -> None:
    kept = keystore.make(GRANT, VAULT)

    with pytest.raises(NotFound):
        keystore.make(GRANT, b"o" * 16)
    assert keystore.make(GRANT, VAULT) == kept


def test_only_that_vault_and_that_grant_are_voided(keystore: Keystore) -> None:
    other = SaltKey("grant", b"h" * 16)
    keystore.make_all([GRANT, other], VAULT)

    keystore.void_grant(OTHER, GRANT.id, OWED)
    assert keystore.get([GRANT]).keys() == {GRANT}
    keystore.void_grant(VAULT, GRANT.id, OWED)
    assert keystore.get([GRANT, other]).keys() == {other}


def test_a_voided_phase_is_not_dropped_with_the_phases_that_are_over(keystore: Keystore) -> None:
    keystore.make(GRANT, VAULT)
    keystore.void_grant(VAULT, GRANT.id, OWED)

    keystore.drop_phases(GRANT.id, below=1)
    assert [row.owed for row in keystore.voided()] == [OWED]

    keystore.drop_grant(GRANT.id)
    assert keystore.voided() == []


def test_a_voided_vault_keeps_its_audit_salt_and_older_notes(keystore: Keystore) -> None:
    audit, key = SaltKey("audit", b"s" * 16), SaltKey("vault", VAULT)
    keystore.make_all([audit, key, GRANT], VAULT)
    erased = Owed("vault.erase", "owner", "", 2, "erased")

    keystore.void_grant(VAULT, GRANT.id, OWED)
    keystore.void_vault(VAULT, erased)

    assert keystore.get([audit, key, GRANT]).keys() == {audit}
    notes = {row.key: row.owed for row in keystore.voided()}
    assert notes == {key: erased, GRANT: OWED}


def test_a_note_of_what_is_owed_reads_back_as_it_was() -> None:
    note = Owed("grant.end", "agency", "https://agency.example/é", 2**53 - 1, "second_use")

    assert Owed.decode(note.encode()) == note


# Deleted means gone


def test_what_was_deleted_is_in_no_file(store: Store, keystore: Keystore) -> None:
    made = [keystore.make(SaltKey("grant", bytes([n]) * 16), VAULT) for n in range(40)]
    assert all(salt in files(store) for salt in made)

    keystore.drop([SaltKey("grant", bytes([n]) * 16) for n in range(20)])
    keystore.void_grant(VAULT, bytes([20]) * 16, OWED)
    keystore.drop_vault(VAULT, b"", 0)

    assert keystore.truncated
    assert [n for n, salt in enumerate(made) if salt in files(store)] == []


def test_pressing_out_waits_for_a_reader_who_is_soon_done(
    store: Store, keystore: Keystore, second: Keystore
) -> None:
    salt = keystore.make(GRANT, VAULT)
    reading = threading.Event()

    def read_slowly() -> None:
        with second._database.via_sqlalchemy() as connection:
            connection.execute(select(salts.c.id)).all()
            reading.set()
            time.sleep(0.2)

    reader = threading.Thread(target=read_slowly)
    reader.start()
    assert reading.wait(timeout=60)
    keystore.drop([GRANT])
    reader.join()

    assert keystore.truncated
    assert salt not in files(store)


def test_a_reader_who_stays_does_not_hold_up_a_deletion_and_is_noticed(
    store: Store, keystore: Keystore, second: Keystore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqlite_only(store)
    monkeypatch.setattr("vault.keystore._TRUNCATE_SECONDS_MAX", 0.1)
    salt = keystore.make(GRANT, VAULT)
    with keystore._database.via_sqlalchemy() as connection:
        connection.execute(text("PRAGMA busy_timeout=10"))
    with second._database.via_sqlalchemy() as connection:
        connection.execute(select(salts.c.id)).all()
        started = time.monotonic()
        keystore.drop([GRANT])
        assert time.monotonic() - started < 30  # who waits for a lock here waits a minute
        assert keystore.get([GRANT]) == {}
        assert not keystore.truncated

    keystore.press_out()

    assert keystore.truncated
    assert salt not in files(store)


@contextmanager
def no_room_in(file: Path) -> Iterator[None]:
    """The file can't grow, as on a full disk: its write-ahead log can't be moved into it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_that_holds_up_the_pressing_out_is_noticed_and_nothing_else(
    impatience: None, store: Store, keystore: Keystore
) -> None:
    sqlite_only(store)
    names = [SaltKey("grant", n.to_bytes(16, "big")) for n in range(3000)]
    keystore.make_all(names[:2900], OTHER)
    keystore.press_out()
    made = keystore.make_all(names[2900:], VAULT).values()
    with no_room_in(Path(store.settings.keys) / "keystore"), pytest.raises(Unavailable):
        keystore.drop_vault(VAULT, b"", 0)
    assert of_vault(keystore) == [], "they open nothing any more"
    assert not keystore.truncated, "the sweeper goes on, and the operator is told"
    with keystore._database.read(snapshot=False) as connection:
        waits = connection.execute(sql("PRAGMA busy_timeout")).scalar_one()
    assert waits == 1500, "a writer waits for its turn again"

    store.vault.sweep()
    assert keystore.truncated
    held = files(store)
    assert [n for n, salt in enumerate(made) if salt in held] == []


def test_a_transaction_that_fails_deletes_nothing(
    impatience: None, store: Store, keystore: Keystore, second: Keystore
) -> None:
    sqlite_only(store)  # where a writer holds up every other
    made = keystore.make(GRANT, VAULT)
    with second._database.write(), pytest.raises(Unavailable):
        keystore.void_grant(VAULT, GRANT.id, OWED)

    assert keystore.get([GRANT]) == {GRANT: made}
    assert keystore.voided() == []
