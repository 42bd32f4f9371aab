"""Every screen, in every language, light and dark: nothing that axe finds, nothing too wide."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.chromium import DESK, PHONE, TIMEOUT_MS
from tests.browser.looking import axe, overflowing, overflowing_with_large_text
from tests.browser.stage import Stage
from tests.browser.tour import SCREENS, Screen
from tests.browser.watching import Watch
from tests.builders import LANGUAGES

pytestmark = pytest.mark.slow
Opened = tuple[Page, Watch]


@pytest.fixture(scope="module")
def opened(browser: Browser, stage: Stage) -> Iterator[Callable[[Screen, str], Opened]]:
    """A page in which whoever looks at a screen is signed in: one for each language."""
    pages: dict[tuple[str, str], Opened] = {}
    with ExitStack() as made:

        def page_for(screen: Screen, language: str) -> Opened:
            if (screen.who, language) not in pages:
                size = DESK if screen.who in {"officer", "auditor"} else PHONE
                context = browser.new_context(
                    viewport=size,  # type: ignore[arg-type]
                    locale=language,
                    reduced_motion="reduce",  # else colours are still on their way
                )
                context.set_default_timeout(TIMEOUT_MS)
                made.callback(context.close)
                stage.speak(context, language)
                screen.enter(context, stage)
                pages[screen.who, language] = context.new_page(), Watch().over(context)
            return pages[screen.who, language]

        yield page_for


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.name)
def test_a_screen_is_open_to_everybody(
    screen: Screen, language: str, stage: Stage, opened: Callable[[Screen, str], Opened]
) -> None:
    page, watch = opened(screen, language)
    watch.complaints.clear()
    page.emulate_media(color_scheme="light")
    screen.show(page, stage)
    assert page.locator("html").get_attribute("lang") == language
    assert page.locator("h1").count() == 1
    assert page.title().endswith(" – Burgerkluis")
    assert axe(page) == []
    assert overflowing(page) == []
    assert overflowing_with_large_text(page) == []
    page.emulate_media(color_scheme="dark")
    assert axe(page, colours_alone=True) == []
    if screen.complains:
        watch.complaints[:] = [one for one in watch.complaints if screen.complains not in one]
    assert watch.unforgiven() == []
