r"""What a witness answers a log: C2SP tlog-witness, `add-checkpoint`.

    old <size>\n
    <base64 hash>\n      none to 63 lines: the new tree goes on from the old one
    \n
    <checkpoint>         a signed note

A witness remembers of each log the newest checkpoint that it signed, and signs no other history. It
sees a log's name, its size and its root, and nothing of what is in it.
"""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from audit.errors import BadNote, BadProof
from audit.note import (
    NOTE_BYTES_MAX,
    Checkpoint,
    Verifier,
    encode_checkpoint,
    open_note,
    parse_note,
    signature_line,
    unbase64,
)
from audit.tree import EMPTY_ROOT, HASH_BYTES
from evidence.proofs import verify_consistency

PROOF_LINES_MAX = 63
BODY_BYTES_MAX = NOTE_BYTES_MAX + 64 * 64
SIZE_TYPE = "text/x.tlog.size"
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})", re.ASCII)


class NotWitnessed(Exception):
    """Why a checkpoint is not signed. `status` and `size` are what the protocol answers with.

    `held` is the checkpoint signed before, where the new one is validly signed and contradicts it
    or was not shown to go on from it: together they are worth keeping.
    """

    def __init__(
        self, status: HTTPStatus, what: str, size: int | None = None, held: Checkpoint | None = None
    ) -> None:
        super().__init__(what)
        self.status = status
        self.what = what
        self.size = size
        self.held = held


@dataclass(frozen=True, slots=True)
class Submission:
    """A checkpoint that a log wants signed, and why it goes on from the one before."""

    old: int
    proof: tuple[bytes, ...]
    note: str

    @classmethod
    def parse(cls, body: bytes) -> "Submission":
        """Raises `NotWitnessed` (400) for any other form."""
        try:
            text = body.decode() if len(body) <= BODY_BYTES_MAX else ""
        except UnicodeDecodeError:
            text = ""
        head, blank, note = text.partition("\n\n")
        first, *lines = head.split("\n")
        old = _OLD.fullmatch(first)
        if not blank or old is None or len(lines) > PROOF_LINES_MAX:
            raise NotWitnessed(HTTPStatus.BAD_REQUEST, "old <size>, a proof and a note")
        try:
            proof = tuple(unbase64(line) for line in lines)
        except BadNote:
            raise NotWitnessed(HTTPStatus.BAD_REQUEST, "a line of the proof") from None
        if any(len(node) != HASH_BYTES for node in proof):
            raise NotWitnessed(HTTPStatus.BAD_REQUEST, "a line of the proof")
        return cls(int(old[1]), proof, note)

    def encode(self) -> bytes:
        lines = [f"old {self.old}", *(base64.b64encode(node).decode() for node in self.proof)]
        return ("\n".join(lines) + "\n\n" + self.note).encode()

    def origin(self) -> str:
        """The log that the note names, before anything of it is believed."""
        try:
            return parse_note(self.note)[0].origin
        except BadNote as error:
            raise NotWitnessed(HTTPStatus.BAD_REQUEST, error.what) from None


def judge(
    submission: Submission, logs: Mapping[str, Sequence[Verifier]], held: Checkpoint | None
) -> Checkpoint:
    """The checkpoint to sign and to remember, atomically with `held` being the one before.

    `held` is the last one signed for this origin. Raises `NotWitnessed` with the status and body
    that the protocol wants: (1) 404 for a log that is not known, (2) 403 unless a known key of it
    signed, (3) 400 for an old size beyond the new one, (4) 409 with the size held where that is
    another, or where the same size has another root, (5) 422 for a proof that does not hold.
    """
    # (1)
    keys = logs.get(submission.origin())
    if not keys:
        raise NotWitnessed(HTTPStatus.NOT_FOUND, "unknown log")
    # (2)
    try:
        new = open_note(submission.note, keys)
    except BadNote as error:
        raise NotWitnessed(HTTPStatus.FORBIDDEN, error.what) from None
    # (3)
    if submission.old > new.size:
        raise NotWitnessed(HTTPStatus.BAD_REQUEST, "the old size is beyond the new one")
    # (4)
    held = held or Checkpoint(new.origin, 0, EMPTY_ROOT)
    if submission.old != held.size:
        raise NotWitnessed(HTTPStatus.CONFLICT, "another old size", held.size)
    if new.size == held.size and new.root != held.root:
        raise NotWitnessed(HTTPStatus.CONFLICT, "another root of this size", held.size, held)
    # (5)
    try:
        verify_consistency(held.size, held.root, new.size, new.root, submission.proof)
    except BadProof:
        what = "it was not shown to go on from the one before"
        raise NotWitnessed(HTTPStatus.UNPROCESSABLE_ENTITY, what, held=held) from None
    return new


def signed_by(note: str, keys: Iterable[Verifier]) -> str:
    """The note with the lines of these keys alone. It was opened with them before.

    What others put beside them is theirs to forge: kept, it would spoil what is kept.
    """
    checkpoint, signatures = parse_note(note)
    ids = {(key.name, key.key_id) for key in keys}
    ours = [signature_line(*one) for one in signatures if one[:2] in ids]
    return f"{encode_checkpoint(checkpoint)}\n{''.join(ours)}"


def has_line_of(note: str, key: Verifier) -> bool:
    """Whether a note has a line that says it is by this key; whether it is was seen before."""
    return any(one[:2] == (key.name, key.key_id) for one in parse_note(note)[1])
