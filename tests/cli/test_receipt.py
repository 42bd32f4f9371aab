"""`kluis desk receipt verify`: in words, by exit status, and against the log as it is now."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from audit.leaf import chain_digest
from evidence.proofs import inclusion_proof
from evidence.receipt import encode_receipt
from evidence.tiles import encode_bundle, tile_path, tiles_at
from operate.setup import Places, initialise
from tests.builders import URL, Store
from tests.cli.conftest import Kluis, Running
from tests.vault.entries import entries_of
from tests.vault.rows import main_rows, set_back
from vault.log import TileReader
from vault.logkeys import log_keys
from vault.recording import OPERATOR, draft
from vault.sequencer import Item
from vault.settings import load_settings
from vault.vault import Vault

NAME = "identity.given_name"
Receipt = Callable[[Vault, int], str]


def receipt_of(vault: Vault, index: int) -> str:
    """The receipt for an entry of the system's, as the server would make it."""
    system = vault.system
    entries = entries_of(system, system.system_key)
    opening = next(one.opening for one in entries if one.index == index)
    with system.main.read() as connection:
        head = system.log.head()
        nodes = TileReader(connection, head.log).nodes()
        path = inclusion_proof(index, head.frontier.size, nodes.read_node)
    h2 = chain_digest(opening.n2, opening.chain)
    return encode_receipt(opening.n1, opening.event, h2, index, path, head.note)


def record(vault: Vault, action: str = "registry.revoke") -> int:
    """One more entry of the system's; its index."""
    system = vault.system
    event = draft(system.clock.now_ms(), action, OPERATOR)
    return system.sequencer.record(Item(event, system.system_key)).index


def exported(vault: Vault, folder: Path) -> Path:
    """What is published, as files."""
    note = vault.checkpoint() or ""
    for tile in tiles_at(int(note.split("\n")[1])):
        row = vault.tile(tile.level, tile.n)[: tile.width]
        path = folder / tile_path(tile)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_bundle(row) if tile.level is None else b"".join(row))
    (folder / "checkpoint").write_text(note, "utf-8")
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.make(tmp_path)


def key_of(store: Store) -> str:
    return log_keys(store.settings).newest.verifier.vkey


def publish(store: Store) -> None:
    store.clock.advance(seconds=60)
    store.vault.sweep()


def test_a_receipt_is_checked_without_a_network_and_told_in_words(
    kluis: Kluis, store: Store, tmp_path: Path
) -> None:
    index = record(store.vault)
    file = tmp_path / "read.tlog-proof"
    file.write_text(receipt_of(store.vault, index), "utf-8")

    ran = kluis("desk", "receipt", "verify", file, "--key", key_of(store))

    assert ran.status == 0
    assert f"The receipt holds: entry {index} of kluis.example/audit" in ran.out
    assert "registry.revoke, permitted" in ran.out
    shown = kluis("desk", "receipt", "verify", file, "--key", key_of(store), "--json").json
    assert (shown["holds"], shown["index"], shown["size"]) == (True, index, index + 1)
    assert shown["event"]["action"] == "registry.revoke"
    store.close()


def test_what_does_not_hold_ends_with_one_and_says_why(
    kluis: Kluis, store: Store, tmp_path: Path
) -> None:
    text = receipt_of(store.vault, record(store.vault))
    other = Store.make(tmp_path / "other")
    file = tmp_path / "read.tlog-proof"

    def word(content: str, key: str) -> str:
        file.write_text(content, "utf-8")
        ran = kluis("desk", "receipt", "verify", file, "--key", key, "--json")
        assert ran.status == 1
        assert "does NOT hold" in ran.json["error"]["message"]
        return ran.error

    assert word(text, key_of(other)) == "note"
    assert word(text.replace("index 0", "index 1"), key_of(store)) == "proof"
    assert word("", key_of(store)) == "form"
    file.write_bytes(b"\xff")
    assert kluis("desk", "receipt", "verify", file, "--key", key_of(store)).status == 1
    other.close()
    store.close()


def test_what_can_not_be_said_ends_with_two(kluis: Kluis, store: Store, tmp_path: Path) -> None:
    record(store.vault)
    file = tmp_path / "read.tlog-proof"
    file.write_text(receipt_of(store.vault, 0), "utf-8")
    key = key_of(store)

    def code(*arguments: object) -> str:
        ran = kluis("desk", "receipt", "verify", *arguments, "--json")
        assert ran.status == 2
        return ran.error

    assert code(tmp_path / "nothing", "--key", key) == "unreadable"
    assert code(tmp_path, "--key", key) == "unreadable"
    assert code(file, "--key", "kluis.example/audit+00000000+AQ==") == "bad_key"
    assert code(file, "--key", key, "--export", tmp_path / "nothing") == "no_log"
    assert code(file, "--key", key, "--log", "http://localhost:9") == "unreachable"
    assert code(file) == "wrong_use"
    publish(store)
    folder = exported(store.vault, tmp_path / "export")
    (folder / "tile/0/000.p/1").write_bytes(bytes(32))
    assert code(file, "--key", key, "--export", folder) == "tiles"
    (folder / "checkpoint").write_bytes(b"\xff")
    assert code(file, "--key", key, "--export", folder) == "note"
    store.close()


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_a_log_that_grew_stands_by_it(
    kluis: Kluis, store: Store, tmp_path: Path, kind: str
) -> None:
    index = record(store.vault)
    file = tmp_path / "read.tlog-proof"
    file.write_text(receipt_of(store.vault, index), "utf-8")
    for _ in range(5):
        record(store.vault)
    publish(store)
    export = exported(store.vault, tmp_path / "export")
    if kind == "zip":
        packed = tmp_path / "export.zip"
        with zipfile.ZipFile(packed, "w") as archive:
            for path in (one for one in export.rglob("*") if one.is_file()):
                archive.write(path, str(path.relative_to(export)))
        export = packed

    ran = kluis("desk", "receipt", "verify", file, "--key", key_of(store), "--export", export)

    assert ran.status == 0
    assert "The log stands by it: 6 entries" in ran.out
    store.close()


def set_back_and_signed_again(store: Store, more: int) -> str:
    """Gives a receipt, then takes its entry out of the log, with all that could notice it."""
    record(store.vault)
    before, head = main_rows(store), store.vault.system.log.head().note
    index = record(store.vault, "registry.add")
    given = receipt_of(store.vault, index)
    store.vault.close()
    set_back(store, before)
    store.settings.anchor.write_text(head, "utf-8")  # whoever does this has the anchor, too
    store.reopen()
    for _ in range(more):
        record(store.vault)
    publish(store)
    return given


@pytest.mark.parametrize("more", [0, 1, 7])
def test_a_log_that_dropped_the_entry_is_convicted_by_both_signed_heads(
    kluis: Kluis, store: Store, tmp_path: Path, more: int
) -> None:
    store.clock.ms -= 86_400_000  # long ago by the clock of whoever checks
    file = tmp_path / "read.tlog-proof"
    file.write_text(set_back_and_signed_again(store, more), "utf-8")
    export = exported(store.vault, tmp_path / "export")
    asked = ("desk", "receipt", "verify", file, "--key", key_of(store))
    assert kluis(*asked).status == 0, "alone, it still holds"

    ran = kluis(*asked, "--export", export)

    assert ran.status == 1
    assert "THE LOG DOES NOT STAND BY IT." in ran.out
    then, now = ran.out.split("--- signed then\n")[1].split("--- signed now\n")
    assert then.startswith("kluis.example/audit\n2\n")
    assert now.startswith(f"kluis.example/audit\n{1 + more}\n")
    assert then in file.read_text("utf-8")
    assert now == (store.vault.checkpoint() or "")
    shown = kluis(*asked, "--export", export, "--json")
    assert shown.status == 1
    assert shown.json["log"]["verdict"] == ("changed" if more else "dropped")
    assert shown.json["log"]["now"] == store.vault.checkpoint()
    store.close()


def test_an_entry_that_is_not_published_yet_is_early(kluis: Kluis, tmp_path: Path) -> None:
    settings = initialise(Places.beside(tmp_path / "kluis"), URL, "open")
    with Vault.open(settings) as vault:
        record(vault)
        vault.sweep()
        file = tmp_path / "read.tlog-proof"
        file.write_text(receipt_of(vault, record(vault)), "utf-8")
        export = exported(vault, tmp_path / "export")
    key = log_keys(settings).newest.verifier.vkey

    ran = kluis("desk", "receipt", "verify", file, "--key", key, "--export", export)

    assert ran.status == 2
    assert "Ask again in some minutes" in ran.out


def test_a_live_server_is_asked(desk: Running, kluis: Kluis, tmp_path: Path) -> None:
    settings = load_settings(desk.data)
    with Vault.open(settings) as vault:
        index = record(vault)
        file = tmp_path / "read.tlog-proof"
        file.write_text(receipt_of(vault, index), "utf-8")
        vault.system.log.publish(vault.system.clock.now_ms())
    keys = [
        one["key"] for one in kluis("audit", "keys", "--data", desk.data, "--json").json["keys"]
    ]

    ran = kluis(
        *("desk", "receipt", "verify", file, "--key", keys[0], "--key", keys[1]),
        *("--log", desk.url, "--json"),
    )

    assert ran.status == 0, ran.err
    assert ran.json["log"]["verdict"] == "stands"
