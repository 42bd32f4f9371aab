"""`kluis witness` as a municipality uses it: a log with two faces is caught."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from audit.note import Checkpoint, sign_checkpoint
from audit.tree import Frontier
from evidence.cosignature import cosignatures, parse_verifier
from evidence.tiles import Tile, tile_path
from evidence.witness import NotWitnessed
from tests.audit.logbook import KEY, ORIGIN, OTHER_KEY, Log, make_log
from tests.cli.conftest import Kluis, start_kluis
from tests.evidence.test_witness import submission
from tests.operate.witnesses import new_witness, served, serving

SECONDS_MAX = 60


def log_app(log: Log) -> Starlette:
    """A log in C2SP's layout, from the parts of a small one."""
    size = len(log.leaves)
    tiles = {
        tile_path(Tile(level, n, len(row) // 32)): row
        for (level, n), row in log.rows.items()
        if row
    }

    def answer(request: Request) -> Response:
        path = request.path_params["path"]
        if path == "checkpoint":
            return PlainTextResponse(log.notes[size])
        return Response(tiles[path]) if path in tiles else Response(status_code=404)

    return Starlette(routes=[Route("/audit/{path:path}", answer)])


def forged(size: int) -> Log:
    """The same log's key, and other entries."""
    log = make_log(size)
    other = make_log(size, subjects=5)
    log.leaves, log.rows, log.frontier = other.leaves, other.rows, other.frontier
    log.sign()
    return log


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


def witness_of(stack: ExitStack, folder: Path, note: str) -> str:
    """A witness that was shown this note."""
    witness = new_witness(folder, KEY.verifier.vkey, name=f"{folder.name}.example")
    witness.add_checkpoint(f"old 0\n\n{note}".encode())
    return stack.enter_context(serving(witness))


def compare(kluis: Kluis, log: str, *witnesses: str) -> tuple[int, dict[str, object]]:
    at = [word for url in witnesses for word in ("--at", url)]
    ran = kluis("witness", "compare", KEY.verifier.vkey, "--log", log, *at, "--json")
    return ran.status, ran.json


def test_witnesses_that_hold_one_history_agree(
    kluis: Kluis, tmp_path: Path, stack: ExitStack
) -> None:
    log = make_log(700)
    notes = {size: _note(log, size) for size in (1, 300)}
    urls = [witness_of(stack, tmp_path / f"w{size}", note) for size, note in notes.items()]
    where = stack.enter_context(served(log_app(log)))
    status, found = compare(kluis, where, *urls)
    assert status == 0
    assert found["one_history"] is True
    assert sorted(found["sizes"].values()) == [1, 300, 700]  # type: ignore[attr-defined]


def test_a_log_with_two_faces_is_caught_and_both_heads_are_printed(
    kluis: Kluis, tmp_path: Path, stack: ExitStack
) -> None:
    """The split view: two histories, each shown to one witness, both signed by the log."""
    honest, other = make_log(300), forged(300)
    one = witness_of(stack, tmp_path / "one", honest.head_note)
    two = witness_of(stack, tmp_path / "two", other.head_note)
    where = stack.enter_context(served(log_app(honest)))
    status, found = compare(kluis, where, one, two)
    assert status == 1
    fork = found["fork"]
    assert isinstance(fork, dict)
    assert fork["is_proof"] is True
    heads = {_bare(note) for note in fork["notes"]}
    assert heads == {_bare(honest.head_note), _bare(other.head_note)}
    told = kluis("witness", "compare", KEY.verifier.vkey, "--log", where, "--at", one, "--at", two)
    assert "TWO HISTORIES" in told.out
    assert _bare(honest.head_note) in told.out
    assert _bare(other.head_note) in told.out


def test_a_log_that_went_on_from_another_history_is_caught(
    kluis: Kluis, tmp_path: Path, stack: ExitStack
) -> None:
    """Sizes differ: the log is asked for the proof, and its own tiles give it away."""
    one = witness_of(stack, tmp_path / "one", _note(make_log(300), 300))
    where = stack.enter_context(served(log_app(forged(700))))
    status, found = compare(kluis, where, one)
    assert status == 1
    assert found["fork"]["is_proof"] is False  # type: ignore[index]


def test_what_cant_be_said_ends_with_two(kluis: Kluis, tmp_path: Path, stack: ExitStack) -> None:
    log = make_log(5)
    where = stack.enter_context(served(log_app(log)))
    witness = stack.enter_context(serving(new_witness(tmp_path / "w", KEY.verifier.vkey)))
    ran = kluis("witness", "compare", KEY.verifier.vkey, "--log", where, "--at", witness, "--json")
    assert (ran.status, ran.error) == (2, "no_log")
    ran = kluis("witness", "compare", "no key", "--log", where, "--at", witness, "--json")
    assert (ran.status, ran.error) == (2, "bad_key")
    other = OTHER_KEY.verifier.vkey
    stranger = kluis("witness", "compare", other, "--log", where, "--at", where, "--json")
    assert (stranger.status, stranger.error) == (2, "no_log")


def test_what_a_witness_kept_is_shown_until_somebody_looks(kluis: Kluis, tmp_path: Path) -> None:
    with closing(new_witness(tmp_path / "w", KEY.verifier.vkey)) as witness:
        assert kluis("witness", "evidence", "--witness", tmp_path / "w").status == 0
        witness.add_checkpoint(submission(0, 300).encode())
        shown = sign_checkpoint(KEY, Checkpoint(ORIGIN, 300, bytes(32)))
        with pytest.raises(NotWitnessed, match="another root"):
            witness.add_checkpoint(f"old 300\n\n{shown}".encode())
    ran = kluis("witness", "evidence", "--witness", tmp_path / "w", "--json")
    assert ran.status == 1
    (one,) = ran.json["contradictions"]
    assert (one["log"], one["is_proof"], one["shown"]) == (ORIGIN, True, shown)
    assert "proves it" in kluis("witness", "evidence", "--witness", tmp_path / "w").out


def test_a_witness_is_made_and_named_once(kluis: Kluis, tmp_path: Path) -> None:
    folder = ("--witness", tmp_path / "w")
    made = kluis("witness", "init", "w.example", *folder, "--json")
    assert [parse_verifier(key).name for key in made.json["keys"]] == ["w.example"] * 2
    assert kluis("witness", "keys", *folder, "--json").json["keys"] == made.json["keys"]
    assert kluis("witness", "init", "w.example", *folder).status == 1
    assert kluis("witness", "init", "a name", "--witness", tmp_path / "v").status == 2
    assert kluis("witness", "add-log", "nonsense", *folder).status == 2
    assert kluis("witness", "keys", "--witness", tmp_path / "nowhere").status == 1


@pytest.mark.slow
def test_two_municipalities_witness_for_a_vault_in_processes_of_their_own(
    kluis: Kluis, tmp_path: Path
) -> None:
    """The commands of docs/witness.md on real servers: the public note carries both lines."""
    data = tmp_path / "kluis"
    assert kluis("init", "--data", data, "--url", "http://localhost:8999").status == 0
    key = kluis("audit", "keys", "--data", data, "--json").json["keys"][0]["key"]
    policy = [f"log {key}"]
    with ExitStack() as stack:
        for name in ("one", "two"):
            folder = tmp_path / name
            made = kluis("witness", "init", f"{name}.example", "--witness", folder, "--json")
            assert kluis("witness", "add-log", key, "--witness", folder).status == 0
            running = start_kluis("witness", "serve", "--witness", folder, "--port", 0, "--json")
            stack.enter_context(running)
            stack.callback(running.terminate)
            assert running.stdout is not None
            url = json.loads(running.stdout.readline())["listening"]
            policy.append(f"witness {name} {made.json['keys'][1]} {url}")
        (tmp_path / "policy").write_text("\n".join([*policy, "group g all one two", "quorum g\n"]))
        server = start_kluis(
            *("serve", "--data", data, "--port", 0, "--json"),
            KLUIS_WITNESS_POLICY=str(tmp_path / "policy"),
            KLUIS_PUBLISH_SECONDS="1",
            KLUIS_SWEEP_SECONDS="1",
        )
        stack.enter_context(server)
        stack.callback(server.terminate)
        assert server.stdout is not None
        where = json.loads(server.stdout.readline())["listening"]
        assert kluis("invite", "--data", data).status == 0
        _something_happens(kluis, tmp_path, data)
        words = " ".join(policy).split()
        verifiers = [parse_verifier(word) for word in words if "+" in word]
        deadline, signed = time.monotonic() + SECONDS_MAX, 0
        while signed < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
            answer = httpx.get(f"{where}/audit/checkpoint")
            if answer.status_code == 200:
                signed = len(cosignatures(answer.text, verifiers))
        assert signed == 2
        assert httpx.get(f"{where}/readyz").json()["status"] == "ready"


def _something_happens(kluis: Kluis, folder: Path, data: Path) -> None:
    """An entry: an agency is registered."""
    example = Path(__file__).resolve().parents[2] / "cli" / "demo_agency.json"
    where = "http://localhost:8999"
    assert kluis("desk", "keygen", "--url", where).status == 0
    document = folder / "agency.json"
    assert kluis("desk", "register-info", example, "--out", document).status == 0
    assert kluis("agency", "register", document, "--data", data).status == 0


def _note(log: Log, size: int) -> str:
    hashes = [leaf.hash for leaf in log.leaves[:size] if leaf.hash is not None]
    return sign_checkpoint(KEY, Checkpoint(ORIGIN, size, Frontier().extend(hashes).root()))


def _bare(note: str) -> str:
    return "\n".join(note.split("\n")[:5])
