"""A client assertion passes each numbered check, or says which one it failed."""

import json
from typing import Any

import jwt
import pytest

from consent.credentials import (
    ASSERTION_LIFE_SECONDS_MAX,
    Client,
    verify_assertion,
)
from consent.errors import ConsentError, InvalidClient
from crypto import jose
from crypto.encoding import b64u
from crypto.jose import Jwk, PublicJwk, parse_jwks, public_jwk, sign

NOW_SECONDS = 1_700_000_000
NOW_MS = NOW_SECONDS * 1000
KEY = jose.generate_key()
AGENCY = "https://agency.example"
ISSUER = "https://kluis.example"
AGENCY_KEYS = parse_jwks({"keys": [public_jwk(KEY)]})


ASSERTION: dict[str, Any] = {
    "iss": AGENCY,
    "sub": AGENCY,
    "aud": ISSUER,
    "exp": NOW_SECONDS + 60,
    "iat": NOW_SECONDS,
    "jti": "a1",
}


def _keys_of(agency_id: str) -> tuple[PublicJwk, ...] | None:
    return AGENCY_KEYS if agency_id == AGENCY else None


def _assertion(*, signed_by: Jwk = KEY, typ: str = "JWT", **changes: Any) -> str:
    claims: dict[str, Any] = {**ASSERTION, **changes}
    kept = {name: value for name, value in claims.items() if value is not None}
    return sign(kept, signed_by, typ=typ)


def _assertion_with(name: str, value: Any) -> str:
    return _assertion(**{name: value})


def _authenticate(token: str, now_ms: int = NOW_MS) -> Client:
    return verify_assertion(token, keys_of=_keys_of, issuer=ISSUER, now_ms=now_ms)


def _unauthenticated(token: str, check: str, now_ms: int = NOW_MS) -> None:
    with pytest.raises(InvalidClient) as caught:
        _authenticate(token, now_ms)
    assert caught.value.check == check
    assert caught.value.code == "invalid_client"


@pytest.mark.parametrize("typ", ["JWT", "client-authentication+jwt"])
def test_a_good_assertion_authenticates_its_client(typ: str) -> None:
    assert _authenticate(_assertion(typ=typ)) == Client(AGENCY, "a1", NOW_MS + 60_000)


def test_1_an_unknown_client_and_a_bad_signature_look_the_same() -> None:
    stranger = "https://stranger.example"
    unknown = _assertion(iss=stranger, sub=stranger)
    forged = _assertion(signed_by={**jose.generate_key(), "kid": KEY["kid"]})
    other_kid = _assertion(signed_by=jose.generate_key())
    unsigned = _assertion().rsplit(".", 1)[0] + "."
    header = {"typ": "JWT", "alg": "HS256", "kid": KEY["kid"]}
    other_alg = ".".join([b64u(json.dumps(header).encode()), *_assertion().split(".")[1:]])
    messages = set()
    for token in (unknown, forged, other_kid, other_alg, unsigned):
        with pytest.raises(InvalidClient) as caught:
            _authenticate(token)
        messages.add((caught.value.code, caught.value.check, str(caught.value)))
    assert messages == {
        ("invalid_client", "signature", "the client assertion is refused: signature")
    }


@pytest.mark.parametrize("issuer", ["x" * 257, "a b", "\0", "\N{LATIN SMALL LETTER E WITH ACUTE}"])
def test_1_nobody_is_looked_up_by_a_name_that_nobody_has(issuer: str) -> None:
    with pytest.raises(InvalidClient) as caught:
        verify_assertion(
            _assertion(iss=issuer, sub=issuer),
            keys_of=lambda _: pytest.fail("looked up"),
            issuer=ISSUER,
            now_ms=NOW_MS,
        )
    assert caught.value.check == "signature"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "e30.e30.AA"])
def test_1_what_is_no_jwt_is_refused(token: str) -> None:
    with pytest.raises(InvalidClient):
        _authenticate(token)


def test_1_text_that_no_encoding_can_write_is_in_no_token() -> None:
    _unauthenticated(_assertion(jti="\ud800"), "form")


def test_1_a_proof_is_no_assertion() -> None:
    _unauthenticated(_assertion(typ="dpop+jwt"), "typ")
    _unauthenticated(_assertion(typ="at+jwt"), "typ")


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "exp", "jti"])
def test_1_each_claim_is_required(name: str) -> None:
    _unauthenticated(_assertion_with(name, None), name)


def test_1_when_it_was_made_may_be_left_out() -> None:
    """RFC 7523 §3 (6): iat is optional, and there are stock clients that leave it out."""
    assert _authenticate(_assertion_with("iat", None)).jti == "a1"


def test_2_a_client_speaks_for_itself() -> None:
    _unauthenticated(_assertion(sub="https://other.example"), "sub")


@pytest.mark.parametrize(
    "audience",
    [
        ISSUER + "/oauth/token",
        ISSUER + "/",
        ISSUER.upper(),
        "https://other.example",
        [ISSUER],
        [ISSUER, "https://other.example"],
    ],
)
def test_3_the_audience_is_the_issuer_and_one_text(audience: object) -> None:
    header = {"typ": "JWT", "alg": "ES256", "kid": KEY["kid"]}
    signed = ".".join(
        b64u(json.dumps(part).encode()) for part in (header, {**ASSERTION, "aud": audience})
    )
    es256: Any = jwt.algorithms.get_default_algorithms()["ES256"]
    _unauthenticated(f"{signed}.{b64u(es256.sign(signed.encode(), jwt.PyJWK(KEY).key))}", "aud")


def test_4_an_assertion_ends_and_soon() -> None:
    most = NOW_SECONDS + ASSERTION_LIFE_SECONDS_MAX
    assert _authenticate(_assertion(exp=most)).expires_at == most * 1000
    assert _authenticate(_assertion(exp=NOW_SECONDS + 1)).jti == "a1"
    for ends in (NOW_SECONDS, NOW_SECONDS - 300, 0, most + 1, most + 3600):
        _unauthenticated(_assertion(exp=ends), "exp")
    _unauthenticated(_assertion(exp=most), "exp", NOW_MS - 1)
    assert ASSERTION_LIFE_SECONDS_MAX == 600


@pytest.mark.parametrize("name", ["iat", "nbf"])
def test_5_an_assertion_is_not_of_the_future(name: str) -> None:
    for seconds in (10, -300):
        assert _authenticate(_assertion_with(name, NOW_SECONDS + seconds)).jti == "a1"
    _unauthenticated(_assertion_with(name, NOW_SECONDS + 11), name)


@pytest.mark.parametrize("jti", ["x" * 129, "a\0"])
def test_6_a_jti_is_short_and_plain(jti: str) -> None:
    _unauthenticated(_assertion(jti=jti), "jti")


def test_an_assertion_brings_no_key_of_its_own() -> None:
    attacker = jose.generate_key()
    token = sign(ASSERTION, attacker, typ="JWT", carry_key=True)
    _unauthenticated(token, "header key")


def test_every_error_here_has_a_code_and_no_contents() -> None:
    with pytest.raises(ConsentError) as caught:
        _authenticate(_assertion(jti="canary", aud="https://canary.example"))
    assert "canary" not in str(caught.value) + caught.value.message + repr(caught.value)
