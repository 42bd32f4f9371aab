r"""Leaves that hide their entry until its opening is shown (docs/audit.md, 4 Leaves and openings).

    h1        = HMAC-SHA256(n1, "event\n" || event)      h2 = HMAC-SHA256(n2, "chain\n" || chain)
    leaf_data = 0x01 || SHA-256("kluis-audit/v1\n" || h1 || h2)
    leaf_hash = SHA-256(0x00 || leaf_data)               RFC 6962

The nonces are 32 random bytes each and live in the opening alone. Without them a leaf says nothing,
not even to one who guesses the entry; once they are gone, the tree still verifies.
"""

from dataclasses import dataclass

from audit.errors import MalformedEntry
from audit.shapes import DIGEST, LEAF_DATA_BYTES, binary
from crypto.box import box, open_box
from crypto.encoding import pad, pae, unpad, unpae
from crypto.errors import CannotOpen, Malformed
from crypto.primitives import hmac_sha256, random_bytes, sha256
from crypto.secret import Secret

NONCE_BYTES = 32
_NONCE = binary(NONCE_BYTES)
_LEAF_V1 = b"\x01"
_LEAF_LABEL = b"kluis-audit/v1\n"
_EVENT_LABEL = b"event\n"
_CHAIN_LABEL = b"chain\n"


@dataclass(frozen=True, slots=True, repr=False)
class Nonces:
    """What hides the two bodies of one entry; never used for a second one."""

    n1: bytes
    n2: bytes

    def __post_init__(self) -> None:
        _NONCE.check("n1", self.n1)
        _NONCE.check("n2", self.n2)

    @classmethod
    def fresh(cls) -> "Nonces":
        return cls(random_bytes(NONCE_BYTES), random_bytes(NONCE_BYTES))


@dataclass(frozen=True, slots=True, repr=False)
class Opening:
    """All that a leaf commits to: the encoded event and chain, each with its nonce."""

    n1: bytes
    event: bytes
    n2: bytes
    chain: bytes

    def __post_init__(self) -> None:
        # A nonce of another length would be a second key with the same HMAC (zero padding).
        _NONCE.check("n1", self.n1)
        _NONCE.check("n2", self.n2)

    def leaf_data(self) -> bytes:
        return leaf_data(event_digest(self.n1, self.event), chain_digest(self.n2, self.chain))


def event_digest(n1: bytes, event: bytes) -> bytes:
    """h1, 32 bytes: commits to the encoded event. `n1` is exactly 32 bytes."""
    _NONCE.check("n1", n1)
    return hmac_sha256(n1, _EVENT_LABEL + event)


def chain_digest(n2: bytes, chain: bytes) -> bytes:
    """h2, 32 bytes: commits to the encoded chain. `n2` is exactly 32 bytes."""
    _NONCE.check("n2", n2)
    return hmac_sha256(n2, _CHAIN_LABEL + chain)


def leaf_data(h1: bytes, h2: bytes) -> bytes:
    """The 33 bytes that stand in the log for ever. A receipt shows h2 in place of the chain."""
    DIGEST.check("h1", h1)
    DIGEST.check("h2", h2)
    return _LEAF_V1 + sha256(_LEAF_LABEL + h1 + h2)


def check_leaf_data(data: bytes) -> None:
    """33 bytes that begin with 0x01, else `MalformedEntry`."""
    if len(data) != LEAF_DATA_BYTES or data[:1] != _LEAF_V1:
        raise MalformedEntry("leaf data")


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf in the tree (RFC 6962 §2.1)."""
    return sha256(b"\x00" + data)


def seal_opening(audit_key: Secret, origin: str, entry_id: bytes, opening: Opening) -> bytes:
    """The opening as it is stored: boxed under its subject's audit key, for this log and entry."""
    plain = pad(pae(opening.n1, opening.event, opening.n2, opening.chain))
    return box(audit_key, _context(origin, entry_id), plain)


def open_opening(audit_key: Secret, origin: str, entry_id: bytes, blob: bytes) -> Opening:
    """The opening in a stored box; `CannotOpen` for another key, log or entry, or other bytes.

    It is not yet compared with its leaf: `leaf_data()` must equal what the tree holds.
    """
    try:
        n1, event, n2, chain = unpae(unpad(open_box(audit_key, _context(origin, entry_id), blob)))
        return Opening(n1, event, n2, chain)
    except (Malformed, MalformedEntry, ValueError):  # written by one who has the key, not by us
        raise CannotOpen from None


def _context(origin: str, entry_id: bytes) -> bytes:
    return pae("opening", origin, entry_id)
