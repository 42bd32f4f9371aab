"""Every call into `cryptography` for boxes, seals, keys and the log's signatures.

Written down in docs/format.md, 2 Boxes, seals, derivation. Each function maps every failure of the
library to one error, `CannotOpen`, without a cause.
"""

import hashlib
import hmac
import os
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, hpke
from cryptography.hazmat.primitives.asymmetric import ed25519, mldsa, mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from crypto.errors import CannotOpen

KEY_BYTES = 32
TAG_BYTES = 16
MLKEM_PUBLIC_BYTES = 1184
HYBRID_PUBLIC_BYTES = MLKEM_PUBLIC_BYTES + 32
HPKE_OVERHEAD_BYTES = 1120 + TAG_BYTES

_ZERO_NONCE = bytes(12)
_SHA256 = hashes.SHA256()
# KEM 0x647a, KDF 0x0001, AEAD 0x0002. There is one suite and no negotiation.
_SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


def random_bytes(length: int) -> bytes:
    return os.urandom(length)


def constant_time_equal(left: bytes, right: bytes) -> bool:
    return hmac.compare_digest(left, right)


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """RFC 2104 with SHA-256, by a library that keeps the interpreter: `hmac.digest` lets another
    thread have it each time, and a read makes fifteen of them.
    """
    made = HMAC(key, _SHA256)
    made.update(message)
    return made.finalize()


def hkdf_sha256(ikm: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869 with SHA-256; an empty salt means 32 zero bytes, as the RFC says."""
    return HKDF(_SHA256, length, salt or None, info).derive(ikm)


def encrypt_once(key: bytes, plaintext: bytes) -> bytes:
    """AES-256-GCM under the all-zero nonce.

    Safe only because the caller derived `key` from a fresh 32-byte salt and uses it for this one
    message (`crypto.box`). Anywhere else a fixed nonce would be fatal.
    """
    return AESGCM(key).encrypt(_ZERO_NONCE, plaintext, None)


def decrypt_once(key: bytes, ciphertext: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(_ZERO_NONCE, ciphertext, None)
    except InvalidTag:
        raise CannotOpen from None


@dataclass(frozen=True, slots=True, repr=False)
class KeyPair:
    """An ML-KEM-768 + X25519 pair. `public` is 1184 + 32 bytes; the private half stays a handle."""

    public: bytes
    private: hpke.MLKEM768X25519PrivateKey


def hybrid_keypair(seed: bytes) -> KeyPair:
    """The pair that a 32-byte seed expands to: SHAKE256(seed, 96) = ML-KEM seed || X25519 key."""
    expanded = hashlib.shake_256(seed).digest(96)
    lattice = mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
    curve = x25519.X25519PrivateKey.from_private_bytes(expanded[64:])
    public = lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()
    return KeyPair(public, hpke.MLKEM768X25519PrivateKey(lattice, curve))


def hpke_seal(public: bytes, info: bytes, plaintext: bytes) -> bytes:
    """RFC 9180 base mode, single shot, no aad. Raises `CannotOpen` for a public key that is bad."""
    try:
        lattice = mlkem.MLKEM768PublicKey.from_public_bytes(public[:MLKEM_PUBLIC_BYTES])
        curve = x25519.X25519PublicKey.from_public_bytes(public[MLKEM_PUBLIC_BYTES:])
        return _SUITE.encrypt(plaintext, hpke.MLKEM768X25519PublicKey(lattice, curve), info)
    except ValueError:  # wrong length, coefficients out of range, low order point
        raise CannotOpen from None


def hpke_open(pair: KeyPair, info: bytes, sealed: bytes) -> bytes:
    try:
        return _SUITE.decrypt(sealed, pair.private, info)
    except (InvalidTag, ValueError):
        raise CannotOpen from None


_ed25519_key = lru_cache(maxsize=4)(ed25519.Ed25519PrivateKey.from_private_bytes)


def ed25519_public(seed: bytes) -> bytes:
    return _ed25519_key(seed).public_key().public_bytes_raw()


def ed25519_sign(seed: bytes, message: bytes) -> bytes:
    return _ed25519_key(seed).sign(message)


def ed25519_verify(public: bytes, signature: bytes, message: bytes) -> None:
    """Returns only for a good signature; else raises `CannotOpen`."""
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise CannotOpen from None


def mldsa44_public(seed: bytes) -> bytes:
    """FIPS 204: the 1312 public bytes of a 32-byte seed."""
    return mldsa.MLDSA44PrivateKey.from_seed_bytes(seed).public_key().public_bytes_raw()


def mldsa44_sign(seed: bytes, message: bytes) -> bytes:
    """2420 bytes, with an empty context; other ones each time, for the signature is hedged."""
    return mldsa.MLDSA44PrivateKey.from_seed_bytes(seed).sign(message)


def mldsa44_verify(public: bytes, signature: bytes, message: bytes) -> None:
    """Returns only for a good signature with an empty context; else raises `CannotOpen`."""
    try:
        mldsa.MLDSA44PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise CannotOpen from None
