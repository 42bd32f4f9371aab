"""Who is asking: DPoP proofs (RFC 9449 §4.3) and client assertions (RFC 7523 §3, FAPI 2.0 §5.3).

Each function reads a token once, against one clock value, and returns what it proves or raises
the one error of its kind. Neither remembers anything: the caller records the replay keys,
(thumbprint, jti) of a proof and (agency_id, jti) of an assertion, never the token's text, which
has more than one spelling. Instants are Unix milliseconds.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from consent.errors import InvalidClient, InvalidProof
from crypto.encoding import b64u
from crypto.errors import BadToken
from crypto.jose import CLIENT_ASSERTION, DPOP_PROOF, PublicJwk, unverified_issuer, verify
from crypto.primitives import sha256

PROOF_AGE_SECONDS_MAX = 60
CLOCK_AHEAD_SECONDS_MAX = 10  # FAPI 2.0 §5.3.2.1: accept 0-10 s in the future, refuse over 60 s
ASSERTION_LIFE_SECONDS_MAX = 600
OFFICER_CHARACTERS_MAX = 128
_CLOCK_AHEAD_MS = CLOCK_AHEAD_SECONDS_MAX * 1000
_JTI = re.compile(r"[ -~]{1,128}")
_CLIENT_ID = re.compile(r"[!-~]{1,256}")
_URL = re.compile(r"[!-~]{1,2048}")
_DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Proof:
    """The holder of a key made this request. `ath` is set where an access token was checked."""

    thumbprint: str
    jti: str
    issued_at: int
    ath: str | None
    officer: str | None


@dataclass(frozen=True, slots=True)
class Client:
    """A registered agency authenticated itself. Its `jti` is spent until `expires_at`."""

    agency_id: str
    jti: str
    expires_at: int


def verify_proof(
    token: str,
    *,
    method: str,
    url: str,
    now_ms: int,
    access_token: str | None,
    age_seconds_max: int = PROOF_AGE_SECONDS_MAX,
) -> Proof:
    """Checks one DPoP proof; raises `InvalidProof`. Numbers are those of RFC 9449 §4.3.

    `url` is the configured public URL of the endpoint, never one made of request headers. The
    caller has (1) one DPoP header, and compares the token's key with the result. (10) No nonce is
    asked for.
    """
    # (2) to (7): a JWT, claims, typ, asymmetric algorithm, signature, no private key
    try:
        verified = verify(token, DPOP_PROOF)
    except BadToken as refused:
        raise InvalidProof(refused.check) from None
    claims = verified.claims
    if not _JTI.fullmatch(claims["jti"]):
        raise InvalidProof("jti")
    # (8)
    if claims["htm"] != method:
        raise InvalidProof("htm")
    # (9)
    if _target(claims["htu"]) != _target(url):
        raise InvalidProof("htu")
    # (11) and, where a client adds them, nbf and exp
    issued_at = claims["iat"] * 1000
    if not now_ms - age_seconds_max * 1000 <= issued_at <= now_ms + _CLOCK_AHEAD_MS:
        raise InvalidProof("iat")
    if claims.get("nbf", 0) * 1000 > now_ms + _CLOCK_AHEAD_MS:
        raise InvalidProof("nbf")
    if "exp" in claims and claims["exp"] * 1000 <= now_ms:
        raise InvalidProof("exp")
    # (12)
    ath = None
    if access_token is not None:
        ath = b64u(sha256(access_token.encode(errors="surrogatepass")))
        if claims.get("ath") != ath:
            raise InvalidProof("ath")
    # Ours: the officer whom the agency names ends up in the log.
    officer = claims.get("officer")
    if officer is not None and not (
        len(officer) <= OFFICER_CHARACTERS_MAX and officer.isprintable()
    ):
        raise InvalidProof("officer")
    return Proof(
        thumbprint=verified.key.thumbprint,
        jti=claims["jti"],
        issued_at=issued_at,
        ath=ath,
        officer=officer,
    )


@lru_cache(maxsize=256)
def _target(url: str) -> tuple[str, str, int | None, str]:
    """What an `htu` must equal: RFC 3986 §6.2.2.1 case, §6.2.3 default port and empty path.

    Query and fragment do not count (RFC 9449 §4.3). All else does: our paths hold no escapes, no
    dot segments and no closing slash, so an `htu` that holds one names another place.
    """
    # urlsplit drops tabs and newlines, and `hostname` drops what stands before an @.
    if not _URL.fullmatch(url):
        raise InvalidProof("htu")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidProof("htu") from None
    if not parts.hostname or "@" in parts.netloc:
        raise InvalidProof("htu")
    if port is None:
        port = _DEFAULT_PORTS.get(parts.scheme)
    return parts.scheme, parts.hostname, port, parts.path or "/"


def verify_assertion(
    token: str, *, keys_of: Callable[[str], tuple[PublicJwk, ...] | None], issuer: str, now_ms: int
) -> Client:
    """Authenticates the agency that a client assertion names; raises `InvalidClient`.

    `keys_of` answers None for an unknown client. The error is then the one of a bad signature.
    """
    # (1) the keys of the client it names verify it; an unknown client has none
    try:
        agency_id = unverified_issuer(token, CLIENT_ASSERTION)
        known = keys_of(agency_id) if _CLIENT_ID.fullmatch(agency_id) else None
        claims = verify(token, CLIENT_ASSERTION, known or ()).claims
    except BadToken as refused:
        unproved = refused.check in {"kid", "alg", "signature"}
        raise InvalidClient("signature" if unproved else refused.check) from None
    # (2) the client speaks for itself
    if claims["sub"] != agency_id:
        raise InvalidClient("sub")
    # (3) to this server alone; one string, so nobody else may present it (CVE-2025-27370)
    if claims["aud"] != issuer:
        raise InvalidClient("aud")
    # (4) now, and not for long
    expires_at = claims["exp"] * 1000
    if not now_ms < expires_at <= now_ms + ASSERTION_LIFE_SECONDS_MAX * 1000:
        raise InvalidClient("exp")
    # (5) not made in the future
    for name in ("iat", "nbf"):
        if claims.get(name, 0) * 1000 > now_ms + _CLOCK_AHEAD_MS:
            raise InvalidClient(name)
    # (6) under a name that can be spent
    if not _JTI.fullmatch(claims["jti"]):
        raise InvalidClient("jti")
    return Client(agency_id, claims["jti"], expires_at)
