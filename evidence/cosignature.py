"""Timestamped cosignatures of a checkpoint: C2SP tlog-cosignature (docs/audit.md, 6 Checkpoints).

    0x04  Ed25519    "cosignature/v1\n" "time <seconds>\n" <the note's text>
    0x06  ML-DSA-44  the structure of `audit.note.subtree_message`; the log signs so itself, too

A signature is u64(seconds) and what the key signed. It says: at this time, this was the log's
largest tree that I know, and it continues every one I cosigned before. Who may be believed for what
is for the reader's policy: here a line is only right or wrong.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from audit.errors import BadNote
from audit.note import (
    ML_DSA_44,
    Checkpoint,
    LatticeKey,
    SigningKey,
    Verifier,
    encode_checkpoint,
    open_note,
    parse_note,
    signature_line,
    subtree_message,
    unbase64,
)
from crypto.encoding import u64
from crypto.errors import CannotOpen
from crypto.primitives import ed25519_public, ed25519_sign, ed25519_verify, mldsa44_verify

COSIGNED_ED25519 = 0x04
TIME_BYTES = 8
SECONDS_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class CosignatureVerifier(Verifier):
    """A witness's Ed25519 key."""

    kind: ClassVar[int] = COSIGNED_ED25519

    def verify(self, checkpoint: Checkpoint, signature: bytes) -> None:
        at, rest = _timed(signature)
        ed25519_verify(self.public, rest, cosignature_message(at, checkpoint))


@dataclass(frozen=True, slots=True)
class LatticeVerifier(Verifier):
    """An ML-DSA-44 key: a witness's, or the log's own second one."""

    kind: ClassVar[int] = ML_DSA_44
    public_bytes: ClassVar[int] = 1312

    @classmethod
    def of(cls, key: LatticeKey) -> "LatticeVerifier":
        return cls(key.name, key.public)

    def verify(self, checkpoint: Checkpoint, signature: bytes) -> None:
        at, rest = _timed(signature)
        mldsa44_verify(self.public, rest, subtree_message(self.name, at, checkpoint))


KINDS = {kind.kind: kind for kind in (Verifier, CosignatureVerifier, LatticeVerifier)}


@dataclass(frozen=True)
class CosignatureKey(SigningKey):
    """A witness's 32-byte Ed25519 seed. It may sign nothing else: the message names no signer."""

    @cached_property
    def verifier(self) -> CosignatureVerifier:
        return CosignatureVerifier(self.name, ed25519_public(self.seed.reveal()))

    def cosign(self, checkpoint: Checkpoint, at_seconds: int) -> str:
        """The signature line for a note of this checkpoint."""
        message = cosignature_message(at_seconds, checkpoint)
        blob = u64(at_seconds) + ed25519_sign(self.seed.reveal(), message)
        return signature_line(self.name, self.verifier.key_id, blob)


@dataclass(frozen=True, slots=True)
class Cosignature:
    """That a known key cosigned a note, and when it says it did."""

    verifier: Verifier
    at_seconds: int


def parse_verifier(vkey: str) -> Verifier:
    """Reads `<name>+<hex key id>+<base64 (type || public)>` of any of the three kinds.

    Raises `BadNote` for another form or kind, and for an id that is not it.
    """
    name, _, rest = vkey.partition("+")
    claimed, _, encoded = rest.partition("+")
    blob = unbase64(encoded)
    if not blob or blob[0] not in KINDS:
        raise BadNote("key type")
    verifier = KINDS[blob[0]](name, blob[1:])
    if claimed != verifier.key_id.hex():
        raise BadNote("key id")
    return verifier


def cosignatures(note: str, verifiers: Iterable[Verifier]) -> tuple[Cosignature, ...]:
    """By which of these keys a note is cosigned, and when, in the order of its lines.

    The note is opened first: signed by its log, and each line by a known key is right.
    """
    verifiers = tuple(verifiers)
    open_note(note, verifiers)
    known = {(one.name, one.key_id): one for one in verifiers}
    return tuple(
        Cosignature(known[name, claimed], _timed(signature)[0])
        for name, claimed, signature in parse_note(note)[1]
        if (name, claimed) in known and type(known[name, claimed]) is not Verifier
    )


def cosignature_message(at_seconds: int, checkpoint: Checkpoint) -> bytes:
    """What an Ed25519 cosigner signs."""
    return f"cosignature/v1\ntime {at_seconds}\n{encode_checkpoint(checkpoint)}".encode()


def _timed(signature: bytes) -> tuple[int, bytes]:
    at_seconds = int.from_bytes(signature[:TIME_BYTES], "big")
    if len(signature) <= TIME_BYTES or at_seconds > SECONDS_MAX:
        raise CannotOpen
    return at_seconds, signature[TIME_BYTES:]
