"""Letting in: the first run, and unlocking, as a browser without JavaScript does it."""

import os
import re

import pytest

from crypto.encoding import b64u
from tests.serving import Site, served
from tests.web.browsing import Browser, hidden, is_open, text
from vault import caller
from web import cookies


def test_first_run_without_a_browser_that_knows_modules(browser: Browser) -> None:
    secret = b64u(os.urandom(32))
    sheet = browser.post("/wallet/start", device_secret=secret, label="my phone")
    assert sheet.status_code == 200
    assert browser.session.startswith("ks1_")
    recovery, block = hidden(sheet, "recovery_code"), hidden(sheet, "block_code")
    assert block.startswith("BC ")
    assert browser.get("/wallet").status_code == 200
    assert "Type your recovery code first" in text(browser.get("/wallet"))

    wrong = browser.post("/wallet/recovery", recovery_code=block)
    assert wrong.status_code == 400
    assert "This is the block code." in text(wrong)
    assert browser.post("/wallet/recovery", recovery_code=recovery).headers["location"] == "/wallet"
    home = text(browser.get("/wallet"))
    assert "Type your recovery code first" not in home
    assert "Add a second key" in home
    settings = text(browser.get("/wallet/settings"))
    assert re.search(r"my phone Made on \d+ \w+ \d+ This one", settings)

    paper = browser.post("/wallet/sheet.pdf", recovery_code=recovery, block_code=block)
    assert paper.content.startswith(b"%PDF-1.7")
    assert paper.headers["cache-control"] == "no-store"
    assert paper.headers["content-disposition"].startswith("attachment;")
    assert (
        browser.post("/wallet/sheet.pdf", recovery_code="<b>", block_code=block).status_code == 400
    )

    again = browser.post("/wallet/start", device_secret=secret)
    assert (again.status_code, again.headers["location"]) == (303, "/wallet/recovery")


def test_what_is_wrong_in_the_first_form_is_said_beside_it(browser: Browser) -> None:
    long = browser.post("/wallet/start", device_secret=b64u(os.urandom(32)), label="x" * 41)
    assert long.status_code == 400
    assert "Choose a name of at most 40 letters." in text(long)
    none = browser.post("/wallet/start", label="kept")
    assert none.status_code == 400
    assert 'value="kept"' in none.text
    assert "Your browser made no key." in text(none)
    assert browser.session == ""


def test_an_invitation_that_is_wrong_is_said_beside_its_field(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with served(tmp_path_factory.mktemp("invited"), registration="invite") as site:
        browser, secret = Browser(site), b64u(os.urandom(32))
        with browser.http:
            missing = browser.post("/wallet/start", device_secret=secret)
            assert "you need an invitation" in text(missing)
            wrong = browser.post("/wallet/start", device_secret=secret, invitation="nonsense")
            assert "This invitation is not right" in text(wrong)
            assert 'value="nonsense"' in wrong.text
            code = site.store.vault.invite(caller.Operator(), 600)
            form = {"invitation": code, "label": "phone of Noor", "key": "file"}
            again = browser.post("/wallet/start", lang="nl", device_secret=secret, **form)
            assert (again.status_code, browser.session) == (200, ""), "a language makes no vault"
            assert '<html lang="nl">' in again.text
            for name, typed in form.items():
                assert f'name="{name}"' in again.text
                assert f'value="{typed}"' in again.text
            assert code not in re.sub(r'<input [^>]*id="invitation"[^>]*>', "", again.text)
            assert secret not in again.text
            browser.jar.pop(cookies.LANGUAGE)
            made = browser.post("/wallet/start", device_secret=secret, invitation=code)
            assert made.status_code == 200
            assert browser.session


def test_a_session_is_new_at_each_unlock_and_the_one_before_ends(
    site: Site, browser: Browser
) -> None:
    citizen = site.store.citizen()
    browser.jar[cookies.SESSION] = planted = citizen.token
    browser.unlock(citizen)
    first = browser.session
    assert first != planted
    assert not is_open(site.store.vault, planted)
    browser.unlock(citizen)
    assert browser.session != first
    assert not is_open(site.store.vault, first)
    assert is_open(site.store.vault, browser.session)


def test_a_wrong_key_opens_nothing_and_leads_to_the_code(site: Site, browser: Browser) -> None:
    citizen = site.store.citizen()
    wrong = browser.post("/wallet/unlock", device_secret=b64u(os.urandom(32)))
    assert wrong.status_code == 403
    assert "This key opens no vault here" in text(wrong)
    assert "it always works" in text(wrong)
    assert browser.session == ""
    assert "opens no vault" in text(browser.post("/wallet/unlock", recovery_code="0000"))
    assert browser.post("/wallet/unlock", recovery_code=citizen.recovery_code).status_code == 303
    assert is_open(site.store.vault, browser.session)


def test_cookies_of_a_session_are_hidden_from_scripts_and_end_with_the_browser(
    site: Site, browser: Browser
) -> None:
    given = browser.unlock(site.store.citizen()).headers.get_list("set-cookie")
    assert {one.partition("=")[0] for one in given} == {
        cookies.SESSION, cookies.SEEN, cookies.KEY,
    }  # fmt: skip
    for one in given:
        parts = {part.strip().lower() for part in one.split(";")[1:]}
        assert parts == {"secure", "httponly", "samesite=strict", "path=/"}, one
