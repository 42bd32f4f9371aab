"""Every screen, in every language, light and dark: nothing that axe finds, nothing too wide."""

import pytest

from tests.browser.chromium import DESK, PHONE
from tests.browser.conftest import NewContext
from tests.browser.looking import axe, overflowing, overflowing_with_large_text
from tests.browser.stage import Stage
from tests.browser.tour import SCREENS, Screen
from tests.builders import LANGUAGES
from tests.serving import Site

pytestmark = pytest.mark.slow
each_screen = pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.name)


@pytest.fixture(scope="module")
def stage(site: Site) -> Stage:
    return Stage.set(site)


@each_screen
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_screen_is_open_to_everybody(
    screen: Screen, language: str, stage: Stage, new_context: NewContext
) -> None:
    size = DESK if screen.who in {"officer", "auditor"} else PHONE
    context = new_context(size, color_scheme="light", locale=language)
    stage.speak(context, language)
    screen.enter(context, stage)
    page = context.new_page()
    screen.show(page, stage)
    assert page.locator("html").get_attribute("lang") == language
    assert page.locator("h1").count() == 1
    assert page.title().endswith(" – Burgerkluis")
    assert axe(page) == []
    assert overflowing(page) == []
    assert overflowing_with_large_text(page) == []
    page.emulate_media(color_scheme="dark")
    assert axe(page) == []
