"""The OpenAPI 3.1 document: what `create_app` answers, without a vault.

openapi.yaml is this document; tests/checks/openapi.py holds the two together.
"""

from http import HTTPStatus
from typing import Any

from fastapi.openapi.utils import get_openapi

from api.app import with_routes
from api.described import documented
from api.shapes import OAuthError, Problem

_REF = "#/components/schemas/{model}"
_DESCRIPTION = """\
Citizens use `/v1/...` with a session; agencies use `/oauth/token` and `/v1/data` with standard \
OAuth: private_key_jwt (RFC 7523), DPoP (RFC 9449) and OpenID4VCI's pre-authorized code.

Ids are unpadded base64url, entry ids UUIDs, instants `YYYY-MM-DDTHH:MM:SS.mmmZ`. Requests are \
strict: unknown and duplicate keys are refused. Errors are problem details (RFC 9457) with a \
stable `code`, at the token endpoint OAuth errors. A path that is not here answers 404, another \
method 405 with `Allow`; both are problems too. What is no HTTP, or begins with more than 64 KiB, \
is refused in plain text.
"""


def document() -> dict[str, Any]:
    """The whole document, in an order that does not change by itself."""
    found = get_openapi(
        title="Burgerkluis",
        version="1",
        openapi_version="3.1.0",
        description=_DESCRIPTION,
        routes=with_routes().routes,
        servers=[{"url": "/"}],
    )
    for operations in found["paths"].values():
        for operation in operations.values():
            _polish(operation)
    schemas = found["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for model in (Problem, OAuthError):
        schema = model.model_json_schema(ref_template=_REF)
        schemas |= schema.pop("$defs", {})
        schemas[model.__name__] = schema
    found["components"]["schemas"] = dict(sorted(schemas.items()))
    return found


def _polish(operation: dict[str, Any]) -> None:
    operation["summary"] = operation.pop("description")
    # What FastAPI expects is its own 422; ours is a 400 that names no input.
    operation["responses"].pop("422", None)
    # A body is measured before a route is looked for, also where none is expected.
    operation["responses"] |= {str(status): what for status, what in documented(413).items()}
    operation["responses"] = dict(sorted(operation["responses"].items()))
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            response["description"] = HTTPStatus(int(status)).phrase
    if "security" in operation:  # every scheme is needed, not one of them
        needed: dict[str, list[str]] = {}
        for scheme in operation["security"]:
            needed |= scheme
        operation["security"] = [needed]
