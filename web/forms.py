"""Reading a form: only one that a page of ours put into this very browser."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from vault.errors import BadInput
from web import cookies
from web.citizen import own_path
from web.faults import ForgedForm

FORM = "application/x-www-form-urlencoded"
FORM_BYTES_MAX = 300_000
_PARAMETERS_MAX = 600
_ELSEWHERE = {"cross-site", "same-site"}


@dataclass(frozen=True, slots=True)
class Form:
    """What was filled in, in lists, since boxes of one name may be ticked together."""

    given: dict[str, list[str]]

    def text(self, name: str, most: int = 200) -> str:
        """One value without spaces around it, or empty. `BadInput` beyond `most` characters."""
        values = self.given.get(name, [])
        if len(values) > 1 or len("".join(values)) > most:
            raise BadInput("A part of this form is there twice, or is too long.", "bad_form")
        return values[0].strip() if values else ""

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(self.given.get(name, ()))

    def ticked(self, name: str) -> bool:
        return bool(self.given.get(name))


async def read_form(request: Request) -> Form:
    """The form of a POST. Raises `ForgedForm` for one that another site sent."""
    if request.headers.get("content-type", "").split(";", 1)[0].strip().lower() != FORM:
        raise ForgedForm
    form = parse(await request.body())
    own = request.app.state.vault.system.settings.url
    request.state.form_stood_at = own_path(form.text("back", 2000) or _sender(request, own))
    if request.headers.get("origin", own) != own:
        raise ForgedForm
    if request.headers.get("sec-fetch-site") in _ELSEWHERE:
        raise ForgedForm
    if not cookies.is_csrf_token(request, form.text("csrf")):
        raise ForgedForm
    return form


def _sender(request: Request, own: str) -> str:
    """The page of ours that sent a form, as the browser says it; else nothing."""
    try:
        sender = urlsplit(request.headers.get("referer", ""))
    except ValueError:  # such as http://[
        return ""
    if f"{sender.scheme}://{sender.netloc}" != own:
        return ""
    return sender.path + (f"?{sender.query}" if sender.query else "")


def parse(body: bytes) -> Form:
    """Raises `BadInput` for what is no form, and 413 for a very large one."""
    if len(body) > FORM_BYTES_MAX:
        raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    try:
        given = parse_qs(body.decode("ascii"), errors="strict", max_num_fields=_PARAMETERS_MAX)
    except ValueError:
        raise BadInput("This form can't be read.", "bad_form") from None
    return Form(given)


GivenForm = Annotated[Form, Depends(read_form)]
