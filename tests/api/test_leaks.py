"""What anyone can get says nothing of anybody: no id, nonce, digest, event, value or secret."""

import threading
from collections.abc import Iterator

import httpx
import pytest

from audit import leaf
from audit.leaf import Opening, chain_digest, event_digest
from audit.shapes import entry_id_text
from cli.server import listen, make_server
from evidence.tiles import tile_path, tiles_at
from tests.builders import Store
from tests.vault.full_story import Story, play
from tests.vault.rows import Rows, keystore_rows, main_rows
from tests.vault.test_stolen import needles, shown, spellings, spellings_of_text

# What a log shows to everybody, and what an agency registered to be shown.
PUBLIC = {
    "audit_leaf": {"leaf_data", "leaf_hash"},
    "audit_tile": {"hashes"},
    "audit_head": {"frontier", "note"},
    "audit_checkpoint": {"note"},
    "audit_subject": {"last_leaf"},
    "registry": {"id", "parent", "document"},
    "alembic_version": {"version_num"},
}
SHORTEST = 16
pytestmark = pytest.mark.slow


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Opening]:
    """Every opening that is sealed from now on, with its nonces."""
    kept: list[Opening] = []

    def seal(key: object, origin: str, entry_id: bytes, opening: Opening) -> bytes:
        kept.append(opening)
        return leaf.seal_opening(key, origin, entry_id, opening)  # type: ignore[arg-type]

    monkeypatch.setattr("vault.log.seal_opening", seal)
    return kept


@pytest.fixture
def story(opened: list[Opening], store: Store) -> Story:
    return play(store)


@pytest.fixture
def artefacts(story: Story) -> Iterator[dict[str, bytes]]:
    """Everything that is answered to somebody without a credential, by its path."""
    store = story.store
    store.clock.advance(seconds=60)
    store.vault.sweep()
    listener = listen("127.0.0.1", 0)
    running = make_server(store.vault)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        size = store.vault.system.log.head().frontier.size
        paths = [f"/audit/{tile_path(tile)}" for tile in tiles_at(size)]
        paths += [f"/audit/tile/{level}/000.p/1" for level in ("0", "entries")]
        paths += ["/audit/checkpoint", "/.well-known/oauth-authorization-server"]
        paths += ["/.well-known/oauth-protected-resource/v1/data", "/v1/agencies", "/v1/catalogue"]
        paths += ["/healthz", "/readyz", "/s", "/nothing", "/audit/tile/7/000"]
        with httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}") as http:
            found = {path: http.get(path) for path in paths}
        assert {answer.status_code for answer in found.values()} <= {200, 404, 503}
        yield {
            path: answer.content + b"\n" + str(answer.headers).encode()
            for path, answer in found.items()
        }
    finally:
        running.should_exit = True
        thread.join()
        listener.close()


def stored(rows: Rows) -> dict[bytes, str]:
    """Ids, macs, boxes and salts in every spelling, by where they stand."""
    found: dict[bytes, str] = {}
    for table, lines in rows.items():
        for line in lines:
            for column, cell in line.items():
                if column not in PUBLIC.get(table, ()) and isinstance(cell, bytes):
                    for part in {cell, cell[:32]} if len(cell) >= SHORTEST else ():
                        found |= dict.fromkeys(spellings(part), f"{table}.{column}")
    return found


def entries(opened: list[Opening]) -> dict[bytes, str]:
    """Nonces, digests and bodies of every entry."""
    found: dict[bytes, str] = {}
    for one in opened:
        h1, h2 = event_digest(one.n1, one.event), chain_digest(one.n2, one.chain)
        secret = {"n1": one.n1, "n2": one.n2, "h1": h1, "h2": h2}
        for name, data in secret.items():
            found |= dict.fromkeys(spellings(data), name)
        for name, body in {"event": one.event, "chain": one.chain}.items():
            found |= dict.fromkeys(spellings(body), name)
    return found


def test_public_answers_hold_no_id_nonce_digest_value_or_secret(
    artefacts: dict[str, bytes], story: Story, opened: list[Opening]
) -> None:
    rows = [main_rows(story.store), story.main_before]
    rows += [keystore_rows(story.store), story.keystore_before]
    what = needles(story) | entries(opened)
    for one in rows:
        what |= stored(one)
    ids = [row["entry_id"] for row in main_rows(story.store)["audit_leaf"]]
    for entry_id in ids:
        what |= dict.fromkeys(spellings_of_text(entry_id_text(entry_id)), "an entry id")
    assert len(opened) == len(ids) > 20
    assert set(what.values()) > {"n1", "n2", "h1", "h2", "event", "chain", "audit_leaf.entry_id"}
    assert story.citizen.vault_id in what
    for path, content in artefacts.items():
        assert shown(content, what) == set(), path


def test_the_search_finds_what_is_public(artefacts: dict[str, bytes], story: Story) -> None:
    leaves = main_rows(story.store)["audit_leaf"]
    datas = dict.fromkeys(spellings(leaves[3]["leaf_data"]), "leaf")
    hashes = dict.fromkeys(spellings(leaves[3]["leaf_hash"]), "hash")
    found = {path: shown(content, datas | hashes) for path, content in artefacts.items()}
    assert {name for names in found.values() for name in names} == {"leaf", "hash"}
    assert {path.split("/")[3] for path, names in found.items() if names} == {"0", "entries"}
