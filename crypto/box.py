"""The two primitives of the format, and the one key derivation behind both.

Written down in docs/format.md, 2 Boxes, seals, derivation.

    box(key, ctx, plain)     0x01 || salt(32) || c(32) || AES-256-GCM     81 bytes more than plain
    seal(public, info, key)  HPKE, KEM MLKEM768-X25519                    exactly 1168 bytes

`c` commits to the key: no box opens under two keys. `ctx` and `info` are PAEs that name the place
the bytes belong to: a box moved to another place does not open. Failure is always `CannotOpen`.
"""

from crypto import primitives
from crypto.encoding import pae
from crypto.errors import CannotOpen
from crypto.primitives import KeyPair, hybrid_keypair
from crypto.secret import Secret

SUITE = b"\x01"  # names the whole suite; 0x02 is reserved; nothing is negotiated
BOX_OVERHEAD_BYTES = 1 + 32 + 32 + primitives.TAG_BYTES
SEAL_BYTES = primitives.HPKE_OVERHEAD_BYTES + primitives.KEY_BYTES
ID_BYTES = 16
_NAME = "KLUIS1"

Context = bytes | str | int


def kdf(ikm: Secret, label: str, *context: Context, salt: bytes = b"", length: int = 32) -> Secret:
    """HKDF-SHA-256(ikm, salt, info = PAE("KLUIS1", label, context..), length)."""
    return Secret(primitives.hkdf_sha256(ikm.reveal(), salt, pae(_NAME, label, *context), length))


def derive_id(ikm: Secret, label: str, *context: Context) -> bytes:
    """The public 16-byte id that a secret stands under. Nothing else is derived without a salt."""
    return kdf(ikm, label, *context).reveal()[:ID_BYTES]


def mac(key: Secret, *parts: Context) -> bytes:
    """HMAC-SHA-256 over PAE(parts..), 32 bytes."""
    return primitives.hmac_sha256(key.reveal(), pae(*parts))


def box(key: Secret, ctx: bytes, plain: bytes) -> bytes:
    """Encrypts `plain` under `key` for the place that `ctx`, a PAE, names."""
    salt = primitives.random_bytes(32)
    message_key, commitment = _split(key, ctx, salt)
    # The salt is fresh, so the message key is: the zero nonce is used once under it.
    return SUITE + salt + commitment + primitives.encrypt_once(message_key, plain)


def open_box(key: Secret, ctx: bytes, blob: bytes) -> bytes:
    """The plaintext of a box made with this key for this place; else `CannotOpen`."""
    if len(blob) < BOX_OVERHEAD_BYTES or blob[:1] != SUITE:
        raise CannotOpen
    message_key, commitment = _split(key, ctx, blob[1:33])
    # Before decrypting: a ciphertext made to open under two keys (partitioning oracle) stops here.
    if not primitives.constant_time_equal(commitment, box_commitment(blob)):
        raise CannotOpen
    return primitives.decrypt_once(message_key, blob[65:])


def box_commitment(blob: bytes) -> bytes:
    """`c` of a box: 32 bytes that bind whoever names them to this one plaintext."""
    return blob[33:65]


def _split(key: Secret, ctx: bytes, salt: bytes) -> tuple[bytes, bytes]:
    derived = primitives.hkdf_sha256(key.reveal(), salt, pae(_NAME, "box", ctx), 64)
    return derived[:32], derived[32:]


def keypair(seed: Secret) -> KeyPair:
    """The hybrid key pair of a 32-byte seed."""
    if len(seed) != primitives.KEY_BYTES:
        raise CannotOpen
    return hybrid_keypair(seed.reveal())


def seal(public: bytes, info: bytes, key: Secret) -> bytes:
    """Seals a 32-byte key to a public key for the place that `info` names; 1168 bytes."""
    if len(public) != primitives.HYBRID_PUBLIC_BYTES or len(key) != primitives.KEY_BYTES:
        raise CannotOpen
    return primitives.hpke_seal(public, info, key.reveal())


def unseal(pair: KeyPair, info: bytes, sealed: bytes) -> Secret:
    """The key in a seal made to this pair for this place; else `CannotOpen`."""
    if len(sealed) != SEAL_BYTES:
        raise CannotOpen
    return Secret(primitives.hpke_open(pair, info, sealed))
