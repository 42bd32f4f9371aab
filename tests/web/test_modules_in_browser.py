"""The modules of every page in a real Chromium, under the policy of the real pages.

The server here is a stand-in that answers as the wallet does, so that a test decides what happens.
Conditions are polled from outside: the policy forbids a test to evaluate text in a loop inside.
"""

import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cli.demo_place import RUN_BY
from web.pages import POLICY
from web.statics import Statics
from web.words import LANGUAGES, words

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = Path("/usr/bin/chromium")
STATIC = Statics().files
TEMPLATES = Path(__file__).parents[2] / "web/templates"
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
PATIENCE_MS = 60_000
FAR_MS = 4_000_000_000_000

if not CHROMIUM.exists() and not os.environ.get("KLUIS_REQUIRE_ALL"):
    pytest.skip("no Chromium here", allow_module_level=True)


class Wallet(ThreadingHTTPServer):
    """What the modules talk to. `streams`: connections for events that are open now."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.url = f"http://localhost:{self.server_port}"
        self.streams = 0
        self.streams_ever = 0
        self.signed_in = True
        self.idle_seconds = 0
        self.ends_ms = FAR_MS
        self.posts: list[tuple[str, str]] = []
        self.news = threading.Condition()
        self.read = 0

    def somebody_reads(self) -> None:
        with self.news:
            self.read += 1
            self.news.notify_all()

    def sign_out(self) -> None:
        with self.news:
            self.signed_in = False
            self.news.notify_all()

    def page(self, language: str = "en") -> str:
        """The gallery, as a page that listens to events."""
        environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            extensions=["jinja2.ext.i18n"],
        )
        spoken = words(language)
        environment.install_gettext_translations(  # type: ignore[attr-defined]
            spoken.translations, newstyle=True
        )
        text = environment.get_template("common/gallery.html").render(
            language=language,
            languages=LANGUAGES,
            language_links={code: f"?lang={code}" for code in LANGUAGES},
            area="wallet",
            home="/wallet",
            here="home",
            path="/wallet",
            practice=True,
            csrf="a-token",
            static=lambda name: f"/static/{name}",
            day=spoken.day,
            moment=spoken.moment,
            unlocked=True,
            idle_seconds=self.idle_seconds,
            leave_to="/wallet",
            theme=None,
            runs=RUN_BY,
        )
        module = '<script type="module" src="/static/js/live.js"></script></head>'
        text = text.replace("</head>", module)
        text = text.replace(str(1_800_000_000_000), str(self.ends_ms))
        listens = 'data-events="/wallet/events" data-poll="/wallet/events/since"'
        return text.replace("<body ", f"<body {listens} ")


class _Answers(BaseHTTPRequestHandler):
    server: Wallet

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: a test speaks by failing."""

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.posts.append((self.path, self.rfile.read(length).decode()))
        self._answer(204, "text/plain", b"")

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path == "/wallet/events":
            self._stream()
        elif path == "/wallet/events/since":
            told = b'{"last": "1", "events": []}'
            self._answer(200 if self.server.signed_in else 401, "application/json", told)
        elif path == "/sw.js":
            head = 'const VERSION = "1";\nconst SHELL = ["/offline?lang=en"];\n'
            script = head.encode() + STATIC["js/sw.js"]
            self._answer(200, "text/javascript", script)
        elif path == "/offline":
            self._answer(200, "text/html", b"<!doctype html><title>kept</title>")
        elif path.startswith("/static/"):
            name = path.removeprefix("/static/")
            kind = TYPES.get(Path(name).suffix, "application/octet-stream")
            self._answer(200, kind, STATIC[name])
        elif path == "/wallet":
            language = query.removeprefix("lang=") or "en"
            self._answer(200, "text/html; charset=utf-8", self.server.page(language).encode())
        else:
            self._answer(404, "text/plain", b"")

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        if not self.server.signed_in:
            self._answer(401, "text/plain", b"")
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(b"retry: 50\n\n")
        with self.server.news:
            self.server.streams += 1
            self.server.streams_ever += 1
            seen = self.server.read  # who sees the stream may have somebody read at once
        try:
            while self.server.signed_in:
                with self.server.news:
                    self.server.news.wait(0.1)
                    new, seen = self.server.read - seen, self.server.read
                self.wfile.write(b": here\n\n" + b'event: read\ndata: {"n": 1}\n\n' * new)
                self.wfile.flush()
        except OSError:
            pass
        with self.server.news:
            self.server.streams -= 1


@pytest.fixture
def wallet() -> Iterator[Wallet]:
    server = Wallet()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.sign_out()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def context(browser: Any) -> Iterator[Any]:
    made = browser.new_context(viewport={"width": 320, "height": 700})
    yield made
    made.close()


def _until(page: Any, holds: Callable[[], bool]) -> None:
    for _ in range(PATIENCE_MS // 50):
        if holds():
            return
        page.wait_for_timeout(50)
    pytest.fail("it did not come true")


def _opened(context: Any, wallet: Wallet) -> Any:
    page = context.new_page()
    page.add_init_script(
        "window.reads = 0; document.addEventListener('kluis:read', () => { window.reads += 1; });"
    )
    page.goto(f"{wallet.url}/wallet")
    return page


def _state(page: Any) -> str:
    return str(page.locator("[data-live]").get_attribute("data-state"))


def test_all_tabs_hear_of_a_read_over_one_connection(context: Any, wallet: Wallet) -> None:
    tabs = [_opened(context, wallet) for _ in range(3)]
    for tab in tabs:
        _until(tab, lambda tab=tab: _state(tab) == "live")  # type: ignore[misc]
    wallet.somebody_reads()
    for tab in tabs:
        _until(tab, lambda tab=tab: tab.evaluate("window.reads") == 1)  # type: ignore[misc]
    assert wallet.streams == 1

    # The tab that holds the connection closes; another takes over.
    tabs[0].close()
    _until(tabs[1], lambda: wallet.streams_ever > 1 and wallet.streams == 1)
    wallet.somebody_reads()
    for tab in tabs[1:]:
        _until(tab, lambda tab=tab: tab.evaluate("window.reads") >= 2)  # type: ignore[misc]


def test_a_session_that_ended_is_told_in_words(context: Any, wallet: Wallet) -> None:
    page = _opened(context, wallet)
    _until(page, lambda: _state(page) == "live")
    wallet.sign_out()
    _until(page, lambda: _state(page) == "signed-out")
    assert "Unlock it" in page.locator("[data-live]").inner_text()


def test_one_minute_before_the_lock_a_question_is_asked(context: Any, wallet: Wallet) -> None:
    wallet.idle_seconds = 300
    page = context.new_page()
    page.clock.install(time=1_000_000)
    page.clock.pause_at(1_000_001)  # or the time that loading takes is counted, too
    page.goto(f"{wallet.url}/wallet")
    question = page.locator("dialog#idle")
    page.clock.run_for(235_000)
    assert not question.is_visible()
    page.clock.run_for(6_000)
    assert question.is_visible()
    assert page.evaluate("document.activeElement.matches('[data-idle-stay]')")

    page.get_by_role("button", name="Yes, continue").click()
    _until(page, lambda: not question.is_visible())
    _until(page, lambda: wallet.posts == [("/wallet/still-here", "csrf=a-token")])


def test_when_the_time_is_over_the_page_goes(context: Any, wallet: Wallet) -> None:
    wallet.idle_seconds = 90
    page = context.new_page()
    page.clock.install(time=1_000_000)
    page.clock.pause_at(1_000_001)  # or the time that loading takes is counted, too
    page.goto(f"{wallet.url}/wallet")
    with page.expect_request(f"{wallet.url}/wallet"):
        page.clock.run_for(91_000)
    assert wallet.posts == []


def test_a_countdown_speaks_only_near_its_end(context: Any, wallet: Wallet) -> None:
    page = context.new_page()
    page.clock.install(time=1_000_000)
    page.clock.pause_at(1_000_001)
    wallet.ends_ms = 1_000_000_000 + 120_000
    page.goto(f"{wallet.url}/wallet")
    shown, said = page.locator("[data-countdown]"), page.locator("[data-countdown-said]")
    page.clock.run_for(80_000)
    assert "seconds" in shown.inner_text()
    assert said.text_content() == ""
    page.clock.run_for(11_000)
    assert "30 seconds" in str(said.text_content())
    page.clock.run_for(40_000)
    assert (
        shown.inner_text()
        == said.text_content()
        == "This code is over. Nobody can use it any more."
    )


def test_the_phone_keeps_no_page_of_a_person(context: Any, wallet: Wallet) -> None:
    page = _opened(context, wallet)
    _until(page, lambda: bool(page.evaluate("!!navigator.serviceWorker.controller")))
    page.goto(f"{wallet.url}/wallet")
    kept = page.evaluate(
        """async () => {
          const stores = await Promise.all((await caches.keys()).map((name) => caches.open(name)));
          const kept = await Promise.all(stores.map((store) => store.keys()));
          return kept.flat().map((one) => new URL(one.url).pathname);
        }"""
    )
    assert kept == ["/offline"]
    wallet.sign_out()  # an open stream would hold the network open
    context.set_offline(True)
    page.goto(f"{wallet.url}/wallet/data")
    assert page.title() == "kept"


def test_only_our_workers_can_be_started(context: Any, wallet: Wallet) -> None:
    page = _opened(context, wallet)
    ask = "(address) => import('/static/js/trusted.js').then((m) => `${m.workerUrl(address)}`)"
    assert page.evaluate(ask, "/sw.js?speaks=fr") == "/sw.js?speaks=fr"
    for other in (
        "/sw.js",
        "/sw.js?speaks=xx",
        "/static/js/sw.js",
        "https://elsewhere.example/sw.js",
        "data:text/javascript,1",
    ):
        with pytest.raises(sync_api.Error, match="not a worker of ours"):
            page.evaluate(ask, other)


@pytest.mark.slow
@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("percent", [112.5, 225])
def test_nothing_is_cut_off_on_a_small_phone(
    context: Any, wallet: Wallet, language: str, percent: float
) -> None:
    page = context.new_page()
    page.goto(f"{wallet.url}/wallet?lang={language}")
    page.evaluate(f"document.documentElement.style.fontSize = '{percent}%'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    small = page.evaluate(
        "[...document.querySelectorAll('.button, .ways a, .tool, .input, summary')]"
        ".filter((one) => one.offsetHeight && one.offsetHeight < 44).map((one) => one.outerHTML)"
    )
    assert small == []
