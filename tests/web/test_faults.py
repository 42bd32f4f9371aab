"""What is not there, or goes wrong, is said in words."""

import re
from html import unescape
from urllib.parse import parse_qs

import pytest

from tests.serving import Site
from tests.web.browsing import Browser, text
from vault.vault import Vault
from web.pages import HEADERS
from web.words import LANGUAGES

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "path",
    ["/wallet/nowhere", "/wallet/settings/nowhere/else", "/desk/nowhere", "/auditor/nowhere"],
)
def test_an_address_that_is_none_is_a_page(browser: Browser, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 404
    assert "There is no such page" in text(answer)
    assert answer.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]
    assert browser.post(path).status_code == 404
    assert browser.ask("POST", path).status_code == 403


def test_another_language_keeps_all_that_the_address_asks_for(browser: Browser) -> None:
    page = browser.get("/wallet/unlock?next=%2Fwallet%2Fdata%3Fq%3Da&again=1&lang=en")
    assert page.headers["location"] == "/wallet/unlock?next=%2Fwallet%2Fdata%3Fq%3Da&again=1"
    page = browser.get(page.headers["location"])
    links = re.findall(r'<a href="([^"]*)" lang="(..)"', page.text)
    assert [code for _, code in links] == list(LANGUAGES)
    for link, code in links:
        asked = parse_qs(unescape(link).removeprefix("?"))
        assert asked == {"next": ["/wallet/data?q=a"], "again": ["1"], "lang": [code]}


def test_a_fault_of_ours_is_a_page_that_tells_nothing(
    site: Site, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("canary-of-an-error")

    browser.unlock(site.store.citizen())
    monkeypatch.setattr(Vault, "overview", fail)
    answer = browser.get("/wallet")
    assert answer.status_code == 500
    assert "Something went wrong with us" in text(answer)
    assert "canary" not in answer.text


def test_a_form_that_is_too_large_or_broken_is_a_page(browser: Browser) -> None:
    for body in (b"csrf=%ff%fe&\xff", b"a=1&" * 700):
        answer = browser.ask("POST", "/wallet/lock", content=body, headers={"Content-Type": FORM})
        assert answer.status_code == 400
        assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("size", [300_001, 2**20 + 1])
@pytest.mark.parametrize("path", ["/wallet/import/preview", "/lost"])
def test_what_is_too_large_is_told_a_browser_in_words(
    browser: Browser, path: str, size: int
) -> None:
    headers = {"Content-Type": FORM, "Accept": "text/html,*/*;q=0.8", "Accept-Language": "nl"}
    answer = browser.ask("POST", path, content=b"csrf=".ljust(size, b"x"), headers=headers)
    assert answer.status_code == 413
    assert "Dit is te groot om te versturen" in text(answer)
    assert "Er is niets veranderd en niets gedeeld" in text(answer)
    assert answer.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]


def test_what_is_too_large_is_told_a_program_as_a_problem(browser: Browser) -> None:
    for path, accept in (("/v1/values", "text/html"), ("/lost", "application/json")):
        headers = {"Content-Type": FORM, "Accept": accept}
        answer = browser.ask("POST", path, content=b"x" * (2**20 + 1), headers=headers)
        assert answer.status_code == 413
        assert answer.json()["code"] == "body_too_large"
