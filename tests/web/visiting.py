"""A citizen at the pages as far as HTTP goes: cookies, forms with what ties them to the browser."""

import re
import secrets
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.builders import Citizen
from tests.serving import Site
from web import cookies


@dataclass
class Visitor:
    """A browser with a citizen's session in it. Follows no redirect."""

    site: Site
    citizen: Citizen | None = None
    language: str = "en"
    held: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.held = {cookies.FORM: secrets.token_hex(16), cookies.LANGUAGE: self.language}
        self.come_back()

    def come_back(self) -> None:
        """The citizen's session, as it is now."""
        if self.citizen is not None:
            token = self.citizen.token
            mark = cookies.seen_mark(token, self.site.store.clock.now_ms())
            self.held |= {cookies.SESSION: token, cookies.SEEN: mark}

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.site.url + path, headers=self._headers(), timeout=60)

    def post(self, path: str, form: dict[str, Any]) -> httpx.Response:
        csrf = cookies.csrf_token(self.held[cookies.FORM])
        return httpx.post(
            self.site.url + path,
            headers=self._headers(),
            data={"csrf": csrf, **form},
            timeout=60,
        )

    def _headers(self) -> dict[str, str]:
        held = "; ".join(f"{name}={value}" for name, value in self.held.items())
        return {"Cookie": held, "Accept-Language": self.language}


def link(visitor: Visitor, form: str = "json") -> str:
    """The address of a new link to a copy of everything."""
    page = visitor.post("/wallet/export", {"format": form})
    assert page.status_code == 200
    return str(re.findall(r'href="(/wallet/export/[^"]+)"', page.text)[0])
