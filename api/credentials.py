"""Who is asking, from a request's headers: a citizen's session, or an agency's token and proof.

`htu` is compared with the configured public URL and never with a Host header (RFC 9449 §4.3).
"""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from fastapi.openapi.models import APIKey, APIKeyIn, HTTPBase, HTTPBearer
from fastapi.security.base import SecurityBase

from api.limits import AddressLimits, client_address
from api.problems import TokenMissing
from consent.credentials import OFFICER_CHARACTERS_MAX, Proof, verify_proof
from consent.errors import InvalidProof
from vault import caller
from vault.auditing import parse_audit_token
from vault.errors import BadInput, InvalidToken, SessionEnded
from vault.reading import parse_access_token
from vault.unlocking import parse_session_token
from vault.vault import Vault

OFFICER_HEADER = "Kluis-Officer"


class SessionScheme(SecurityBase):
    """`Authorization: Bearer ks1_...`: a citizen's session."""

    scheme_name = "session"
    model = HTTPBearer(description="A session token, from `POST /v1/vaults` or `/v1/sessions`.")

    async def __call__(self, request: Request) -> caller.Owner:
        scheme, token = _authorization(request) or ("", "")
        if scheme != "bearer":
            raise SessionEnded
        return caller.Owner(parse_session_token(token))


class ProofScheme(SecurityBase):
    """`DPoP: <proof>`: exactly one (RFC 9449 §4.3, check 1)."""

    scheme_name = "dpop_proof"
    model = APIKey.model_validate(
        {
            "in": APIKeyIn.header,
            "name": "DPoP",
            "description": "A DPoP proof (RFC 9449): `htu` is the public URL of the endpoint "
            "without query, `jti` is used once, `iat` is at most 60 seconds ago.",
        }
    )

    async def __call__(self, request: Request) -> str:
        proofs = request.headers.getlist("dpop")
        if len(proofs) != 1:
            raise InvalidProof("exactly one DPoP header")
        return proofs[0]


@dataclass(frozen=True, slots=True)
class Presented:
    """An access token, and the officer whom the header names. Nothing is checked yet."""

    token: str = field(repr=False)
    officer: str | None

    def prove(
        self, proof: str, path: str, vault: Vault, *, of_auditor: bool = False
    ) -> caller.TokenHolder:
        """The holder of an agency's token, or an auditor's, once the proof has passed for a GET of
        `path`.
        """
        parse = parse_audit_token if of_auditor else parse_access_token
        verified = verify_proof(
            proof,
            method="GET",
            url=vault.system.settings.url + path,
            now_ms=vault.system.clock.now_ms(),
            access_token=self.token,
        )
        return caller.TokenHolder(parse(self.token), verified, _officer(verified, self.officer))


class AccessTokenScheme(SecurityBase):
    """`Authorization: DPoP va1_...`. As a Bearer token it opens nothing: RFC 9449 §7.2."""

    scheme_name = "access_token"
    model = HTTPBase(
        scheme="DPoP",
        description="An access token bound to a key (RFC 9449), from `POST /oauth/token`.",
    )

    async def __call__(self, request: Request) -> Presented:
        found = _authorization(request)
        if found is None:
            raise TokenMissing
        scheme, token = found
        if scheme != "dpop":
            raise InvalidToken
        return Presented(token, _officer_header(request))


def _authorization(request: Request) -> tuple[str, str] | None:
    """(scheme in lower case, credentials); two headers are none that can be trusted."""
    headers = request.headers.getlist("authorization")
    if not headers:
        return None
    scheme, _, credentials = headers[0].partition(" ")
    return (scheme.lower(), credentials.strip(" ")) if len(headers) == 1 else ("", "")


def _officer_header(request: Request) -> str | None:
    named = request.headers.getlist(OFFICER_HEADER)
    if not named:
        return None
    if len(named) > 1 or not 1 <= len(named[0]) <= OFFICER_CHARACTERS_MAX:
        raise _bad_officer()
    if not (named[0].isascii() and named[0].isprintable()):
        raise _bad_officer()
    return named[0]


def _officer(proof: Proof, header: str | None) -> str | None:
    if None not in {proof.officer, header} and proof.officer != header:
        raise _bad_officer()
    return proof.officer or header


def _bad_officer() -> BadInput:
    return BadInput(
        f"Name one officer: 1 to {OFFICER_CHARACTERS_MAX} printable ASCII characters in "
        f"{OFFICER_HEADER}, or the same in the proof.",
        "bad_officer",
    )


async def _opened(request: Request) -> Vault:
    vault: Vault = request.app.state.vault
    return vault


async def _limits(request: Request) -> AddressLimits:
    limits: AddressLimits = request.app.state.limits
    return limits


access_token, proof_header = AccessTokenScheme(), ProofScheme()
OpenedVault = Annotated[Vault, Depends(_opened)]
CountedByAddress = Annotated[AddressLimits, Depends(_limits)]
Address = Annotated[str, Depends(client_address)]
Owner = Annotated[caller.Owner, Depends(SessionScheme())]
AccessToken = Annotated[Presented, Depends(access_token)]
ProofHeader = Annotated[str, Depends(proof_header)]
