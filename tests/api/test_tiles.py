"""The log for anyone: exactly the tiles of what is published, and nothing of anybody."""

import hashlib
from collections.abc import Callable, Iterator

import httpx
import pytest

from audit.note import open_note
from audit.tiles import NodeReader
from audit.tree import root_at
from evidence.tiles import Tile, decode_bundle, tile_path, tiles_at
from tests.api.conftest import Seen, Server, running
from tests.api.test_data import problem
from tests.conftest import NewDatabases
from vault.logkeys import log_keys
from vault.recording import OPERATOR, draft
from vault.sequencer import Item

SIZE = 300


def grow(server: Server, count: int) -> None:
    system = server.vault.system
    for _ in range(count):
        event = draft(system.clock.now_ms(), "registry.revoke", OPERATOR)
        system.sequencer.record(Item(event, system.system_key))


@pytest.fixture(scope="module")
def big(
    tmp_path_factory: pytest.TempPathFactory, seen: Seen, new_databases: NewDatabases
) -> Iterator[Server]:
    """A log with 300 entries published, and five more that are not."""
    for server in running(
        tmp_path_factory.mktemp("big"), seen, new_databases("big"), tiles_per_minute=100_000
    ):
        grow(server, SIZE - server.vault.system.log.head().frontier.size)
        server.vault.system.log.publish(1)
        grow(server, 5)
        yield server


@pytest.fixture
def http(big: Server) -> Iterator[httpx.Client]:
    with big.client() as client:
        yield client


def test_every_tile_of_what_is_published_makes_its_root(big: Server, http: httpx.Client) -> None:
    answer = http.get("/audit/checkpoint")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=5"
    checkpoint = open_note(answer.text, log_keys(big.vault.system.settings).verifiers)
    assert checkpoint.size == SIZE
    found: dict[Tile, bytes] = {}
    for tile in tiles_at(SIZE):
        answer = http.get(f"/audit/{tile_path(tile)}")
        assert answer.status_code == 200, tile
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert "set-cookie" not in answer.headers
        found[tile] = answer.content
    assert {tile_path(tile) for tile in found} == {
        "tile/entries/000", "tile/entries/001.p/44", "tile/0/000", "tile/0/001.p/44",
        "tile/1/000.p/1",
    }  # fmt: skip
    leaves = [leaf for tile in found if tile.level is None for leaf in decode_bundle(found[tile])]
    hashes = b"".join(hashlib.sha256(b"\0" + leaf).digest() for leaf in leaves)
    assert found[Tile(0, 0)] + found[Tile(0, 1, 44)] == hashes
    rows = {(tile.level, tile.n): content for tile, content in found.items()}
    nodes = NodeReader(lambda level, n: rows[level, n])
    assert root_at(SIZE, nodes.read_node) == checkpoint.root


def test_a_partial_tile_of_every_width_is_a_prefix(http: httpx.Client) -> None:
    whole = http.get("/audit/tile/0/000").content
    leaves = http.get("/audit/tile/entries/000").content
    for width in (1, 2, 44, 127, 255):
        assert http.get(f"/audit/tile/0/000.p/{width}").content == whole[: 32 * width]
        assert http.get(f"/audit/tile/entries/000.p/{width}").content == leaves[: 35 * width]
    edge = http.get("/audit/tile/0/001.p/44").content
    for width in (1, 43):
        assert http.get(f"/audit/tile/0/001.p/{width}").content == edge[: 32 * width]


@pytest.mark.parametrize(
    "path",
    [
        # recorded, but not published
        "0/001.p/45", "0/001.p/49", "entries/001.p/45", "entries/001.p/49",
        # not there
        "0/001", "entries/001", "0/002.p/1", "1/000.p/2", "1/000", "2/000.p/1", "2/000", "7/000",
        "0/x009/x223/x372/x036/854/775", "0/x036/x028/x797/x018/x963/967", "entries/999",
        # no path, or another spelling
        "", "0", "0/", "0/0", "0/0000", "00/000", "8/000", "0/x000/000", "0/000.p/0",
        "0/000.p/256", "0/000.p/044", "0/000/", "0//000", "0/000.p/", "%30/000", "0%2F000",
        "0/%30%30%30", "entries/000%00", "0/..%2f0/000", "data/000", "0/000%0a",
    ],
)  # fmt: skip
def test_there_is_no_other_tile(http: httpx.Client, path: str) -> None:
    answer = http.get(f"/audit/tile/{path}")
    problem(answer, 404, "no_tile")
    assert answer.headers["cache-control"] == "no-store"


def test_nothing_is_there_before_anything_is_published(serve: Callable[..., Server]) -> None:
    server = serve()
    grow(server, 2)
    with server.client() as http:
        problem(http.get("/audit/checkpoint"), 404, "no_checkpoint")
        problem(http.get("/audit/tile/0/000.p/1"), 404, "no_tile")
        problem(http.get("/audit/tile/entries/000.p/1"), 404, "no_tile")
        server.vault.system.log.publish(1)
        assert len(http.get("/audit/tile/0/000.p/2").content) == 64


def test_other_methods_are_answered_as_everywhere(http: httpx.Client) -> None:
    for path in ("/audit/checkpoint", "/audit/tile/0/000"):
        for method in ("HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
            answer = http.request(method, path)
            assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


def test_one_address_reads_so_much_a_minute(serve: Callable[..., Server]) -> None:
    server = serve(tiles_per_minute=3)
    server.vault.system.log.publish(1)
    with server.client() as http:
        for _ in range(3):
            assert http.get("/audit/checkpoint").status_code == 200
        answer = http.get("/audit/tile/0/000.p/1")
        assert problem(answer, 429, "too_many_requests")["limit"] == "tiles_per_minute"
        assert int(answer.headers["retry-after"]) <= 60
        assert http.get("/healthz").status_code == 200
