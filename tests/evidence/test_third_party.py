"""A real server's log, checked over HTTP by libraries that nobody here wrote.

Go's `sumdb/note` and `sumdb/tlog` (Debian: golang-go, golang-golang-x-mod-dev) and the Python
package `tlog-scales`. What is changed on the way, they notice.
"""

import http.server
import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
from tlog_scales.backend import HttpBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Vkey
from tlog_scales.tiles import leaf_hash
from tlog_scales.tlog import Checkpoint

from evidence.tiles import Tile, tile_path, tiles_at
from operate.setup import Places, initialise
from tests.builders import NOON_MS
from tests.cli.conftest import start_kluis
from tests.ports import free_ports
from tests.programs import missing, program
from tests.vault.test_anchor import wait
from vault.recording import OPERATOR, draft
from vault.sequencer import Item
from vault.settings import Settings, load_settings
from vault.vault import Vault

pytestmark = pytest.mark.slow
SOURCE = Path(__file__).with_name("third_party") / "main.go"
GO_PATH = Path("/usr/share/gocode")
SIZES = (2, 260, 300)


@dataclass(frozen=True)
class Log:
    """A log at a URL, its two keys, and what was published of it at each size."""

    url: str
    vkeys: tuple[str, str]
    checkpoints: tuple[str, ...]

    @property
    def old(self) -> tuple[str, str]:
        """Size and root of the checkpoint before the newest."""
        _, size, root = self.checkpoints[-2].split("\n")[:3]
        return size, root


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 - our own server
        content: bytes = answer.read()
    return content


def grow(settings: Settings, size: int) -> None:
    """Beside the server, as any command works."""
    with Vault.open(settings) as vault:
        system = vault.system
        while system.log.head().frontier.size < size:
            event = draft(NOON_MS, "registry.revoke", OPERATOR)
            system.sequencer.record(Item(event, system.system_key))


def published(url: str, size: int) -> str:
    """The checkpoint, once it has this size."""
    found: list[str] = []

    def is_there() -> bool:
        with suppress(urllib.error.HTTPError):  # none before the sweeper came
            found[:] = [get(f"{url}/checkpoint").decode()]
        return bool(found) and found[0].split("\n")[1] == str(size)

    wait(is_there)
    return found[0]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """What `kluis serve` publishes, at three sizes."""
    folder, port = tmp_path_factory.mktemp("live"), free_ports()
    url = f"http://localhost:{port}"
    made = initialise(Places.beside(folder / "kluis"), url, "open")
    settings = load_settings(made.data)
    grow(settings, 1)
    quick = {
        "KLUIS_PUBLISH_SECONDS": "1",
        "KLUIS_SWEEP_SECONDS": "0.2",
        "KLUIS_TILES_PER_MINUTE": "99999",
    }
    with start_kluis("serve", "--data", made.data, "--port", port, **quick) as server:
        try:
            wait(lambda: answers(url))
            notes = []
            for size in SIZES:
                grow(settings, size)
                notes.append(published(f"{url}/audit", size))
            keys = subprocess.run(
                [sys.executable, "-m", "cli.main", "audit", "keys", "--data", made.data, "--json"],
                capture_output=True,
                check=True,
                cwd=SOURCE.parents[3],
            )
            first, second = (one["key"] for one in json.loads(keys.stdout)["keys"])
            yield Log(f"{url}/audit", (first, second), tuple(notes))
        finally:
            server.terminate()
            server.communicate(timeout=60)


def answers(url: str) -> bool:
    try:
        return bool(get(f"{url}/healthz"))
    except OSError:
        return False


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


Change = Callable[[Path], None]


@pytest.fixture
def mirrored(log: Log, tmp_path: Path) -> Iterator[Callable[[Change], Log]]:
    """The same log on another server, with something changed on the way."""
    size = int(log.checkpoints[-1].split("\n")[1])
    for path in ("checkpoint", *map(tile_path, tiles_at(size)), "tile/0/000.p/4"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(get(f"{log.url}/{path}"))
    serving = partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serving) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def change(how: Change) -> Log:
            how(tmp_path)
            return replace(log, url=f"http://127.0.0.1:{server.server_port}")

        yield change
        server.shutdown()


def flip(path: str, at: int) -> Change:
    def change(folder: Path) -> None:
        content = bytearray((folder / path).read_bytes())
        content[at] ^= 1
        (folder / path).write_bytes(content)

    return change


def edit(old: str, new: str) -> Change:
    def change(folder: Path) -> None:
        note = folder / "checkpoint"
        assert old in note.read_text("utf-8")
        note.write_text(note.read_text("utf-8").replace(old, new, 1), "utf-8")

    return change


LEAF = 35 * 7 + 10  # within the data of leaf 7
CHANGES: dict[str, Change] = {
    "a leaf": flip(tile_path(Tile(None, 0)), LEAF),
    "a leaf at the edge": flip(tile_path(Tile(None, 1, 44)), LEAF),
    "a hash of a leaf": flip(tile_path(Tile(0, 0)), 32 * 7),
    "a hash at the edge": flip(tile_path(Tile(0, 1, 44)), 32 * 7),
    "a hash above": flip(tile_path(Tile(1, 0, 1)), 3),
    "the size": edit("\n300\n", "\n299\n"),
    "the signature": lambda folder: edit_signature(folder / "checkpoint"),
}
changed = pytest.mark.parametrize("what", CHANGES)


def edit_signature(note: Path) -> None:
    """Another last character but one of the first signature."""
    lines = note.read_text("utf-8").split("\n")
    line = lines[4]
    lines[4] = line[:-6] + ("A" if line[-6] != "A" else "B") + line[-5:]
    note.write_text("\n".join(lines), "utf-8")


# Go


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our few lines around Go's libraries, compiled."""
    go = program("go", "golang-go")
    if not (GO_PATH / "src/golang.org/x/mod/sumdb").is_dir():
        missing("no Go library sumdb: apt install golang-golang-x-mod-dev")
    folder = tmp_path_factory.mktemp("go")
    environment = os.environ | {
        "GO111MODULE": "off",
        "GOPATH": str(GO_PATH),
        "GOCACHE": str(folder / "cache"),
        "GOFLAGS": "",
    }
    command = [go, "build", "-o", str(folder / "check"), str(SOURCE)]
    subprocess.run(command, env=environment, check=True, timeout=100)
    return folder / "check"


def go_says(checker: Path, *arguments: str) -> str:
    ran = subprocess.run(
        [checker, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode in {0, 1}, ran.stderr
    assert ran.stdout.startswith("OK" if ran.returncode == 0 else "FAILED")
    return ran.stdout


def test_go_verifies_note_tiles_every_entry_and_consistency(log: Log, checker: Path) -> None:
    said = go_says(checker, log.url, log.vkeys[0], *log.old)
    root = log.checkpoints[-1].split("\n")[2]
    assert said == f"OK 300 {root} signatures 1 unknown 1\n"
    first = log.checkpoints[0].split("\n")
    assert go_says(checker, log.url, log.vkeys[0], first[1], first[2]).startswith("OK 300")


@changed
def test_go_notices_that_something_was_changed(
    what: str, mirrored: Callable[[Change], Log], checker: Path
) -> None:
    log = mirrored(lambda _: None)
    assert go_says(checker, log.url, log.vkeys[0], *log.old).startswith("OK")
    mirrored(CHANGES[what])
    assert go_says(checker, log.url, log.vkeys[0], *log.old).startswith("FAILED"), what


def test_go_notices_another_history(log: Log, checker: Path) -> None:
    other = log.checkpoints[0].split("\n")[2]
    said = go_says(checker, log.url, log.vkeys[0], log.old[0], other)
    assert said.startswith("FAILED consistency")


def test_go_notices_another_log_s_key(log: Log, checker: Path, tmp_path: Path) -> None:
    other = initialise(Places.beside(tmp_path / "other"), log.url.removesuffix("/audit"), "open")
    with Vault.open(other) as vault:
        key = vault.system.log._keys.newest.verifier.vkey
    assert go_says(checker, log.url, key).startswith("FAILED note")


# Python


def scales_check(log: Log) -> None:
    """What `tlog-scales` can: notes of both kinds, each entry against the root, consistency."""
    reader = TilesReader(HttpBackend(log.url))
    newest = reader.get_checkpoint()
    for vkey in log.vkeys:
        newest.verify(Vkey.from_string(vkey))
    if reader.calculate_root_hash() != newest.root_hash:
        raise ValueError("root")
    for index in range(newest.size):
        leaf = leaf_hash(reader.get_entry(index))
        reader.get_inclusion_proof(index, newest.size).check(leaf, newest.root_hash)
    for note in log.checkpoints[:-1]:
        old = Checkpoint.from_text(note)
        proof = reader.get_consistency_proof(old.size, newest.size)
        proof.check(old.root_hash, newest.root_hash)


def test_tlog_scales_verifies_both_signatures_every_entry_and_consistency(log: Log) -> None:
    scales_check(log)


@changed
def test_tlog_scales_notices_that_something_was_changed(
    what: str, mirrored: Callable[[Change], Log]
) -> None:
    log = mirrored(lambda _: None)
    scales_check(log)
    mirrored(CHANGES[what])
    with pytest.raises(Exception, match=r".*"):
        scales_check(log)


def test_tlog_scales_notices_a_changed_ml_dsa_signature(
    mirrored: Callable[[Change], Log],
) -> None:
    def change(folder: Path) -> None:
        note = folder / "checkpoint"
        lines = note.read_text("utf-8").split("\n")
        middle = len(lines[5]) // 2
        other = "A" if lines[5][middle] != "A" else "B"
        lines[5] = lines[5][:middle] + other + lines[5][middle + 1 :]
        note.write_text("\n".join(lines), "utf-8")

    log = mirrored(change)
    TilesReader(HttpBackend(log.url)).get_checkpoint().verify(Vkey.from_string(log.vkeys[0]))
    with pytest.raises(Exception, match=r".*"):
        scales_check(log)
