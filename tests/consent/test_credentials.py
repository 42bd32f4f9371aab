"""A proof passes each numbered check, or says which one it failed."""

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from consent.credentials import (
    CLOCK_AHEAD_SECONDS_MAX,
    PROOF_AGE_SECONDS_MAX,
    Proof,
    verify_proof,
)
from consent.errors import InvalidProof
from crypto import jose
from crypto.encoding import b64u
from crypto.jose import Jwk, public_jwk, sign
from crypto.primitives import sha256

NOW_SECONDS = 1_700_000_000
NOW_MS = NOW_SECONDS * 1000
URL = "https://kluis.example/v1/data"
TOKEN = "va1_8xQ0vY2mC4kq"
KEY = jose.generate_key()
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
RSA_PUBLIC: Jwk = RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True)


# RFC 9449 §4.1 and §7.1: proofs that others made, with a key that others made
RFC_9449_HEADER = (
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNo"
    "UklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERW"
    "clUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19"
)
RFC_9449_TOKEN_PROOF = (
    f"{RFC_9449_HEADER}.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8v"
    "c2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8ig"
    "iMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
)
RFC_9449_READ_PROOF = (
    f"{RFC_9449_HEADER}.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9y"
    "ZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8y"
    "cjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1"
    "plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
)
RFC_9449_ACCESS_TOKEN = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
RFC_9449_THUMBPRINT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"


def _ath(token: str) -> str:
    return b64u(sha256(token.encode()))


PROOF: dict[str, Any] = {
    "jti": "1",
    "htm": "GET",
    "htu": URL,
    "iat": NOW_SECONDS,
    "ath": _ath(TOKEN),
}


def _claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good proof, but for the changes; None takes a claim away."""
    claims: dict[str, Any] = {**PROOF, **changes}
    return {name: value for name, value in claims.items() if value is not None}


def _proof(**changes: Any) -> str:
    return sign(_claims(**changes), KEY, typ="dpop+jwt", carry_key=True)


def _odd_proof(header: Jwk, key: Any = None, algorithm: str = "ES256") -> str:
    """A good proof with another header: None takes a member away."""
    members: dict[str, Any] = {"typ": "dpop+jwt", "alg": algorithm, "jwk": public_jwk(KEY)}
    shown = {name: value for name, value in (members | header).items() if value is not None}
    signed = ".".join(b64u(json.dumps(part).encode()) for part in (shown, PROOF))
    algorithms: dict[str, Any] = jwt.algorithms.get_default_algorithms()
    signature = algorithms[algorithm].sign(signed.encode(), key or jwt.PyJWK(KEY).key)
    return f"{signed}.{b64u(signature)}"


def _verify(
    token: str,
    *,
    method: str = "GET",
    url: str = URL,
    now_ms: int = NOW_MS,
    access_token: str | None = TOKEN,
) -> Proof:
    return verify_proof(token, method=method, url=url, now_ms=now_ms, access_token=access_token)


def _refused(token: str, check: str, **request: Any) -> None:
    with pytest.raises(InvalidProof) as caught:
        _verify(token, **request)
    assert caught.value.check == check
    assert caught.value.code == "invalid_dpop_proof"


def test_a_good_proof_passes() -> None:
    assert _verify(_proof(officer="a.peeters", nonce="n-1")) == Proof(
        thumbprint=KEY["kid"],
        jti="1",
        issued_at=NOW_MS,
        ath=_ath(TOKEN),
        officer="a.peeters",
    )


def test_the_proofs_of_the_standard_pass() -> None:
    asked = verify_proof(
        RFC_9449_TOKEN_PROOF,
        method="POST",
        url="https://server.example.com/token",
        now_ms=1562262616_000,
        access_token=None,
    )
    assert (asked.thumbprint, asked.jti) == (RFC_9449_THUMBPRINT, "-BwC3ESc6acc2lTc")
    read = verify_proof(
        RFC_9449_READ_PROOF,
        method="GET",
        url="https://resource.example.org/protectedresource",
        now_ms=1562262618_000,
        access_token=RFC_9449_ACCESS_TOKEN,
    )
    assert read.ath == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"


# (2) to (7)


@pytest.mark.parametrize("token", ["", "x", "a.b", "a.b.c", "a.b.c.d", "not a token"])
def test_2_what_is_no_jwt_is_refused(token: str) -> None:
    _refused(token, "form")


def test_2_two_proofs_joined_are_no_proof() -> None:
    # What a server reads from two DPoP headers
    _refused(f"{_proof()}, {_proof()}", "form")


@pytest.mark.parametrize("name", ["jti", "htm", "htu", "iat"])
def test_3_each_claim_is_required(name: str) -> None:
    _refused(_proof(**{name: None}), name)


@pytest.mark.parametrize("typ", [None, "JWT", "at+jwt", "DPoP+JWT"])
def test_4_another_type_is_refused(typ: str | None) -> None:
    _refused(_odd_proof({"typ": typ}), "typ")


def test_5_a_proof_without_algorithm_or_signature_is_refused() -> None:
    _refused(_odd_proof({"alg": None}), "alg")
    _refused(_odd_proof({"alg": "none"}).rsplit(".", 1)[0] + ".", "alg")


def test_5_rs256_is_refused() -> None:
    _refused(_odd_proof({"jwk": RSA_PUBLIC}, RSA_KEY, "RS256"), "alg")
    assert _verify(_odd_proof({"jwk": RSA_PUBLIC}, RSA_KEY, "PS256")).jti == "1"


def test_6_a_bad_signature_is_refused() -> None:
    head, _, signature = _proof().rpartition(".")
    _refused(f"{head}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}", "signature")


def test_6_a_proof_by_another_key_than_it_shows_is_refused() -> None:
    _refused(_odd_proof({"jwk": public_jwk(jose.generate_key())}), "signature")


def test_6_a_proof_of_another_key_shows_another_thumbprint() -> None:
    # The caller compares it with the key that the access token is bound to.
    other = jose.generate_key()
    token = sign(_claims(), other, typ="dpop+jwt", carry_key=True)
    assert _verify(token).thumbprint == other["kid"] != KEY["kid"]


def test_7_a_key_is_required_and_is_public() -> None:
    _refused(_odd_proof({"jwk": None}), "jwk")
    _refused(_odd_proof({"jwk": KEY}), "jwk")


# (8)


@pytest.mark.parametrize("method", ["POST", "get", "GET ", "HEAD"])
def test_8_another_method_is_refused(method: str) -> None:
    _refused(_proof(htm=method), "htm")
    _refused(_proof(), "htm", method=method)


# (9)


@pytest.mark.parametrize(
    "htu",
    [
        URL,
        "https://kluis.example/v1/data?fields=identity.given_name",
        "https://kluis.example/v1/data#part",
        "https://kluis.example/v1/data?",
        "HTTPS://KLUIS.EXAMPLE/v1/data",
        "https://kluis.example:443/v1/data",
        "https://kluis.example:/v1/data",
        "https://kluis.example:0443/v1/data",
    ],
)
def test_9_other_spellings_of_the_url_pass(htu: str) -> None:
    assert _verify(_proof(htu=htu)).jti == "1"


@pytest.mark.parametrize(
    "htu",
    [
        "https://kluis.example/v1/other",
        "https://kluis.example/v1/data/",
        "https://kluis.example/v1/Data",
        "https://kluis.example/v1/data;x",
        "https://kluis.example/v1/%64ata",
        "https://kluis.example/v1//data",
        "https://kluis.example/v1/x/../data",
        "https://kluis.example/",
        "https://kluis.example",
        "https://kluis.example:8443/v1/data",
        "https://kluis.example:0/v1/data",
        "https://kluis.example:99999/v1/data",
        "https://kluis.example:x/v1/data",
        "https://kluis.example:80/v1/data",
        "http://kluis.example/v1/data",
        "http://kluis.example:443/v1/data",
        "https://kluis.example./v1/data",
        "https://other.example/v1/data",
        "https://kluis.example.other.example/v1/data",
        "https://kluis.example@other.example/v1/data",
        "https://user@kluis.example/v1/data",
        "https://user:pw@kluis.example/v1/data",
        "https://kluis.example\\@other.example/v1/data",
        "https:\\\\kluis.example/v1/data",
        "//kluis.example/v1/data",
        "/v1/data",
        "https:///v1/data",
        "https://[kluis.example/v1/data",
        "https://kluis.example/v1/da\nta",
        "https://kluis.example/v1/da\tta",
        " https://kluis.example/v1/data",
        "https://kluis.example/v1/data ",
        "https://kluis\N{FULLWIDTH FULL STOP}example/v1/data",
        "https://kluis.example/v1/data?" + "x" * 2100,
        "x",
    ],
)
def test_9_another_url_is_refused(htu: str) -> None:
    _refused(_proof(htu=htu), "htu")


def test_9_an_empty_path_is_the_root() -> None:
    assert _verify(_proof(htu="https://kluis.example"), url="https://kluis.example/").jti == "1"


def test_9_a_configured_port_counts() -> None:
    url = "http://localhost:8000/v1/data"
    assert _verify(_proof(htu=url), url=url).jti == "1"
    _refused(_proof(htu="http://localhost/v1/data"), "htu", url=url)


def test_9_a_url_without_a_host_is_no_url_even_where_it_is_configured() -> None:
    _refused(_proof(htu="/v1/data"), "htu", url="/v1/data")


# (10)


# (11)


def test_11_a_proof_lives_for_a_minute() -> None:
    at = NOW_SECONDS
    for issued in (at, at - PROOF_AGE_SECONDS_MAX, at + CLOCK_AHEAD_SECONDS_MAX):
        assert _verify(_proof(iat=issued)).issued_at == issued * 1000
    for issued in (
        at - PROOF_AGE_SECONDS_MAX - 1,
        at + CLOCK_AHEAD_SECONDS_MAX + 1,
        at - 3600,
        at + 3600,
        0,
        at * 1000,
    ):
        _refused(_proof(iat=issued), "iat")
    assert (PROOF_AGE_SECONDS_MAX, CLOCK_AHEAD_SECONDS_MAX) == (60, 10)


def test_11_the_window_ends_to_the_millisecond() -> None:
    assert _verify(_proof(), now_ms=NOW_MS + 60_000).jti == "1"
    _refused(_proof(), "iat", now_ms=NOW_MS + 60_001)
    assert _verify(_proof(), now_ms=NOW_MS - 10_000).jti == "1"
    _refused(_proof(), "iat", now_ms=NOW_MS - 10_001)


def test_11_the_window_can_be_set() -> None:
    def verify_within(age_seconds_max: int) -> Proof:
        return verify_proof(
            _proof(iat=NOW_SECONDS - 31),
            method="GET",
            url=URL,
            now_ms=NOW_MS,
            access_token=TOKEN,
            age_seconds_max=age_seconds_max,
        )

    assert verify_within(31).issued_at == NOW_MS - 31_000
    with pytest.raises(InvalidProof):
        verify_within(30)


def test_11_a_proof_that_bounds_itself_is_held_to_it() -> None:
    assert _verify(_proof(nbf=NOW_SECONDS + 10, exp=NOW_SECONDS + 1)).jti == "1"
    _refused(_proof(nbf=NOW_SECONDS + 11), "nbf")
    _refused(_proof(exp=NOW_SECONDS), "exp")


# (12)


def test_12_a_proof_for_a_token_names_that_token() -> None:
    _refused(_proof(ath=None), "ath")
    _refused(_proof(ath=_ath("another token")), "ath")
    _refused(_proof(ath=_ath(TOKEN) + "="), "ath")
    _refused(_proof(ath=TOKEN), "ath")
    _refused(_proof(), "ath", access_token="another token")
    _refused(_proof(), "ath", access_token="")


def test_12_no_text_sent_as_a_token_breaks_the_check() -> None:
    for token in ("\N{LATIN SMALL LETTER E WITH ACUTE}", "\ud800", "\0"):
        _refused(_proof(), "ath", access_token=token)


def test_12_without_a_token_no_ath_is_proved() -> None:
    assert _verify(_proof(ath=None), access_token=None).ath is None
    assert _verify(_proof(), access_token=None).ath is None


# what else it may hold


def test_more_claims_and_header_members_pass() -> None:
    assert _verify(_proof(foo="bar", sub="x")).jti == "1"
    assert _verify(_odd_proof({"x": 1, "kid": "any"})).jti == "1"


@pytest.mark.parametrize("jti", ["x" * 129, "\N{LATIN SMALL LETTER E WITH ACUTE}", "a\0"])
def test_a_jti_is_short_and_plain(jti: str) -> None:
    _refused(_proof(jti=jti), "jti")


def test_text_that_no_encoding_can_write_is_in_no_token() -> None:
    _refused(_proof(jti="\ud800"), "form")


def test_a_jti_of_128_characters_passes() -> None:
    assert _verify(_proof(jti="x" * 128)).jti == "x" * 128


@pytest.mark.parametrize("officer", ["x" * 129, "a\nb", "\u202eb"])
def test_an_officer_is_one_short_line(officer: str) -> None:
    _refused(_proof(officer=officer), "officer")


@pytest.mark.parametrize("name", ["Zoë Šimůnková", "x" * 128])
def test_an_officer_may_have_any_letters(name: str) -> None:
    assert _verify(_proof(officer=name)).officer == name


def test_a_refused_proof_is_not_in_the_error() -> None:
    with pytest.raises(InvalidProof) as caught:
        _verify(_proof(jti="canary", htm="POST"))
    assert str(caught.value) == "the DPoP proof is refused: htm"
    assert caught.value.__cause__ is None
