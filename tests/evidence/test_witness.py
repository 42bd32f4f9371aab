"""What a witness answers, clause by clause of C2SP tlog-witness."""

import base64
from dataclasses import replace
from http import HTTPStatus

import pytest

from audit.note import Checkpoint, sign_checkpoint
from audit.tiles import NodeReader
from audit.tree import EMPTY_ROOT
from evidence.proofs import consistency_proof
from evidence.witness import (
    BODY_BYTES_MAX,
    NotWitnessed,
    Submission,
    has_line_of,
    judge,
    signed_by,
)
from tests.audit.logbook import KEY, ORIGIN, OTHER_KEY, Log, make_log

SIZE = 700
LOG: Log = make_log(SIZE)
LOGS = {ORIGIN: [KEY.verifier]}


def checkpoint(size: int) -> Checkpoint:
    leaves = [leaf.hash for leaf in LOG.leaves[:size]]
    frontier = type(LOG.frontier)().extend([one for one in leaves if one is not None])
    return Checkpoint(ORIGIN, size, frontier.root())


def note(size: int) -> str:
    return sign_checkpoint(KEY, checkpoint(size))


def proof(old: int, new: int) -> tuple[bytes, ...]:
    nodes = NodeReader(lambda level, n: LOG.rows[level, n])
    return tuple(consistency_proof(old, new, nodes.read_node))


def submission(old: int, new: int) -> Submission:
    return Submission(old, proof(old, new), note(new))


def refused(one: Submission, held: Checkpoint | None) -> NotWitnessed:
    with pytest.raises(NotWitnessed) as raised:
        judge(one, LOGS, held)
    return raised.value


@pytest.mark.parametrize(("old", "new"), [(0, 1), (0, 700), (1, 2), (256, 700), (300, 301)])
def test_a_tree_that_goes_on_is_signed(old: int, new: int) -> None:
    held = checkpoint(old) if old else None
    assert judge(submission(old, new), LOGS, held) == checkpoint(new)


def test_the_same_tree_is_signed_again() -> None:
    assert judge(submission(300, 300), LOGS, checkpoint(300)) == checkpoint(300)


def test_the_bodys_form_is_the_protocols() -> None:
    """Built by hand here, not by the code under test."""
    lines = [base64.b64encode(node).decode() for node in proof(300, 700)]
    body = "\n".join(["old 300", *lines, "", note(700)]).encode()
    assert Submission.parse(body) == submission(300, 700)
    assert submission(300, 700).encode() == body
    assert Submission.parse(f"old 0\n\n{note(5)}".encode()) == submission(0, 5)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n\n",
        b"old 0\n",
        b"old 00\n\n",
        b"old -1\n\n",
        b"old 1_0\n\n",
        "old \u0661\n\n".encode(),
        b"old  0\n\n",
        b"Old 0\n\n",
        b"old 0\nAA==\n\n",
        b"old 0\n" + base64.b64encode(bytes(31)) + b"\n\n",
        b"old 0\n" + b"\n".join([base64.b64encode(bytes(32))] * 64) + b"\n\n",
        b"\xff\xfe",
        b"old 0\n\n" + b"x" * BODY_BYTES_MAX,
    ],
)
def test_another_form_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(NotWitnessed) as raised:
        Submission.parse(body)
    assert raised.value.status == HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize("text", ["", "x", "a\nb\nc\n\n— a b\n", note(5)[:-1], note(5) + "x"])
def test_a_note_of_another_form_is_a_bad_request(text: str) -> None:
    assert refused(Submission(0, (), text), None).status == HTTPStatus.BAD_REQUEST


def test_an_unknown_log_is_not_found() -> None:
    other = replace(KEY, name="other.example/log")
    signed = sign_checkpoint(other, replace(checkpoint(5), origin=other.name))
    assert refused(Submission(0, (), signed), None).status == HTTPStatus.NOT_FOUND


def test_a_checkpoint_that_no_known_key_signed_is_forbidden() -> None:
    signed = sign_checkpoint(OTHER_KEY, checkpoint(5))
    assert refused(Submission(0, (), signed), None).status == HTTPStatus.FORBIDDEN
    forged = note(5).replace("\n5\n", "\n6\n")
    assert refused(Submission(0, (), forged), None).status == HTTPStatus.FORBIDDEN


def test_an_old_size_beyond_the_new_one_is_a_bad_request() -> None:
    assert refused(Submission(6, (), note(5)), checkpoint(6)).status == HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize(("old", "held"), [(0, 300), (200, 300), (301, 300), (5, None)])
def test_another_old_size_conflicts_and_tells_the_right_one(old: int, held: int | None) -> None:
    found = refused(submission(old, 700), checkpoint(held) if held else None)
    assert (found.status, found.size) == (HTTPStatus.CONFLICT, held or 0)
    assert found.held is None  # an honest log that does not know is no evidence


def test_another_root_of_the_same_size_conflicts_and_is_evidence() -> None:
    held = replace(checkpoint(300), root=bytes(32))
    found = refused(submission(300, 300), held)
    assert (found.status, found.size, found.held) == (HTTPStatus.CONFLICT, 300, held)


def test_a_tree_that_does_not_go_on_is_unprocessable_and_kept() -> None:
    held = replace(checkpoint(300), root=bytes(32))
    found = refused(submission(300, 700), held)
    assert (found.status, found.held) == (HTTPStatus.UNPROCESSABLE_ENTITY, held)


@pytest.mark.parametrize("change", ["none", "shorter", "longer", "flipped", "zero_with_a_proof"])
def test_a_wrong_proof_is_unprocessable(change: str) -> None:
    right = proof(300, 700)
    wrong = {
        "none": (),
        "shorter": right[:-1],
        "longer": (*right, bytes(32)),
        "flipped": (bytes([right[0][0] ^ 1]) + right[0][1:], *right[1:]),
        "zero_with_a_proof": right,
    }[change]
    old = 0 if change == "zero_with_a_proof" else 300
    found = refused(Submission(old, wrong, note(700)), checkpoint(old) if old else None)
    assert found.status == HTTPStatus.UNPROCESSABLE_ENTITY


def test_an_empty_tree_has_the_empty_root() -> None:
    empty = Checkpoint(ORIGIN, 0, EMPTY_ROOT)
    assert judge(Submission(0, (), sign_checkpoint(KEY, empty)), LOGS, None) == empty
    wrong = sign_checkpoint(KEY, replace(empty, root=bytes(32)))
    assert refused(Submission(0, (), wrong), None).status == HTTPStatus.CONFLICT


def test_extension_lines_are_refused() -> None:
    extended = note(5).replace("\n\n", "\nmore\n\n", 1)
    assert refused(Submission(0, (), extended), None).status == HTTPStatus.BAD_REQUEST


def test_of_a_note_only_the_known_lines_are_kept() -> None:
    line = note(5).rpartition("\n\n")[2]
    forged = line.replace(ORIGIN, "witness.example")
    both = note(5) + forged
    assert signed_by(both, [KEY.verifier]) == note(5)
    assert has_line_of(both, KEY.verifier)
    assert not has_line_of(both, OTHER_KEY.verifier)
