r"""Checkpoints (docs/audit.md, 6 Checkpoints) in signed notes: C2SP tlog-checkpoint, signed-note.

    <origin>\n<size>\n<base64 root>\n      no extension lines
    \n
    — <name> <base64(key id || signature)>\n

A published note carries a second line: an ML-DSA-44 cosignature (C2SP tlog-cosignature) by the log
itself, which a quantum computer can't forge. `evidence/cosignature.py` reads those of witnesses.

A key id is SHA-256(name || 0x0A || type || public)[:4]: recomputed, never believed. A failing
signature by a known key rejects the whole note; signatures by unknown keys say nothing.
"""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from audit.errors import BadNote
from audit.tree import HASH_BYTES, SIZE_MAX
from crypto.encoding import u64
from crypto.errors import CannotOpen
from crypto.primitives import (
    ed25519_public,
    ed25519_sign,
    ed25519_verify,
    mldsa44_public,
    mldsa44_sign,
    sha256,
)
from crypto.secret import Secret

ED25519 = 0x01
ML_DSA_44 = 0x06
NOTE_BYTES_MAX = 131_072
SIGNATURES_MAX = 32
NAME_BYTES_MAX = 255
_KEY_ID_BYTES = 4
_SEED_BYTES = 32
_NAME = re.compile(r"[^\s+\x00-\x1f\ud800-\udfff]+")  # the last are halves of a character
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log signs: it has `size` entries and this root."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        _check_name(self.origin)
        if not 0 <= self.size <= SIZE_MAX or len(self.root) != HASH_BYTES:
            raise BadNote("checkpoint")


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key that a note is believed for. The name of a log's key is its origin.

    This one is Ed25519 over the note's text. Other kinds override `kind` and `verify`.
    """

    kind: ClassVar[int] = ED25519
    public_bytes: ClassVar[int] = 32

    name: str
    public: bytes

    def __post_init__(self) -> None:
        _check_name(self.name)
        if len(self.public) != self.public_bytes:
            raise BadNote("key")

    @property
    def key_id(self) -> bytes:
        return key_id(self.name, self.kind, self.public)

    @property
    def vkey(self) -> str:
        """How it is handed over: `<name>+<hex key id>+<base64 (type || public)>`."""
        encoded = base64.b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    def verify(self, checkpoint: Checkpoint, signature: bytes) -> None:
        """Returns only for this key's signature of the checkpoint; else raises `CannotOpen`."""
        ed25519_verify(self.public, signature, encode_checkpoint(checkpoint).encode())


@dataclass(frozen=True)
class SigningKey:
    """A name and a 32-byte seed of its own, for one kind of signature."""

    name: str
    seed: Secret

    def __post_init__(self) -> None:
        _check_name(self.name)
        if len(self.seed) != _SEED_BYTES:
            raise BadNote("key")


@dataclass(frozen=True)
class LogKey(SigningKey):
    """The key a log signs its heads with, under its origin: an Ed25519 seed."""

    @cached_property
    def verifier(self) -> Verifier:
        return Verifier(self.name, ed25519_public(self.seed.reveal()))


@dataclass(frozen=True)
class LatticeKey(SigningKey):
    """An ML-DSA-44 seed: what a log adds a second line to its published notes with."""

    @cached_property
    def public(self) -> bytes:
        return mldsa44_public(self.seed.reveal())

    def cosign(self, checkpoint: Checkpoint, at_seconds: int) -> str:
        """The signature line that says: at this time, this is the log's largest tree I know."""
        message = subtree_message(self.name, at_seconds, checkpoint)
        blob = u64(at_seconds) + mldsa44_sign(self.seed.reveal(), message)
        return signature_line(self.name, key_id(self.name, ML_DSA_44, self.public), blob)


def subtree_message(name: str, at_seconds: int, checkpoint: Checkpoint) -> bytes:
    """What an ML-DSA-44 cosigner signs (C2SP tlog-cosignature, `cosigned_message`)."""
    signer, origin = name.encode(), checkpoint.origin.encode()
    head = b"subtree/v1\n\0" + bytes([len(signer)]) + signer + u64(at_seconds)
    tree = u64(0) + u64(checkpoint.size) + checkpoint.root
    return head + bytes([len(origin)]) + origin + tree


def signature_line(name: str, signer_id: bytes, signature: bytes) -> str:
    return f"— {name} {base64.b64encode(signer_id + signature).decode()}\n"


def key_id(name: str, kind: int, public: bytes) -> bytes:
    """The 4 bytes a signature line names its key with."""
    return sha256(name.encode() + b"\n" + bytes([kind]) + public)[:_KEY_ID_BYTES]


def encode_checkpoint(checkpoint: Checkpoint) -> str:
    root = base64.b64encode(checkpoint.root).decode()
    return f"{checkpoint.origin}\n{checkpoint.size}\n{root}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint of exactly three lines. Raises `BadNote` for any other text."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise BadNote("checkpoint lines")
    origin, size, root = lines[:3]
    if not _SIZE.fullmatch(size):
        raise BadNote("checkpoint size")
    return Checkpoint(origin, int(size), unbase64(root))


def sign_checkpoint(key: LogKey, checkpoint: Checkpoint) -> str:
    """The signed note of this log's own checkpoint, one signature line."""
    if checkpoint.origin != key.name:
        raise BadNote("origin of another log")
    text = encode_checkpoint(checkpoint)
    signature = ed25519_sign(key.seed.reveal(), text.encode())
    return f"{text}\n{signature_line(key.name, key.verifier.key_id, signature)}"


def open_note(note: str, verifiers: Iterable[Verifier]) -> Checkpoint:
    """The checkpoint of a note, once a known key of its origin has signed it. Raises `BadNote`.

    (1) form and limits, (2) every signature by a known key holds, (3) one of them is by the log
    that the checkpoint names: a key of one log, or of a witness, does not speak for another log.
    """
    # (1)
    checkpoint, signatures = parse_note(note)
    # (2)
    known = _by_key(verifiers)
    signers = set()
    for name, claimed, signature in signatures:
        if verifier := known.get((name, claimed)):
            _verify(verifier, checkpoint, signature)
            signers.add(name)
    # (3)
    if checkpoint.origin not in signers:
        raise BadNote("no signature by a known key")
    return checkpoint


def parse_note(note: str) -> tuple[Checkpoint, list[tuple[str, bytes, bytes]]]:
    """A note as it is written, not believed: of each line the name, the key id, the signature."""
    text, lines = _split_note(note)
    return parse_checkpoint(text), [_parse_signature(line) for line in lines]


def _split_note(note: str) -> tuple[str, list[str]]:
    try:
        too_long = len(note.encode()) > NOTE_BYTES_MAX
    except UnicodeEncodeError:
        raise BadNote("encoding") from None
    if too_long or any(character < " " and character != "\n" for character in note):
        raise BadNote("form")
    text, blank, tail = note.rpartition("\n\n")
    lines = tail.split("\n")
    if not blank or lines.pop() or not 1 <= len(lines) <= SIGNATURES_MAX:
        raise BadNote("form")
    return text + "\n", lines


def _parse_signature(line: str) -> tuple[str, bytes, bytes]:
    dash, *parts = line.split(" ")
    if dash != "—" or len(parts) != 2:
        raise BadNote("signature line")
    _check_name(parts[0])
    blob = unbase64(parts[1])
    if len(blob) <= _KEY_ID_BYTES:
        raise BadNote("signature line")
    return parts[0], blob[:_KEY_ID_BYTES], blob[_KEY_ID_BYTES:]


def _by_key(verifiers: Iterable[Verifier]) -> dict[tuple[str, bytes], Verifier]:
    known: dict[tuple[str, bytes], Verifier] = {}
    for verifier in verifiers:
        # Four bytes of id collide when someone wants them to: then neither key is believed.
        other = known.setdefault((verifier.name, verifier.key_id), verifier)
        if other.public != verifier.public:
            raise BadNote("two keys of one id")
    return known


def _verify(verifier: Verifier, checkpoint: Checkpoint, signature: bytes) -> None:
    try:
        verifier.verify(checkpoint, signature)
    except CannotOpen:
        raise BadNote("signature") from None


def _check_name(name: str) -> None:
    """A key name or origin: no space, plus sign or control character; 1 to 255 bytes."""
    if not _NAME.fullmatch(name) or len(name.encode(errors="replace")) > NAME_BYTES_MAX:
        raise BadNote("name")


def unbase64(text: str) -> bytes:
    """Standard base64 with padding, in its one spelling."""
    try:
        data = base64.b64decode(text)
    except ValueError:
        raise BadNote("base64") from None
    if base64.b64encode(data).decode() != text:
        raise BadNote("base64")
    return data
