"""How a page comes about: its language, its frame, its headers; and what an error looks like.

`Pages` stands in `app.state.pages`. A template gets what every page shows besides what it is given.
"""

import logging
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import URL
from starlette.exceptions import HTTPException

from consent.errors import ConsentError
from vault.errors import VaultError
from vault.vault import Vault
from web import cookies
from web.faults import GoElsewhere, words_of
from web.findings import told
from web.statics import Statics
from web.words import LANGUAGES, Words, preferred, words

TEMPLATES = Path(__file__).with_name("templates")
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "media-src 'self' blob:",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types kluis",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=(), "
    "publickey-credentials-get=(self), publickey-credentials-create=(self)",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",  # with no-referrer, forms would be sent with Origin: null
    "Vary": "Cookie, Accept-Language",
}

_HOMES = {"wallet": "/wallet", "desk": "/desk", "auditor": "/auditor", "public": "/"}
_FAILED = "common/500.html"
_log = logging.getLogger("kluis.web")
_WHO_RUNS_IT = {
    "organisation", "help_phone", "help_url", "privacy_url", "accessibility_url",
}  # fmt: skip
_LIKE = {401: 403, 405: 404, 415: 400}  # statuses that one page speaks for


class Pages:
    """Renders templates for one installation. `practice`: its people are made up, and say so.

    `is_stopping` is set by who runs the server: streams end when it does, and hold nothing up.
    """

    def __init__(self, vault: Vault, statics: Statics, *, practice: bool = False) -> None:
        self.vault = vault
        self.statics = statics
        self.practice = practice
        self.is_stopping: Callable[[], bool] = lambda: False
        self._environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        self._errors = {f"common/{path.name}" for path in (TEMPLATES / "common").glob("[45]*.html")}
        self._by_language = {language: self._speaking(words(language)) for language in LANGUAGES}

    @property
    def secure(self) -> bool:
        return self.vault.system.settings.url.startswith("https://")

    def render(
        self, request: Request, template: str, status: int = HTTPStatus.OK, **context: Any
    ) -> HTMLResponse:
        """A page in the language of whoever asks."""
        form_secret = request.cookies.get(cookies.FORM) or cookies.fresh_form_secret()
        language = language_of(request)
        area = request.url.path.split("/", 2)[1]
        area = area if area in _HOMES else "public"
        frame: dict[str, Any] = {
            "language": language,
            "languages": LANGUAGES,
            "language_links": {code: _language_link(request, code) for code in LANGUAGES},
            "theme": self.statics.theme and self.statics.url("css/theme.css"),
            "area": area,
            "home": _HOMES[area],
            "here": "",
            "path": request.url.path,
            "practice": self.practice,
            "csrf": cookies.csrf_token(form_secret),
            "unlocked": cookies.SESSION in request.cookies and area == "wallet",
            "idle_seconds": self._idle_seconds(request),
            "leave_to": address_of(request.url) if request.method == "GET" else _HOMES[area],
            "now": self.vault.system.clock.now_ms(),
        }
        page = self._by_language[language].get_template(template).render(frame | context)
        response = HTMLResponse(page, status, HEADERS)
        if cookies.FORM not in request.cookies and request.method == "GET":
            cookies.set_cookie(response, cookies.FORM, form_secret)
        if chosen := getattr(request.state, "language", None):
            cookies.keep_language(response, chosen)
        return response

    def _idle_seconds(self, request: Request) -> int:
        """How long whoever is in may do nothing: seconds, since clocks of phones are wrong."""
        if getattr(request.state, "officer_session", None) is not None:
            return self.vault.system.settings.officer_idle_seconds
        return int(getattr(request.state, "idle_seconds", 0))

    def text(self, language: str, template: str) -> str:
        """A file in one language that is no page."""
        return self._by_language[language].get_template(template).render(language=language)

    def explain(self, request: Request, error: Exception) -> HTMLResponse:
        """The page of an error: what happened, what did not, what to do."""
        status, code = words_of(error)
        template = f"common/{_LIKE.get(status, status)}.html"
        if template not in self._errors:
            template = "common/400.html" if status < HTTPStatus.INTERNAL_SERVER_ERROR else _FAILED
        wait = getattr(error, "retry_after_seconds", 0)
        return self.render(request, template, status, reference=code, retry_after=wait)

    def _speaking(self, spoken: Words) -> Environment:
        environment = self._environment.overlay()
        environment.install_gettext_translations(  # type: ignore[attr-defined]
            spoken.translations, newstyle=True
        )
        now = self.vault.system.clock.now_ms
        environment.globals = {
            **environment.globals,
            "static": self.statics.url,
            "day": spoken.day,
            "moment": spoken.moment,
            "time": spoken.time,
            "month": spoken.month,
            "span": spoken.span,
            "ago": lambda at_ms: spoken.ago(at_ms, now()),
            "found_in": lambda findings: told(findings, spoken),
            "public_url": self.vault.system.settings.url,
            "runs": self.vault.system.settings.model_dump(include=_WHO_RUNS_IT),
        }
        return environment


class PageRoute(APIRoute):
    """A route whose refusals are pages, and whose language can be chosen with `?lang=`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            chosen = request.query_params.get("lang")
            if request.method == "GET" and chosen in LANGUAGES and request.url.path != "/offline":
                return _in_language(request, chosen)
            try:
                return await handle(request)
            except GoElsewhere as elsewhere:
                return see(elsewhere.path)
            except (VaultError, ConsentError, HTTPException, RequestValidationError) as error:
                return self.explain(request, error)
            except Exception as error:  # noqa: BLE001 - its text may hold what was sent: its name only
                _log.error("unhandled %s", type(error).__name__)
                return self.explain(request, error)

        return answer

    def explain(self, request: Request, error: Exception) -> Response:
        """What is shown instead."""
        pages: Pages = request.app.state.pages
        return pages.explain(request, error)


def _in_language(request: Request, language: str) -> Response:
    """The same page again, in another language from now on."""
    response = see(address_of(request.url.remove_query_params("lang")))
    cookies.keep_language(response, language)
    return response


def address_of(url: URL) -> str:
    """Path and query, here: what begins with two slashes would be another host (open redirects)."""
    path = "/" + url.path.lstrip("/")
    return path + (f"?{url.query}" if url.query else "")


def _language_link(request: Request, language: str) -> str:
    """Leads from a page to itself in that language, with all that its address asks for. It names no
    path: an answer to a form has none of its own, and its module says where it leads.
    """
    return f"?{request.url.include_query_params(lang=language).query}"


def language_of(request: Request) -> str:
    """The one that was chosen, else the first of ours that the browser asks for."""
    if request.url.path == "/offline" and request.query_params.get("lang") in LANGUAGES:
        return request.query_params["lang"]
    held = getattr(request.state, "language", request.cookies.get(cookies.LANGUAGE, ""))
    return held if held in LANGUAGES else preferred(request.headers.get("accept-language", ""))


def is_for_language(request: Request, chosen: str) -> bool:
    """Whether a form was sent by the choice of a language, and for nothing else: then the page
    that it stood on is shown again in that language, with what was typed.
    """
    if chosen in LANGUAGES:
        request.state.language = chosen
    return chosen in LANGUAGES


def words_for(request: Request) -> Words:
    return words(language_of(request))


async def _pages(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages


async def _vault(request: Request) -> Vault:
    vault: Vault = request.app.state.vault
    return vault


OpenedPages = Annotated[Pages, Depends(_pages)]
OpenedVault = Annotated[Vault, Depends(_vault)]


def as_file(name: str) -> dict[str, str]:
    """Headers of an answer that the browser keeps as a file of this name."""
    return {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}


def see(path: str) -> RedirectResponse:
    """After an act: the page that shows what came of it. `path` is one of ours."""
    return RedirectResponse(path, HTTPStatus.SEE_OTHER, HEADERS)
