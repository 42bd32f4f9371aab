"""The citizen before the browser: a session in a cookie, left alone for so long and no longer."""

from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Request, Response
from fastapi.concurrency import run_in_threadpool

from crypto.encoding import b64u
from vault import caller
from vault.errors import Refused, SessionEnded, VaultError
from vault.sessions import SessionStarted, UnlockSecret
from vault.unlocking import method_id, parse_session_token
from vault.vault import Vault
from web import cookies
from web.faults import GoElsewhere
from web.pages import PageRoute, address_of, see

IDLE_SECONDS = 600
UNLOCK_PATH, LOCK_PATH, LOCKED_PATH = "/wallet/unlock", "/wallet/lock", "/wallet/locked"


async def _owner(request: Request) -> caller.Owner:
    """The owner behind the cookie; else the way to unlock, and back.

    A session that was left alone too long ends here, on the server too.
    """
    vault: Vault = request.app.state.vault
    token = request.cookies.get(cookies.SESSION, "")
    owner = caller.Owner(parse_session_token(token))
    seen = cookies.seen_at(token, request.cookies.get(cookies.SEEN, ""))
    if seen is None or vault.system.clock.now_ms() - seen > IDLE_SECONDS * 1000:
        await run_in_threadpool(end_quietly, vault, token)
        unsaved = request.method != "GET" and request.url.path != LOCK_PATH
        path = f"{LOCKED_PATH}?next={quote(_back(request), safe='')}"
        raise GoElsewhere(path + ("&unsaved=1" if unsaved else ""))
    request.state.session_token = token
    request.state.idle_seconds = IDLE_SECONDS
    return owner


Owner = Annotated[caller.Owner, Depends(_owner)]


class WalletRoute(PageRoute):
    """A page of an unlocked vault. To see it is to be there; without a session, or with one that is
    too old for what is asked, it leads to the page that unlocks. A session that took the place of
    another (`goes_on_with`) goes into the browser whatever comes of the rest.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            response = await handle(request)
            started: tuple[SessionStarted, UnlockSecret] | None
            if (started := getattr(request.state, "started", None)) is not None:
                return let_in(response, started[0], request.app.state.vault, started[1])
            token = getattr(request.state, "session_token", None)
            if token is not None and not _sets_session(response):
                stay(response, token, request.app.state.vault)
            return response

        return answer

    def explain(self, request: Request, error: Exception) -> Response:
        if isinstance(error, SessionEnded):
            held = cookies.SESSION in request.cookies
            told = held or request.method != "GET"  # what was filled in came to nothing
            answer = see(unlock_first(request) + ("&ended=1" if told else ""))
            # Strict cookies stay at home when another site leads here: then none is dropped.
            return let_out(answer) if held else answer
        if isinstance(error, Refused) and error.code == "unlock_too_old":
            return see(unlock_first(request, again=True))
        return super().explain(request, error)


def unlock_first(request: Request, *, again: bool = False) -> str:
    """Where to unlock, and then this page, or the one that the form stood on."""
    return f"{UNLOCK_PATH}?next={quote(_back(request), safe='')}" + ("&again=1" if again else "")


def own_path(wanted: str, otherwise: str = "/wallet") -> str:
    """A page of the wallet to go on with, and never another site (open redirects)."""
    plain = wanted.isascii() and wanted.isprintable() and "\\" not in wanted
    ours = wanted == "/wallet" or wanted.startswith(("/wallet/", "/wallet?"))
    return wanted if plain and ours and "//" not in wanted else otherwise


def let_in(
    response: Response, started: SessionStarted, vault: Vault, used: UnlockSecret | None = None
) -> Response:
    """Puts a new session into the browser, and by which of the vault's keys it was opened."""
    cookies.set_cookie(response, cookies.SESSION, started.token)
    if used is not None:
        cookies.set_cookie(response, cookies.KEY, b64u(method_id(used.secret)))
    return stay(response, started.token, vault)


def goes_on_with(request: Request, started: SessionStarted, used: UnlockSecret) -> None:
    """The session before is over: this one is in the answer, be it a page, a refusal or a fault."""
    request.state.started = started, used


def end_quietly(vault: Vault, token: str) -> None:
    """Ends a session that is not wanted any more; one that is over already is fine."""
    with suppress(VaultError):
        vault.log_out(caller.Owner(parse_session_token(token)))


def stay(response: Response, token: str, vault: Vault) -> Response:
    """The citizen did something: the time to be idle begins anew."""
    mark = cookies.seen_mark(token, vault.system.clock.now_ms())
    cookies.set_cookie(response, cookies.SEEN, mark)
    return response


def let_out(response: Response) -> Response:
    """Takes the session out of the browser."""
    cookies.drop_cookie(response, cookies.SESSION)
    cookies.drop_cookie(response, cookies.SEEN)
    cookies.drop_cookie(response, cookies.KEY)
    return response


def _back(request: Request) -> str:
    """This page, or the one that the form stood on."""
    if request.method != "GET":
        return str(getattr(request.state, "form_stood_at", "/wallet"))
    return address_of(request.url)


def _sets_session(response: Response) -> bool:
    given = (value for name, value in response.raw_headers if name == b"set-cookie")
    return any(value.startswith(f"{cookies.SESSION}=".encode()) for value in given)
