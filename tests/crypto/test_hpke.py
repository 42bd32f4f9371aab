"""Seals are HPKE (RFC 9180) with the KEM MLKEM768-X25519 (draft-ietf-hpke-pq), and nothing else.

The key schedule and the KEM are written here a second time, straight from the documents. That
second hand replays published vectors, opens what `crypto.box` seals and seals what it opens.
"""

import hashlib
import hmac
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from crypto.box import keypair, seal, unseal
from crypto.errors import CannotOpen
from crypto.primitives import hybrid_keypair
from crypto.secret import Secret

KEM, HKDF_SHA256, AES_256_GCM, CHACHA20_POLY1305 = 0x647A, 1, 2, 3
AEADS: dict[int, type[AESGCM | ChaCha20Poly1305]] = {
    AES_256_GCM: AESGCM,
    CHACHA20_POLY1305: ChaCha20Poly1305,
}
XWING_LABEL = rb"\.//^" + b"\\"
MLKEM_CT_BYTES = 1088
MLKEM_PUBLIC_BYTES = 1184

SEED = bytes(range(32))
PLACE = b"the place"
Vector = dict[str, Any]


def combine(lattice: bytes, curve: bytes, curve_ct: bytes, curve_public: bytes) -> bytes:
    """The KEM's shared secret, from the secrets of its halves (X-Wing)."""
    return hashlib.sha3_256(lattice + curve + curve_ct + curve_public + XWING_LABEL).digest()


def decapsulate(seed: bytes, enc: bytes) -> bytes:
    expanded = hashlib.shake_256(seed).digest(96)
    lattice = mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
    curve = x25519.X25519PrivateKey.from_private_bytes(expanded[64:])
    lattice_ct, curve_ct = enc[:MLKEM_CT_BYTES], enc[MLKEM_CT_BYTES:]
    return combine(
        lattice.decapsulate(lattice_ct),
        curve.exchange(x25519.X25519PublicKey.from_public_bytes(curve_ct)),
        curve_ct,
        curve.public_key().public_bytes_raw(),
    )


def encapsulate(public: bytes) -> tuple[bytes, bytes]:
    """A fresh shared secret and its 1120 bytes for the holder of `public`."""
    lattice_public, curve_public = public[:MLKEM_PUBLIC_BYTES], public[MLKEM_PUBLIC_BYTES:]
    lattice, lattice_ct = mlkem.MLKEM768PublicKey.from_public_bytes(lattice_public).encapsulate()
    ephemeral = x25519.X25519PrivateKey.generate()
    curve = ephemeral.exchange(x25519.X25519PublicKey.from_public_bytes(curve_public))
    curve_ct = ephemeral.public_key().public_bytes_raw()
    return combine(lattice, curve, curve_ct, curve_public), lattice_ct + curve_ct


class KeySchedule:
    """RFC 9180 §5.1 in base mode with HKDF-SHA256."""

    def __init__(self, shared_secret: bytes, info: bytes, aead: int) -> None:
        numbers = (KEM, HKDF_SHA256, aead)
        self.suite_id = b"HPKE" + b"".join(number.to_bytes(2, "big") for number in numbers)
        context = b"\0" + self._extract(b"", b"psk_id_hash", b"")
        context += self._extract(b"", b"info_hash", info)
        secret = self._extract(shared_secret, b"secret", b"")
        self.key = self._expand(secret, b"key", context, 32)
        self.base_nonce = self._expand(secret, b"base_nonce", context, 12)
        self.exporter_secret = self._expand(secret, b"exp", context, 32)

    def nonce(self, count: int) -> bytes:
        mask = int.from_bytes(self.base_nonce, "big") ^ count
        return mask.to_bytes(12, "big")

    def export(self, exporter_context: bytes, length: int) -> bytes:
        return self._expand(self.exporter_secret, b"sec", exporter_context, length)

    def _extract(self, salt: bytes, label: bytes, ikm: bytes) -> bytes:
        labeled = b"HPKE-v1" + self.suite_id + label + ikm
        return hmac.digest(salt or bytes(32), labeled, "sha256")

    def _expand(self, secret: bytes, label: bytes, info: bytes, length: int) -> bytes:
        labeled = length.to_bytes(2, "big") + b"HPKE-v1" + self.suite_id + label + info
        # RFC 5869 §2.3, first block: nothing here is longer than one.
        return hmac.digest(secret, labeled + b"\x01", "sha256")[:length]


@pytest.fixture
def vectors(shared: Callable[[str], Path]) -> list[Vector]:
    text = shared("vectors/hpke_mlkem768_x25519.json").read_text()
    read = json.loads(text)
    return [json.loads(one) if isinstance(one, str) else one for one in read]


def test_published_seeds_give_the_published_public_keys(vectors: list[Vector]) -> None:
    assert {vector["kem_id"] for vector in vectors} == {KEM}
    for vector in vectors:
        public = hybrid_keypair(bytes.fromhex(vector["skRm"])).public
        assert public.hex() == vector["pkRm"]


def test_published_encapsulations_give_the_published_shared_secrets(vectors: list[Vector]) -> None:
    for vector in vectors:
        enc = bytes.fromhex(vector["enc"])
        assert decapsulate(bytes.fromhex(vector["skRm"]), enc).hex() == vector["shared_secret"]


def test_published_encryptions_open(vectors: list[Vector]) -> None:
    ours = [vector for vector in vectors if vector["kdf_id"] == HKDF_SHA256]
    assert len(ours) == 1
    for vector in ours:
        shared_secret = decapsulate(bytes.fromhex(vector["skRm"]), bytes.fromhex(vector["enc"]))
        schedule = KeySchedule(shared_secret, bytes.fromhex(vector["info"]), vector["aead_id"])
        assert schedule.suite_id.hex() == vector["suite_id"]
        assert schedule.key.hex() == vector["key"]
        assert schedule.base_nonce.hex() == vector["base_nonce"]
        assert schedule.exporter_secret.hex() == vector["exporter_secret"]
        aead = AEADS[vector["aead_id"]](schedule.key)
        assert vector["encryptions"]
        for one in vector["encryptions"]:
            # The published list leaves out some counts: each names its nonce.
            nonce, aad = bytes.fromhex(one["nonce"]), bytes.fromhex(one["aad"])
            assert nonce == schedule.nonce(int(aad.removeprefix(b"Count-")))
            assert aead.decrypt(nonce, bytes.fromhex(one["ct"]), aad).hex() == one["pt"]
        for one in vector["exports"]:
            exported = schedule.export(bytes.fromhex(one["exporter_context"]), one["L"])
            assert exported.hex() == one["exported_value"]


def test_the_second_hand_opens_what_is_sealed_here() -> None:
    key = Secret.random()
    sealed = seal(keypair(Secret(SEED)).public, PLACE, key)
    enc, ciphertext = sealed[:1120], sealed[1120:]
    schedule = KeySchedule(decapsulate(SEED, enc), PLACE, AES_256_GCM)
    assert AESGCM(schedule.key).decrypt(schedule.nonce(0), ciphertext, b"") == key.reveal()


def test_what_the_second_hand_seals_opens_here() -> None:
    pair, key = keypair(Secret(SEED)), Secret.random()
    shared_secret, enc = encapsulate(pair.public)
    schedule = KeySchedule(shared_secret, PLACE, AES_256_GCM)
    sealed = enc + AESGCM(schedule.key).encrypt(schedule.nonce(0), key.reveal(), b"")
    assert unseal(pair, PLACE, sealed) == key


def test_a_seal_of_another_suite_does_not_open() -> None:
    pair, key = keypair(Secret(SEED)), Secret.random()
    shared_secret, enc = encapsulate(pair.public)
    schedule = KeySchedule(shared_secret, PLACE, CHACHA20_POLY1305)
    sealed = enc + ChaCha20Poly1305(schedule.key).encrypt(schedule.nonce(0), key.reveal(), b"")
    with pytest.raises(CannotOpen):
        unseal(pair, PLACE, sealed)


def test_the_place_is_bound_by_the_key_schedule() -> None:
    sealed = seal(keypair(Secret(SEED)).public, PLACE, Secret.random())
    schedule = KeySchedule(decapsulate(SEED, sealed[:1120]), b"another place", AES_256_GCM)
    with pytest.raises(InvalidTag):
        AESGCM(schedule.key).decrypt(schedule.nonce(0), sealed[1120:], b"")
