"""What a stranger can send to any page, and what it must not do: an open redirect, a failure that
writes the server's log.
"""

import re
from contextlib import ExitStack
from urllib.parse import quote

import httpx
import pytest

from crypto import jose
from crypto.encoding import b64u
from crypto.secret import Secret
from tests.browser.stage import Stage
from tests.builders import AgencyDesk, registration
from tests.serving import Site
from tests.web.browsing import Browser
from tests.web.officers import Officer, browser_of
from tests.web.visiting import Visitor, link
from vault import caller
from vault.unlocking import session_token
from web import cookies
from web.desk import sign_in
from web.papers.typeset import PRESSES
from web.slots import Slots
from web.streams import STREAMS_MAX
from web.wallet import export


@pytest.fixture
def officer(stage: Stage) -> Officer:
    return browser_of(stage, stage.agency.id)


@pytest.fixture
def visitor(stage: Stage) -> Visitor:
    stage.citizen.unlock()
    return Visitor(stage.site, stage.citizen)


@pytest.mark.parametrize("path", ["/%09/sign-in", "/%0A/sign-in", "/%0D%09/enrol"])
def test_no_address_leads_to_another_host(site: Site, path: str) -> None:
    answer = httpx.get(f"{site.url}{path}?lang=nl")
    assert answer.status_code == 303
    assert not answer.headers["location"].startswith("//")
    assert '"//' not in httpx.get(site.url + path).text


@pytest.mark.parametrize("referer", ["http://[", "http://[::1"])
def test_a_referer_that_is_none_is_no_failure(site: Site, referer: str) -> None:
    answer = httpx.post(f"{site.url}/lost", headers={"Referer": referer}, data={"csrf": "x"})
    assert answer.status_code == 403


def test_a_token_of_other_letters_is_a_forged_form(visitor: Visitor) -> None:
    assert visitor.post("/lost", {"csrf": "\u00e9"}).status_code == 403


def test_a_mark_of_other_letters_is_no_mark(visitor: Visitor) -> None:
    held = {**visitor.held, cookies.SEEN: "1.\\351"}
    text = "; ".join(f'{name}="{value}"' for name, value in held.items())
    answer = httpx.get(f"{visitor.site.url}/wallet", headers={"Cookie": text})
    assert answer.headers["location"].startswith("/wallet/locked")


def test_a_form_whose_own_name_has_other_letters_makes_its_offer(
    stage: Stage, visitor: Visitor
) -> None:
    visitor.held["__Host-kluis-made"] = "x.y"
    form = {"agency": stage.agency.id, "use": stage.use["id"], "fields": stage.mandatory}
    answer = visitor.post("/wallet/share", form | {"seconds": 3600, "reads": 1, "once": "\u00e9"})
    assert answer.status_code == 200


def test_a_time_beyond_words_is_a_bad_request(stage: Stage, visitor: Visitor) -> None:
    asked = f"agency={quote(stage.agency.id, safe='')}&use={stage.use['id']}&seconds={'9' * 30}"
    assert visitor.get(f"/wallet/share/review?{asked}").status_code == 400


@pytest.mark.parametrize("held", ['["t","c","u",[1e999],1]', '["t","c","u",[1],1e999]', "[" * 5000])
def test_a_counter_passes_over_a_cookie_that_it_did_not_make(officer: Officer, held: str) -> None:
    officer.held[cookies.READING] = b64u(held.encode())
    assert officer.get("/desk").status_code == 200


def test_a_code_with_an_address_that_is_none_is_no_code(officer: Officer) -> None:
    officer.get("/desk")
    answer = officer.post("/desk/redeem", code="http://[#VG1" + "0" * 34)
    assert answer.status_code == 200
    assert "This is not a whole code" in answer.text


@pytest.mark.parametrize(
    "path", ["/wallet", "/wallet/share", "/wallet/locked", "/desk", "/auditor"]
)
def test_a_link_on_another_site_signs_nobody_out(site: Site, path: str) -> None:
    """Such a request comes without our cookies; its answer must not drop those that are held."""
    answer = httpx.get(site.url + path)
    dropped = [one for one in answer.headers.get_list("set-cookie") if "Max-Age=0" in one]
    assert not dropped


def test_the_page_that_says_locked_locks_on_the_server_too(stage: Stage) -> None:
    browser = Browser(stage.site)
    browser.unlock(stage.citizen)
    held = dict(browser.jar)
    assert browser.get("/wallet/locked").status_code == 200
    assert not browser.session
    browser.jar = held
    assert browser.get("/wallet").headers["location"].startswith("/wallet/unlock")
    browser.http.close()


def test_what_another_site_begins_forges_no_open_form(site: Site) -> None:
    """A link brings what forms are tied to; the answer to a form of another site puts no other."""
    given = httpx.get(f"{site.url}/help").headers["set-cookie"]
    assert given.startswith(cookies.FORM)
    assert "samesite=lax" in given.lower()
    assert "set-cookie" not in httpx.post(f"{site.url}/lost", data={"csrf": "x"}).headers


def test_an_officer_has_few_streams_however_many_tokens(stage: Stage, officer: Officer) -> None:
    made = stage.citizen.unlock().offer(stage.agency, stage.mandatory)
    officer.get("/desk")
    page = officer.post("/desk/redeem", code=made.code).text
    found = re.search(r'name="of" value="([^"]+)"', page)
    assert found
    with ExitStack() as stack:
        answers, begun = [], []
        for _ in range(STREAMS_MAX + 1):
            officer.get("/desk")  # which renews the token
            held = "; ".join(f"{name}={value}" for name, value in officer.held.items())
            address = f"{stage.site.url}/desk/events?of={found[1]}"
            asked = httpx.stream("GET", address, headers={"Cookie": held})
            answer = stack.enter_context(asked)
            begun.append(answer.iter_raw())
            next(begun[-1], b"")
            answers.append(answer.status_code)
    assert answers == [200] * STREAMS_MAX + [429]


@pytest.mark.parametrize("path", ["/desk/enrol", "/desk/sign-in"])
def test_a_deep_credential_is_no_passkey(officer: Officer, path: str) -> None:
    officer.get(path)
    deep = {"credential": "[" * 19_000, "challenge": "AAAA", "invitation": "x"}
    assert officer.post(path, **deep).status_code == 403


def test_a_sheet_that_cannot_be_made_now_is_not_our_failure(visitor: Visitor) -> None:
    codes = {"recovery_code": "ABCD", "block_code": "EFGH"}
    with PRESSES.held_by("one"), PRESSES.held_by("two"):
        answer = visitor.post("/wallet/sheet.pdf", codes)
    assert answer.status_code == 503
    assert "Try again in a moment." in answer.text
    assert "<code>busy</code>" in answer.text
    assert visitor.post("/wallet/sheet.pdf", codes).status_code == 200


def test_who_has_no_session_has_no_sheet_printed(visitor: Visitor) -> None:
    """A cookie of the right shape with a mark that it made itself is no session."""
    made_up = session_token(Secret.random())
    mark = cookies.seen_mark(made_up, visitor.site.store.clock.now_ms())
    visitor.held |= {cookies.SESSION: made_up, cookies.SEEN: mark}
    codes = {"recovery_code": "ABCD", "block_code": "EFGH"}
    answer = visitor.post("/wallet/sheet.pdf", codes)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/wallet/unlock")


def test_who_signs_in_gets_nothing_of_the_officer_before(
    stage: Stage, officer: Officer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To use another session's token would stand in the citizen's log as somebody else's try."""
    made = stage.citizen.unlock().offer(stage.agency, stage.mandatory)
    officer.get("/desk")
    officer.post("/desk/redeem", code=made.code)
    vault, next_one = stage.site.store.vault, browser_of(stage, stage.agency.id)
    session = vault.officer_session(caller.Officer(next_one.held[cookies.OFFICER]))
    monkeypatch.setattr(sign_in, "start_session", lambda *_: session)
    assert officer.post("/desk/sign-in", credential="{}", challenge="x").status_code == 303
    assert officer.held[cookies.READING] == ""


def test_an_address_adds_nothing_to_a_mail(site: Site) -> None:
    """An agency registers its own address; `a?bcc=b@c.example` is one, as far as letters go."""
    store = site.store
    document = registration(
        "https://mails.example", jose.generate_key(), {"identity.given_name": True}
    )
    document["contact"]["email"] = "a?bcc=b&body=c@mails.example"
    store.vault.register_agency(caller.Operator(), document)
    citizen = store.citizen()
    visitor = Visitor(site, citizen)
    agency = AgencyDesk(store.vault, document["id"], "test-use", jose.generate_key())
    agency.redeem(citizen.offer(agency, ["identity.given_name"]).code)
    places = re.findall(r"/wallet/activity/\d+\.\d+", visitor.get("/wallet/activity").text)
    pages = "".join(visitor.get(place).text for place in places)
    assert "mailto:a%3Fbcc%3Db%26body%3Dc@mails.example" in pages
    assert "mailto:a?" not in pages


def test_copies_take_no_more_than_a_few_threads(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = link(visitor)
    monkeypatch.setattr(export, "COPIES", Slots(1))
    with export.COPIES.held_by("somebody else"):
        assert visitor.get(path).status_code == 503
        assert visitor.get("/wallet/export/AAAA.json").status_code == 410
    assert visitor.get(path).status_code == 200
