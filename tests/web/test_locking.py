"""Locking: by the citizen, by idleness, by time, from elsewhere."""

import re

import pytest

from crypto.encoding import b64u
from tests.serving import Site
from tests.web.browsing import Browser, is_open, text, turn
from vault import caller
from vault.unlocking import parse_session_token
from web import cookies
from web.citizen import IDLE_SECONDS


def test_locking_ends_the_session_on_the_server(site: Site, browser: Browser) -> None:
    browser.unlock(site.store.citizen())
    token, seen = browser.session, browser.jar[cookies.SEEN]
    assert browser.post("/wallet/lock").headers["location"] == "/wallet/locked"
    assert not is_open(site.store.vault, token)
    assert {cookies.SESSION, cookies.SEEN, cookies.KEY}.isdisjoint(browser.jar)
    browser.jar |= {cookies.SESSION: token, cookies.SEEN: seen}  # a copy is worth nothing
    assert "/wallet/unlock" in browser.get("/wallet").headers["location"]


def test_a_vault_that_is_left_alone_is_locked_on_the_server_too(
    site: Site, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.unlock(site.store.citizen())
    token = browser.session
    page = browser.get("/wallet/settings")
    assert f'data-idle-seconds="{IDLE_SECONDS}"' in page.text
    turn(site, monkeypatch, IDLE_SECONDS - 5)
    assert browser.post("/wallet/still-here").status_code == 204
    turn(site, monkeypatch, 2 * IDLE_SECONDS - 10)
    assert browser.get("/wallet/settings").status_code == 200
    turn(site, monkeypatch, 3 * IDLE_SECONDS)
    locked = browser.get("/wallet/settings?done=added")
    assert locked.headers["location"] == "/wallet/locked?next=%2Fwallet%2Fsettings%3Fdone%3Dadded"
    assert "next=/wallet/settings" in browser.get(locked.headers["location"]).text
    assert not is_open(site.store.vault, token)


def test_what_was_sent_too_late_is_said_not_to_be_done(
    site: Site, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    undone = "What you did last was not done"
    for at, (path, back) in enumerate(
        (("/wallet/access/end", "/wallet/access"), ("/wallet/activity/seen", "/wallet/activity"))
    ):
        browser.unlock(site.store.citizen())
        turn(site, monkeypatch, (at + 1) * (IDLE_SECONDS + 5))
        locked = browser.post(path, grant="x", back=back)
        assert undone in text(page := browser.get(locked.headers["location"]))
        assert f"next={back}" in page.text
        assert "ended=1" in browser.post(path, grant="x", back=back).headers["location"]
    browser.unlock(site.store.citizen())
    turn(site, monkeypatch, 3 * (IDLE_SECONDS + 5))
    for locked in (browser.post("/wallet/lock"), browser.get("/wallet/access")):
        assert undone not in text(browser.get(locked.headers["location"]))
    assert "This form is too old" in text(browser.ask("POST", "/wallet/lock", data={"csrf": "x"}))


def test_an_officer_whose_session_is_over_is_told_so(browser: Browser) -> None:
    for area in ("desk", "auditor"):
        assert browser.get(f"/{area}").headers["location"] == f"/{area}/sign-in"
        sent = browser.post(f"/{area}/sign-out").headers["location"]
        browser.jar[cookies.OFFICER] = "ko1_over"
        assert browser.get(f"/{area}").headers["location"] == f"/{area}/sign-in?ended=1" == sent
        assert cookies.OFFICER not in browser.jar
        assert "You were signed out" in text(browser.get(sent))
        assert "You were signed out" not in text(browser.get(f"/{area}/sign-in"))


def test_a_mark_of_time_that_is_made_up_keeps_nothing_open(site: Site, browser: Browser) -> None:
    for mark in ("", "9999999999999.", "9999999999999." + "0" * 64, "x", "1." + "0" * 64):
        browser.unlock(site.store.citizen())
        browser.jar[cookies.SEEN] = mark
        assert browser.get("/wallet").headers["location"].startswith("/wallet/locked")


def test_a_session_ends_however_busy_one_is(
    site: Site, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.unlock(site.store.citizen())
    ttl = site.store.settings.session_ttl_seconds
    for at in range(0, ttl, IDLE_SECONDS - 60):
        turn(site, monkeypatch, at)
        assert browser.get("/wallet").status_code == 200
    turn(site, monkeypatch, ttl + 5)
    ended = browser.get("/wallet")
    assert ended.headers["location"].endswith("&ended=1")
    assert "Your vault was locked" in text(browser.get(ended.headers["location"]))


def test_a_session_is_ended_from_another_device(
    site: Site, browser: Browser, another: Browser
) -> None:
    citizen = site.store.citizen()
    for one in (browser, another):
        one.unlock(citizen)
    page = browser.get("/wallet/settings")
    ids = re.findall(r'name="session" value="([^"]+)"', page.text)
    assert len(ids) == 3
    stranger = site.store.citizen()
    foreign = b64u(stranger.vault.overview(stranger.owner).sessions[0].id)
    assert browser.post("/wallet/settings/sessions/end", session=foreign).status_code == 404
    found = site.store.vault.overview(caller.Owner(parse_session_token(another.session)))
    there = next(b64u(one.id) for one in found.sessions if one.current)
    answer = browser.post("/wallet/settings/sessions/end", session=there)
    assert answer.headers["location"] == "/wallet/settings?done=locked"
    assert not is_open(site.store.vault, another.session)
    assert is_open(site.store.vault, browser.session)
    lost = another.post("/wallet/settings/sessions/end", session=there)
    assert "ended=1" in lost.headers["location"]
    assert cookies.SESSION not in another.jar
