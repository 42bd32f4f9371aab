"""Stolen copies: what databases, keystore, files and logs show, with and without the root key."""

import base64
import json
import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from catalogue.fields import load_catalogue
from crypto.code import GRANT, group_code
from tests.builders import PERSON, Store
from tests.vault.attacker import Attacker, Loot
from tests.vault.full_story import LATER, OTHER, PLAIN, SHARED, Story, play, secret_bytes
from tests.vault.rows import Rows, keystore_rows, main_rows, rows_of, salts_of
from tests.vault.tables import registrations

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@pytest.fixture
def story(store: Store) -> Story:
    return play(store)


def root_of(store: Store) -> bytes:
    return (store.settings.keys / "root-1.key").read_bytes()


def steal(story: Story, *, root: bool = True, secrets: tuple[str, ...] = ()) -> Loot:
    """What the newest databases give to one who also has these."""
    store = story.store
    return Attacker(
        main_rows(store),
        keystore_rows(store),
        root_of(store) if root else None,
        [secret_bytes(story.live[name]) for name in secrets],
    ).loot()


def values_in(loot: Loot) -> set[tuple[str, Any]]:
    bodies = [json.loads(statement) for statement in loot.read()]
    return {(body["field"], body["value"]) for body in bodies}


def spellings(data: bytes) -> Iterator[bytes]:
    """Every way in which these bytes may have been written down."""
    yield data
    yield data.hex().encode()
    yield data.hex().upper().encode()
    for shift in range(3):  # base64 of a longer text in which the bytes stand somewhere
        encoded = base64.b64encode(bytes(shift) + data)
        inner = encoded[-(-shift * 8 // 6) : (shift + len(data)) * 8 // 6]
        yield inner
        yield inner.replace(b"+", b"-").replace(b"/", b"_")
    bits = int.from_bytes(data, "big") << (-len(data) * 8 % 5)
    digits = -(-len(data) * 8 // 5)
    base32 = "".join(_CROCKFORD[bits >> 5 * i & 31] for i in reversed(range(digits)))
    full = base32[: len(data) * 8 // 5]  # the last digit holds bits of the checksum too
    yield full.encode()
    yield full.lower().encode()
    for size, mark in ((4, " "), (5, "-")):
        groups = [full[i : i + size] for i in range(0, len(full), size)]
        yield mark.join(groups[:4]).encode()


def spellings_of_text(text: str) -> Iterator[bytes]:
    yield from spellings(text.encode())
    yield text.encode("utf-16-le")
    yield json.dumps(text).strip('"').encode()


def needles(story: Story) -> dict[bytes, str]:
    """What nobody may find, in every spelling, with its name."""
    found: dict[bytes, str] = {}
    for text in PLAIN:
        found |= dict.fromkeys(spellings_of_text(text), text)
        statement = json.dumps({"value": text}).strip("{}").replace(": ", ":")
        found |= dict.fromkeys(spellings_of_text(statement), f"a statement of {text}")
    for name, text in story.secrets():
        found |= dict.fromkeys(spellings_of_text(text), name)
        found |= dict.fromkeys(spellings(secret_bytes(text)), name)
    for key in sorted(story.store.settings.keys.glob("*.key")):
        found |= dict.fromkeys(spellings(key.read_bytes()), key.name)
    return found


def flat(rows: Rows, *without: str) -> bytes:
    """All columns of all rows, one after another."""
    cells = [
        cell
        for table, found in rows.items()
        if table not in without
        for row in found
        for cell in row.values()
    ]
    return b"\n".join(cell if isinstance(cell, bytes) else str(cell).encode() for cell in cells)


def shown(haystack: bytes, what: dict[bytes, str]) -> set[str]:
    return {name for needle, name in what.items() if needle in haystack}


# What lies open.


def test_stolen_files_hold_no_value_and_no_secret_in_any_spelling(
    story: Story, tmp_path: Path
) -> None:
    if not story.store.vault.system.main.is_sqlite:
        pytest.skip("there are no database files to steal")
    copies = tmp_path / "stolen"
    copies.mkdir()
    for number, path in enumerate(story.store.files()):
        shutil.copy(path, copies / f"{number}-{path.name}")
    what = needles(story)
    names = {path.name.split("-", 1)[1] for path in copies.iterdir()}
    assert {"db", "db-wal", "db-shm", "keystore", "kluis.toml", "checkpoint"} <= names
    for copy in copies.iterdir():
        assert shown(copy.read_bytes(), what) == set(), copy.name
    # The search finds what is there: ids stand in the main database, salts in the keystore.
    everything = b"".join(copy.read_bytes() for copy in copies.iterdir())
    assert story.citizen.vault_id in everything
    assert next(iter(salts_of(story.store).values())) in everything


def test_rows_hold_no_value_and_no_secret_in_any_spelling(story: Story) -> None:
    rows = flat(main_rows(story.store)) + flat(keystore_rows(story.store))
    before = flat(story.main_before) + flat(story.keystore_before)

    assert shown(rows + before, needles(story)) == set()


def test_the_search_finds_a_value_and_a_secret_however_they_are_written(story: Story) -> None:
    what = needles(story)
    code, token = story.live["the offer"], story.live["the live grant's token"]
    raw = secret_bytes(token)
    written = [
        (b'{"value":"Canaria-Given"}', "Canaria-Given"),
        ("Canaria-Given".encode("utf-16"), "Canaria-Given"),
        *((base64.b64encode(bytes(n) + b"Canaria-Given.."), "Canaria-Given") for n in range(7)),
        (group_code(GRANT, code).encode(), "the offer"),
        (code.lower().encode(), "the offer"),
        (secret_bytes(code).hex().upper().encode(), "the offer"),
        (f"Authorization: Bearer {token}".encode(), "the live grant's token"),
        *((base64.urlsafe_b64encode(bytes(n) + raw), "the live grant's token") for n in range(7)),
        (story.live["the recovery code"].replace("-", "").encode(), "the recovery code"),
    ]
    for text, name in written:
        assert name in shown(text, what), text


def test_the_main_database_names_agencies_and_fields_in_the_registry_alone(story: Story) -> None:
    rows = main_rows(story.store)
    names = [story.agency.id, story.agency.use, story.other.id, story.other.use]
    names += [*load_catalogue(), *(tag.split(".", 1)[1] for tag in PERSON)]
    parts = [*names, *(name[:12] for name in PERSON)]
    what = {spelling: name for name in parts for spelling in spellings_of_text(name)}

    assert shown(flat(rows, "registry"), what) == set()
    assert story.agency.id in shown(flat(rows), what)  # what the registry holds is public


def test_logs_hold_no_value_and_no_secret(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "sqlalchemy")
    store.reopen()  # an engine asks for its logger's level once, when it is made
    story = play(store)
    store.vault.sweep()

    logged = caplog.text.encode()
    assert b"sqlalchemy.pool" in logged  # the engine spoke, of connections
    assert shown(logged, needles(story)) == set()


# What keys open, and do not.


def test_root_key_and_keystore_open_names_and_never_a_value(story: Story) -> None:
    loot = steal(story)

    assert set(loot.metadata_keys) == {story.citizen.vault_id}
    assert any(b"https://agency.example" in terms for terms in loot.terms.values())
    assert any(b"data.read" in opening for opening in loot.openings.values())
    assert not loot.opens_a_vault()
    opened = b"\n".join([*loot.terms.values(), *loot.openings.values()])
    assert shown(opened, needles(story)) == set()


def test_without_the_root_key_nothing_opens_at_all(story: Story) -> None:
    loot = steal(story, root=False, secrets=("the device", "the recovery code"))

    assert loot == Loot()


def test_without_the_keystore_no_secret_opens_a_value(story: Story) -> None:
    secrets = story.live_bytes()
    loot = Attacker(main_rows(story.store), None, root_of(story.store), secrets).loot()

    assert not loot.opens_a_vault()


@pytest.mark.parametrize("name", ["the device", "the recovery code"])
def test_an_unlock_secret_opens_the_whole_vault_with_the_root_key(story: Story, name: str) -> None:
    opened = values_in(steal(story, secrets=(name,)))

    assert opened == {*PERSON.items(), *LATER.items()}


def test_a_live_session_token_opens_the_whole_vault(story: Story) -> None:
    loot = steal(story, root=False, secrets=("the session",))

    assert values_in(loot) == {*PERSON.items(), *LATER.items()}
    assert not loot.vault_secrets  # it reads, and can enrol nothing


def test_a_live_access_token_opens_exactly_the_granted_fields(story: Story) -> None:
    opened = values_in(steal(story, root=False, secrets=("the live grant's token",)))

    assert opened == {(name, (PERSON | LATER)[name]) for name in SHARED}


def test_a_live_code_opens_exactly_the_offered_fields(story: Story) -> None:
    opened = values_in(steal(story, root=False, secrets=("the offer",)))

    assert opened == {(name, PERSON[name]) for name in OTHER}


# What had ended opens nothing, not even in old copies.


def test_an_old_database_opens_nothing_for_what_ended_since(story: Story) -> None:
    store = story.store
    loot = Attacker(
        story.main_before, keystore_rows(store), root_of(store), story.ended_bytes()
    ).loot()

    assert not loot.opens_a_vault()
    assert set(loot.metadata_keys) == {story.citizen.vault_id}  # of the erased one: not even it


ENDED = (
    "the ended grant's token",
    "the twice grant's token",
    "the session that logs out",
    "the removed device",
    "the erased vault's token",
    "the erased vault's device",
    "the erased vault's recovery code",
    "the erased vault's session",
)


@pytest.mark.parametrize("name", ENDED)
def test_what_ended_did_open_while_its_salt_was_there(story: Story, name: str) -> None:
    loot = Attacker(
        story.main_before,
        story.keystore_before,
        root_of(story.store),
        [secret_bytes(story.ended[name])],
        thorough=False,
    ).loot()

    assert loot.statements


def test_a_photographed_code_opens_nothing_once_it_was_redeemed(store: Store) -> None:
    citizen, agency = store.citizen(), store.agency()
    offer = citizen.offer(agency, SHARED)
    main, keystore, secret = main_rows(store), keystore_rows(store), secret_bytes(offer.code)
    agency.redeem(offer.code)

    after = Attacker(main, keystore_rows(store), root_of(store), [secret]).loot()
    assert not after.opens_a_vault()
    before = Attacker(main, keystore, None, [secret], thorough=False).loot()
    assert values_in(before) == {(name, PERSON[name]) for name in SHARED}


# Deleted salts are gone from the files of the running vault.


def keystore_bytes(store: Store) -> bytes:
    if not store.vault.system.main.is_sqlite:
        pytest.skip("there are no keystore files to search")
    files = [path for path in store.settings.keys.iterdir() if path.name.startswith("keystore")]
    assert {path.name for path in files} >= {"keystore", "keystore-wal", "keystore-shm"}
    return b"".join(path.read_bytes() for path in files)


def test_deleted_salts_are_in_no_file_of_the_running_keystore(story: Story) -> None:
    held = keystore_bytes(story.store)

    kinds = [name.split()[0] for name in story.salts_gone]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "the": 3,  # the codes that were redeemed
        "grant": 3,  # ended, used twice, erased
        "session": 2,  # logged out, erased
        "method": 4,  # removed, and three erased: device, recovery code, block code
        "vault": 1,
    }
    assert {name for name, salt in story.salts_gone.items() if salt in held} == set()
    assert all(salt in held for salt in salts_of(story.store).values())


ENDINGS: dict[str, Callable[[Story], object]] = {
    "redeemed": lambda story: story.other.redeem(story.live["the offer"]),
    "taken back": lambda story: [
        story.citizen.vault.end_grant(story.citizen.owner, grant.grant_id)
        for grant in story.citizen.vault.grants(story.citizen.owner)
        if grant.state == "active"
    ],
    "logged out": lambda story: story.store.vault.log_out(story.citizen.owner),
    "erased": lambda story: story.store.vault.erase(story.citizen.owner),
}


@pytest.mark.parametrize("how", ENDINGS)
def test_a_salt_is_out_of_the_files_when_its_end_is_answered(story: Story, how: str) -> None:
    before = salts_of(story.store)
    ENDINGS[how](story)

    held, left = keystore_bytes(story.store), salts_of(story.store)
    gone = {key: salt for key, salt in before.items() if key not in left}
    assert gone
    assert [key for key, salt in gone.items() if salt in held] == []


def test_salts_past_their_time_are_in_no_file_after_a_sweep(store: Store) -> None:
    citizen, agency = store.citizen(), store.agency()
    agency.redeem(citizen.offer(agency, SHARED, duration_seconds=600).code)
    citizen.offer(agency, SHARED)
    before = {key: salt for key, salt in salts_of(store).items() if key[0] in {"grant", "session"}}
    assert len(before) == 3
    store.clock.advance(seconds=3601)

    store.vault.sweep()

    held = keystore_bytes(store)
    assert [key for key, salt in before.items() if salt in held] == []


def test_the_registry_is_the_only_table_that_was_left_out_above(story: Story) -> None:
    kinds = {row["kind"] for row in rows_of(story.store, registrations)}

    assert kinds == {"agency", "use"}
