"""Keys, recovery sheets and erasing over plain HTTP."""

import os

import pytest

from crypto.encoding import b64u
from tests.builders import Citizen
from tests.serving import Site
from tests.web.browsing import Browser, hidden, is_open, text, turn
from vault import caller
from vault.errors import (
    CannotUnlock,
    Conflict,
    LogUnavailable,
    TooMany,
    Unavailable,
)
from vault.sessions import UnlockSecret
from vault.unlocking import parse_session_token
from vault.vault import Vault
from web import cookies


def test_weighty_steps_take_a_fresh_unlock_and_come_back(
    site: Site, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen = site.store.citizen()
    browser.unlock(citizen)
    key = next(one for one in citizen.vault.overview(citizen.unlock().owner).methods)
    turn(site, monkeypatch, site.store.settings.fresh_unlock_seconds + 5)
    for path in ("/wallet/settings/erase", f"/wallet/settings/keys/remove?key={b64u(key.id)}"):
        answer = browser.get(path)
        assert "again=1" in answer.headers["location"]
        assert "Nothing was done yet." in text(browser.get(answer.headers["location"]))
    for path, fields in [
        ("/wallet/settings/erase", {"word": "ERASE"}),
        ("/wallet/settings/keys/remove", {"key": b64u(key.id)}),
    ]:
        answer = browser.ask(
            "POST",
            path,
            data={"csrf": browser.csrf, **fields},
            headers={"Referer": site.url + path},
        )
        assert "again=1" in answer.headers["location"], path
        assert "next=%2Fwallet%2Fsettings" in answer.headers["location"]
    assert browser.unlock(citizen, next="/wallet/settings/erase").headers["location"] == (
        "/wallet/settings/erase"
    )
    assert browser.get("/wallet/settings/erase").status_code == 200


def test_a_key_is_added_by_a_key_of_this_vault_alone(site: Site, browser: Browser) -> None:
    citizen, other = site.store.citizen(), site.store.citizen()
    browser.unlock(citizen)
    new = b64u(os.urandom(32))
    path = "/wallet/settings/keys/add"

    def keys(one: Citizen) -> list[str | None]:
        return [method.label for method in one.vault.overview(one.unlock().owner).methods]

    for fields, said in [
        ({}, "opens no vault here"),
        ({"unlock_secret": b64u(os.urandom(32))}, "opens no vault here"),
        ({"unlock_secret": other.device_secret}, "opens another vault"),
        ({"recovery_code": other.recovery_code}, "opens another vault"),
    ]:
        answer = browser.post(path, device_secret=new, label="second", **fields)
        assert answer.status_code == 400
        assert said in text(answer)
    assert len(keys(citizen)) == len(keys(other)) == 2
    before = browser.session
    added = browser.post(
        path, device_secret=new, label="second", unlock_secret=citizen.device_secret
    )
    assert added.headers["location"] == "/wallet/settings?done=added"
    assert browser.session != before
    assert not is_open(site.store.vault, before)
    assert "second" in keys(citizen)
    taken = browser.post(path, device_secret=new, recovery_code=citizen.recovery_code)
    assert "in use already" in text(taken)
    assert is_open(site.store.vault, browser.session)


@pytest.mark.parametrize("path", ["/wallet/settings/keys/add", "/wallet/settings/sheet"])
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (LogUnavailable(), 503),
        (Unavailable(), 503),
        (TooMany("acts_per_hour", 60), 429),
        (CannotUnlock(), 403),
        (Conflict("It changed meanwhile."), 409),
        (RuntimeError("canary"), 500),
    ],
    ids=lambda one: type(one).__name__,
)
def test_who_unlocked_again_is_in_whatever_comes_of_the_step(
    site: Site,
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    error: Exception,
    status: int,
) -> None:
    citizen = site.store.citizen()
    browser.unlock(citizen)

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Vault, "add_method", fail)
    before = browser.session
    answer = browser.post(
        path, device_secret=b64u(os.urandom(32)), unlock_secret=citizen.device_secret
    )
    assert answer.status_code == status
    assert browser.session != before
    assert not is_open(site.store.vault, before)
    assert is_open(site.store.vault, browser.session)
    assert browser.get("/wallet/settings").status_code == 200


def test_who_unlocks_again_in_a_session_that_is_over_starts_none(
    site: Site, browser: Browser
) -> None:
    citizen = site.store.citizen()
    browser.unlock(citizen)
    site.store.vault.log_out(caller.Owner(parse_session_token(browser.session)))
    answer = browser.post("/wallet/settings/sheet", unlock_secret=citizen.device_secret)
    assert "ended=1" in answer.headers["location"]
    assert cookies.SESSION not in browser.jar
    assert len(citizen.vault.overview(citizen.owner).sessions) == 1


def test_a_new_sheet_by_the_code_and_the_old_one_taken_away(site: Site, browser: Browser) -> None:
    citizen = site.store.citizen()
    browser.post("/wallet/unlock", recovery_code=citizen.recovery_code)
    assert "This one" in text(browser.get("/wallet/settings"))
    refused = browser.post("/wallet/settings/sheet", recovery_code="nonsense")
    assert refused.status_code == 400
    sheet = browser.post("/wallet/settings/sheet", recovery_code=citizen.recovery_code)
    recovery = hidden(sheet, "recovery_code")
    overview = citizen.vault.overview(citizen.unlock().owner)
    old = next(one for one in overview.methods if one.kind == "recovery" and one.confirmed_at)
    last = browser.post("/wallet/settings/keys/remove", key=b64u(old.id))
    assert last.status_code == 400
    assert "This key has to stay for now" in text(last)
    confirmed = browser.post("/wallet/recovery", recovery_code=recovery)
    assert confirmed.headers["location"] == "/wallet/settings#sheets"
    assert "More than one sheet" in text(browser.get("/wallet/settings"))
    page = browser.get(f"/wallet/settings/keys/remove?key={b64u(old.id)}")
    assert "What happens" in text(page)
    gone = browser.post("/wallet/settings/keys/remove", key=b64u(old.id))
    assert gone.headers["location"] == "/wallet/settings?done=removed"
    with pytest.raises(CannotUnlock):
        site.store.vault.unlock(caller.Stranger(), UnlockSecret.recovery(citizen.recovery_code))
    assert "More than one sheet" not in text(browser.get("/wallet/settings"))


@pytest.mark.parametrize(("language", "word"), [("en", "erase"), ("nl", "WISSEN")])
def test_erasing_takes_the_word(site: Site, browser: Browser, language: str, word: str) -> None:
    citizen = site.store.citizen()
    browser.unlock(citizen)
    browser.jar[cookies.LANGUAGE] = language
    assert word.upper() in text(browser.get("/wallet/settings/erase"))
    assert browser.post("/wallet/settings/erase", word="yes").status_code == 400
    assert is_open(site.store.vault, browser.session)
    token = browser.session
    gone = browser.post("/wallet/settings/erase", word=word)
    assert gone.headers["location"] == "/wallet/erased"
    assert cookies.SESSION not in browser.jar
    assert not is_open(site.store.vault, token)
    assert browser.unlock(citizen).status_code == 403
