"""A citizen's browser over plain HTTP, without JavaScript: it keeps cookies, and sends forms."""

import re
from html import unescape
from typing import Any

import httpx
import pytest

from tests.builders import Citizen
from tests.serving import Site
from vault import caller
from vault.clock import SystemClock
from vault.errors import SessionEnded
from vault.unlocking import parse_session_token
from vault.vault import Vault
from web import cookies


class Browser:
    """A jar of `__Host-` cookies and a form's token, as a browser has them on localhost."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.http = httpx.Client(base_url=site.url, headers={"Accept-Language": "en"}, timeout=60)
        self.jar: dict[str, str] = {}

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        held = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        headers = {"Cookie": held} | options.pop("headers", {})
        answer = self.http.request(method, path, headers=headers, **options)
        self.http.cookies.clear()
        for given in answer.headers.get_list("set-cookie"):
            name, _, rest = given.partition("=")
            value = rest.partition(";")[0]
            if value in {"", '""'}:
                self.jar.pop(name, None)
            else:
                self.jar[name] = value
        return answer

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("GET", path, **options)

    def post(self, path: str, **fields: str) -> httpx.Response:
        if cookies.FORM not in self.jar:
            self.get("/help")
        return self.ask("POST", path, data={"csrf": self.csrf, **fields})

    @property
    def csrf(self) -> str:
        return cookies.csrf_token(self.jar[cookies.FORM])

    def unlock(self, citizen: Citizen, **fields: str) -> httpx.Response:
        return self.post("/wallet/unlock", device_secret=citizen.device_secret, **fields)

    @property
    def session(self) -> str:
        return self.jar.get(cookies.SESSION, "")


def is_open(vault: Vault, token: str) -> bool:
    try:
        vault.overview(caller.Owner(parse_session_token(token)))
    except SessionEnded:
        return False
    return True


def turn(site: Site, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """The server's clock goes so much further, for the rest of the test."""
    system = SystemClock()
    monkeypatch.setattr(site.store.clock, "now_ms", lambda: system.now_ms() + int(seconds * 1000))


def text(answer: httpx.Response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def hidden(answer: httpx.Response, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', answer.text)
    assert found is not None
    return unescape(found[1])
