"""What holds for every address of the pages, whichever it is: taken from the application itself, so
that a new page is in here without anybody thinking of it.
"""

import re
import secrets
from collections.abc import Iterator

import httpx
import pytest

from tests.builders import Citizen
from tests.serving import Site, pages, routes
from web import cookies
from web.pages import HEADERS, POLICY

WANTED = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": HEADERS.get("Permissions-Policy", ""),
    "Referrer-Policy": "same-origin",
    "Vary": "Cookie, Accept-Language",
    "X-Content-Type-Options": "nosniff",
}
STATIC_POLICY = "default-src 'none'; frame-ancestors 'none'"


class Visitor:
    """A browser as far as headers go. `__Host-` cookies are sent to localhost as browsers do."""

    def __init__(self, site: Site, citizen: Citizen | None = None) -> None:
        self.http = httpx.Client(base_url=site.url, timeout=60)
        self.held = {cookies.FORM: secrets.token_hex(16)}
        if citizen is not None:
            mark = cookies.seen_mark(citizen.token, site.store.clock.now_ms())
            self.held |= {cookies.SESSION: citizen.token, cookies.SEEN: mark}

    def ask(self, method: str, path: str, **options: object) -> httpx.Response:
        held = "; ".join(f"{name}={value}" for name, value in self.held.items())
        headers = {"Cookie": held, "Accept-Language": "en"}
        answer = self.http.request(method, path, headers=headers, **options)  # type: ignore[arg-type]
        self.http.cookies.clear()
        return answer


@pytest.fixture(params=["a stranger", "a citizen"])
def visitor(request: pytest.FixtureRequest, site: Site) -> Iterator[Visitor]:
    citizen = site.store.citizen() if request.param == "a citizen" else None
    visitor = Visitor(site, citizen)
    with visitor.http:
        yield visitor


def wrong(answer: httpx.Response) -> list[str]:
    """Which headers of a page are not as they should be."""
    return [
        f"{answer.request.method} {answer.request.url.path} {answer.status_code}: {name}: "
        f"{answer.headers.get_list(name)}"
        for name, value in WANTED.items()
        if answer.headers.get_list(name) != [value]
    ]


def test_every_page_has_every_header_whoever_asks(site: Site, visitor: Visitor) -> None:
    assert [fault for path in pages(site.store) for fault in wrong(visitor.ask("GET", path))] == []


def test_no_page_fails_for_whoever_asks(site: Site, visitor: Visitor) -> None:
    answers = {path: visitor.ask("GET", path).status_code for path in pages(site.store)}
    assert {path: status for path, status in answers.items() if status >= 500} == {}


def test_a_form_without_its_token_does_nothing_and_has_every_header(
    site: Site, visitor: Visitor
) -> None:
    faults: list[str] = []
    for path in pages(site.store, "POST"):
        answer = visitor.ask("POST", path, data={"csrf": "0" * 64})
        faults += wrong(answer)
        if answer.status_code not in {303, 401, 403}:
            faults.append(f"{path} took a forged form: {answer.status_code}")
        if any(
            name in answer.headers.get("set-cookie", "") for name in (cookies.SESSION, cookies.SEEN)
        ) and not re.search("max-age=0", answer.headers["set-cookie"], re.IGNORECASE):
            faults.append(f"{path} let somebody in by a forged form")
    assert faults == []


def test_every_cookie_is_the_hosts_alone_and_no_scripts(site: Site, visitor: Visitor) -> None:
    visitor.held.pop(cookies.FORM)
    given = [
        cookie
        for path in pages(site.store)
        for cookie in visitor.ask("GET", path).headers.get_list("set-cookie")
    ]
    assert given
    for cookie in given:
        parts = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert cookie.startswith("__Host-"), cookie
        same_site = "lax" if cookie.startswith(cookies.FORM) else "strict"
        assert {"secure", "httponly", f"samesite={same_site}", "path=/"} <= parts, cookie
        assert not any(part.startswith("domain") for part in parts), cookie


def test_a_page_is_nowhere_allowed_what_the_policy_is_against() -> None:
    rules = {name: value for name, _, value in (rule.partition(" ") for rule in POLICY.split("; "))}
    for name in ("default-src", "base-uri", "frame-ancestors"):
        assert rules.pop(name) == "'none'"
    assert rules.pop("require-trusted-types-for") == "'script'"
    assert rules.pop("trusted-types") == "kluis"
    assert rules.pop("script-src") == rules.pop("style-src") == "'self'"
    assert rules.pop("form-action") == rules.pop("connect-src") == "'self'"
    assert set(" ".join(rules.values()).split()) == {"'self'", "data:", "blob:"}
    permissions = WANTED["Permissions-Policy"].replace(" ", "").split(",")
    assert {"camera=(self)", "microphone=()", "geolocation=()"} <= set(permissions)
    assert not [one for one in permissions if not one.endswith(("=()", "=(self)"))]


def test_files_of_pages_are_kept_for_good_under_their_version_alone(site: Site) -> None:
    visitor = Visitor(site)
    with visitor.http:
        page = visitor.ask("GET", "/").text
        found = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page))
        assert found
        for path in found:
            answer = visitor.ask("GET", path)
            assert answer.status_code == 200, path
            assert "immutable" in answer.headers["cache-control"]
            assert answer.headers["content-security-policy"] == STATIC_POLICY
            assert "set-cookie" not in answer.headers
        version, _, rest = path.removeprefix("/static/").partition("/")
        assert visitor.ask("GET", f"/static/{version[::-1]}/{rest}").status_code == 404
        assert visitor.ask("GET", f"/static/{version}/..%2Fapp.py").status_code == 404


def test_webassembly_runs_in_the_reader_of_codes_and_nowhere_else(site: Site) -> None:
    visitor = Visitor(site)
    with visitor.http:
        for path in routes(site.store, "GET"):
            policy = visitor.ask("GET", path).headers["content-security-policy"]
            assert ("wasm-unsafe-eval" in policy) == (path == "/scan-worker.js"), path
            assert "'unsafe-inline'" not in policy
            assert "'unsafe-eval'" not in policy
