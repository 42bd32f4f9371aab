"""A browser, a real server on localhost, a phone and a desk: pages as people get them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from tests.browser.camera import camera_flags, film_of
from tests.browser.chromium import DESK, PHONE, TIMEOUT_MS, chromium, playwright_started
from tests.serving import Site, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Playwright

    from tests.browser.stage import Stage
    from tests.browser.watching import Watch


RUN_BY = {"organisation": "Gemeente Kruisvoorde", "help_phone": "14 000"}  # where nobody lives


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The server of one test module. Each test makes its own people on it."""
    with served(tmp_path_factory.mktemp("site"), practice=False, **RUN_BY) as site:
        yield site


@pytest.fixture(scope="module")
def stage(site: Site) -> "Stage":
    """The people of one test module, who have some history."""
    from tests.browser.stage import Stage

    return Stage.set(site)


@pytest.fixture(scope="module")
def playwright() -> Iterator["Playwright"]:
    """Of one module: while it runs, no other test of this process could use `asyncio.run`."""
    with playwright_started() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: "Playwright") -> Iterator["Browser"]:
    with chromium(playwright) as browser:
        yield browser


class NewContext(Protocol):
    """`new_context(PHONE, locale="de-DE", color_scheme="dark")`: a device with nothing in it."""

    def __call__(
        self, size: dict[str, int] = ..., *, browser: "Browser | None" = None, **options: Any
    ) -> "BrowserContext": ...


@pytest.fixture
def watch() -> "Iterator[Watch]":
    """Watches all pages of a test; what they complained about fails it at the end."""
    pytest.importorskip("playwright")
    from tests.browser.watching import Watch

    watch = Watch()
    yield watch
    assert watch.unforgiven() == []


@pytest.fixture
def new_context(request: pytest.FixtureRequest, watch: "Watch") -> Iterator[NewContext]:
    """Makes devices: each its own cookies and storage."""
    with ExitStack() as made:

        def new(
            size: dict[str, int] = PHONE, *, browser: "Browser | None" = None, **options: Any
        ) -> "BrowserContext":
            chosen: Browser = browser or request.getfixturevalue("browser")
            options = {"locale": "en-GB", "timezone_id": "Europe/Brussels", **options}
            context = chosen.new_context(viewport=size, **options)  # type: ignore[arg-type]
            context.set_default_timeout(TIMEOUT_MS)
            made.callback(context.close)
            watch.over(context)
            return context

        yield new


@pytest.fixture
def phone(new_context: NewContext) -> "Page":
    """A page on a citizen's phone."""
    return new_context(PHONE, has_touch=True, is_mobile=True).new_page()


@pytest.fixture
def desk(new_context: NewContext) -> "Page":
    """A page on the screen of a counter."""
    return new_context(DESK).new_page()


@pytest.fixture
def desk_with_camera(
    playwright: "Playwright", new_context: NewContext, tmp_path: Path
) -> "Iterator[Callable[..., Page]]":
    """`desk_with_camera(code, url)`: a counter whose camera looks at that QR code.

    Without an `url` the camera may not be used: the person said no.
    """
    with ExitStack() as made:

        def start(text: str, url: str | None = None, **film: int) -> "Page":
            flags = camera_flags(film_of(text, tmp_path / "camera.y4m", **film))
            context = new_context(DESK, browser=made.enter_context(chromium(playwright, *flags)))
            if url is not None:
                context.grant_permissions(["camera"], origin=url)
            return context.new_page()

        yield start
