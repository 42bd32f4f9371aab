"""The thin layer over the library: published values, and one error for every failure."""

import pytest

from crypto.errors import CannotOpen
from crypto.primitives import (
    constant_time_equal,
    decrypt_once,
    ed25519_public,
    ed25519_sign,
    ed25519_verify,
    encrypt_once,
    hkdf_sha256,
    hmac_sha256,
    random_bytes,
    sha256,
)

# RFC 8032 §7.1, test 2
SEED = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


def test_ed25519_is_rfc_8032() -> None:
    assert ed25519_public(SEED) == PUBLIC
    assert ed25519_sign(SEED, b"\x72") == SIGNATURE
    ed25519_verify(PUBLIC, SIGNATURE, b"\x72")


@pytest.mark.parametrize(
    ("public", "signature", "message"),
    [
        (PUBLIC, SIGNATURE, b"\x73"),
        (PUBLIC, SIGNATURE[:-1], b"\x72"),
        (PUBLIC, bytes(64), b"\x72"),
        (PUBLIC[:-1], SIGNATURE, b"\x72"),
        (b"", SIGNATURE, b"\x72"),
        (ed25519_public(bytes(32)), SIGNATURE, b"\x72"),
    ],
)
def test_a_bad_signature_or_key_is_one_error(
    public: bytes, signature: bytes, message: bytes
) -> None:
    with pytest.raises(CannotOpen) as caught:
        ed25519_verify(public, signature, message)
    assert caught.value.__cause__ is None


def test_sha256_and_hmac_are_those_of_the_standards() -> None:
    assert sha256(b"abc").hex() == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
    # RFC 4231 §4.3
    assert hmac_sha256(b"Jefe", b"what do ya want for nothing?").hex() == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


def test_hkdf_without_a_salt_takes_zeros() -> None:
    # RFC 5869 A.3
    okm = hkdf_sha256(b"\x0b" * 22, b"", b"", 42)
    assert okm == hkdf_sha256(b"\x0b" * 22, bytes(32), b"", 42)
    assert okm.hex() == (
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    )


def test_a_ciphertext_opens_with_its_key_alone() -> None:
    blob = encrypt_once(bytes(32), b"text")
    assert len(blob) == 4 + 16
    assert decrypt_once(bytes(32), blob) == b"text"
    for key, changed in ((b"\1" * 32, blob), (bytes(32), blob[:-1]), (bytes(32), b"")):
        with pytest.raises(CannotOpen):
            decrypt_once(key, changed)


def test_random_bytes_are_as_many_as_asked_for_and_differ() -> None:
    assert len(random_bytes(20)) == 20
    assert random_bytes(32) != random_bytes(32)


def test_comparing_takes_bytes() -> None:
    assert constant_time_equal(b"a", b"a")
    assert not constant_time_equal(b"a", b"b")
    assert not constant_time_equal(b"a", b"ab")
