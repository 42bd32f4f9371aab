"""Addresses where nothing is: a page for people, a problem document for programs."""

from collections.abc import Iterator

import httpx
import pytest

from tests.serving import Site, served
from web.pages import HEADERS


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with served(tmp_path_factory.mktemp("nowhere")) as site:
        yield site


@pytest.mark.parametrize("path", ["/wallett", "/login", "/v1/nothing", "/v2"])
def test_who_comes_with_a_browser_is_told_in_words_that_nothing_is_there(
    site: Site, path: str
) -> None:
    accept = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"
    page = httpx.get(site.url + path, headers={"Accept": accept, "Accept-Language": "nl"})
    program = httpx.get(site.url + path)
    assert {page.status_code, program.status_code} == {404}
    assert program.json()["code"] == "not_found"
    if path.startswith("/v1/"):
        assert page.json() == program.json()
    else:
        assert "Deze pagina bestaat niet" in page.text
        assert page.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]
