"""What belongs to no area: help, the offline page, the manifest, the workers, what is not there."""

import json

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from web.forms import GivenForm
from web.officers import Officer, OfficerRoute, look
from web.pages import HEADERS, OpenedPages, OpenedVault, PageRoute
from web.statics import SCRIPT
from web.words import LANGUAGES

router = APIRouter(route_class=PageRoute, tags=["pages"], include_in_schema=False)
officers = APIRouter(route_class=OfficerRoute, tags=["pages"], include_in_schema=False)
last = APIRouter(route_class=PageRoute, tags=["pages"], include_in_schema=False)

_WORKER_POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'"
_KEPT = (
    "css/tokens.css", "css/main.css", "css/parts.css", "css/print.css", "css/theme.css",
    "js/menu.js", "js/countdown.js", "js/trusted.js", "icons/mark.svg",
)  # fmt: skip


@router.get("/help")
def help_(request: Request, pages: OpenedPages) -> Response:
    """What people ask, and where to ask more."""
    return pages.render(request, "common/help.html", here="help")


@router.get("/offline")
def offline(request: Request, pages: OpenedPages) -> Response:
    """The page that the worker keeps for when there is no connection."""
    return pages.render(request, "common/offline.html", unlocked=False)


@router.get("/app.{language}.webmanifest")
def manifest(language: str, pages: OpenedPages) -> Response:
    """What a phone needs to put the wallet among its apps."""
    if language not in LANGUAGES:
        raise HTTPException(404)
    text = pages.text(language, "common/manifest.webmanifest")
    return Response(text, media_type="application/manifest+json", headers=HEADERS)


@router.get("/sw.js")
def worker(pages: OpenedPages) -> Response:
    """The worker, with the addresses of what it keeps."""
    statics = pages.statics
    shell = [f"/offline?lang={language}" for language in LANGUAGES]
    shell += [statics.url(name) for name in _KEPT]
    head = f"const VERSION = {json.dumps(statics.version)};\nconst SHELL = {json.dumps(shell)};\n"
    script = head.encode() + statics.files["js/sw.js"]
    return Response(script, media_type=SCRIPT, headers={**HEADERS, "Cache-Control": "no-cache"})


@router.get("/scan-worker.js")
def scan_worker(pages: OpenedPages) -> Response:
    """What reads QR codes: it alone may run WebAssembly, and it is no page."""
    headers = {**HEADERS, "Cache-Control": "no-cache", "Content-Security-Policy": _WORKER_POLICY}
    return Response(pages.statics.files["js/scan-worker.js"], media_type=SCRIPT, headers=headers)


@officers.post("/desk/still-here", status_code=204)
@officers.post("/auditor/still-here", status_code=204)
def still_here(request: Request, _form: GivenForm, officer: Officer, vault: OpenedVault) -> None:
    """An officer answered the warning: the session goes on."""
    look(request, vault, officer)


@last.get("/wallet/{rest:path}")
@last.get("/desk/{rest:path}")
@last.get("/auditor/{rest:path}")
def nowhere(rest: str) -> Response:  # noqa: ARG001 - whatever it is
    """There is no such page; a person is told so in words. Comes after all other routes."""
    raise HTTPException(404)


@last.post("/wallet/{rest:path}")
@last.post("/desk/{rest:path}")
@last.post("/auditor/{rest:path}")
def nothing(_form: GivenForm, rest: str) -> Response:  # noqa: ARG001
    raise HTTPException(404)
