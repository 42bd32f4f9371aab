"""Keys and tokens for tests of JOSE: good ones, those of the standards, and whatever is signed."""

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm

from crypto import jose
from crypto.encoding import b64u
from crypto.errors import BadToken
from crypto.jose import (
    DPOP_PROOF,
    Jwk,
    Kind,
    parse_jwks,
    public_jwk,
    sign,
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


def signed_proof(**changes: Any) -> str:
    return sign({**PROOF, **changes}, PRIVATE, typ="dpop+jwt", carry_key=True)


def signed_assertion(**changes: Any) -> str:
    return sign({**ASSERTION, **changes}, PRIVATE, typ="JWT")


def compact(header: bytes | Jwk, payload: bytes | Jwk, private: Any = None, alg: str = "") -> str:
    """A token of any bytes, signed, whatever they say."""
    raw = [p if isinstance(p, bytes) else json.dumps(p).encode() for p in (header, payload)]
    signed = ".".join(b64u(part) for part in raw)
    key = private or jwt.PyJWK(PRIVATE).key
    algorithms: dict[str, Any] = jwt.algorithms.get_default_algorithms()
    return signed + "." + b64u(algorithms[alg or "ES256"].sign(signed.encode(), key))


def is_refused(token: str, check: str, kind: Kind = DPOP_PROOF, keys: Any = ()) -> None:
    with pytest.raises(BadToken) as caught:
        verify(token, kind, keys)
    assert caught.value.check == check
