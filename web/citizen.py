"""The citizen before the browser: a session in a cookie, left alone for so long and no longer."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Request, Response

from vault import caller
from vault.errors import Refused, SessionEnded
from vault.sessions import SessionStarted
from vault.unlocking import parse_session_token
from vault.vault import Vault
from web import cookies
from web.faults import GoElsewhere
from web.pages import PageRoute, see

IDLE_SECONDS = 600
UNLOCK_PATH, LOCKED_PATH = "/wallet/unlock", "/wallet/locked"


async def _owner(request: Request) -> caller.Owner:
    """The owner behind the cookie; else the way to unlock, and back."""
    token = request.cookies.get(cookies.SESSION, "")
    seen = cookies.seen_at(token, request.cookies.get(cookies.SEEN, ""))
    now_ms = request.app.state.vault.system.clock.now_ms()
    owner = caller.Owner(parse_session_token(token))
    if seen is None or now_ms - seen > IDLE_SECONDS * 1000:
        raise GoElsewhere(LOCKED_PATH)
    request.state.session_token = token
    return owner


Owner = Annotated[caller.Owner, Depends(_owner)]


class WalletRoute(PageRoute):
    """A page of an unlocked vault. To see it is to be there; without a session, or with one that is
    too old for what is asked, it leads to the page that unlocks.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            response = await handle(request)
            token = getattr(request.state, "session_token", None)
            if token is not None and not _sets_session(response):
                stay(response, token, request.app.state.vault)
            return response

        return answer

    def explain(self, request: Request, error: Exception) -> Response:
        if isinstance(error, SessionEnded):
            return let_out(see(unlock_first(request)))
        if isinstance(error, Refused) and error.code == "unlock_too_old":
            return see(unlock_first(request, again=True))
        return super().explain(request, error)


def unlock_first(request: Request, *, again: bool = False) -> str:
    """Where to unlock, and then this page, or the one that the form stood on."""
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.method != "GET":
        back = getattr(request.state, "form_stood_at", "/wallet")
    return f"{UNLOCK_PATH}?next={quote(back, safe='')}" + ("&again=1" if again else "")


def own_path(wanted: str, otherwise: str = "/wallet") -> str:
    """A page of the wallet to go on with, and never another site (open redirects)."""
    plain = wanted.isascii() and wanted.isprintable() and "\\" not in wanted
    return wanted if plain and wanted.startswith("/wallet") and "//" not in wanted else otherwise


def let_in(response: Response, started: SessionStarted, vault: Vault) -> Response:
    """Puts a new session into the browser."""
    cookies.set_cookie(response, cookies.SESSION, started.token)
    return stay(response, started.token, vault)


def stay(response: Response, token: str, vault: Vault) -> Response:
    """The citizen did something: the time to be idle begins anew."""
    mark = cookies.seen_mark(token, vault.system.clock.now_ms())
    cookies.set_cookie(response, cookies.SEEN, mark)
    return response


def let_out(response: Response) -> Response:
    """Takes the session out of the browser."""
    cookies.drop_cookie(response, cookies.SESSION)
    cookies.drop_cookie(response, cookies.SEEN)
    return response


def _sets_session(response: Response) -> bool:
    given = (value for name, value in response.raw_headers if name == b"set-cookie")
    return any(value.startswith(f"{cookies.SESSION}=".encode()) for value in given)
