"""A witness over HTTP and its memory: what it signed stays signed, whatever happens to it."""

import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from audit.errors import BadNote
from audit.note import Checkpoint, sign_checkpoint
from evidence.cosignature import cosignatures
from evidence.witness import NotWitnessed, Submission
from operate.witnessing import Witness, add_log, make_witness, place_of
from tests.audit.logbook import KEY, ORIGIN, OTHER_KEY
from tests.evidence.test_witness import checkpoint, note, submission
from tests.operate.witnesses import new_witness, serving
from vault.clock import SystemClock
from vault.errors import NotReady

ROOT = Path(__file__).resolve().parents[2]
FORKED = sign_checkpoint(KEY, Checkpoint(ORIGIN, 300, bytes(32)))


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Witness]:
    with closing(new_witness(tmp_path / "w", KEY.verifier.vkey)) as made:
        yield made


def signed_by_both(witness: Witness, text: str) -> Checkpoint:
    verifiers = list(witness.verifiers)
    found = cosignatures(text, [KEY.verifier, *verifiers])
    assert [one.verifier for one in found] == verifiers
    return checkpoint(int(text.split("\n")[1]))


def test_its_folder_is_its_owners_alone_and_is_never_made_anew(tmp_path: Path) -> None:
    make_witness(tmp_path / "w", "w.example")
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "w").iterdir()}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE((tmp_path / "w").stat().st_mode) == 0o700
    with pytest.raises(NotReady):
        make_witness(tmp_path / "w", "w.example")
    with pytest.raises(NotReady):
        Witness(tmp_path, SystemClock())
    with pytest.raises(BadNote):
        make_witness(tmp_path / "v", "a name")
    assert not (tmp_path / "v").exists()


def test_what_it_signs_is_signed_with_both_keys_and_shown_to_monitors(witness: Witness) -> None:
    lines = witness.add_checkpoint(submission(0, 300).encode())
    assert signed_by_both(witness, note(300) + lines) == checkpoint(300)
    assert witness.newest(place_of(ORIGIN)) == note(300) + lines
    assert witness.newest(place_of("another")) is None


def test_it_remembers_after_a_restart(tmp_path: Path) -> None:
    with closing(new_witness(tmp_path / "w", KEY.verifier.vkey)) as witness:
        witness.add_checkpoint(submission(0, 300).encode())
    with closing(Witness(tmp_path / "w", SystemClock())) as witness:
        with pytest.raises(NotWitnessed) as refused:
            witness.add_checkpoint(submission(0, 700).encode())
        assert (refused.value.status, refused.value.size) == (HTTPStatus.CONFLICT, 300)
        witness.add_checkpoint(submission(300, 700).encode())


def test_two_histories_of_one_size_are_kept_as_proof(witness: Witness) -> None:
    lines = witness.add_checkpoint(submission(0, 300).encode())
    for _ in range(3):
        with pytest.raises(NotWitnessed):
            witness.add_checkpoint(Submission(300, (), FORKED).encode())
    (found,) = witness.contradictions()
    assert found.is_proof
    assert (found.origin, found.held, found.shown) == (ORIGIN, note(300) + lines, FORKED)
    assert witness.newest(place_of(ORIGIN)) == note(300) + lines


def test_a_note_without_its_proof_is_kept_and_is_no_proof_of_two(witness: Witness) -> None:
    witness.add_checkpoint(submission(0, 300).encode())
    with pytest.raises(NotWitnessed):
        witness.add_checkpoint(Submission(300, (), note(700)).encode())
    (found,) = witness.contradictions()
    assert not found.is_proof


def test_a_forged_line_of_the_witness_does_not_spoil_what_it_keeps(witness: Witness) -> None:
    """Kept, it would make every later reader of the note reject it."""
    verifier = witness.verifiers[0]
    forged = replace(OTHER_KEY, name=verifier.name)
    line = sign_checkpoint(forged, replace(checkpoint(300), origin=forged.name))
    line = line.rpartition("\n\n")[2]
    witness.add_checkpoint(Submission(0, (), note(300) + line).encode())
    kept = witness.newest(place_of(ORIGIN))
    assert kept is not None
    assert line not in kept
    signed_by_both(witness, kept)


def test_a_second_key_of_a_log_is_believed_as_well(tmp_path: Path) -> None:
    keys = [key.verifier.vkey for key in (KEY, OTHER_KEY)]
    with closing(new_witness(tmp_path / "w", *keys)) as witness:
        witness.add_checkpoint(submission(0, 300).encode())
        rotated = sign_checkpoint(OTHER_KEY, checkpoint(301))
        witness.add_checkpoint(replace(submission(300, 301), note=rotated).encode())
    with pytest.raises(BadNote):
        add_log(tmp_path / "w", KEY.verifier.vkey.replace("+", "+0", 1))


def test_of_many_at_once_one_goes_first_and_none_rolls_back(witness: Witness) -> None:
    """C2SP tlog-witness: check and remember atomically. Sizes signed never go down."""
    witness.add_checkpoint(submission(0, 1).encode())
    signed: list[int] = []
    start = threading.Barrier(8)

    def submit(size: int) -> None:
        body = submission(1, size).encode()
        start.wait()
        with suppress(NotWitnessed):
            witness.add_checkpoint(body)
            signed.append(size)

    for first in range(2, 200, 8):
        threads = [threading.Thread(target=submit, args=(first + at,)) for at in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(signed) == 1
    kept = witness.newest(place_of(ORIGIN))
    assert kept is not None
    assert kept.split("\n")[1] == str(signed[0])


def test_over_http_each_refusal_is_the_protocols(witness: Witness) -> None:
    with serving(witness) as url, httpx.Client() as client:

        def post(body: bytes) -> httpx.Response:
            return client.post(f"{url}/add-checkpoint", content=body)

        good = post(submission(0, 300).encode())
        assert (good.status_code, good.headers["content-type"]) == (
            HTTPStatus.OK,
            "text/plain; charset=utf-8",
        )
        signed_by_both(witness, note(300) + good.text)
        conflict = post(submission(0, 700).encode())
        assert (conflict.status_code, conflict.text) == (HTTPStatus.CONFLICT, "300\n")
        assert conflict.headers["content-type"].startswith("text/x.tlog.size")
        assert post(b"old").status_code == HTTPStatus.BAD_REQUEST
        assert post(b"x" * 300_000).status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        wrong = sign_checkpoint(OTHER_KEY, checkpoint(5))
        assert post(Submission(0, (), wrong).encode()).status_code == HTTPStatus.FORBIDDEN
        shown = client.get(f"{url}/{place_of(ORIGIN)}/checkpoint")
        assert shown.text == note(300) + good.text
        assert client.get(f"{url}/{place_of('x')}/checkpoint").status_code == HTTPStatus.NOT_FOUND
        assert client.get(f"{url}/add-checkpoint").status_code == HTTPStatus.METHOD_NOT_ALLOWED


def test_while_its_file_is_busy_it_signs_nothing_and_says_try_again(
    impatience: None, witness: Witness
) -> None:
    with serving(witness) as url, witness._state.write():
        answer = httpx.post(f"{url}/add-checkpoint", content=submission(0, 5).encode(), timeout=20)
    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE


KILLED = """
import sys
from pathlib import Path
from operate.witnessing import Witness
from tests.evidence.test_witness import submission
from vault.clock import SystemClock
witness = Witness(Path(sys.argv[1]), SystemClock())
print("ready", flush=True)
size = 0
for new in range(1, 700):
    witness.add_checkpoint(submission(size, new).encode())
    size = new
    print(size, flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("answers", [1, 7, 40, 150])
def test_what_was_answered_is_remembered_after_a_kill(tmp_path: Path, answers: int) -> None:
    new_witness(tmp_path / "w", KEY.verifier.vkey).close()
    command = [sys.executable, "-c", KILLED, str(tmp_path / "w")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        lines = iter(running.stdout)
        assert next(lines) == "ready\n"
        told = 0
        while told < answers:
            told = int(next(lines))
        os.kill(running.pid, signal.SIGKILL)
        told = max([told, *map(int, running.stdout.read().split())])
    with closing(Witness(tmp_path / "w", SystemClock())) as witness:
        kept = witness.newest(place_of(ORIGIN))
        assert kept is not None
        size = int(kept.split("\n")[1])
        assert size in {told, told + 1}  # remembered first, answered then
        signed_by_both(witness, kept)
