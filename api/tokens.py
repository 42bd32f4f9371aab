"""The token endpoint: an agency exchanges a citizen's code for access, an auditor signs in.

For an agency it is explained in docs/agency.md, 2 Redeem the code, for an auditor in
docs/auditors.md.

OpenID4VCI's pre-authorized code grant, for auditors client credentials (RFC 6749 §4.4); both with
`private_key_jwt` and DPoP. Nothing in the answer is the
same for two agencies about one citizen.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute
from pydantic import Field

from api.bodies import FORM, media_type, parse_form
from api.credentials import OpenedVault, ProofHeader
from api.described import documented, documented_oauth
from api.problems import OAuthRefusal, oauth_error_of
from api.receipts import DESCRIPTION, receipt
from api.shapes import Answer
from consent.credentials import Client, Proof, verify_assertion, verify_proof
from consent.errors import InvalidClient
from vault import caller
from vault.auditing import TOKEN_SECONDS
from vault.redeeming import Redeemed
from vault.vault import Vault

TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path
PRE_AUTHORIZED_CODE = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
CLIENT_CREDENTIALS = "client_credentials"
GRANT_TYPES = (PRE_AUTHORIZED_CODE, CLIENT_CREDENTIALS)
AUDIT_SCOPE = "audit"
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
DPOP: Literal["DPoP"] = "DPoP"
READ_TYPE = "urn:burgerkluis:read"

_FORM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["grant_type", "client_assertion_type", "client_assertion"],
    "properties": {
        "grant_type": {
            "enum": list(GRANT_TYPES),
            "description": "By an agency the first, by an auditor the second.",
        },
        "pre-authorized_code": {
            "type": "string",
            "minLength": 1,
            "description": "Of an agency: as shown or typed.",
        },
        "scope": {"const": AUDIT_SCOPE, "description": "Of an auditor; may be left out."},
        "tx_code": {"type": "string", "description": "The digits that the citizen says, if any."},
        "client_assertion_type": {"const": JWT_BEARER},
        "client_assertion": {
            "type": "string",
            "minLength": 1,
            "description": "A JWT signed with a registered key (RFC 7523): iss = sub = the "
            "registered id, aud = the issuer as one string, jti used once, exp at most ten minutes "
            "ahead.",
        },
    },
    "description": "Parameters that stand here are read, each at most once. "
    "`authorization_details` is refused: narrowing is not supported. Others are ignored.",
}


class OAuthRoute(APIRoute):
    """A route whose refusals are OAuth errors."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except Exception as error:
                refusal = oauth_error_of(error, request.headers.get("authorization"))
                if refusal is None:
                    raise
                return refusal

        return answer


router = APIRouter(route_class=OAuthRoute, tags=["oauth"])


@dataclass(frozen=True, slots=True)
class Presented:
    """A form with all that its grant type needs; nothing is proved yet. No `code`: an auditor."""

    code: str | None = field(repr=False)
    tx_code: str | None = field(repr=False)
    assertion: str | None = field(repr=False)
    client_id: str | None


class AuthorizationDetails(Answer):
    """What was granted (RFC 9396). Fields without a value are left out like unticked ones."""

    type: Literal["urn:burgerkluis:read"]
    actions: list[Literal["read"]]
    datatypes: list[str]
    intended_use: str


class Token(Answer):
    access_token: str = Field(repr=False)
    token_type: Literal["DPoP"]
    expires_in: int = Field(description="Seconds until the grant ends.")
    authorization_details: list[AuthorizationDetails]
    receipt: str = Field(description=DESCRIPTION)


class AuditToken(Answer):
    """An auditor's access to the log."""

    access_token: str = Field(repr=False)
    token_type: Literal["DPoP"]
    expires_in: int = Field(description="Seconds.")
    scope: Literal["audit"]


async def _form(request: Request) -> Presented:
    if media_type(request) != FORM:
        raise OAuthRefusal("invalid_request", f"Send the parameters as {FORM}.")
    return present(parse_form(await request.body()))


def present(form: dict[str, str]) -> Presented:
    """The parameters of a grant type; raises `OAuthRefusal`."""
    if "grant_type" not in form:
        raise OAuthRefusal("invalid_request", "grant_type is missing.")
    if form["grant_type"] not in GRANT_TYPES:
        raise OAuthRefusal("unsupported_grant_type", f"grant_type is {' or '.join(GRANT_TYPES)}.")
    of_auditor = form["grant_type"] == CLIENT_CREDENTIALS
    if not of_auditor and "pre-authorized_code" not in form:
        raise OAuthRefusal("invalid_request", "pre-authorized_code is missing.")
    if of_auditor and form.get("scope", AUDIT_SCOPE) != AUDIT_SCOPE:
        raise OAuthRefusal("invalid_scope", f"The scope is {AUDIT_SCOPE}.")
    if "authorization_details" in form:
        # Ignored, it would give more than was asked for.
        raise OAuthRefusal("invalid_authorization_details", "Narrowing is not supported.")
    if "client_secret" in form:
        raise OAuthRefusal("invalid_request", "Authenticate in one way: private_key_jwt.")
    is_jwt = form.get("client_assertion_type") == JWT_BEARER
    return Presented(
        code=None if of_auditor else form["pre-authorized_code"],
        tx_code=form.get("tx_code"),
        assertion=form.get("client_assertion") if is_jwt else None,
        client_id=form.get("client_id"),
    )


@router.post(
    TOKEN_PATH,
    responses={
        **documented_oauth(400, 401, 429, 500, 503),
        **documented(413),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {FORM: {"schema": _FORM_SCHEMA}},
        }
    },
)
def token(
    presented: Annotated[Presented, Depends(_form)], proof: ProofHeader, vault: OpenedVault
) -> Token | AuditToken:
    """Redeem a citizen's code, once; or sign in as an auditor"""
    client, proved = authenticate(presented, proof, vault)
    if presented.code is None:
        issued = vault.issue_audit_token(caller.Auditor(client, proved))
        return AuditToken(
            access_token=issued, token_type=DPOP, expires_in=TOKEN_SECONDS, scope="audit"
        )
    agency = caller.Agency(client, proved)
    redeemed, placed = vault.redeem(agency, presented.code, presented.tx_code)
    return _token(redeemed, receipt(placed), vault.system.clock.now_ms())


def authenticate(presented: Presented, proof: str, vault: Vault) -> tuple[Client, Proof]:
    """The agency behind a request, or the auditor where there is no code. The proof comes first: a
    client that has to make a new one keeps its assertion. What was used is recorded by the vault,
    with what comes of it.
    """
    url, now_ms = vault.system.settings.url, vault.system.clock.now_ms()
    proved = verify_proof(
        proof, method="POST", url=url + TOKEN_PATH, now_ms=now_ms, access_token=None
    )
    if presented.assertion is None:
        raise InvalidClient("private_key_jwt is needed")
    registry = vault.registry()
    keys_of = registry.auditor_keys_of if presented.code is None else registry.keys_of
    client = verify_assertion(presented.assertion, keys_of=keys_of, issuer=url, now_ms=now_ms)
    if presented.client_id not in {None, client.agency_id}:
        raise InvalidClient("client_id")
    return client, proved


def _token(redeemed: Redeemed, proof: str, now_ms: int) -> Token:
    details = AuthorizationDetails(
        type=READ_TYPE,
        actions=["read"],
        datatypes=list(redeemed.fields),
        intended_use=redeemed.terms.use,
    )
    return Token(
        access_token=redeemed.token,
        token_type=DPOP,
        expires_in=max(0, (redeemed.not_after - now_ms) // 1000),
        authorization_details=[details],
        receipt=proof,
    )
