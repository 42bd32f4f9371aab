"""Every refusal and its HTTP status: this is the one file that knows them.

Outside OAuth an error is a problem (RFC 9457) whose `code` is stable; at the token endpoint it is
an OAuth error (RFC 6749 §5.2). Neither ever repeats what was sent.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from api.counts import REFUSALS
from api.shapes import Fault, OAuthError, Problem
from consent.errors import InvalidClient, InvalidProof
from crypto.jose import ALGORITHMS
from vault.errors import (
    BadInput,
    CannotUnlock,
    Conflict,
    Damaged,
    InvalidGrant,
    InvalidToken,
    LogUnavailable,
    NotFound,
    NotReady,
    Refused,
    Replayed,
    SessionEnded,
    TooMany,
    UnauthorizedField,
    Unavailable,
)

V = TypeVar("V")

PROBLEM_JSON = "application/problem+json"
TYPE_PREFIX = "urn:burgerkluis:problem:"
LOG_RETRY_SECONDS = 2
DATA_PATH, AUDIT_PATH = "/v1/data", "/v1/audit"
_FAULTS_MAX = 10

_STATUSES: dict[type[Exception], int] = {
    BadInput: 400,
    SessionEnded: 401,
    InvalidToken: 401,
    Replayed: 401,
    InvalidProof: 401,
    CannotUnlock: 403,
    Refused: 403,
    UnauthorizedField: 403,
    NotFound: 404,
    Conflict: 409,
    TooMany: 429,
    Damaged: 500,
    LogUnavailable: 503,
    Unavailable: 503,
    NotReady: 503,
}
_OAUTH: dict[type[Exception], tuple[int, str]] = {
    InvalidGrant: (400, "invalid_grant"),
    InvalidProof: (400, "invalid_dpop_proof"),
    BadInput: (400, "invalid_request"),
    InvalidClient: (401, "invalid_client"),
    TooMany: (429, "temporarily_unavailable"),
    Damaged: (500, "server_error"),
    Conflict: (503, "temporarily_unavailable"),
    LogUnavailable: (503, "temporarily_unavailable"),
    Unavailable: (503, "temporarily_unavailable"),
}
TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
_BY_STATUS = {
    400: ("invalid_request", "The request can't be read."),
    404: ("not_found", "There is nothing here."),
    405: ("method_not_allowed", "This can't be done here. Allow names what can."),
    413: ("body_too_large", "The request is larger than this server takes."),
    415: ("unsupported_media_type", "Send the body as application/json."),
    431: ("head_too_large", "The head of the request is larger than this server takes."),
    500: ("internal_error", "Something went wrong here. It is not your request."),
}
_SCHEMES = {"basic": "Basic", "bearer": "Bearer", "dpop": "DPoP"}


class TokenMissing(Exception):
    """No access token was sent: the answer is a challenge without an error."""


class OAuthRefusal(Exception):
    """A request that the token endpoint refuses before the vault is asked; `error` is its code."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error


def problem(
    status: int,
    code: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
    faults: list[Fault] | None = None,
    limit: str | None = None,
) -> JSONResponse:
    REFUSALS.labels(code).inc()
    body = Problem(
        type=TYPE_PREFIX + code,
        title=TITLES[status],
        status=status,
        detail=detail,
        code=code,
        limit=limit,
        faults=faults,
    )
    content = body.model_dump(exclude_none=True)
    return JSONResponse(content, status, headers, media_type=PROBLEM_JSON)


def problem_of_status(status: int, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The problem of an answer that no error of the vault stands behind."""
    known = status if status in _BY_STATUS else 500
    return problem(known, *_BY_STATUS[known], headers)


def problem_of(error: Exception, url: str, path: str = DATA_PATH) -> JSONResponse:
    """The problem of an error of the vault, or of a proof that was refused, at `path`."""
    if isinstance(error, TokenMissing):
        return _login_needed(url, path)
    status = _lookup(_STATUSES, error)
    if status is None:
        return problem_of_status(500)
    code = getattr(error, "code", "internal_error")
    headers = _retry(error)
    if isinstance(error, SessionEnded):
        headers = {"WWW-Authenticate": "Bearer"}
    elif isinstance(error, InvalidToken):
        headers = {"WWW-Authenticate": challenge(url, path, "invalid_token")}
    elif isinstance(error, InvalidProof | Replayed):
        code = "invalid_dpop_proof"
        headers = {"WWW-Authenticate": challenge(url, path, code)}
    limit = error.limit if isinstance(error, TooMany) else None
    return problem(status, code, str(error), headers, limit=limit)


def challenge(url: str, path: str, error: str | None = None) -> str:
    """RFC 9449 §7.1, RFC 9728 §5.1: one challenge, because two confuse clients."""
    parts = [f'algs="{" ".join(ALGORITHMS)}"']
    if error is not None:
        parts.insert(0, f'error="{error}"')
    resource = AUDIT_PATH if path.startswith(AUDIT_PATH) else DATA_PATH
    parts.append(f'resource_metadata="{url}/.well-known/oauth-protected-resource{resource}"')
    return "DPoP " + ", ".join(parts)


def _login_needed(url: str, path: str) -> JSONResponse:
    """No token at all: a challenge without an error (RFC 6750 §3.1)."""
    headers = {"WWW-Authenticate": challenge(url, path)}
    return problem(401, "token_missing", "Send an access token and a DPoP proof.", headers)


def oauth_error_of(error: Exception, authorization: str | None) -> JSONResponse | None:
    """The OAuth error of what the token endpoint raised; None for what is not its to answer.

    `authorization`: the header of a client that tried to authenticate with one.
    """
    headers = _retry(error)
    if isinstance(error, OAuthRefusal):
        status, code = 400, error.error
    elif isinstance(error, Replayed):
        is_client = error.code == "assertion_replayed"
        status, code = (401, "invalid_client") if is_client else (400, "invalid_dpop_proof")
    elif (found := _lookup(_OAUTH, error)) is not None:
        status, code = found
    else:
        return None
    if status == 503:
        headers = {"Retry-After": str(LOG_RETRY_SECONDS)}
    if status == 401 and authorization is not None:
        scheme = authorization.split(" ", 1)[0].lower()
        headers = {"WWW-Authenticate": f'{_SCHEMES.get(scheme, "Basic")} realm="{code}"'}
    REFUSALS.labels(code).inc()
    body = OAuthError(error=code, error_description=_ascii(str(error)))
    return JSONResponse(body.model_dump(), status, headers)


def unsupported_media_type() -> HTTPException:
    return HTTPException(415)


async def on_validation_error(_: Request, error: Exception) -> JSONResponse:
    """Names places and rules only: `input` and `ctx` hold what was sent."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    faults = [Fault(at=_place(one), rule=str(one["type"])) for one in found[:_FAULTS_MAX]]
    code, detail = _BY_STATUS[400]
    return problem(400, code, detail, faults=faults)


def _lookup(table: dict[type[Exception], V], error: Exception) -> V | None:
    return next((table[kind] for kind in type(error).__mro__ if kind in table), None)


def _retry(error: Exception) -> dict[str, str]:
    if isinstance(error, TooMany):
        return {"Retry-After": str(max(1, error.retry_after_seconds))}
    if isinstance(error, LogUnavailable | NotReady):
        return {"Retry-After": str(LOG_RETRY_SECONDS)}
    return {}


def _place(error: Mapping[str, Any]) -> str:
    place = list(error["loc"])
    if error["type"] == "extra_forbidden":
        place.pop()  # the name of an unknown key is the sender's text, too
    return ".".join(str(part) for part in place)


def _ascii(text: str) -> str:
    """RFC 6749 §5.2: printable ASCII without quotes and backslash."""
    return "".join(c if " " <= c <= "~" and c not in '"\\' else "'" for c in text)
