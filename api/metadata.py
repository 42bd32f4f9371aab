"""What is looked up before anything is asked: by OAuth clients (RFC 8414, RFC 9728), and by whoever
found a hole (RFC 9116).
"""

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from api.bodies import StrictRoute
from api.credentials import OpenedVault
from api.described import documented
from api.problems import AUDIT_PATH, DATA_PATH
from api.shapes import Answer
from api.tokens import AUDIT_SCOPE, GRANT_TYPES, TOKEN_PATH
from audit.shapes import instant_text
from crypto.jose import ALGORITHMS
from vault.errors import NotFound
from vault.settings import DAY_SECONDS

_DAY_MS = DAY_SECONDS * 1000
_STANDS_DAYS = 30  # whoever keeps the file asks again within a month

router = APIRouter(route_class=StrictRoute, tags=["oauth"])


class AuthorizationServer(Answer):
    issuer: str
    token_endpoint: str
    grant_types_supported: list[str]
    scopes_supported: list[str]
    response_types_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    token_endpoint_auth_signing_alg_values_supported: list[str]
    dpop_signing_alg_values_supported: list[str]


class ProtectedResource(Answer):
    resource: str
    authorization_servers: list[str]
    scopes_supported: list[str] | None = None
    bearer_methods_supported: list[str]
    dpop_bound_access_tokens_required: bool
    dpop_signing_alg_values_supported: list[str]


@router.get("/.well-known/oauth-authorization-server", responses=documented(500))
async def authorization_server(vault: OpenedVault) -> AuthorizationServer:
    """The authorization server's metadata"""
    url = vault.system.settings.url
    return AuthorizationServer(
        issuer=url,
        token_endpoint=url + TOKEN_PATH,
        grant_types_supported=list(GRANT_TYPES),
        scopes_supported=[AUDIT_SCOPE],
        response_types_supported=[],
        token_endpoint_auth_methods_supported=["private_key_jwt"],
        token_endpoint_auth_signing_alg_values_supported=list(ALGORITHMS),
        dpop_signing_alg_values_supported=list(ALGORITHMS),
    )


@router.get(
    "/.well-known/oauth-protected-resource" + DATA_PATH,
    response_model_exclude_none=True,
    responses=documented(500),
)
async def protected_resource(vault: OpenedVault) -> ProtectedResource:
    """The metadata of what agencies read"""
    return _resource(vault.system.settings.url, DATA_PATH, None)


@router.get(
    "/.well-known/oauth-protected-resource" + AUDIT_PATH,
    response_model_exclude_none=True,
    responses=documented(500),
)
async def audited_resource(vault: OpenedVault) -> ProtectedResource:
    """The metadata of what auditors read"""
    return _resource(vault.system.settings.url, AUDIT_PATH, [AUDIT_SCOPE])


@router.get(
    "/.well-known/security.txt",
    response_class=PlainTextResponse,
    responses=documented(404, 500),
)
async def security_txt(vault: OpenedVault) -> PlainTextResponse:
    """Whom to tell of a hole, if the operator says so"""
    settings = vault.system.settings
    if not settings.security_contact:
        raise NotFound("Nobody is named here whom to tell of a hole.", "no_security_contact")
    until = vault.system.clock.now_ms() // _DAY_MS * _DAY_MS + _STANDS_DAYS * _DAY_MS
    return PlainTextResponse(
        f"Contact: {settings.security_contact}\n"
        f"Expires: {instant_text(until)}\n"
        "Preferred-Languages: nl, fr, de, en\n"
        f"Canonical: {settings.url}/.well-known/security.txt\n"
    )


def _resource(url: str, path: str, scopes: list[str] | None) -> ProtectedResource:
    return ProtectedResource(
        resource=url + path,
        authorization_servers=[url],
        scopes_supported=scopes,
        bearer_methods_supported=["header"],
        dpop_bound_access_tokens_required=True,
        dpop_signing_alg_values_supported=list(ALGORITHMS),
    )
