r"""Receipts: that an entry stands in the log, for whoever holds them (docs/audit.md, 12 Receipts).

    c2sp.org/tlog-proof@v1\n
    extra <base64 PAE(n1, event, h2)>\n
    index <index>\n
    <base64 hash>\n ...                     the inclusion path, from the leaf's sibling up
    \n
    <signed note of the checkpoint>

The form is C2SP tlog-proof. `extra` opens the entry's event to the holder, and of its chain only a
digest; that the log stands for it is shown by the path, not by `extra` being there.
"""

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from audit.entry import Event, decode_event
from audit.errors import BadNote, BadProof, MalformedEntry
from audit.leaf import NONCE_BYTES, event_digest, leaf_data, leaf_hash
from audit.note import Checkpoint, Verifier, open_note, unbase64
from audit.tree import HASH_BYTES, SIZE_MAX
from crypto.encoding import pae, unpae
from crypto.errors import Malformed
from evidence.errors import BadReceipt
from evidence.proofs import verify_inclusion

WORDS = (
    "form",  # it is no receipt, or has a second spelling
    "event",  # the event in it is not well formed
    "note",  # its checkpoint is not well formed or not signed by the log
    "proof",  # its checkpoint does not hold this event at this index
)
RECEIPT_BYTES_MAX = 524_288
PATH_HASHES_MAX = 63
_TITLE = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receipt says, once it was checked: this event stands at `index` of the checkpoint."""

    event: Event
    index: int
    checkpoint: Checkpoint
    leaf_data: bytes
    path: tuple[bytes, ...]
    note: str

    @property
    def leaf_hash(self) -> bytes:
        return leaf_hash(self.leaf_data)


@dataclass(frozen=True, slots=True)
class _Parts:
    n1: bytes
    event: bytes
    h2: bytes
    index: int
    path: tuple[bytes, ...]
    note: str


def encode_receipt(
    n1: bytes, event: bytes, h2: bytes, index: int, path: Sequence[bytes], note: str
) -> str:
    """The receipt for the encoded event at `index`; `path` leads to the root that `note` signs."""
    lines = [
        _TITLE,
        f"extra {_base64(pae(n1, event, h2))}",
        f"index {index}",
        *(_base64(node) for node in path),
    ]
    return "\n".join(lines) + "\n\n" + note


def check_receipt(text: str, verifiers: Iterable[Verifier]) -> Receipt:
    """The receipt of its text, if all of it holds. Raises `BadReceipt` with one of `WORDS`.

    (1) the form, in its one spelling, (2) the note is signed by a known key of its log, (3) the
    event in its one spelling, (4) nonce, event and digest give a leaf that stands at this index.
    """
    # (1)
    parts = _parse(text)
    # (2)
    try:
        checkpoint = open_note(parts.note, verifiers)
    except BadNote as error:
        raise BadReceipt("note", error.what) from None
    # (3)
    try:
        event = decode_event(parts.event)
    except MalformedEntry as error:
        raise BadReceipt("event", error.what) from None
    # (4)
    data = leaf_data(event_digest(parts.n1, parts.event), parts.h2)
    try:
        verify_inclusion(leaf_hash(data), parts.index, checkpoint.size, parts.path, checkpoint.root)
    except BadProof as error:
        raise BadReceipt("proof", error.what) from None
    return Receipt(event, parts.index, checkpoint, data, parts.path, parts.note)


def _parse(text: str) -> _Parts:
    if len(text) > RECEIPT_BYTES_MAX:
        raise BadReceipt("form", "too long")
    head, blank, note = text.partition("\n\n")
    lines = head.split("\n")
    if not blank or lines[0] != _TITLE or not 3 <= len(lines) <= 3 + PATH_HASHES_MAX:
        raise BadReceipt("form", "lines")
    try:
        n1, event, h2 = unpae(unbase64(_after("extra ", lines[1])))
        path = tuple(unbase64(line) for line in lines[3:])
    except (BadNote, Malformed, ValueError):
        raise BadReceipt("form", "base64") from None
    if len(n1) != NONCE_BYTES or any(len(node) != HASH_BYTES for node in (h2, *path)):
        raise BadReceipt("form", "lengths")
    index = _after("index ", lines[2])
    if not _INDEX.fullmatch(index) or int(index) > SIZE_MAX:
        raise BadReceipt("form", "index")
    return _Parts(n1, event, h2, int(index), path, note)


def _after(prefix: str, line: str) -> str:
    if not line.startswith(prefix):
        raise BadReceipt("form", prefix.strip())
    return line.removeprefix(prefix)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
