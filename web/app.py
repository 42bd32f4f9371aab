"""The pages, added to the application that serves the API: one server, one vault, two doors."""

from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from vault.vault import Vault
from web import auditor, desk, shell, wallet
from web.pages import Pages
from web.statics import Statics, theme_of
from web.statics import router as statics_router

ROUTERS = (
    *wallet.ROUTERS, *desk.ROUTERS, *auditor.ROUTERS,
    shell.officers, shell.router, statics_router, shell.last,
)  # fmt: skip


_IN_WORDS = {HTTPStatus.NOT_FOUND, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}


def add_pages(app: FastAPI, vault: Vault, *, practice: bool = False) -> None:
    """Adds every page. `practice`: the people are made up, and every page says so.

    Raises `NotReady` where the theme that the settings name can't be read.
    """
    statics = Statics(theme_of(vault.system.settings))
    app.state.pages = Pages(vault, statics, practice=practice)
    app.state.practice = practice
    for router in ROUTERS:
        app.include_router(router)
    _explain_to_people(app)


def _explain_to_people(app: FastAPI) -> None:
    """An address where nothing is, or to which too much was sent, says so in words to who came
    with a browser.

    Programs get the API's problem document, and everybody does below /v1.
    """
    problem = app.exception_handlers[HTTPException]

    async def explain(request: Request, error: Exception) -> Response:
        in_words = isinstance(error, HTTPException) and error.status_code in _IN_WORDS
        wants_page = "text/html" in request.headers.get("Accept", "").lower()
        if in_words and wants_page and not request.url.path.startswith("/v1/"):
            pages: Pages = app.state.pages
            return pages.explain(request, error)
        answer: Response = await problem(request, error)  # type: ignore[misc]
        return answer

    app.add_exception_handler(HTTPException, explain)
