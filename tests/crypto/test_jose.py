"""Each numbered check of `jose.verify`, and each way a key is refused."""

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from crypto import jose
from crypto.encoding import b64u
from crypto.errors import BadToken, Malformed
from crypto.jose import (
    CLIENT_ASSERTION,
    DPOP_PROOF,
    Jwk,
    Kind,
    PublicJwk,
    parse_jwk,
    parse_jwks,
    public_jwk,
    sign,
    thumbprint,
    unverified_issuer,
    verify,
)

PRIVATE = jose.generate_key()
PUBLIC = public_jwk(PRIVATE)
KEYS = parse_jwks({"keys": [PUBLIC]})
PROOF = {"jti": "1", "htm": "POST", "htu": "https://kluis.example/token", "iat": 1_700_000_000}
ASSERTION = {
    "iss": "https://agency.example",
    "sub": "https://agency.example",
    "aud": "https://kluis.example",
    "exp": 1_700_000_060,
    "iat": 1_700_000_000,
    "jti": "1",
}
RSA_PRIVATE = rsa.generate_private_key(public_exponent=65537, key_size=2048)
RSA_PUBLIC: Jwk = RSAAlgorithm.to_jwk(RSA_PRIVATE.public_key(), as_dict=True)
ED_PRIVATE = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ED_PUBLIC: Jwk = OKPAlgorithm.to_jwk(ED_PRIVATE.public_key(), as_dict=True)

# RFC 7638 §3.1, RFC 8037 A.2, RFC 9449 §4.1 and §7.1
RFC_7638_KEY = {
    "kty": "RSA",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"
    "BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2"
    "QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6W"
    "eZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    "e": "AQAB",
    "alg": "RS256",
    "kid": "2011-04-29",
}
RFC_8037_KEY = {
    "kty": "OKP",
    "crv": "Ed25519",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}
RFC_9449_KEY = {
    "kty": "EC",
    "crv": "P-256",
    "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
    "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
}


def _proof(**changes: Any) -> str:
    return sign({**PROOF, **changes}, PRIVATE, typ="dpop+jwt", carry_key=True)


def _assertion(**changes: Any) -> str:
    return sign({**ASSERTION, **changes}, PRIVATE, typ="JWT")


def _compact(header: bytes | Jwk, payload: bytes | Jwk, private: Any = None, alg: str = "") -> str:
    """A token of any bytes, signed, whatever they say."""
    raw = [p if isinstance(p, bytes) else json.dumps(p).encode() for p in (header, payload)]
    signed = ".".join(b64u(part) for part in raw)
    key = private or jwt.PyJWK(PRIVATE).key
    algorithms: dict[str, Any] = jwt.algorithms.get_default_algorithms()
    return signed + "." + b64u(algorithms[alg or "ES256"].sign(signed.encode(), key))


def _refused(token: str, check: str, kind: Kind = DPOP_PROOF, keys: Any = ()) -> None:
    with pytest.raises(BadToken) as caught:
        verify(token, kind, keys)
    assert caught.value.check == check


def test_a_good_proof_passes_and_names_its_key() -> None:
    verified = verify(_proof(), DPOP_PROOF)
    assert verified.claims == PROOF
    assert verified.key.thumbprint == thumbprint(PUBLIC)


def test_a_good_assertion_passes() -> None:
    assert verify(_assertion(), CLIENT_ASSERTION, KEYS).claims == ASSERTION


@pytest.mark.parametrize("typ", ["JWT", "client-authentication+jwt", None])
def test_an_assertion_may_have_these_types(typ: str | None) -> None:
    header = {"alg": "ES256", "kid": PRIVATE["kid"]} | ({"typ": typ} if typ else {})
    assert verify(_compact(header, ASSERTION), CLIENT_ASSERTION, KEYS).claims == ASSERTION


def test_more_claims_and_header_members_pass() -> None:
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": PUBLIC, "x": {"y": [1]}}
    assert verify(_compact(header, {**PROOF, "foo": "bar"}), DPOP_PROOF).claims["foo"] == "bar"


# (1) size and form


def test_1_a_token_has_a_largest_size() -> None:
    most = DPOP_PROOF.token_bytes_max
    room = (most - len(_proof(pad=""))) // 4 * 3  # three bytes of payload are four characters
    tokens = [_proof(pad="x" * length) for length in range(room - 3, room + 6)]
    assert len(tokens[0]) <= most < len(tokens[-1])
    for token in tokens:
        if len(token) <= most:
            assert verify(token, DPOP_PROOF).key.thumbprint == PRIVATE["kid"]
        else:
            _refused(token, "form")


def test_1_a_token_has_three_parts() -> None:
    token = _proof()
    for text in ("", "a", "a.b", token + ".", "." + token, token.rsplit(".", 1)[0], "a.b.c.d.e"):
        _refused(text, "form")


def test_1_base64url_is_canonical_and_unpadded() -> None:
    header, payload, signature = _proof().split(".")
    for bad in (header + "=", header + "==", header + "\n", " " + header, header + "A"):
        _refused(f"{bad}.{payload}.{signature}", "form")
    for bad in (payload + "=", payload + "+", payload + "\N{LATIN SMALL LETTER E WITH ACUTE}"):
        _refused(f"{header}.{bad}.{signature}", "form")


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
    _refused(_compact(header, raw), "form")
    _refused(_compact(raw, PROOF), "form")


def test_1_a_claim_given_twice_is_refused_though_signed() -> None:
    raw = json.dumps(PROOF).replace('"htm": "POST"', '"htm": "POST", "htm": "GET"').encode()
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": PUBLIC}
    _refused(_compact(header, raw), "form")


# (2) type


@pytest.mark.parametrize("typ", [None, "JWT", "jwt", "DPOP+JWT", "at+jwt", "", 5, [], {}, ["x"]])
def test_2_another_type_is_refused(typ: object) -> None:
    header = {"typ": typ, "alg": "ES256", "jwk": PUBLIC}
    if typ is None:
        del header["typ"]
    _refused(_compact(header, PROOF), "typ")


def test_2_a_proof_is_no_assertion_and_an_assertion_no_proof() -> None:
    _refused(_proof(**ASSERTION), "typ", CLIENT_ASSERTION, KEYS)
    _refused(_assertion(**PROOF), "typ")


# (3) key


def test_3_a_proof_without_its_key_is_refused() -> None:
    _refused(_compact({"typ": "dpop+jwt", "alg": "ES256"}, PROOF), "jwk")
    bad: list[Any] = [None, "x", [], {}]
    for value in bad:
        _refused(_compact({"typ": "dpop+jwt", "alg": "ES256", "jwk": value}, PROOF), "jwk")


def test_3_a_private_key_in_the_header_is_refused() -> None:
    _refused(_compact({"typ": "dpop+jwt", "alg": "ES256", "jwk": PRIVATE}, PROOF), "jwk")


def test_3_a_key_for_a_mac_is_refused() -> None:
    oct_key = {"kty": "oct", "k": b64u(bytes(32))}
    token = jwt.encode(PROOF, bytes(32), "HS256", {"typ": "dpop+jwt", "jwk": oct_key})
    _refused(token, "jwk")


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "x5c"])
def test_3_an_assertion_brings_no_key(member: str) -> None:
    value = PUBLIC if member == "jwk" else "https://attacker.example/keys"
    header = {"typ": "JWT", "alg": "ES256", "kid": PRIVATE["kid"], member: value}
    _refused(_compact(header, ASSERTION), "header key", CLIENT_ASSERTION, KEYS)


def test_3_the_key_of_an_assertion_is_found_by_its_kid() -> None:
    other = jose.generate_key()
    keys = parse_jwks({"keys": [public_jwk(other), PUBLIC]})
    assert verify(_assertion(), CLIENT_ASSERTION, keys).key == KEYS[0]
    _refused(_assertion(), "kid", CLIENT_ASSERTION, parse_jwks({"keys": [public_jwk(other)]}))
    _refused(_assertion(), "kid", CLIENT_ASSERTION, ())


def test_3_a_token_without_kid_needs_a_client_with_one_key() -> None:
    token = _compact({"typ": "JWT", "alg": "ES256"}, ASSERTION)
    assert verify(token, CLIENT_ASSERTION, KEYS).key == KEYS[0]
    keys = parse_jwks({"keys": [PUBLIC, public_jwk(jose.generate_key())]})
    _refused(token, "kid", CLIENT_ASSERTION, keys)


# (4) algorithm


def test_4_a_token_without_signature_is_refused() -> None:
    for algorithm in ("none", "None", "NONE"):
        head = b64u(json.dumps({"typ": "dpop+jwt", "alg": algorithm, "jwk": PUBLIC}).encode())
        _refused(f"{head}.{b64u(json.dumps(PROOF).encode())}.", "alg")


def test_4_the_public_key_is_no_mac_secret() -> None:
    # CVE-2026-48526: HS256 "signed" with the public key that everyone knows
    secret = ECAlgorithm(ECAlgorithm.SHA256).to_jwk(jwt.PyJWK(PUBLIC).key).encode()
    header = {"typ": "dpop+jwt", "alg": "HS256", "jwk": PUBLIC}
    _refused(_compact(header, PROOF, secret, "HS256"), "alg")


def test_4_rs256_is_refused_and_ps256_passes() -> None:
    header = {"typ": "dpop+jwt", "alg": "RS256", "jwk": RSA_PUBLIC}
    _refused(_compact(header, PROOF, RSA_PRIVATE, "RS256"), "alg")
    token = _compact({**header, "alg": "PS256"}, PROOF, RSA_PRIVATE, "PS256")
    assert verify(token, DPOP_PROOF).key.algorithms == ("PS256",)


@pytest.mark.parametrize("algorithm", ["EdDSA", "Ed25519"])
def test_4_an_ed25519_key_has_two_names_for_one_algorithm(algorithm: str) -> None:
    header = {"typ": "dpop+jwt", "alg": algorithm, "jwk": ED_PUBLIC}
    assert verify(_compact(header, PROOF, ED_PRIVATE, "EdDSA"), DPOP_PROOF).claims == PROOF


def test_4_an_algorithm_of_another_key_type_is_refused() -> None:
    for algorithm in ("PS256", "EdDSA", "ES384", "es256", "", 5, None, ["ES256"]):
        header = {"typ": "dpop+jwt", "alg": algorithm, "jwk": PUBLIC}
        _refused(_compact(header, PROOF), "alg")
    _refused(_compact({"typ": "dpop+jwt", "jwk": PUBLIC}, PROOF), "alg")


def test_4_a_key_that_names_its_algorithm_holds_to_it() -> None:
    header = {"typ": "dpop+jwt", "alg": "EdDSA", "jwk": {**ED_PUBLIC, "alg": "Ed25519"}}
    _refused(_compact(header, PROOF, ED_PRIVATE, "EdDSA"), "alg")


# (5) signature


def test_5_a_bad_signature_is_refused() -> None:
    header, payload, signature = _proof().split(".")
    flipped = ("B" if signature[0] == "A" else "A") + signature[1:]
    _refused(f"{header}.{payload}.{flipped}", "signature")
    _refused(f"{header}.{payload}.", "signature")
    _refused(
        f"{header}.{b64u(json.dumps({**PROOF, 'htm': 'GET'}).encode())}.{signature}", "signature"
    )


def test_5_a_signature_by_another_key_is_refused() -> None:
    other = jwt.PyJWK(jose.generate_key()).key
    _refused(
        _compact({"typ": "dpop+jwt", "alg": "ES256", "jwk": PUBLIC}, PROOF, other), "signature"
    )


def test_5_a_signature_has_one_spelling() -> None:
    token = _proof()
    for ending in ("=", "==", "A", "\n"):
        _refused(token + ending, "signature")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(token[-1])
    _refused(token[:-1] + alphabet[last ^ 1], "signature")


@pytest.mark.parametrize(
    "extra", [{"crit": ["x"], "x": 1}, {"crit": []}, {"crit": "b64"}, {"b64": False}]
)
def test_1_extensions_that_must_be_understood_are_refused(extra: Jwk) -> None:
    # CVE-2026-32597
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": PUBLIC, **extra}
    _refused(_compact(header, PROOF), "crit")


# (6) claims


@pytest.mark.parametrize("name", DPOP_PROOF.required)
def test_6_a_proof_needs_each_claim(name: str) -> None:
    claims = {key: value for key, value in PROOF.items() if key != name}
    _refused(sign(claims, PRIVATE, typ="dpop+jwt", carry_key=True), name)


@pytest.mark.parametrize("name", CLIENT_ASSERTION.required)
def test_6_an_assertion_needs_each_claim(name: str) -> None:
    claims = {key: value for key, value in ASSERTION.items() if key != name}
    _refused(sign(claims, PRIVATE, typ="JWT"), name, CLIENT_ASSERTION, KEYS)


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "jti", "htm", "htu", "ath", "nonce"])
@pytest.mark.parametrize("value", [None, 5, True, "", "x" * 2049, ["x"], {"x": "y"}])
def test_6_texts_are_texts(name: str, value: object) -> None:
    token = _compact({"typ": "dpop+jwt", "alg": "ES256", "jwk": PUBLIC}, {**PROOF, name: value})
    _refused(token, name)


@pytest.mark.parametrize("name", ["iat", "nbf", "exp"])
@pytest.mark.parametrize("value", [None, True, -1, "1700000000", [1]])
def test_6_instants_are_whole_numbers(name: str, value: object) -> None:
    token = _compact({"typ": "dpop+jwt", "alg": "ES256", "jwk": PUBLIC}, {**PROOF, name: value})
    _refused(token, name)


@pytest.mark.parametrize(
    ("name", "value"), [("nonce", "x"), ("nonce", "x" * 2048), ("iat", 0), ("nbf", 0)]
)
def test_6_a_claim_may_have_its_least_and_its_most(name: str, value: object) -> None:
    token = _compact({"typ": "dpop+jwt", "alg": "ES256", "jwk": PUBLIC}, {**PROOF, name: value})
    assert verify(token, DPOP_PROOF).claims[name] == value


def test_6_an_audience_is_one_text() -> None:
    token = _assertion(aud=[ASSERTION["aud"]])
    _refused(token, "aud", CLIENT_ASSERTION, KEYS)


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
    token = _proof(jti="canary-3141")[:-4] + "AAAA"
    with pytest.raises(BadToken) as caught:
        verify(token, DPOP_PROOF)
    assert str(caught.value) == "token refused: signature"
    assert caught.value.__suppress_context__


# the issuer, before anything is proved


def test_the_issuer_is_read_of_a_token_of_the_largest_size() -> None:
    longest = _assertion().ljust(CLIENT_ASSERTION.token_bytes_max, "x")
    assert unverified_issuer(longest, CLIENT_ASSERTION) == ASSERTION["iss"]
    with pytest.raises(BadToken):
        unverified_issuer(longest + "x", CLIENT_ASSERTION)


def test_the_issuer_is_read_to_look_up_keys() -> None:
    assert unverified_issuer(_assertion(), CLIENT_ASSERTION) == ASSERTION["iss"]
    for token, check in (
        ("a.b", "form"),
        (_compact({}, {"iss": 5}), "iss"),
        (_proof(), "iss"),
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
    token = _proof()
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
