"""How openapi.yaml describes the refusals of a route."""

from typing import Any

from api.problems import PROBLEM_JSON, TITLES

Responses = dict[int | str, dict[str, Any]]

_JSON = "application/json"
_HEADERS = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}


def documented(*statuses: int) -> Responses:
    """These statuses with a problem as their body."""
    return {status: _response(status, PROBLEM_JSON, "Problem") for status in statuses}


def documented_oauth(*statuses: int) -> Responses:
    """These statuses with an OAuth error as their body."""
    return {status: _response(status, _JSON, "OAuthError") for status in statuses}


def _response(status: int, media_type: str, schema: str) -> dict[str, Any]:
    content = {media_type: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    found: dict[str, Any] = {"description": TITLES[status], "content": content}
    if status in _HEADERS:
        found["headers"] = {_HEADERS[status]: {"schema": {"type": "string"}}}
    return found
