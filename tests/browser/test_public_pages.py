"""Pages that anybody may open: in every language, light and dark, by keyboard, narrow and large."""

import httpx
import pytest
from playwright.sync_api import Page

from tests.browser.chromium import PHONE
from tests.browser.conftest import NewContext
from tests.browser.keyboard import walk
from tests.browser.looking import axe, overflowing, overflowing_with_large_text
from tests.serving import Site, pages

LOCALES = {"nl": "nl-NL", "fr": "fr-BE", "de": "de-DE", "en": "en-GB"}


def is_page(answer: httpx.Response) -> bool:
    return answer.status_code == 200 and answer.headers["content-type"].startswith("text/html")


@pytest.fixture(scope="module")
def public(site: Site) -> list[str]:
    """Every page that a stranger gets to see, taken from the application itself."""
    with httpx.Client(base_url=site.url) as http:
        found = [path for path in pages(site.store) if is_page(http.get(path))]
    assert found
    return found


@pytest.fixture(params=LOCALES)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(
    site: Site, public: list[str], new_context: NewContext, language: str, scheme: str
) -> None:
    page = new_context(PHONE, locale=LOCALES[language], color_scheme=scheme).new_page()
    faults: list[str] = []
    for path in public:
        page.goto(site.url + path)
        assert page.locator("html").get_attribute("lang") == language
        faults += axe(page)
    assert faults == []


@pytest.mark.slow
def test_nothing_sticks_out_of_a_narrow_window_or_with_large_text(
    site: Site, public: list[str], new_context: NewContext, language: str
) -> None:
    page = new_context(PHONE, locale=LOCALES[language]).new_page()
    faults: list[str] = []
    for path in public:
        page.goto(site.url + path)
        faults += overflowing(page) + overflowing_with_large_text(page)
    assert faults == []


def test_a_keyboard_reaches_everything_and_sees_where_it_is(
    site: Site, public: list[str], desk: Page
) -> None:
    for path in public:
        desk.goto(site.url + path)
        found = {stop.kind for stop in walk(desk)}
        assert "a" in found, path
