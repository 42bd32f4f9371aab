"""Each numbered check of `jose.verify`."""

import json
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm

from crypto import jose
from crypto.encoding import b64u
from crypto.errors import BadToken
from crypto.jose import (
    CLIENT_ASSERTION,
    DPOP_PROOF,
    Jwk,
    parse_jwks,
    public_jwk,
    sign,
    thumbprint,
    unverified_issuer,
    verify,
)
from tests.crypto.tokens import (
    ASSERTION,
    ED_PRIVATE,
    ED_PUBLIC,
    KEYS,
    PRIVATE,
    PROOF,
    PUBLIC,
    RSA_PRIVATE,
    RSA_PUBLIC,
    compact,
    is_refused,
    signed_assertion,
    signed_proof,
)


def test_a_good_proof_passes_and_names_its_key() -> None:
    verified = verify(signed_proof(), DPOP_PROOF)
    assert verified.claims == PROOF
    assert verified.key.thumbprint == thumbprint(PUBLIC)


def test_a_good_assertion_passes() -> None:
    assert verify(signed_assertion(), CLIENT_ASSERTION, KEYS).claims == ASSERTION


@pytest.mark.parametrize("typ", ["JWT", "client-authentication+jwt", None])
def test_an_assertion_may_have_these_types(typ: str | None) -> None:
    header = {"alg": "ES256", "kid": PRIVATE["kid"]} | ({"typ": typ} if typ else {})
    assert verify(compact(header, ASSERTION), CLIENT_ASSERTION, KEYS).claims == ASSERTION


def test_more_claims_and_header_members_pass() -> None:
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": PUBLIC, "x": {"y": [1]}}
    assert verify(compact(header, {**PROOF, "foo": "bar"}), DPOP_PROOF).claims["foo"] == "bar"


# (1) size and form


def test_1_a_token_has_a_largest_size() -> None:
    most = DPOP_PROOF.token_bytes_max
    room = (most - len(signed_proof(pad=""))) // 4 * 3  # three bytes of payload are four characters
    tokens = [signed_proof(pad="x" * length) for length in range(room - 3, room + 6)]
    assert len(tokens[0]) <= most < len(tokens[-1])
    for token in tokens:
        if len(token) <= most:
            assert verify(token, DPOP_PROOF).key.thumbprint == PRIVATE["kid"]
        else:
            is_refused(token, "form")


def test_1_a_token_has_three_parts() -> None:
    token = signed_proof()
    for text in ("", "a", "a.b", token + ".", "." + token, token.rsplit(".", 1)[0], "a.b.c.d.e"):
        is_refused(text, "form")


def test_1_base64url_is_canonical_and_unpadded() -> None:
    header, payload, signature = signed_proof().split(".")
    for bad in (header + "=", header + "==", header + "\n", " " + header, header + "A"):
        is_refused(f"{bad}.{payload}.{signature}", "form")
    for bad in (payload + "=", payload + "+", payload + "\N{LATIN SMALL LETTER E WITH ACUTE}"):
        is_refused(f"{header}.{bad}.{signature}", "form")


@pytest.mark.parametrize(
    "raw",
    [
        b"[]",
        b'"x"',
        b"",
        b"\xff",
        b'{"jti":"1","jti":"2"}',
        b'{"iat":1.0}',
        b'{"iat":NaN}',
        b'{"iat":90071992547409930}',
        b"{" * 5000,
        b"{} {}",
    ],
)
def test_1_header_and_claims_are_strict_json_objects(raw: bytes) -> None:
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": PUBLIC}
    is_refused(compact(header, raw), "form")
    is_refused(compact(raw, PROOF), "form")


def test_1_a_claim_given_twice_is_refused_though_signed() -> None:
    raw = json.dumps(PROOF).replace('"htm": "POST"', '"htm": "POST", "htm": "GET"').encode()
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": PUBLIC}
    is_refused(compact(header, raw), "form")


# (2) type


@pytest.mark.parametrize("typ", [None, "JWT", "jwt", "DPOP+JWT", "at+jwt", "", 5, [], {}, ["x"]])
def test_2_another_type_is_refused(typ: object) -> None:
    header = {"typ": typ, "alg": "ES256", "jwk": PUBLIC}
    if typ is None:
        del header["typ"]
    is_refused(compact(header, PROOF), "typ")


def test_2_a_proof_is_no_assertion_and_an_assertion_no_proof() -> None:
    is_refused(signed_proof(**ASSERTION), "typ", CLIENT_ASSERTION, KEYS)
    is_refused(signed_assertion(**PROOF), "typ")


# (3) key


def test_3_a_proof_without_its_key_is_refused() -> None:
    is_refused(compact({"typ": "dpop+jwt", "alg": "ES256"}, PROOF), "jwk")
    bad: list[Any] = [None, "x", [], {}]
    for value in bad:
        is_refused(compact({"typ": "dpop+jwt", "alg": "ES256", "jwk": value}, PROOF), "jwk")


def test_3_a_private_key_in_the_header_is_refused() -> None:
    is_refused(compact({"typ": "dpop+jwt", "alg": "ES256", "jwk": PRIVATE}, PROOF), "jwk")


def test_3_a_key_for_a_mac_is_refused() -> None:
    oct_key = {"kty": "oct", "k": b64u(bytes(32))}
    token = jwt.encode(PROOF, bytes(32), "HS256", {"typ": "dpop+jwt", "jwk": oct_key})
    is_refused(token, "jwk")


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "x5c"])
def test_3_an_assertion_brings_no_key(member: str) -> None:
    value = PUBLIC if member == "jwk" else "https://attacker.example/keys"
    header = {"typ": "JWT", "alg": "ES256", "kid": PRIVATE["kid"], member: value}
    is_refused(compact(header, ASSERTION), "header key", CLIENT_ASSERTION, KEYS)


def test_3_the_key_of_an_assertion_is_found_by_its_kid() -> None:
    other = jose.generate_key()
    keys = parse_jwks({"keys": [public_jwk(other), PUBLIC]})
    assert verify(signed_assertion(), CLIENT_ASSERTION, keys).key == KEYS[0]
    is_refused(
        signed_assertion(), "kid", CLIENT_ASSERTION, parse_jwks({"keys": [public_jwk(other)]})
    )
    is_refused(signed_assertion(), "kid", CLIENT_ASSERTION, ())


def test_3_a_token_without_kid_needs_a_client_with_one_key() -> None:
    token = compact({"typ": "JWT", "alg": "ES256"}, ASSERTION)
    assert verify(token, CLIENT_ASSERTION, KEYS).key == KEYS[0]
    keys = parse_jwks({"keys": [PUBLIC, public_jwk(jose.generate_key())]})
    is_refused(token, "kid", CLIENT_ASSERTION, keys)


# (4) algorithm


def test_4_a_token_without_signature_is_refused() -> None:
    for algorithm in ("none", "None", "NONE"):
        head = b64u(json.dumps({"typ": "dpop+jwt", "alg": algorithm, "jwk": PUBLIC}).encode())
        is_refused(f"{head}.{b64u(json.dumps(PROOF).encode())}.", "alg")


def test_4_the_public_key_is_no_mac_secret() -> None:
    # CVE-2026-48526: HS256 "signed" with the public key that everyone knows
    secret = ECAlgorithm(ECAlgorithm.SHA256).to_jwk(jwt.PyJWK(PUBLIC).key).encode()
    header = {"typ": "dpop+jwt", "alg": "HS256", "jwk": PUBLIC}
    is_refused(compact(header, PROOF, secret, "HS256"), "alg")


def test_4_rs256_is_refused_and_ps256_passes() -> None:
    header = {"typ": "dpop+jwt", "alg": "RS256", "jwk": RSA_PUBLIC}
    is_refused(compact(header, PROOF, RSA_PRIVATE, "RS256"), "alg")
    token = compact({**header, "alg": "PS256"}, PROOF, RSA_PRIVATE, "PS256")
    assert verify(token, DPOP_PROOF).key.algorithms == ("PS256",)


@pytest.mark.parametrize("algorithm", ["EdDSA", "Ed25519"])
def test_4_an_ed25519_key_has_two_names_for_one_algorithm(algorithm: str) -> None:
    header = {"typ": "dpop+jwt", "alg": algorithm, "jwk": ED_PUBLIC}
    assert verify(compact(header, PROOF, ED_PRIVATE, "EdDSA"), DPOP_PROOF).claims == PROOF


def test_4_an_algorithm_of_another_key_type_is_refused() -> None:
    for algorithm in ("PS256", "EdDSA", "ES384", "es256", "", 5, None, ["ES256"]):
        header = {"typ": "dpop+jwt", "alg": algorithm, "jwk": PUBLIC}
        is_refused(compact(header, PROOF), "alg")
    is_refused(compact({"typ": "dpop+jwt", "jwk": PUBLIC}, PROOF), "alg")


def test_4_a_key_that_names_its_algorithm_holds_to_it() -> None:
    header = {"typ": "dpop+jwt", "alg": "EdDSA", "jwk": {**ED_PUBLIC, "alg": "Ed25519"}}
    is_refused(compact(header, PROOF, ED_PRIVATE, "EdDSA"), "alg")


# (5) signature


def test_5_a_bad_signature_is_refused() -> None:
    header, payload, signature = signed_proof().split(".")
    flipped = ("B" if signature[0] == "A" else "A") + signature[1:]
    is_refused(f"{header}.{payload}.{flipped}", "signature")
    is_refused(f"{header}.{payload}.", "signature")
    is_refused(
        f"{header}.{b64u(json.dumps({**PROOF, 'htm': 'GET'}).encode())}.{signature}", "signature"
    )


def test_5_a_signature_by_another_key_is_refused() -> None:
    other = jwt.PyJWK(jose.generate_key()).key
    is_refused(
        compact({"typ": "dpop+jwt", "alg": "ES256", "jwk": PUBLIC}, PROOF, other), "signature"
    )


def test_5_a_signature_has_one_spelling() -> None:
    token = signed_proof()
    for ending in ("=", "==", "A", "\n"):
        is_refused(token + ending, "signature")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(token[-1])
    is_refused(token[:-1] + alphabet[last ^ 1], "signature")


@pytest.mark.parametrize(
    "extra", [{"crit": ["x"], "x": 1}, {"crit": []}, {"crit": "b64"}, {"b64": False}]
)
def test_1_extensions_that_must_be_understood_are_refused(extra: Jwk) -> None:
    # CVE-2026-32597
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": PUBLIC, **extra}
    is_refused(compact(header, PROOF), "crit")


# (6) claims


@pytest.mark.parametrize("name", DPOP_PROOF.required)
def test_6_a_proof_needs_each_claim(name: str) -> None:
    claims = {key: value for key, value in PROOF.items() if key != name}
    is_refused(sign(claims, PRIVATE, typ="dpop+jwt", carry_key=True), name)


@pytest.mark.parametrize("name", CLIENT_ASSERTION.required)
def test_6_an_assertion_needs_each_claim(name: str) -> None:
    claims = {key: value for key, value in ASSERTION.items() if key != name}
    is_refused(sign(claims, PRIVATE, typ="JWT"), name, CLIENT_ASSERTION, KEYS)


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "jti", "htm", "htu", "ath", "nonce"])
@pytest.mark.parametrize("value", [None, 5, True, "", "x" * 2049, ["x"], {"x": "y"}])
def test_6_texts_are_texts(name: str, value: object) -> None:
    token = compact({"typ": "dpop+jwt", "alg": "ES256", "jwk": PUBLIC}, {**PROOF, name: value})
    is_refused(token, name)


@pytest.mark.parametrize("name", ["iat", "nbf", "exp"])
@pytest.mark.parametrize("value", [None, True, -1, "1700000000", [1]])
def test_6_instants_are_whole_numbers(name: str, value: object) -> None:
    token = compact({"typ": "dpop+jwt", "alg": "ES256", "jwk": PUBLIC}, {**PROOF, name: value})
    is_refused(token, name)


@pytest.mark.parametrize(
    ("name", "value"), [("nonce", "x"), ("nonce", "x" * 2048), ("iat", 0), ("nbf", 0)]
)
def test_6_a_claim_may_have_its_least_and_its_most(name: str, value: object) -> None:
    token = compact({"typ": "dpop+jwt", "alg": "ES256", "jwk": PUBLIC}, {**PROOF, name: value})
    assert verify(token, DPOP_PROOF).claims[name] == value


def test_6_an_audience_is_one_text() -> None:
    token = signed_assertion(aud=[ASSERTION["aud"]])
    is_refused(token, "aud", CLIENT_ASSERTION, KEYS)


# whatever arrives


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
changes = st.dictionaries(
    st.sampled_from(["kty", "crv", "x", "y", "n", "e", "alg", "use", "key_ops", "kid"]),
    json_values | st.sampled_from(["EC", "P-256", "RSA", "OKP", "Ed25519", "AQAB"]),
)
headers = st.fixed_dictionaries(
    {
        "typ": json_values | st.sampled_from(["dpop+jwt", "JWT"]),
        "jwk": json_values | changes | changes.map(lambda changed: {**PUBLIC, **changed}),
    },
    optional={
        "alg": json_values | st.just("ES256"),
        "kid": json_values | st.just(PUBLIC["kid"]),
        "crit": json_values,
        "b64": json_values,
    },
)


@given(headers, json_values)
def test_nothing_but_bad_token_leaves(header: Jwk, claims: Any) -> None:
    bare = {name: value for name, value in header.items() if name != "jwk"}
    for head, kind in ((header, DPOP_PROOF), (bare, CLIENT_ASSERTION)):
        parts = (b64u(json.dumps(part).encode()) for part in (head, claims))
        with pytest.raises(BadToken):
            verify(".".join([*parts, "AA"]), kind, KEYS)


@given(st.text(max_size=60))
def test_no_text_is_a_token(text: str) -> None:
    with pytest.raises(BadToken):
        verify(text, DPOP_PROOF)
    with pytest.raises(BadToken):
        unverified_issuer(text, CLIENT_ASSERTION)


def test_a_refused_token_is_not_in_the_error() -> None:
    token = signed_proof(jti="canary-3141")[:-4] + "AAAA"
    with pytest.raises(BadToken) as caught:
        verify(token, DPOP_PROOF)
    assert str(caught.value) == "token refused: signature"
    assert caught.value.__suppress_context__
