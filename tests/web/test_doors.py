"""The wallet's doors over plain HTTP, as a browser without JavaScript comes: what lets somebody in,
what throws them out, and what no other site can make them do.
"""

import os
import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from crypto.encoding import b64u
from tests.builders import Citizen
from tests.serving import Site, served
from vault import caller
from vault.clock import SystemClock
from vault.errors import (
    CannotUnlock,
    Conflict,
    LogUnavailable,
    SessionEnded,
    TooMany,
    Unavailable,
)
from vault.sessions import UnlockSecret
from vault.unlocking import parse_session_token
from vault.vault import Vault
from web import cookies
from web.citizen import IDLE_SECONDS, own_path
from web.pages import HEADERS
from web.words import LANGUAGES

FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with served(tmp_path_factory.mktemp("doors")) as site:
        yield site


class Browser:
    """A jar of `__Host-` cookies and a form's token, as a browser has them on localhost."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.http = httpx.Client(base_url=site.url, headers={"Accept-Language": "en"}, timeout=60)
        self.jar: dict[str, str] = {}

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        held = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        headers = {"Cookie": held} | options.pop("headers", {})
        answer = self.http.request(method, path, headers=headers, **options)
        self.http.cookies.clear()
        for given in answer.headers.get_list("set-cookie"):
            name, _, rest = given.partition("=")
            value = rest.partition(";")[0]
            if value in {"", '""'}:
                self.jar.pop(name, None)
            else:
                self.jar[name] = value
        return answer

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("GET", path, **options)

    def post(self, path: str, **fields: str) -> httpx.Response:
        if cookies.FORM not in self.jar:
            self.get("/help")
        return self.ask("POST", path, data={"csrf": self.csrf, **fields})

    @property
    def csrf(self) -> str:
        return cookies.csrf_token(self.jar[cookies.FORM])

    def unlock(self, citizen: Citizen, **fields: str) -> httpx.Response:
        return self.post("/wallet/unlock", device_secret=citizen.device_secret, **fields)

    @property
    def session(self) -> str:
        return self.jar.get(cookies.SESSION, "")


@pytest.fixture
def browser(site: Site) -> Iterator[Browser]:
    browser = Browser(site)
    with browser.http:
        yield browser


@pytest.fixture
def another(site: Site) -> Iterator[Browser]:
    browser = Browser(site)
    with browser.http:
        yield browser


def is_open(vault: Vault, token: str) -> bool:
    try:
        vault.overview(caller.Owner(parse_session_token(token)))
    except SessionEnded:
        return False
    return True


def turn(site: Site, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """The server's clock goes so much further, for the rest of the test."""
    system = SystemClock()
    monkeypatch.setattr(site.store.clock, "now_ms", lambda: system.now_ms() + int(seconds * 1000))


def text(answer: httpx.Response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def hidden(answer: httpx.Response, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', answer.text)
    assert found is not None
    return unescape(found[1])


# Letting in.


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


# Keeping out: forms of other sites, other frames, other addresses.


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


# Locking: by the citizen, by idleness, by time, from elsewhere.


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


# Keys, sheets, erasing.


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


# The phone is gone.


def test_whoever_holds_the_paper_blocks_the_vault(site: Site, browser: Browser) -> None:
    secret = b64u(os.urandom(32))
    made = site.store.vault.create(caller.Stranger(), UnlockSecret.device(secret), None)
    wrong = browser.post("/lost", block_code=made.block_code[:-1] + "*")
    assert wrong.status_code == 400
    assert "Nothing was blocked" in text(wrong)
    other = browser.post("/lost", block_code=made.recovery_code)
    assert "This is the recovery code." in text(other)
    assert is_open(site.store.vault, made.session.token)

    first = browser.post("/lost", block_code=made.block_code.lower())
    assert first.status_code == 200
    assert not is_open(site.store.vault, made.session.token)
    since = re.search(r"Blocked since (\d+ \w+ \d+ \d\d:\d\d)", text(first))
    assert since is not None
    assert since[0] in text(browser.post("/lost", block_code=made.block_code))
    assert browser.post("/wallet/unlock", device_secret=secret).status_code == 403
    assert browser.post("/wallet/unlock", recovery_code=made.recovery_code).status_code == 303
    browser.post("/wallet/recovery", recovery_code=made.recovery_code)
    assert "No device opens your vault" in text(browser.get("/wallet"))
    assert "There is 1 alarm" in text(browser.get("/wallet"))


def test_codes_can_not_be_tried_for_ever(tmp_path_factory: pytest.TempPathFactory) -> None:
    with served(tmp_path_factory.mktemp("limits"), unlock_failures_per_hour=2) as site:
        browser, citizen = Browser(site), site.store.citizen()
        with browser.http:
            statuses = [browser.post("/lost", block_code="BC 1").status_code for _ in range(4)]
            assert statuses == [400, 400, 429, 429]
            many = browser.post("/wallet/unlock", recovery_code="1")
            assert many.status_code == 429
            assert "Too many attempts" in text(many)
            assert re.search(r"Wait \d+ minutes?\.", text(many))
            assert browser.unlock(citizen).status_code == 303  # the right key is never refused


# What is not there, or goes wrong, is said in words.


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
    for body in (b"csrf=" + b"x" * 300_001, b"csrf=%ff%fe&\xff", b"a=1&" * 700):
        answer = browser.ask("POST", "/wallet/lock", content=body, headers={"Content-Type": FORM})
        assert answer.status_code in {400, 403}
        assert answer.headers["content-type"].startswith("text/html")
