"""Reading bodies strictly: JSON with one reading (RFC 8259 §4), forms with one (RFC 6749 §3.2).

What a second parser might read otherwise is refused: duplicate keys and parameters, floats, NaN,
integers beyond 2^53, text that is no UTF-8. So is a parameter of a query that the route does not
take: a filter with a slip in its name would else filter nothing and look as if it had.
"""

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request, Response
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Header, Path
from fastapi.routing import APIRoute

from api.problems import OAuthRefusal, unsupported_media_type
from crypto import encoding
from crypto.errors import Malformed
from vault.errors import BadInput

FORM_BYTES_MAX = 32_768
FORM_PARAMETERS_MAX = 32
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


class StrictRoute(APIRoute):
    """A route that reads its query and its body, where it has them, strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        takes_body = self.body_field is not None
        parameters = self._parameters()

        async def strictly(request: Request) -> Response:
            if parameters:
                _refuse_other_parameters(request, parameters)
            if takes_body and await request.body():
                if media_type(request) != JSON:
                    raise unsupported_media_type()
                request = _Read(request, await request.body())
            return await handle(request)

        return strictly

    def _parameters(self) -> set[str]:
        """The names that its query may hold."""
        elsewhere = (Header, Path)
        flat = get_flat_params(self.dependant)
        return {one.alias for one in flat if not isinstance(one.field_info, elsewhere)}


class _Read(Request):
    """A request whose body was parsed already."""

    def __init__(self, request: Request, body: bytes) -> None:
        super().__init__(request.scope, request.receive)
        self._body = body
        self._json = parse_json(body)


def media_type(request: Request) -> str:
    return request.headers.get("content-type", "").split(";", 1)[0].strip().lower()


def parse_json(body: bytes) -> Any:
    """The one reading of a JSON text; raises `BadInput`."""
    try:
        return encoding.parse_json(body)
    except Malformed:
        raise BadInput(
            "This is no JSON, or JSON with duplicate keys, fractions or very large numbers.",
            "invalid_json",
        ) from None


def parse_form(body: bytes) -> dict[str, str]:
    """The parameters of a form; those without a value count as absent (RFC 6749 §3.2)."""
    if len(body) > FORM_BYTES_MAX:
        raise OAuthRefusal("invalid_request", "The form is too large.")
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=FORM_PARAMETERS_MAX,
        )
    except ValueError:
        raise OAuthRefusal("invalid_request", "The form can't be read.") from None
    if len({name for name, _ in pairs}) != len(pairs):
        raise OAuthRefusal("invalid_request", "A parameter is there twice.")
    return {name: value for name, value in pairs if value}


def _refuse_other_parameters(request: Request, parameters: set[str]) -> None:
    names = [name for name, _ in request.query_params.multi_items()]
    if len(set(names)) != len(names):
        raise BadInput("A parameter is there twice.", "invalid_request")
    if not parameters.issuperset(names):
        raise BadInput("A parameter has a name that is not known here.", "invalid_request")
