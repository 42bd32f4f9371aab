"""The one strict door to JOSE: keys, signed tokens and thumbprints (RFC 7515, 7517, 7638, 8725).

PyJWT checks the signature. What it leaves lax is closed here first: `typ`, one algorithm set per
key, canonical base64url, duplicate JSON keys, required claims and their types, sizes. A token
passes `verify` or raises `BadToken`; times are the caller's to check, this package has no clock.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import OKPAlgorithm

from crypto.encoding import b64u, canonical_json, parse_json, unb64u
from crypto.errors import BadToken, Malformed
from crypto.primitives import sha256

Claims = dict[str, Any]
Jwk = dict[str, Any]

# Names that a stock client may use for its key's one algorithm; RFC 9864 adds "Ed25519".
_ALGORITHMS = {
    "EC": ("ES256",),
    "RSA": ("PS256",),
    "OKP": ("EdDSA", "Ed25519"),
}
ALGORITHMS = tuple(name for names in _ALGORITHMS.values() for name in names)
_MEMBERS = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n"), "OKP": ("crv", "kty", "x")}
_PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
_RSA_BITS = range(2048, 4097)
_STRING_CLAIMS = ("iss", "sub", "aud", "jti", "htm", "htu", "ath", "nonce", "officer")
_INSTANT_CLAIMS = ("exp", "iat", "nbf")

_jws = jwt.PyJWS(algorithms=["ES256", "PS256", "EdDSA"])
_jws.register_algorithm("Ed25519", OKPAlgorithm())

_PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class Kind:
    """What a token must be to pass for one purpose (RFC 8725 §3.11: typ keeps purposes apart)."""

    name: str
    types: frozenset[str | None]
    required: tuple[str, ...]
    token_bytes_max: int
    carries_key: bool = False


DPOP_PROOF = Kind(
    name="DPoP proof",
    types=frozenset({"dpop+jwt"}),
    required=("jti", "htm", "htu", "iat"),
    token_bytes_max=8192,
    carries_key=True,
)
CLIENT_ASSERTION = Kind(
    name="client assertion",
    types=frozenset({None, "JWT", "client-authentication+jwt"}),
    required=("iss", "sub", "aud", "exp", "jti"),
    token_bytes_max=16384,
)


@dataclass(frozen=True, slots=True)
class PublicJwk:
    """A public signing key that this system accepts, with its RFC 7638 thumbprint."""

    thumbprint: str
    algorithms: tuple[str, ...]
    key_id: str | None = None
    key: _PublicKey = field(repr=False, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Verified:
    """A token whose signature, type, size and claim types held."""

    claims: Claims
    key: PublicJwk


def parse_jwk(jwk: Any) -> PublicJwk:
    """A public key: EC P-256, RSA of 2048 to 4096 bits, or Ed25519. Else `Malformed`."""
    if not isinstance(jwk, dict) or _PRIVATE_MEMBERS & jwk.keys():
        raise Malformed("jwk")
    kind = jwk.get("kty")
    if not isinstance(kind, str) or kind not in _ALGORITHMS or jwk.get("use", "sig") != "sig":
        raise Malformed("jwk")
    if "key_ops" in jwk and jwk["key_ops"] != ["verify"]:
        raise Malformed("jwk")
    algorithms = _ALGORITHMS[kind]
    if "alg" in jwk:
        algorithms = tuple(name for name in algorithms if name == jwk["alg"])
    key_id = jwk.get("kid")
    if not algorithms or not (key_id is None or (isinstance(key_id, str) and len(key_id) <= 256)):
        raise Malformed("jwk")
    members = {name: jwk.get(name) for name in _MEMBERS[kind]}
    if not all(isinstance(member, str) for member in members.values()):
        raise Malformed("jwk")
    name, key = _imported(**members)
    return PublicJwk(name, algorithms, key_id, key=key)


def _imported(**members: Any) -> tuple[str, _PublicKey]:
    """Thumbprint and key of the required members of a JWK."""
    name = thumbprint(members)
    try:
        key = jwt.PyJWK(members, algorithm=_ALGORITHMS[members["kty"]][0]).key
    except (jwt.PyJWTError, ValueError, TypeError):
        raise Malformed("jwk") from None
    right = (
        (isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1))
        or (isinstance(key, rsa.RSAPublicKey) and key.key_size in _RSA_BITS)
        or isinstance(key, ed25519.Ed25519PublicKey)
    )
    # A large RSA exponent makes a stranger's proof expensive to check.
    if not right or members.get("e", "AQAB") != "AQAB":
        raise Malformed("jwk")
    return name, key


def thumbprint(jwk: Jwk) -> str:
    """RFC 7638: base64url(SHA-256(the required members in canonical JSON)), 43 characters."""
    try:
        members = {name: jwk[name] for name in _MEMBERS[jwk["kty"]]}
    except (KeyError, TypeError):
        raise Malformed("jwk") from None
    for name in members.keys() - {"kty", "crv"}:
        if not isinstance(members[name], str):
            raise Malformed("jwk")
        unb64u(members[name])
    return b64u(sha256(canonical_json(members)))


def parse_jwks(document: Any) -> tuple[PublicJwk, ...]:
    """A JWK Set of 1 to 8 keys, all acceptable, with distinct `kid`s. Else `Malformed`."""
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or not 1 <= len(keys) <= 8:
        raise Malformed("jwks")
    parsed = tuple(parse_jwk(jwk) for jwk in keys)
    key_ids = [key.key_id for key in parsed]
    if len(parsed) > 1 and (None in key_ids or len(set(key_ids)) != len(key_ids)):
        raise Malformed("jwks")
    return parsed


def verify(token: str, kind: Kind, keys: tuple[PublicJwk, ...] = ()) -> Verified:
    """Checks a compact JWS, in this order; raises `BadToken` naming the check that failed.

    (1) size and form, (2) type, (3) the key: from the header where the kind carries one, else of
    `keys` by `kid`, (4) algorithm of that key, (5) signature, (6) required claims and their types.
    The caller checks times, audience and replay.
    """
    # (1)
    if len(token) > kind.token_bytes_max or token.count(".") != 2:
        raise BadToken("form")
    head, body, _ = token.split(".")
    header, claims = _header(head), _json_part(body)
    if {"crit", "b64"} & header.keys():  # RFC 7515 §4.1.11: what must be understood, and is not
        raise BadToken("crit")
    # (2)
    if header.get("typ") not in [*kind.types]:  # a list: what stands there may be unhashable
        raise BadToken("typ")
    # (3)
    key = _header_key(head) if kind.carries_key else _known_key(header, keys)
    # (4)
    if header.get("alg") not in key.algorithms:
        raise BadToken("alg")
    # (5)
    _check_signature(token, key, str(header["alg"]))
    # (6)
    _check_claims(claims, kind.required)
    return Verified(claims, key)


def unverified_issuer(token: str, kind: Kind) -> str:
    """The `iss` a token names, only to look its keys up; nothing is proved by it."""
    if len(token) > kind.token_bytes_max or token.count(".") != 2:
        raise BadToken("form")
    issuer = _json_part(token.split(".")[1]).get("iss")
    if not isinstance(issuer, str):
        raise BadToken("iss")
    return issuer


def _json_part(part: str) -> dict[str, Any]:
    try:
        value = parse_json(unb64u(part))
    except Malformed:
        raise BadToken("form") from None
    if not isinstance(value, dict):
        raise BadToken("form")
    return value


# An agency's proofs differ in their claims alone. What is kept is public, and follows from text.
_header = lru_cache(maxsize=256)(_json_part)


@lru_cache(maxsize=256)
def _header_key(part: str) -> PublicJwk:
    try:
        return parse_jwk(_header(part).get("jwk"))
    except Malformed:
        raise BadToken("jwk") from None


def _known_key(header: dict[str, Any], keys: tuple[PublicJwk, ...]) -> PublicJwk:
    # A key named by URL or carried along would be the attacker's choice.
    if {"jwk", "jku", "x5u", "x5c"} & header.keys():
        raise BadToken("header key")
    key_id = header.get("kid")
    found = [key for key in keys if key_id is None or key.key_id == key_id]
    if len(found) != 1:
        raise BadToken("kid")
    return found[0]


def _check_signature(token: str, key: PublicJwk, algorithm: str) -> None:
    signed, _, encoded = token.rpartition(".")
    try:
        checker = _jws.get_algorithm_by_name(algorithm)
        holds = checker.verify(signed.encode("ascii"), key.key, unb64u(encoded))
    except (Malformed, jwt.PyJWTError, ValueError, TypeError):
        holds = False
    if not holds:
        raise BadToken("signature") from None


def _check_claims(claims: Claims, required: tuple[str, ...]) -> None:
    for name in required:
        if name not in claims:
            raise BadToken(name)
    for name in claims.keys() & {*_STRING_CLAIMS}:
        if not isinstance(claims[name], str) or not 1 <= len(claims[name]) <= 2048:
            raise BadToken(name)
    for name in claims.keys() & {*_INSTANT_CLAIMS}:
        if type(claims[name]) is not int or claims[name] < 0:
            raise BadToken(name)


def generate_key() -> Jwk:
    """A new private ES256 key as a JWK with its thumbprint as `kid`, for clients of this system."""
    private = ec.generate_private_key(ec.SECP256R1())
    jwk: Jwk = jwt.algorithms.ECAlgorithm.to_jwk(private, as_dict=True)
    return {**jwk, "alg": "ES256", "use": "sig", "kid": thumbprint(jwk)}


def public_jwk(private: Jwk) -> Jwk:
    """The public part of a private JWK."""
    return {name: value for name, value in private.items() if name not in _PRIVATE_MEMBERS}


def sign(claims: Claims, private: Jwk, *, typ: str, carry_key: bool = False) -> str:
    """A compact JWS by a client's private key; `carry_key` puts the public key in the header."""
    header: dict[str, Any] = {"typ": typ}
    if carry_key:
        header["jwk"] = {name: private[name] for name in _MEMBERS[private["kty"]]}
    else:
        header["kid"] = private["kid"]
    key = jwt.PyJWK(private, algorithm=private["alg"])
    return jwt.encode(claims, key.key, algorithm=private["alg"], headers=header)
