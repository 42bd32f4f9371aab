"""Keeping out: what no other site, frame or address can make a citizen do."""

import pytest

from tests.serving import Site
from tests.web.browsing import Browser, hidden, is_open
from web.citizen import own_path
from web.pages import HEADERS


def test_a_form_is_taken_from_our_page_in_this_browser_alone(
    site: Site, browser: Browser, another: Browser
) -> None:
    citizen = site.store.citizen()
    browser.unlock(citizen)
    another.get("/help")
    start = {"csrf": browser.csrf}
    for fields, headers in [
        ({}, {}),
        ({"csrf": ""}, {}),
        ({"csrf": another.csrf}, {}),
        (start, {"Origin": "https://evil.example"}),
        (start, {"Origin": "null"}),
        (start, {"Sec-Fetch-Site": "cross-site"}),
        (start, {"Sec-Fetch-Site": "same-site"}),
    ]:
        answer = browser.ask("POST", "/wallet/lock", data=fields, headers=headers)
        assert answer.status_code == 403, (fields, headers)
        assert answer.headers["content-type"].startswith("text/html")
    for kind in ("text/plain", "multipart/form-data; boundary=x", "application/json"):
        body, headers = f"csrf={browser.csrf}", {"Content-Type": kind}
        answer = browser.ask("POST", "/wallet/lock", content=body, headers=headers)
        assert answer.status_code == 403, kind
    assert is_open(site.store.vault, browser.session)
    own = {"Origin": site.url, "Sec-Fetch-Site": "same-origin"}
    assert browser.ask("POST", "/wallet/lock", data=start, headers=own).status_code == 303


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example", "\\\\evil.example", "/\\evil.example", "https://evil.example",
        "https:evil.example", "/%2f%2fevil.example/..//evil.example", "/wallet//evil.example",
        "/wallet\\..\\evil", "javascript:alert(1)", "/wallet\r\nLocation: https://evil.example",
        "/walletevil", "wallet", "/lost", "\t//evil.example", "/wallet/\u00e9", "",
    ],
)  # fmt: skip
def test_nobody_is_led_to_another_site(site: Site, browser: Browser, wanted: str) -> None:
    assert own_path(wanted) == "/wallet"
    citizen = site.store.citizen()
    page = browser.get("/wallet/unlock", params={"next": wanted})
    assert hidden(page, "next") == "/wallet"
    assert browser.unlock(citizen, next=wanted).headers["location"] == "/wallet"


def test_one_is_led_to_the_page_that_was_asked_for(site: Site, browser: Browser) -> None:
    asked = "/wallet/share/choose?agency=https%3A%2F%2Fagency.example&use=test-use"
    ask = browser.get(asked)
    unlock = browser.get(ask.headers["location"])
    assert hidden(unlock, "next") == asked
    assert browser.unlock(site.store.citizen(), next=asked).headers["location"] == asked


def test_no_site_can_put_a_page_in_a_frame_or_keep_a_copy() -> None:
    assert "frame-ancestors 'none'" in HEADERS["Content-Security-Policy"]
    assert HEADERS["Cache-Control"] == "no-store"  # on every page: tests/web/test_headers.py
