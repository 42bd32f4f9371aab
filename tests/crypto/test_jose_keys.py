"""Each way a key is refused; and the issuer, which is read before anything is proved."""

from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from crypto import jose
from crypto.encoding import b64u
from crypto.errors import BadToken, Malformed
from crypto.jose import (
    CLIENT_ASSERTION,
    Jwk,
    PublicJwk,
    parse_jwk,
    parse_jwks,
    public_jwk,
    thumbprint,
    unverified_issuer,
)
from tests.crypto.tokens import (
    ASSERTION,
    ED_PUBLIC,
    PRIVATE,
    PUBLIC,
    RFC_7638_KEY,
    RFC_8037_KEY,
    RFC_9449_KEY,
    RSA_PRIVATE,
    RSA_PUBLIC,
    compact,
    signed_assertion,
    signed_proof,
)

# the issuer, before anything is proved


def test_the_issuer_is_read_of_a_token_of_the_largest_size() -> None:
    longest = signed_assertion().ljust(CLIENT_ASSERTION.token_bytes_max, "x")
    assert unverified_issuer(longest, CLIENT_ASSERTION) == ASSERTION["iss"]
    with pytest.raises(BadToken):
        unverified_issuer(longest + "x", CLIENT_ASSERTION)


def test_the_issuer_is_read_to_look_up_keys() -> None:
    assert unverified_issuer(signed_assertion(), CLIENT_ASSERTION) == ASSERTION["iss"]
    for token, check in (
        ("a.b", "form"),
        (compact({}, {"iss": 5}), "iss"),
        (signed_proof(), "iss"),
        ("x" * 16_000 + "." * 2 + "x" * 400, "form"),
    ):
        with pytest.raises(BadToken) as caught:
            unverified_issuer(token, CLIENT_ASSERTION)
        assert caught.value.check == check


# keys


@pytest.mark.parametrize(
    ("jwk", "expected"),
    [
        (RFC_7638_KEY, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
        (RFC_8037_KEY, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
        (RFC_9449_KEY, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"),
    ],
    ids=["RFC 7638", "RFC 8037", "RFC 9449"],
)
def test_thumbprints_are_those_of_the_standards(jwk: Jwk, expected: str) -> None:
    assert thumbprint(jwk) == expected


def test_a_key_keeps_its_thumbprint_whatever_else_it_says() -> None:
    more = {**PUBLIC, "kid": "other", "use": "sig", "x5t": "x", "key_ops": ["verify"]}
    assert parse_jwk(more).thumbprint == thumbprint(PUBLIC)


def _rsa_key(bits: int) -> Jwk:
    modulus = (1 << (bits - 1)) | 1
    return {**RSA_PUBLIC, "n": b64u(modulus.to_bytes(-(-bits // 8), "big"))}


BAD_MEMBERS: dict[str, list[Any]] = {
    "kty": [None, "oct", "ec", [], {}, 5, "RSA", "OKP"],
    "use": ["enc", None, 5, [], ""],
    "key_ops": [None, [], ["sign"], ["verify", "sign"], "verify"],
    "alg": ["ES384", "PS256", None, [], 5, "none"],
    "kid": [5, [], "x" * 257],
    "x": [None, 5, "", "AA", PUBLIC["x"] + "=", PUBLIC["y"]],
    "crv": [None, "P-384", "secp256k1", [], 5],
    **{name: ["AA"] for name in ("d", "p", "q", "dp", "dq", "qi", "oth", "k")},
}
BAD_KEYS: list[Any] = [
    *(None, "x", [], {}, 5),
    *({**PUBLIC, name: value} for name, values in BAD_MEMBERS.items() for value in values),
    {name: value for name, value in PUBLIC.items() if name != "y"},
    ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP384R1()).public_key(), as_dict=True),
    _rsa_key(1024),
    _rsa_key(2047),
    _rsa_key(4097),
    {**RSA_PUBLIC, "e": "AQ"},
    {**RSA_PUBLIC, "n": ""},
    {**ED_PUBLIC, "crv": "X25519"},
    {"kty": "OKP", "crv": "Ed448", "x": b64u(bytes(57))},
    {**ED_PUBLIC, "x": b64u(bytes(31))},
]


@pytest.mark.parametrize("jwk", BAD_KEYS)
def test_other_keys_are_malformed(jwk: Any) -> None:
    with pytest.raises(Malformed):
        parse_jwk(jwk)


def test_a_new_key_says_what_it_is_for() -> None:
    assert PRIVATE.keys() == {"kty", "crv", "x", "y", "d", "alg", "use", "kid"}
    assert (PRIVATE["alg"], PRIVATE["use"]) == ("ES256", "sig")


def test_rsa_keys_of_2048_to_4096_bits_are_keys() -> None:
    for bits in (2048, 3072, 4096):
        assert parse_jwk(_rsa_key(bits)).algorithms == ("PS256",)


def test_a_key_does_not_show_its_point() -> None:
    assert "key=" not in repr(parse_jwk(PUBLIC))


def test_a_set_has_one_to_eight_keys_each_with_its_own_kid() -> None:
    keys = [public_jwk(jose.generate_key()) for _ in range(9)]
    assert len(parse_jwks({"keys": keys[:8]})) == 8
    bare = {name: value for name, value in PUBLIC.items() if name != "kid"}
    assert parse_jwks({"keys": [bare]})[0].key_id is None
    bad_sets: list[Any] = [
        keys[0],
        [],
        None,
        {"keys": []},
        {"keys": {}},
        {"keys": keys},
        {"keys": [keys[0], keys[0]]},
        {"keys": [keys[0], bare]},
        {"keys": [keys[0], PRIVATE]},
        {"keys": [keys[0], {"kty": "oct", "k": "AA", "kid": "mac"}]},
    ]
    for bad in bad_sets:
        with pytest.raises(Malformed):
            parse_jwks(bad)


def test_a_generated_key_signs_and_its_public_part_is_public() -> None:
    assert PRIVATE["kid"] == thumbprint(PRIVATE)
    assert "d" in PRIVATE
    assert "d" not in PUBLIC
    assert isinstance(parse_jwk(PUBLIC), PublicJwk)
    token = signed_proof()
    assert set(jwt.get_unverified_header(token)["jwk"]) == {"kty", "crv", "x", "y"}


@pytest.mark.parametrize("exponent", [3, 65539, 2**2000 + 1], ids=["small", "near", "huge"])
def test_an_rsa_key_of_another_exponent_is_refused(exponent: int) -> None:
    """A large one makes a signature expensive to check, and nobody needs a small one."""
    numbers = RSA_PRIVATE.public_key().public_numbers()
    digits = exponent.to_bytes((exponent.bit_length() + 7) // 8)
    modulus = b64u(numbers.n.to_bytes(256))
    jwk = {"kty": "RSA", "n": modulus, "e": b64u(digits)}
    with pytest.raises(Malformed):
        parse_jwk(jwk)
    assert parse_jwk(jwk | {"e": "AQAB"}).algorithms == ("PS256",)


def test_a_key_id_has_up_to_256_characters() -> None:
    assert parse_jwk(PUBLIC | {"kid": "k" * 256}).key_id == "k" * 256
    with pytest.raises(Malformed):
        parse_jwk(PUBLIC | {"kid": "k" * 257})
